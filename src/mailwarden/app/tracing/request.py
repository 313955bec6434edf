"""What is to be traced: a message, who brings it, and for whom."""

import ipaddress
from dataclasses import dataclass
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.mailflow.listener.settings import Listener
from mailwarden.services.engines.reputation.score import SCORE_MAX, SCORE_MIN

CONTENT_BYTES_MAX: Final = 128 * 1024 * 1024
RECIPIENTS_MAX: Final = 1000
WORD_LENGTH_MAX: Final = 1000  # of an address, and of a name
_ANY: Final = "\r\n\0"


class TraceError(Exception):
    """Something cannot be traced; the message is a sentence for who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """A message and the client that brings it.

    Addresses are without angle brackets; the sender `""` is that of bounces. `content` has CRLF
    line ends, or only LF, as files have them.
    """

    listener: str
    client_address: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    client_name: str | None = None  # verified; "" is none, and None asks the DNS
    score: float | None = None  # of the client; None finds it out
    has_no_score: bool = False  # nobody knows the client, whatever providers say
    helo: str = ""  # "" is the client's address
    user: str = ""  # who logs in, with whatever password is right; "" is nobody
    is_encrypted: bool = False  # the client uses STARTTLS
    asks_call_ahead: bool = False  # servers behind, where the listener does; else all answer well
    fetches_policies: bool = False  # MTA-STS, from the hosts of other domains

    def listener_of(self, config: GatewayConfig) -> Listener:
        """Return the listener that is meant, after a look at all the rest.

        Raises:
            TraceError: something makes no sense.
        """
        for text in (self.sender, self.helo, self.user, self.client_name or "", *self.recipients):
            if len(text) > WORD_LENGTH_MAX or any(each in text for each in _ANY):
                raise TraceError(f"{text[:40]!r} is too long, or has a line end in it")
        if not self.recipients:
            raise TraceError("there is no recipient")
        if len(self.recipients) > RECIPIENTS_MAX:
            raise TraceError(f"there are more than {RECIPIENTS_MAX} recipients")
        if len(self.content) > CONTENT_BYTES_MAX:
            raise TraceError(f"the message is larger than {CONTENT_BYTES_MAX} bytes")
        if self.score is not None and not SCORE_MIN <= self.score <= SCORE_MAX:
            raise TraceError(f"a score is a number from {SCORE_MIN:g} to {SCORE_MAX:g}")
        try:
            ipaddress.ip_address(self.client_address)
        except ValueError:
            raise TraceError(f"{self.client_address[:40]!r} is no IP address") from None
        for listener in config.listeners:
            if listener.name == self.listener:
                return listener
        names = ", ".join(listener.name for listener in config.listeners)
        raise TraceError(f"there is no listener {self.listener[:40]!r}; there are {names}")

    @property
    def wire_content(self) -> bytes:
        """The message with CRLF line ends; one that has some CRLF is taken as it is."""
        content = self.content
        return content if b"\r\n" in content else content.replace(b"\n", b"\r\n")
