"""The Received field that the gateway puts on top of each message (RFC 5321, 4.4; mailflow 2.3).

The name behind `by` may be known only at delivery (mailflow 2.3, choice 1). Then the field is
kept with `BY_PLACEHOLDER` in its place, and delivery calls `resolve_by` on the header bytes that
the gateway added, never on content. Whatever builds one of those header lines lets no NUL into
it, so nothing that a peer said can pass for the placeholder.
"""

import re
from typing import Final

BY_PLACEHOLDER: Final = b"\0by\0"
NAME_CHARACTERS_MAX: Final = 255  # of each name and address: no line gets near 998 bytes
UNDECIDED: Final = "undecided"  # for people, where the name behind `by` is not known yet
UNKNOWN: Final = "unknown"

# Neither blank, parenthesis, semicolon nor line end: HELO and reverse name stay single words.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.:_\[\]-]")
_UNSAFE_PROTOCOL: Final = re.compile(r"[^A-Za-z0-9._/-]")
_MAPPED: Final = "::ffff:"


def build_received(
    *, client_name: str, helo: str, client_address: str, by: str | None, protocol: str, date: str
) -> bytes:
    """Return the field as two lines with CRLF.

    `client_name` is the verified reverse name, "" without one; `helo` what the client said, in
    any form; `by` our host name, None while it is undecided; `protocol` from `build_protocol`;
    `date` from `build_received_date`.
    """
    name = _word(client_name) or UNKNOWN
    said = _word(helo)
    comment = f" (HELO {said})" if said and said.lower() != name.lower() else ""
    start = f"Received: from {name}{comment} ([{build_literal(client_address)}])\r\n  by "
    end = f" with {protocol}; {date}\r\n"
    host = BY_PLACEHOLDER if by is None else _word(by).encode("ascii")
    return b"%b%b%b" % (start.encode("ascii"), host, end.encode("ascii"))


def build_protocol(*, esmtp: bool, cipher: str = "") -> str:
    """Return what stands behind `with`: SMTP, ESMTP or ESMTP/TLS/<cipher>."""
    if cipher:
        return f"ESMTP/TLS/{_UNSAFE_PROTOCOL.sub('?', cipher[:NAME_CHARACTERS_MAX])}"
    return "ESMTP" if esmtp else "SMTP"


def build_literal(address: str) -> str:
    """Return an IP address as it stands between the square brackets (RFC 5321, 4.1.3)."""
    if ":" not in address:
        return _word(address)
    host = address.partition("%")[0]  # a zone means nothing elsewhere (RFC 4007, 11.2)
    if "." in host and host.lower().startswith(_MAPPED):
        return _word(host[len(_MAPPED) :])
    return f"IPv6:{_word(host)}"


def resolve_by(header: bytes, hostname: str) -> bytes:
    """Return `header`, which the gateway added, with `hostname` wherever it was undecided."""
    if BY_PLACEHOLDER not in header:
        return header
    return header.replace(BY_PLACEHOLDER, _word(hostname).encode("ascii"))


def _word(text: str) -> str:
    return _UNSAFE.sub("?", text[:NAME_CHARACTERS_MAX])
