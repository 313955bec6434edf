"""The SASL exchanges of AUTH PLAIN (RFC 4616) and AUTH LOGIN, up to user and password."""

import base64
import binascii
from typing import Final

from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import Auth, AuthPrompt, Refused

MECHANISMS: Final = ("PLAIN", "LOGIN")

_EMPTY: Final = "="  # RFC 4954, section 4: an initial response that is there, but empty
_CANCEL: Final = "*"
_ASK_PLAIN: Final = replies.auth_challenge("")
_ASK_USER: Final = replies.auth_challenge("VXNlcm5hbWU6")  # Username:
_ASK_PASSWORD: Final = replies.auth_challenge("UGFzc3dvcmQ6")  # Password:

Step = Auth | AuthPrompt | Refused


class SaslExchange:
    """What one AUTH command leads to: prompts, then credentials or a refusal."""

    __slots__ = ("_mechanism", "_user")

    def __init__(self, mechanism: str) -> None:
        self._mechanism = mechanism
        self._user: str | None = None

    def begin(self, initial: str | None) -> Step:
        """Return the first step; `initial` is the initial response, in base64, or None."""
        if initial is not None:
            return self.respond("" if initial == _EMPTY else initial)
        return AuthPrompt(_ASK_PLAIN if self._mechanism == "PLAIN" else _ASK_USER)

    def respond(self, line: str) -> Step:
        """Return the step that follows the client's `line`."""
        if line == _CANCEL:  # RFC 4954, section 4
            return Refused("AUTH", replies.AUTH_CANCELLED)
        try:
            text = base64.b64decode(line, validate=True).decode("utf-8")
            return self._plain(text) if self._mechanism == "PLAIN" else self._login(text)
        except (binascii.Error, ValueError):
            return Refused("AUTH", replies.cannot_decode_auth(line))

    def _plain(self, text: str) -> Step:
        authorization, user, password = text.split("\0")
        if not (user and password):
            raise ValueError("RFC 4616, section 2: neither may be empty")
        if authorization not in ("", user):  # nobody may act for somebody else
            return Refused("AUTH", replies.AUTHENTICATION_FAILED)
        return Auth("PLAIN", user, password)

    def _login(self, text: str) -> Step:
        if "\0" in text:
            raise ValueError("NUL")
        if self._user is not None:
            return Auth("LOGIN", self._user, text)
        if not text:
            raise ValueError("no user")
        self._user = text
        return AuthPrompt(_ASK_PASSWORD)


def begin_auth(argument: str) -> tuple[SaslExchange | None, Step]:
    """Return the exchange that `AUTH argument` begins, if it does, and its first step."""
    words = argument.split()
    if not 1 <= len(words) <= 2:
        return None, Refused("AUTH", replies.AUTH_ARGUMENTS_INVALID)
    mechanism = words[0].upper()
    if mechanism not in MECHANISMS:
        return None, Refused("AUTH", replies.auth_mechanism_not_available(words[0]))
    exchange = SaslExchange(mechanism)
    return exchange, exchange.begin(words[1] if len(words) == 2 else None)
