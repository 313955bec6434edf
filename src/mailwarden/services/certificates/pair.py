"""A private key and the certificate for it, with intermediates in the order of the handshake."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from mailwarden.services.certificates.names import CertificateRefusedError, shown
from mailwarden.services.certificates.opening import MALFORMED, Material, PrivateKey
from mailwarden.system.crypto.memory_files import certificate_in_memory
from mailwarden.system.crypto.tls import CertificateError, server_context

PASSWORD_LENGTH_MIN: Final = 8  # of an export


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A key with its certificate. `chain` leads from the issuer upwards, as far as it is known."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Tell whether keys and certificates are the same; keys by themselves do not compare."""
        return isinstance(other, Pair) and (self.pems, self.key_pem) == (other.pems, other.key_pem)

    def __hash__(self) -> int:
        return hash(self.pems)

    @property
    def pems(self) -> tuple[bytes, ...]:
        """The certificate, then its intermediates (RFC 8446, 4.4.2)."""
        return tuple(each.public_bytes(Encoding.PEM) for each in (self.certificate, *self.chain))

    @property
    def certificate_pem(self) -> bytes:
        """The same in one piece."""
        return b"".join(self.pems)

    @property
    def key_pem(self) -> bytes:
        """The key in PKCS#8, without a password."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def is_self_signed(self) -> bool:
        """Whether nobody else vouches for it."""
        return self.certificate.issuer == self.certificate.subject

    def to_pkcs12(self, name: str, password: str) -> bytes:
        """Return all of it under a password, as other programs import it.

        Raises:
            CertificateRefusedError: the password is short.
        """
        if len(password) < PASSWORD_LENGTH_MIN:
            raise CertificateRefusedError(
                f"the password of an exported key has {PASSWORD_LENGTH_MIN} letters at least"
            )
        lock = BestAvailableEncryption(password.encode("utf-8"))
        return serialize_key_and_certificates(
            name.encode("utf-8"), self.key, self.certificate, self.chain, lock
        )


def make_pair(material: Material) -> Pair:
    """Return the pair that `material` holds, whatever the order; certificates of others are left.

    Raises:
        CertificateRefusedError: key or certificate is missing, or they do not belong together.
    """
    if len(material.keys) != 1:
        count = len(material.keys)
        raise CertificateRefusedError(
            f"there are {count} private keys in it; one is right"
            if count
            else "there is no private key in it"
        )
    return join_pair(load_key(material.keys[0]), material)


def join_pair(key: PrivateKey, material: Material) -> Pair:
    """Return `key` with the certificate for it that is in `material`.

    Raises:
        CertificateRefusedError: there is none, or TLS cannot use it.
    """
    certificates = load_certificates(material)
    if not certificates:
        raise CertificateRefusedError("there is no certificate in it")
    wanted = _public(key.public_key())
    # Of two certificates for the key the one that is valid longer is the renewed one.
    fitting = [each for each in certificates if _public_of(each) == wanted]
    if not fitting:
        names = ", ".join(subject_of(each) for each in certificates)
        raise CertificateRefusedError(
            f"the private key belongs to none of the certificates: {names}"
        )
    certificate = max(fitting, key=lambda each: each.not_valid_after_utc)
    pair = Pair(key, certificate, _chain(certificate, certificates))
    check_usable(pair)
    return pair


def check_usable(pair: Pair) -> None:
    """Raise CertificateRefusedError unless a listener can use `pair`."""
    with certificate_in_memory(pair.certificate_pem, pair.key_pem) as files:
        try:
            server_context(files, verify_client=False)
        except CertificateError as error:
            cause = getattr(error.__cause__, "reason", None) or "OpenSSL does not take it"
            name = subject_of(pair.certificate)
            raise CertificateRefusedError(f"the certificate {name} is too weak: {cause}") from error


def load_certificates(material: Material) -> list[x509.Certificate]:
    """Return the certificates of `material`, each once.

    Raises:
        CertificateRefusedError: one is malformed.
    """
    try:
        found = [x509.load_pem_x509_certificate(pem) for pem in material.certificates]
        return list(dict.fromkeys(found))
    except MALFORMED as error:
        raise CertificateRefusedError("a certificate is malformed") from error


def load_key(pem: bytes) -> PrivateKey:
    """Return a key that we wrote ourselves, from PEM."""
    return cast("PrivateKey", load_pem_private_key(pem, None))


def subject_of(certificate: x509.Certificate) -> str:
    """Return whom a certificate is for, in one line (RFC 4514)."""
    return shown(certificate.subject.rfc4514_string()) or "without a name"


def _chain(
    certificate: x509.Certificate, others: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    chain: list[x509.Certificate] = []
    at = certificate
    left = [each for each in others if each != certificate]
    while at.issuer != at.subject:
        issuer = next((each for each in left if _is_issued(at, each)), None)
        if issuer is None:
            break
        chain.append(issuer)
        left.remove(issuer)
        at = issuer
    return tuple(chain)


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *MALFORMED):
        return False
    return True


def _public_of(certificate: x509.Certificate) -> bytes:
    try:
        return _public(certificate.public_key())
    except MALFORMED:
        return b""  # of a kind that none of our keys is


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]  # each kind has it
    return encoded
