"""Signatures that anybody can check and only the owner of the key can make (Ed25519, RFC 8032).

Keys are PEM files as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them.
A signature is a file of 64 bytes, as `openssl pkeyutl -sign -rawin` writes it, or base64 of them.
"""

import base64
import binascii
import re
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

KEY_BYTES_MAX: Final = 4096  # of a PEM file
SIGNATURE_BYTES_MAX: Final = 4096  # of a file
PUBLIC_KEY_MARK: Final = b"-----BEGIN PUBLIC KEY-----"
_SIGNATURE_BYTES: Final = 64
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{86}==\s{0,8}\Z")


class SignatureError(ValueError):
    """Something is wrong with a key or a signature; the message says what."""


class Verifier:
    """Tells whether content is from the owner of a key."""

    __slots__ = ("_key",)

    def __init__(self, pem: bytes) -> None:
        """`pem` is the content of a file with the public key.

        Raises:
            SignatureError: it is no such file.
        """
        if len(pem) > KEY_BYTES_MAX:
            raise SignatureError(f"a file of a public key has at most {KEY_BYTES_MAX} bytes")
        if b"PRIVATE KEY-----" in pem:
            raise SignatureError("is a private key: give the public one (openssl pkey -pubout)")
        try:
            key = load_pem_public_key(pem)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SignatureError("is not a public key in PEM") from error
        if not isinstance(key, Ed25519PublicKey):
            raise SignatureError("is a public key, but not one of Ed25519")
        self._key = key

    def verify(self, content: bytes, signature: bytes) -> None:
        """Return if `signature`, as its file holds it, is that of `content`.

        Raises:
            SignatureError: it is not.
        """
        if len(signature) > SIGNATURE_BYTES_MAX:
            raise SignatureError("the signature file is too large")
        try:
            self._key.verify(_decode(signature), content)
        except InvalidSignature:
            raise SignatureError(
                "the signature does not fit: changed, or signed with another key"
            ) from None


def sign(pem: bytes, content: bytes) -> bytes:
    """Return what the signature file of `content` holds; `pem` is a file with a private key.

    Raises:
        SignatureError: it is no such file, or encrypted.
    """
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignatureError("is not a private key in PEM without a passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError("is a private key, but not one of Ed25519")
    return base64.b64encode(key.sign(content)) + b"\n"


def _decode(signature: bytes) -> bytes:
    if len(signature) == _SIGNATURE_BYTES:
        return signature
    if _BASE64.match(signature):
        try:
            return base64.b64decode(signature.rstrip(), validate=True)
        except binascii.Error:
            pass
    raise SignatureError("the signature file holds no signature of Ed25519")
