"""A certificate authority for tests, by means of the `openssl` command."""

import subprocess
from pathlib import Path

from mailwarden.system.crypto.settings import CertificateFiles

_EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
_RSA = ["-newkey", "rsa:2048"]


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class CertificateAuthority:
    """Signs certificates; all files lie in `directory`.

    authority = CertificateAuthority(tmp_path)
    files = authority.issue("mx.example.test")
    client_context(authority.file, verify=True)
    """

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._certificate = directory / f"{name}.pem"
        self._key = directory / f"{name}.key"
        _openssl(
            "req", "-x509", *_EC, "-nodes", "-days", "365", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign",
            "-keyout", self._key, "-out", self._certificate,
        )  # fmt: skip

    @property
    def file(self) -> str:
        """Return the file of the authority's own certificate."""
        return str(self._certificate)

    def issue(
        self,
        name: str,
        *names: str,
        days: int = 90,
        rsa: bool = False,
        with_alternatives: bool = True,
    ) -> CertificateFiles:
        """Return a certificate for `name` and more `names` (addresses as `IP:192.0.2.1`).

        It is good for servers and clients alike, and `client_ca` is this authority.
        """
        stem = self._directory / name.replace("*", "any").replace(":", "_")
        key, request, certificate = (
            stem.with_name(f"{stem.name}.{e}") for e in ("key", "csr", "pem")
        )
        wanted = [item if item.startswith("IP:") else f"DNS:{item}" for item in (name, *names)]
        extensions = stem.with_name(f"{stem.name}.ext")
        lines = ["basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth"]
        if with_alternatives:
            lines.append(f"subjectAltName={','.join(wanted)}")
        extensions.write_text("\n".join(lines))
        kind = _RSA if rsa else _EC
        subject = f"/CN={name.removeprefix('IP:')}"
        _openssl("req", "-new", *kind, "-nodes", "-subj", subject, "-keyout", key, "-out", request)
        _openssl(
            "x509", "-req", "-in", request, "-CA", self._certificate, "-CAkey", self._key,
            "-days", str(days), "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return CertificateFiles(certificate=str(certificate), key=str(key), client_ca=self.file)

    def encrypt_key(self, files: CertificateFiles) -> CertificateFiles:
        """Return the same certificate with its key under a passphrase."""
        key = f"{files.key}.encrypted"
        _openssl("pkey", "-in", files.key, "-aes128", "-passout", "pass:secret", "-out", key)
        return CertificateFiles(certificate=files.certificate, key=key)
