"""The public key in a certificate, compared with what openssl finds there."""

import ssl
import subprocess
from pathlib import Path

import pytest

from mailwarden.core.policy.dane_certificate import (
    CERTIFICATE_BYTES_MAX,
    CertificateError,
    find_public_key,
    is_certificate,
    is_public_key,
)
from tests.certificates import CertificateAuthority


def read_der(path: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    authority = CertificateAuthority(tmp_path_factory.mktemp("certificates"))
    names = [("ec.example", False), ("rsa.example", True)]
    return [authority.file, *(authority.issue(n, rsa=rsa).certificate for n, rsa in names)]


def test_the_key_is_the_one_that_openssl_finds(certificates: list[str]) -> None:
    for path in certificates:
        pem = subprocess.run(
            ["openssl", "x509", "-in", path, "-noout", "-pubkey"], check=True, capture_output=True
        ).stdout
        der = subprocess.run(
            ["openssl", "pkey", "-pubin", "-outform", "DER"],
            input=pem, check=True, capture_output=True,
        ).stdout  # fmt: skip
        assert find_public_key(read_der(path)) == der
        assert is_public_key(der)
        assert not is_public_key(der + b"\0")
        assert not is_public_key(der[:-1])
        assert not is_certificate(der)


def test_a_certificate_without_version() -> None:
    """One of version 1 has no [0] (RFC 5280, 4.1.2.1)."""
    body = b"\2\1\7" + b"\x30\0" * 4 + b"\x30\2\5\0"
    whole = bytes((0x30, len(body) + 2, 0x30, len(body))) + body
    assert find_public_key(whole) == b"\x30\2\5\0"


def test_every_cut_and_every_wrong_tag_is_noticed(certificates: list[str]) -> None:
    der = read_der(certificates[1])
    for length in range(len(der)):
        assert not is_certificate(der[:length])
    assert not is_certificate(der + b"\0")
    with pytest.raises(CertificateError, match="0x31 in place of 0x30"):
        find_public_key(b"\x31" + der[1:])


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        (b"", "cut off"),
        (b"\x30", "cut off"),
        (b"\x30\x80\0\0", "unknown form"),
        (b"\x30\x85" + b"\xff" * 5, "unknown form"),
        (b"\x30\x84\xff\xff\xff\xff", "cut off"),
        (b"\x30\x84", "cut off"),
        (b"\x30\2\x30\0", "cut off"),
        (b"\x30\4\x30\2\xa0\0", "cut off"),
        (b"\x30" * CERTIFICATE_BYTES_MAX, "cut off|bytes"),
        (bytes(CERTIFICATE_BYTES_MAX + 1), "more than"),
    ],
)
def test_what_is_no_certificate(der: bytes, reason: str) -> None:
    with pytest.raises(CertificateError, match=reason):
        find_public_key(der)
