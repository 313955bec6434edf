"""What any bytes have to come to that are pasted as certificates: a value, or a named error."""

import contextlib

from mailwarden.services.certificates.authorities import (
    describe_authorities,
    export_authorities,
    import_authorities,
)
from mailwarden.services.certificates.names import CertificateRefusedError, parse_certificate_name
from mailwarden.services.certificates.opening import open_pem, open_pkcs12
from mailwarden.services.certificates.pair import load_certificates, make_pair
from mailwarden.system.crypto.ciphers import list_ciphers, parse_ciphers
from mailwarden.system.crypto.settings import parse_authority

NOW = 1_800_000_000.0


def one_input(data: bytes) -> None:
    """Give `data` to every reader."""
    for opener in (open_pem, open_pkcs12):
        with contextlib.suppress(CertificateRefusedError):
            material = opener(data, "password")
            load_certificates(material)
            make_pair(material)
    with contextlib.suppress(CertificateRefusedError):
        done = import_authorities(data, (), NOW)
        assert len(done.custom) == len(done.added)
        assert all(text.isprintable() for text in (*done.added, *done.passed_over))
        describe_authorities(done.custom)
        assert import_authorities(export_authorities(done.custom) or b"-", done.custom, NOW)
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        line = parse_authority(text)
        assert parse_authority(line) == line
    with contextlib.suppress(ValueError):
        assert list_ciphers(parse_ciphers(text))
    with contextlib.suppress(ValueError):
        name = parse_certificate_name(text)
        assert "/" not in name
        assert not name.startswith(".")
