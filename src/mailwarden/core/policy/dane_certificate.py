"""Finds the public key in a certificate (RFC 5280, 4.1), in the few octets of DER that lead to it.

A certificate comes from a peer: any bytes give a key or an error, in time that does not grow with
them.
"""

from typing import Final

CERTIFICATE_BYTES_MAX: Final = 64 * 1024

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_VERSION: Final = 0xA0
_LENGTH_OCTETS_MAX: Final = 4


class CertificateError(ValueError):
    """Bytes that are no certificate or key; the message says why."""


def find_public_key(certificate: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a certificate, in DER as it stands there.

    Raises:
        CertificateError: it is no certificate.
    """
    if len(certificate) > CERTIFICATE_BYTES_MAX:
        raise CertificateError(f"it has more than {CERTIFICATE_BYTES_MAX} bytes")
    start, end = _enter(certificate, 0, len(certificate), _SEQUENCE)  # Certificate
    if end != len(certificate):
        raise CertificateError("bytes follow it")
    start, end = _enter(certificate, start, end, _SEQUENCE)  # TBSCertificate
    if start < end and certificate[start] == _VERSION:
        _, start = _enter(certificate, start, end, _VERSION)
    _, start = _enter(certificate, start, end, _INTEGER)  # serial number
    for _ in range(4):  # signature algorithm, issuer, validity, subject
        _, start = _enter(certificate, start, end, _SEQUENCE)
    _, behind = _enter(certificate, start, end, _SEQUENCE)
    return certificate[start:behind]


def is_public_key(data: bytes) -> bool:
    """Whether `data` has the form of a SubjectPublicKeyInfo: two elements in a sequence."""
    try:
        start, end = _enter(data, 0, len(data), _SEQUENCE)
        _, at = _enter(data, start, end, _SEQUENCE)  # AlgorithmIdentifier
        _, at = _enter(data, at, end, 0x03)  # BIT STRING
    except CertificateError:
        return False
    return at == end == len(data)


def is_certificate(data: bytes) -> bool:
    """Whether a public key is found in `data`."""
    try:
        find_public_key(data)
    except CertificateError:
        return False
    return True


def _enter(der: bytes, at: int, limit: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at `at` starts and ends (X.690, 8.1).

    It has to be a `tag`, and to end at `limit` or before.
    """
    if at + 2 > limit:
        raise CertificateError("it is cut off")
    if der[at] != tag:
        raise CertificateError(f"it has 0x{der[at]:02x} in place of 0x{tag:02x}")
    length = der[at + 1]
    start = at + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= _LENGTH_OCTETS_MAX:  # DER knows no indefinite length (X.690, 10.1)
            raise CertificateError("it has a length of unknown form")
        length = int.from_bytes(der[start : start + octets], "big")
        start += octets
    if start + length > limit:
        raise CertificateError("it is cut off")
    return start, start + length
