"""Signatures of feeds: HMAC-SHA256 (RFC 2104) with a key that maker and gateway share, or Ed25519.

The file of a HMAC holds the code in hexadecimal, alone or as `openssl dgst` prints it; that of an
Ed25519 signature is as `system/crypto/ed25519.py` says.
"""

import hmac
import re
from typing import Final, Protocol

KEY_BYTES_MIN: Final = 32  # as long as the code (RFC 2104, 3)
KEY_BYTES_MAX: Final = 4096
SIGNATURE_BYTES_MAX: Final = 4096

_CODE: Final = re.compile(rb"(?:[^\r\n]{0,4000}= ?)?([0-9A-Fa-f]{64})\s{0,8}\Z")


class SignatureError(ValueError):
    """Something is wrong with a key or signature; the message says what."""


class Verifier(Protocol):
    """Tells whether content is from somebody who has the key."""

    def verify(self, content: bytes, signature: bytes) -> None:
        """Return if `signature`, as its file holds it, is that of `content`.

        Raises:
            SignatureError: it is not.
        """
        ...


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


class PublicKeyVerifier:
    """The same for a key that everybody may know, as whoever has it can sign nothing."""

    __slots__ = ("_verifier",)

    def __init__(self, key: bytes) -> None:
        """`key` is a PEM file with a public key of Ed25519.

        Raises:
            SignatureError: it is none.
        """
        from mailwarden.system.crypto import ed25519  # noqa: PLC0415  only where a key needs it

        try:
            self._verifier = ed25519.Verifier(key)
        except ed25519.SignatureError as error:
            raise SignatureError(f"the key {error}") from error

    def verify(self, content: bytes, signature: bytes) -> None:
        """Return if `signature`, as its file holds it, is that of `content`.

        Raises:
            SignatureError: it is not.
        """
        try:
            self._verifier.verify(content, signature)
        except ValueError as error:
            raise SignatureError(str(error)) from error


def load_verifier(key: bytes) -> Verifier:
    """Return what checks the signatures of feeds; `key` is the content of the key file.

    Raises:
        SignatureError: it is no key.
    """
    if b"KEY-----" in key:
        return PublicKeyVerifier(key)
    return HmacVerifier(key)
