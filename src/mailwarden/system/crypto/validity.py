"""From when to when certificates are valid (RFC 5280, 4.1.2.5).

The standard library only tells this of a certificate that a peer showed, so the few octets of DER
that lead to the dates are read here (X.690).
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

CERTIFICATES_MAX: Final = 100  # of one file
FILE_BYTES_MAX: Final = 1024 * 1024

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_PEM: Final = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END"
)


class Validity(NamedTuple):
    """The two dates, both included, as seconds since the epoch."""

    starts_at: float
    ends_at: float


def read_validities(path: str) -> list[Validity]:
    """Return the validity of each certificate of a PEM file, in the order of the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: a certificate in it is malformed.
    """
    with open(path, "rb") as file:
        content = file.read(FILE_BYTES_MAX)
    return list(parse_validities(content))


def parse_validities(pem: bytes) -> Iterator[Validity]:
    """Yield the validity of each certificate in `pem`; raises ValueError when one is malformed."""
    for number, block in enumerate(_PEM.finditer(pem)):
        if number >= CERTIFICATES_MAX:
            return
        try:
            yield parse_validity(b64decode(block[1]))
        except (binascii.Error, IndexError) as error:
            raise ValueError("a certificate is cut off or malformed") from error


def parse_validity(der: bytes) -> Validity:
    """Return the validity of a certificate.

    Raises:
        ValueError, IndexError: it is malformed.
    """
    start, _ = _enter(der, 0, _SEQUENCE)  # Certificate
    at, _ = _enter(der, start, _SEQUENCE)  # TBSCertificate
    if der[at] == _VERSION:
        at = _skip(der, at)
    for _ in range(3):  # serial number, signature algorithm, issuer
        at = _skip(der, at)
    at, _ = _enter(der, at, _SEQUENCE)  # Validity
    starts_at = _time(der, at)
    return Validity(starts_at, _time(der, _skip(der, at)))


def _enter(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at `at` starts and ends; it has to be a `tag`."""
    if der[at] != tag:
        raise ValueError(f"a certificate has 0x{der[at]:02x} in place of 0x{tag:02x}")
    return _content(der, at)


def _skip(der: bytes, at: int) -> int:
    return _content(der, at)[1]


def _content(der: bytes, at: int) -> tuple[int, int]:
    length = der[at + 1]
    start = at + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4:
            raise ValueError("a certificate has a length of unknown form")
        length = int.from_bytes(der[start : start + octets], "big")
        start += octets
    if start + length > len(der):
        raise ValueError("a certificate is cut off")
    return start, start + length


def _time(der: bytes, at: int) -> float:
    start, end = _content(der, at)
    text = der[start:end].decode("ascii")
    if der[at] == _UTC_TIME:  # two digits of the year, from 1950 to 2049
        text = ("19" if text >= "50" else "20") + text
    elif der[at] != _GENERALIZED_TIME:
        raise ValueError("a certificate has no date where one belongs")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
