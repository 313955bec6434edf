"""What a password is: its normal form, and what none may contain (RFC 8265, 4)."""

import unicodedata
from typing import Final

PASSWORD_BYTES_MAX: Final = 1024


def normal_form(text: str) -> bytes:
    """Return the bytes of a password or user's name that are compared and hashed: NFC, UTF-8."""
    # Bytes that are no UTF-8 come as lone surrogates; they stay different from all other text.
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def password_fault(secret: bytes) -> str:
    """Return why `secret`, in its normal form, is no password; "" when it may be one."""
    if not secret:
        return "is empty"
    if len(secret) > PASSWORD_BYTES_MAX:
        return f"is longer than {PASSWORD_BYTES_MAX} bytes"
    # RFC 8265, 4.2 refuses control characters. NUL does harm: HMAC pads keys with it, so that
    # `secret` and `secret\0` would have the same hash.
    return "has control characters in it" if min(secret) < 0x20 or 0x7F in secret else ""
