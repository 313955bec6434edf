"""Makes values of any origin fit for the fields of a report (RFC 3464, 2.1; RFC 6533, 3).

All results are parts of one line: bounded, without control characters and surrogates.
"""

import base64
import re
from typing import Final

from mailwarden.core.mail.received import build_literal

VALUE_BYTES_MAX: Final = 400  # of an address or a reply: no line gets near 998
SUBJECT_CHARACTERS_MAX: Final = 200

_WORD_BYTES_MAX: Final = 39  # in an encoded word, so that its line has 76 at most (RFC 2047, 2)
_HOSTNAME_CHARACTERS_MAX: Final = 255
_TOKEN_CHARACTERS_MAX: Final = 30

_BREAK: Final = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_NOT_IN_HOSTNAME: Final = re.compile(r"[^A-Za-z0-9._:-]")
_NOT_IN_BOUNDARY: Final = re.compile(r"[^A-Za-z0-9._-]")
_ADDRESS_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")  # RFC 3464, 2.1.2: an atom
_IP_ADDRESS: Final = re.compile(r"[0-9.]+\Z|[0-9A-Fa-f.:]*:")
_NOT_QCHAR: Final = re.compile(r"[^!-*,-<>-\[\]-~]")  # RFC 6533, 3
_QUOTED_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"\Z')  # RFC 5322, 3.2.4
_LITERAL: Final = re.compile(r"\[[0-9A-Za-z:.]*\]\Z")  # RFC 5321, 4.1.3
_SPECIAL: Final = re.compile(r'[<>()\[\],;:\\" ]')  # RFC 5322, 3.2.3


def one_line(text: str) -> str:
    """Return `text` as UTF-8 can carry it, on one line."""
    line = _UNSAFE.sub("?", _BREAK.sub(" ", text[:VALUE_BYTES_MAX]))
    return line.encode("utf-8")[:VALUE_BYTES_MAX].decode("utf-8", "ignore")


def ascii_line(text: str) -> str:
    """Return `text` on one line, with `?` for what is not ASCII."""
    return one_line(text).encode("ascii", "replace").decode("ascii")


def address_in_header(address: str, *, plain: bool) -> str:
    """Return an address to stand between angle brackets in a header, of ASCII if `plain`."""
    shown = ascii_line(address) if plain else one_line(address)
    local, at, domain = shown.rpartition("@")
    if not _QUOTED_STRING.match(local):
        local = _SPECIAL.sub("?", local)
    if not _LITERAL.match(domain):
        domain = _SPECIAL.sub("?", domain)
    return f"{local}{at}{domain}"


def hostname_text(name: str) -> str:
    """Return a host name that breaks nothing."""
    return _NOT_IN_HOSTNAME.sub("-", name[:_HOSTNAME_CHARACTERS_MAX]) or "localhost"


def remote_mta(remote: str) -> str:
    """Return `[192.0.2.25]` for an address, or the name."""
    if _IP_ADDRESS.match(remote):
        return f"[{build_literal(remote)}]"
    return hostname_text(remote)


def final_recipient(address: str, *, plain: bool) -> str:
    """Return `rfc822;bob@partner.example`, or the utf-8 form of an address that needs it.

    `plain` asks for ASCII (message/delivery-status).
    """
    shown = one_line(address)
    if shown.isascii():
        return f"rfc822;{shown}"
    return f"utf-8;{_xtext(shown) if plain else shown}"


def original_recipient(original: str, *, plain: bool) -> str:
    """Return an ORCPT value in the form `type;address`; "" if it is none (RFC 3464, 2.3.1)."""
    kind, semicolon, address = original.partition(";")
    shown = one_line(address)
    if not semicolon or not shown or not _ADDRESS_TYPE.match(kind):
        return ""
    if plain and not shown.isascii():
        shown = _xtext(shown) if kind.lower() == "utf-8" else ascii_line(shown)
    return f"{kind};{shown}"


def encode_subject(subject: str) -> str:
    """Return the value of a Subject field, with encoded words where it takes them (RFC 2047)."""
    text = one_line(subject[:SUBJECT_CHARACTERS_MAX])
    if text.isascii():
        return text
    words: list[str] = []
    word = b""
    for character in text:
        encoded = character.encode("utf-8")
        if len(word) + len(encoded) > _WORD_BYTES_MAX:
            words.append(_encoded_word(word))
            word = b""
        word += encoded
    words.append(_encoded_word(word))
    return "\r\n ".join(words)


def boundary_token(token: str, hostname: str) -> str:
    """Return a boundary, without the assurance that it occurs nowhere (RFC 2046, 5.1.1)."""
    text = f"{token[:_TOKEN_CHARACTERS_MAX]}.{hostname[:_TOKEN_CHARACTERS_MAX]}"
    return _NOT_IN_BOUNDARY.sub("-", text)


def _encoded_word(word: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?="


def _xtext(address: str) -> str:
    r"""Return an address in ASCII, with `\x{E9}` for other characters (RFC 6533, 3)."""
    text = _NOT_QCHAR.sub(lambda match: f"\\x{{{ord(match[0]):X}}}", address)
    return text[: VALUE_BYTES_MAX * 2]
