"""An authority for tests: signs requests, by itself or by an intermediate."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = 1_800_000_000.0
START = datetime.fromtimestamp(NOW, UTC)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs for a while; `certificate` is signed by `parent`, or by itself."""

    def __init__(self, common_name: str, parent: "Authority | None" = None, *, days: int = 1000):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._build(
            name(common_name), self.key.public_key(), parent or self, days, authority=True
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def _build(self, subject, public_key, issuer, days, *, authority=False, extensions=()):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is self and authority else issuer.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(START - timedelta(days=2000 if authority else 1))
            .not_valid_after(START + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        for extension in extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(issuer.key, SHA256())

    def sign(self, request: bytes, *, days: int = 90) -> bytes:
        """Return the certificate for a request, both in PEM."""
        csr = x509.load_pem_x509_csr(request)
        assert csr.is_signature_valid
        made = self._build(csr.subject, csr.public_key(), self, days, extensions=csr.extensions)
        return made.public_bytes(Encoding.PEM)
