"""Tells whether a message may go to a server at all, before anything is sent."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from mailwarden.core.mail.content import Content
from mailwarden.core.mail.envelope import Body, Envelope
from mailwarden.core.smtp.client_capabilities import Capabilities

HEADER_BYTES_MAX: Final = 256 * 1024  # looked at for 8-bit characters

TOO_BIG: Final = "5.3.4 - Message too big for system"
NOT_ASCII: Final = "5.6.7 - Non-ASCII addresses not permitted for that sender/recipient"
MEDIA_NOT_SUPPORTED: Final = "5.6.1 - Media not supported"
REQUIRETLS_NEEDED: Final = "5.7.30 - REQUIRETLS support required"


class Refusal(NamedTuple):
    """Why the message cannot go: an enhanced code (RFC 3463) with its meaning, and a detail."""

    reason: str
    detail: str


def check_message(
    envelope: Envelope, size: int, offers: Capabilities, *, utf8: bool
) -> Refusal | None:
    """Return why the server cannot take the message of `size` bytes, or None.

    `utf8` says that it is an internationalized message. Content with 8-bit bytes goes to servers
    without 8BITMIME as it is: RFC 6152, 3 wants it converted or returned, but converting breaks
    signatures, returning loses mail, and hardly a server is left that cannot take it.
    """
    if 0 < offers.size_max < size:  # RFC 1870, 6.1
        return Refusal(TOO_BIG, f"message of {size} bytes, the host takes {offers.size_max}")
    if utf8 and not offers.smtputf8:  # RFC 6531, 3.5
        return Refusal(NOT_ASCII, "SMTPUTF8 is required, but was not offered by the host")
    if envelope.body is Body.BINARYMIME and not (offers.binarymime and offers.chunking):
        return Refusal(  # RFC 3030, 3
            MEDIA_NOT_SUPPORTED, "BINARYMIME is required, but was not offered by the host"
        )
    if envelope.requiretls and not offers.requiretls:  # RFC 8689, 4.2.1
        return Refusal(REQUIRETLS_NEEDED, "REQUIRETLS is required, but was not offered by the host")
    return None


def is_internationalized(
    envelope: Envelope, addresses: Iterable[str], header: bytes, content: Content
) -> bool:
    """Whether the message needs SMTPUTF8 (RFC 6531, 3.5).

    Only what came with SMTPUTF8 can need it; and many clients say SMTPUTF8 without need, so a
    plain message may still go to every server.
    """
    if not envelope.smtputf8:
        return False
    if not header.isascii() or not all(address.isascii() for address in addresses):
        return True
    return not content.read(HEADER_BYTES_MAX).partition(b"\r\n\r\n")[0].isascii()


def is_utf8(address: str) -> bool:
    """Whether an address, read with `surrogateescape`, was UTF-8."""
    return address.isascii() or not any(0xD800 <= ord(c) <= 0xDFFF for c in address)
