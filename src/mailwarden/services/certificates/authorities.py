"""The custom list of authorities: taken from PEM, and given out as such (admin CRT-08).

The list itself is in the configuration (`authorities.custom`), as base64 of DER.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailwarden.services.certificates.facts import CertificateFacts, facts_of
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.opening import MALFORMED
from mailwarden.services.certificates.pair import subject_of
from mailwarden.system.crypto.settings import AUTHORITIES_MAX
from mailwarden.system.crypto.validity import FILE_BYTES_MAX

_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class AuthorityImport:
    """What comes of a file of authorities."""

    custom: tuple[str, ...]  # the whole list afterwards, for `authorities.custom`
    added: tuple[str, ...]  # subjects
    passed_over: tuple[str, ...]  # subject and why


def import_authorities(content: bytes, custom: Sequence[str], now: float) -> AuthorityImport:
    """Return `custom` with the certificates in `content` (PEM) that are authorities and valid.

    Raises:
        CertificateRefusedError: nothing in it can be used.
    """
    if len(content) > FILE_BYTES_MAX:
        raise CertificateRefusedError(f"it is larger than {FILE_BYTES_MAX} bytes")
    listed = dict.fromkeys(custom)
    added, passed_over = [], []
    for number, block in enumerate(content.split(_BEGIN)[1:], 1):
        try:
            certificate = x509.load_pem_x509_certificate(_BEGIN + block)
            reason = _unfit(certificate, now)
        except MALFORMED:
            passed_over.append(f"number {number}: malformed")
            continue
        text = b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
        subject = subject_of(certificate)
        if not reason and text in listed:
            reason = "is in the list already"
        if not reason and len(listed) >= AUTHORITIES_MAX:
            reason = f"the list has {AUTHORITIES_MAX}, which is all that fit"
        if reason:
            passed_over.append(f"{subject}: {reason}")
        else:
            listed[text] = None
            added.append(subject)
    if not added and not passed_over:
        raise CertificateRefusedError("there is no certificate in PEM form")
    return AuthorityImport(tuple(listed), tuple(added), tuple(passed_over))


def export_authorities(custom: Sequence[str]) -> bytes:
    """Return the list as a PEM file, with the name of each before it.

    Raises:
        CertificateRefusedError: one is malformed.
    """
    return b"".join(
        f"# {subject_of(each)}\n".encode() + each.public_bytes(Encoding.PEM)
        for each in _load(custom)
    )


def describe_authorities(custom: Sequence[str]) -> list[CertificateFacts]:
    """Return what there is to say of each; raises as `export_authorities`."""
    return [facts_of(each) for each in _load(custom)]


def _load(custom: Sequence[str]) -> list[x509.Certificate]:
    try:
        return [x509.load_der_x509_certificate(b64decode(text)) for text in custom]
    except MALFORMED as error:
        raise CertificateRefusedError("a certificate of the list is malformed") from error


def _unfit(certificate: x509.Certificate, now: float) -> str:
    """Return why a certificate cannot be an authority; "" when it can."""
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        is_authority = basic.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        return "is not an authority (its CA flag is not set)"
    if certificate.not_valid_after_utc.timestamp() <= now:
        return "has run out"
    return ""
