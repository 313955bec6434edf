"""Takes certificates and keys out of PEM text (RFC 7468) and PKCS#12 (RFC 7292).

Whoever made the file says how often a password is hashed, and how large a number is to be tested
for primes: the work that a small file asks for has no bound. So this runs in a process of its own,
with limits (`opener.py`); nothing else calls it with bytes from outside.
"""

import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from mailwarden.services.certificates.names import CertificateRefusedError

CONTENT_BYTES_MAX: Final = 256 * 1024
CERTIFICATES_MAX: Final = 20  # a chain has three
RSA_BITS_MIN: Final = 2048
RSA_BITS_MAX: Final = 8192
CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

# What `cryptography` raises for bytes that are not what they should be.
MALFORMED: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_BLOCK: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\s[^-]{0,200000}-----END \1-----", re.ASCII
)
_CERTIFICATES: Final = (b"CERTIFICATE", b"X509 CERTIFICATE")
_LOCKED: Final = (b"ENCRYPTED", b"Proc-Type: 4")


@dataclass(frozen=True, slots=True)
class Material:
    """What was found, in PEM: certificates in the order of the file, and keys without password."""

    certificates: tuple[bytes, ...]
    keys: tuple[bytes, ...]


def open_pem(content: bytes, password: str = "") -> Material:
    """Return certificates and keys in `content`, in whatever order they stand.

    Other text, such as comments, is passed over.

    Raises:
        CertificateRefusedError: there is nothing, too much, something malformed, or a key that
            `password` does not open.
    """
    _check_size(content)
    certificates, keys = [], []
    for block in _BLOCK.finditer(content):
        if block[1] in _CERTIFICATES:
            certificates.append(_certificate(block[0]))
        elif block[1].endswith(b"PRIVATE KEY"):
            keys.append(_key(block[0], password))
        if len(certificates) + len(keys) > CERTIFICATES_MAX:
            raise CertificateRefusedError(f"there are more than {CERTIFICATES_MAX} PEM blocks")
    if not certificates and not keys:
        raise CertificateRefusedError("there is no certificate and no private key in PEM form")
    return Material(tuple(certificates), tuple(keys))


def open_pkcs12(content: bytes, password: str) -> Material:
    """Return certificates and the key in a PKCS#12 file.

    Raises:
        CertificateRefusedError: it is none, or `password` is wrong.
    """
    _check_size(content)
    try:
        found = load_pkcs12(content, password.encode("utf-8"))
        certificates = [found.cert] if found.cert else []
        certificates += found.additional_certs
        ders = [each.certificate.public_bytes(Encoding.PEM) for each in certificates]
    except MALFORMED as error:
        raise CertificateRefusedError("it is no PKCS#12 file, or the password is wrong") from error
    if len(ders) > CERTIFICATES_MAX:
        raise CertificateRefusedError(f"there are more than {CERTIFICATES_MAX} certificates")
    return Material(tuple(ders), (_plain(found.key),) if found.key is not None else ())


def _check_size(content: bytes) -> None:
    if len(content) > CONTENT_BYTES_MAX:
        raise CertificateRefusedError(f"it is larger than {CONTENT_BYTES_MAX} bytes")


def _certificate(block: bytes) -> bytes:
    try:
        certificate = x509.load_pem_x509_certificate(block)
        _ = certificate.subject, certificate.issuer, certificate.extensions  # parsed when wanted
        return certificate.public_bytes(Encoding.PEM)
    except MALFORMED as error:
        raise CertificateRefusedError("a certificate is malformed") from error


def _key(block: bytes, password: str) -> bytes:
    is_locked = any(mark in block for mark in _LOCKED)
    if is_locked and not password:
        raise CertificateRefusedError("the private key is encrypted, and needs its password")
    try:
        key = load_pem_private_key(block, password.encode("utf-8") if is_locked else None)
    except MALFORMED as error:
        why = "it is malformed, or the password is wrong" if is_locked else "it is malformed"
        raise CertificateRefusedError(f"the private key cannot be read: {why}") from error
    return _plain(key)


def _plain(key: PrivateKeyTypes) -> bytes:
    return check_key(key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def check_key(key: PrivateKeyTypes) -> PrivateKey:
    """Return a key of a kind and size that TLS can use.

    Raises:
        CertificateRefusedError: it is of another.
    """
    if isinstance(key, RSAPrivateKey):
        if not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
            raise CertificateRefusedError(
                f"the key has {key.key_size} bits; RSA takes {RSA_BITS_MIN} to {RSA_BITS_MAX}"
            )
        return key
    if isinstance(key, EllipticCurvePrivateKey):
        if key.curve.name not in CURVES:
            raise CertificateRefusedError(f"the curve {key.curve.name} is none of TLS 1.3")
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise CertificateRefusedError("the private key is neither RSA, ECDSA nor Ed25519")
