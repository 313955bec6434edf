"""Writes MAIL and RCPT with the parameters that the server understands."""

from collections.abc import Sequence
from typing import Final

from mailwarden.core.mail.envelope import Body, Envelope, Notify, Recipient
from mailwarden.core.smtp.client_capabilities import Capabilities

_UTF8_TYPE: Final = "utf-8;"


def build_mail(
    envelope: Envelope, size: int, offers: Capabilities, *, eight_bit: bool, utf8: bool
) -> str:
    """Return MAIL with CRLF.

    `size` is in bytes (RFC 1870); `eight_bit` says that the content may hold bytes above 127,
    `utf8` that addresses or header fields do (RFC 6531).
    """
    parts = [f"MAIL FROM:<{envelope.sender}>"]
    if offers.size:
        parts.append(f"SIZE={size}")
    if envelope.body is Body.BINARYMIME:
        parts.append("BODY=BINARYMIME")
    elif eight_bit and offers.eightbitmime:
        parts.append("BODY=8BITMIME")
    if utf8 and offers.smtputf8:
        parts.append("SMTPUTF8")
    if envelope.requiretls and offers.requiretls:
        parts.append("REQUIRETLS")
    if offers.dsn:
        if envelope.return_full is not None:
            parts.append("RET=FULL" if envelope.return_full else "RET=HDRS")
        if envelope.envelope_id:
            parts.append(f"ENVID={encode_xtext(envelope.envelope_id)}")
    return " ".join(parts) + "\r\n"


def build_rcpt(recipient: Recipient, offers: Capabilities) -> str:
    """Return RCPT with CRLF."""
    if not offers.dsn or not (recipient.notify or recipient.original):
        return f"RCPT TO:<{recipient.address}>\r\n"
    parts = [f"RCPT TO:<{recipient.address}>"]
    if recipient.notify:
        parts.append(f"NOTIFY={_notify(recipient.notify)}")
    if recipient.original:
        parts.append(f"ORCPT={_original(recipient.original)}")
    return " ".join(parts) + "\r\n"


def encode_xtext(text: str) -> str:
    """Return `text` with all but plain characters as `+XX` (RFC 3461, 4)."""
    if text.isascii() and text.isprintable() and not any(c in text for c in " +="):
        return text
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if 33 <= b <= 126 and b not in b"+=" else f"+{b:02X}" for b in data)


def is_one_line_each(commands: Sequence[str]) -> bool:
    """Whether each command is one line: an address must never smuggle in another command."""
    text = "".join(commands)
    return text.count("\n") == text.count("\r") == len(commands)


def _notify(notify: Notify) -> str:
    if notify & Notify.NEVER:  # RFC 3461, 4.1: it stands alone
        return "NEVER"
    return ",".join(
        flag.name or "" for flag in (Notify.SUCCESS, Notify.FAILURE, Notify.DELAY) if notify & flag
    )


def _original(original: str) -> str:
    kind, _, address = original.partition(";")
    if f"{kind};".lower() == _UTF8_TYPE:
        return f"{kind};{_encode_utf8_xtext(address)}"
    return f"{kind};{encode_xtext(address)}"


def _encode_utf8_xtext(address: str) -> str:
    r"""Return `address` in ASCII, as `\x{HEX}` where need be (RFC 6533, 3: utf-8-addr-xtext)."""
    return "".join(
        c if "!" <= c <= "~" and c not in "+=\\" else f"\\x{{{ord(c):X}}}" for c in address
    )
