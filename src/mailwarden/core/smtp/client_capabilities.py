"""What a server offers in its answer to EHLO (RFC 5321, 4.1.1.1)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

_DIGITS_MAX: Final = 20  # RFC 1870, 3: a size has at most 20 digits


class Capabilities(NamedTuple):
    """The extensions that make a difference to us."""

    pipelining: bool = False  # RFC 2920
    chunking: bool = False  # RFC 3030
    binarymime: bool = False  # RFC 3030
    eightbitmime: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    dsn: bool = False  # RFC 3461
    starttls: bool = False  # RFC 3207
    requiretls: bool = False  # RFC 8689
    size: bool = False  # RFC 1870
    size_max: int = 0  # bytes; 0 is no limit, or none told
    recipients_max: int = 0  # of a transaction (RFC 9422, RCPTMAX); 0 is none told
    transactions_max: int = 0  # of a connection (RFC 9422, MAILMAX); 0 is none told


NO_CAPABILITIES: Final = Capabilities()

_FLAGS: Final = {
    "PIPELINING": "pipelining",
    "CHUNKING": "chunking",
    "BINARYMIME": "binarymime",
    "8BITMIME": "eightbitmime",
    "SMTPUTF8": "smtputf8",
    "DSN": "dsn",
    "STARTTLS": "starttls",
    "REQUIRETLS": "requiretls",
    "SIZE": "size",
}
_LIMITS: Final = {"RCPTMAX": "recipients_max", "MAILMAX": "transactions_max"}


def parse_capabilities(lines: Sequence[str]) -> Capabilities:
    """Return what `lines`, the whole answer to EHLO, offer; the first one is the server's name."""
    found: dict[str, int] = {}
    for line in lines[1:]:
        keyword, *arguments = line.upper().split() or ("",)
        name = _FLAGS.get(keyword)
        if name is not None:
            found[name] = True
        if keyword == "SIZE" and arguments:
            found["size_max"] = _number(arguments[0])
        elif keyword == "LIMITS":
            for argument in arguments:
                limit, _, value = argument.partition("=")
                if limit in _LIMITS:
                    found[_LIMITS[limit]] = _number(value)
    return Capabilities(**found)  # type: ignore[arg-type]  # the names come from two tables above


def _number(digits: str) -> int:
    """Return the value of `digits`; 0 when they are none, so that nonsense limits nothing."""
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX
    return int(digits) if plain else 0
