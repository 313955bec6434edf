"""What there is to say of a certificate."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from mailwarden.services.certificates.names import shown
from mailwarden.services.certificates.opening import MALFORMED

_NAMES_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """A certificate in words that can be shown, whoever made it."""

    subject: str  # RFC 4514
    issuer: str
    names: tuple[str, ...]  # of its subjectAltName
    serial: str  # hexadecimal
    starts_at: float  # seconds since the epoch
    ends_at: float
    fingerprint: str  # SHA-256 of all of it, as `AB:CD:...`
    key: str  # `RSA 2048`, `ECDSA P-256`, `Ed25519`
    signature: str  # `sha256WithRSAEncryption`
    is_self_signed: bool


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    """Return what `certificate` says of itself."""
    return CertificateFacts(
        subject=shown(certificate.subject.rfc4514_string()),
        issuer=shown(certificate.issuer.rfc4514_string()),
        names=names_of(certificate),
        serial=f"{certificate.serial_number:x}",
        starts_at=certificate.not_valid_before_utc.timestamp(),
        ends_at=certificate.not_valid_after_utc.timestamp(),
        fingerprint=certificate.fingerprint(SHA256()).hex(":").upper(),
        key=_key(certificate),
        signature=certificate.signature_algorithm_oid._name,  # noqa: SLF001  there is no other
        is_self_signed=certificate.issuer == certificate.subject,
    )


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names and addresses of a certificate; those past a hundred are left out."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *MALFORMED):
        return ()
    kinds = (x509.DNSName, x509.IPAddress, x509.RFC822Name)
    texts = [str(each.value) for each in found if isinstance(each, kinds)]
    return tuple(shown(text) for text in texts[:_NAMES_SHOWN_MAX])


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except MALFORMED:
        return "unknown"
    if isinstance(key, RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, EllipticCurvePublicKey):
        return {"secp256r1": "ECDSA P-256", "secp384r1": "ECDSA P-384"}.get(
            key.curve.name, f"ECDSA {key.curve.name}"
        )
    return type(key).__name__.removesuffix("PublicKey")
