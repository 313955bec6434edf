"""New keys, certificates that sign themselves, and requests to authorities (RFC 2986)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailwarden.core.hostport import parse_hostname
from mailwarden.core.problem import Problem
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.opening import PrivateKey
from mailwarden.services.certificates.pair import Pair

DAYS_MAX: Final = 3650
NAMES_MAX: Final = 100
_BEFORE: Final = timedelta(hours=1)  # for peers whose clock is behind
_FIELD_LENGTH_MAX: Final = 64  # RFC 5280, appendix A.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom a certificate is to be for (admin CRT-01); `""` leaves a field out."""

    common_name: str
    organization: str = ""
    unit: str = ""
    locality: str = ""
    state: str = ""
    country: str = ""  # two letters
    email: str = ""
    names: tuple[str, ...] = ()  # host names and addresses; none is the common name
    days: int = 365  # of the certificate that signs itself

    def problems(self) -> Iterator[Problem]:
        """Yield what no certificate can say."""
        for field in ("common_name", "organization", "unit", "locality", "state"):
            if len(getattr(self, field)) > _FIELD_LENGTH_MAX:
                yield Problem(field, f"has more than {_FIELD_LENGTH_MAX} letters")
        for field in self._fields():
            if not getattr(self, field).isprintable():
                yield Problem(field, "has signs that cannot be printed")
        if not self.common_name:
            yield Problem("common_name", "is missing")
        if self.country and not re.fullmatch("[A-Z]{2}", self.country):
            yield Problem("country", "takes the two letters of ISO 3166, such as `DE`")
        if self.email and not re.fullmatch(r"[!-?A-~]{1,64}@[!-?A-~]{1,255}", self.email):
            yield Problem("email", "is no address in ASCII")
        if not 1 <= self.days <= DAYS_MAX:
            yield Problem("days", f"takes 1 to {DAYS_MAX}")
        if len(self.names) > NAMES_MAX:
            yield Problem("names", f"are more than {NAMES_MAX}")
        for name in self._all_names():
            try:
                _general_name(name)
            except ValueError:
                yield Problem("names", f"{name[:80]!r} is neither a host name nor an address")

    def _all_names(self) -> tuple[str, ...]:
        return self.names or (self.common_name,)

    def _fields(self) -> tuple[str, ...]:
        return ("common_name", "organization", "unit", "locality", "state", "email")

    def subject(self) -> x509.Name:
        """Return the name in the certificate."""
        parts = (
            (NameOID.COUNTRY_NAME, self.country),
            (NameOID.STATE_OR_PROVINCE_NAME, self.state),
            (NameOID.LOCALITY_NAME, self.locality),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, self.unit),
            (NameOID.COMMON_NAME, self.common_name),
        )
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts if value])

    def alternatives(self) -> x509.SubjectAlternativeName:
        """Return all names, as they count (RFC 9525)."""
        names: list[x509.GeneralName] = [_general_name(name) for name in self._all_names()]
        if self.email:
            names.append(x509.RFC822Name(self.email))
        return x509.SubjectAlternativeName(names)


def make_key(kind: KeyType) -> PrivateKey:
    """Return a new key. RSA 4096 takes seconds: not for an event loop."""
    match kind:
        case KeyType.P_256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.P_384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.RSA_2048 | KeyType.RSA_3072 | KeyType.RSA_4096:
            return rsa.generate_private_key(65537, int(kind.value.removeprefix("RSA ")))


def sign_self(key: PrivateKey, wanted: Wanted, now: float) -> Pair:
    """Return `key` with a certificate that it signs itself; `now` is in seconds since the epoch."""
    starts_at = datetime.fromtimestamp(now, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(wanted.subject())
        .issuer_name(wanted.subject())
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts_at - _BEFORE)
        .not_valid_after(starts_at + timedelta(days=wanted.days))
        .add_extension(wanted.alternatives(), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Pair(key, builder.sign(key, _digest(key)))


def make_request(key: PrivateKey, wanted: Wanted) -> bytes:
    """Return what an authority is asked with, in PEM."""
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(wanted.subject())
        .add_extension(wanted.alternatives(), critical=False)
    )
    return builder.sign(key, _digest(key)).public_bytes(Encoding.PEM)


def _digest(key: PrivateKey) -> SHA256 | SHA384 | None:
    if isinstance(key, Ed25519PrivateKey):
        return None
    return SHA384() if key.key_size == 384 else SHA256()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name.strip("[]")))
    except ValueError:
        pass
    if name.startswith("*."):
        return x509.DNSName(f"*.{parse_hostname(name[2:])}")
    return x509.DNSName(parse_hostname(name))
