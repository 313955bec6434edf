"""Signatures of feeds: HMAC-SHA256 (RFC 2104) with a key that maker and gateway share.

The signature file holds the code in hexadecimal, alone or as `openssl dgst` prints it.
"""

import hmac
import re
from typing import Final

KEY_BYTES_MIN: Final = 32  # as long as the code (RFC 2104, 3)
KEY_BYTES_MAX: Final = 4096
SIGNATURE_BYTES_MAX: Final = 4096

_CODE: Final = re.compile(rb"(?:[^\r\n]{0,4000}= ?)?([0-9A-Fa-f]{64})\s{0,8}\Z")


class SignatureError(ValueError):
    """Something is wrong with a key or signature; the message says what."""


class HmacVerifier:
    """Tells whether content is from somebody who has the key."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """`key` is the content of the key file, its line end included or not.

        Raises:
            SignatureError: it is too short or too long.
        """
        secret = key.rstrip(b"\r\n")
        if not KEY_BYTES_MIN <= len(secret) <= KEY_BYTES_MAX:
            raise SignatureError(
                f"a key has {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes, this one {len(secret)}"
            )
        self._key = secret

    def verify(self, content: bytes, signature: bytes) -> None:
        """Return if `signature`, as its file holds it, is that of `content`.

        Raises:
            SignatureError: it is not.
        """
        if len(signature) > SIGNATURE_BYTES_MAX:
            raise SignatureError("the signature file is too large")
        code = _CODE.match(signature)
        if code is None:
            raise SignatureError("the signature file does not hold 64 hexadecimal digits")
        if not hmac.compare_digest(code[1].decode("ascii").lower(), self.sign(content)):
            raise SignatureError("the signature does not fit: changed, or signed with another key")

    def sign(self, content: bytes) -> str:
        """Return the signature of `content` in hexadecimal."""
        return hmac.digest(self._key, content, "sha256").hex()
