"""What the administrator sets of certificates."""

from dataclasses import dataclass

from mailwarden.core.setting import REQUIRED, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """A certificate with its chain, and its private key, in PEM files."""

    certificate: str = setting(
        REQUIRED, "File of the certificate and its intermediates.", is_path=True
    )
    key: str = setting(REQUIRED, "File of the private key.", is_path=True)
    client_ca: str = setting(
        "", "File of the authorities that client certificates are verified against.", is_path=True
    )
