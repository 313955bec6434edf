"""What leads messages through configurations; operations know it only as this."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from mailwarden.control.config.model import GatewayConfig

NO_TRACER: Final = "Nothing can be traced here."


class TraceRefusedError(Exception):
    """Something cannot be traced; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedMail:
    """A message to trace, and who brings it. Addresses are without angle brackets."""

    listener: str
    client_address: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes  # with CRLF line ends, or only LF
    client_name: str | None = None  # None asks the DNS, "" is none
    score: float | None = None  # None finds it out
    helo: str = ""


class Traced(NamedTuple):
    """What would become of a message: for people, and as plain data."""

    text: str
    data: dict[str, Any]


class Tracer(Protocol):
    """Leads messages through configurations."""

    async def trace(self, config: GatewayConfig, mail: TracedMail, configuration: str) -> Traced:
        """Return what `config` would do; `configuration` is what it is called.

        Raises:
            TraceRefusedError: that makes no sense, or cannot be found out.
        """
        ...


class NoTracer:
    """A Tracer that refuses."""

    async def trace(self, config: GatewayConfig, mail: TracedMail, configuration: str) -> Traced:  # noqa: ARG002  as the protocol has it
        """Refuse."""
        raise TraceRefusedError(NO_TRACER)
