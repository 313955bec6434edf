"""Files that ask for more work than they are worth."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from mailwarden.services.certificates import opener
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.opener import Form, open_material

PBES2, PBKDF2 = "2a864886f70d01050d", "2a864886f70d01050c"
HMAC_SHA256, AES_256_CBC = "2a864886f70d0209", "60864801650304012a"


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    assert len(body) < 128
    return bytes((tag, len(body))) + body


def oid(digits: str) -> bytes:
    return der(0x06, bytes.fromhex(digits))


def locked_key(rounds: int) -> bytes:
    """Return a key that is locked by RFC 8018, with the password hashed `rounds` times."""
    count = der(0x02, rounds.to_bytes(4, "big"))
    digest = der(0x30, oid(HMAC_SHA256), der(0x05))
    hashing = der(0x30, oid(PBKDF2), der(0x30, der(0x04, bytes(8)), count, digest))
    cipher = der(0x30, oid(AES_256_CBC), der(0x04, bytes(16)))
    how = der(0x30, oid(PBES2), der(0x30, hashing, cipher))
    whole = der(0x30, how, der(0x04, bytes(16)))
    lines = b64encode(whole).decode()
    label = "ENCRYPTED PRIVATE KEY-----\n"
    return f"-----BEGIN {label}{lines}\n-----END {label}".encode()


def test_passwords_are_unicode() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    password = "p\u00e4\u00df wort\n"
    lock = BestAvailableEncryption(password.encode())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
    assert len(open_material(Form.PEM, pem, password).keys) == 1


def test_endless_hashing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener, "CPU_SECONDS_MAX", 1)
    with pytest.raises(CertificateRefusedError, match="takes too long to open"):
        open_material(Form.PEM, locked_key(0x7FFFFFFF), "password")


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener, "WAIT_SECONDS_MAX", 0.001)
    with pytest.raises(CertificateRefusedError, match="takes too long to open"):
        open_material(Form.PEM, b"anything")


def test_passwords_have_a_length() -> None:
    with pytest.raises(CertificateRefusedError, match="at most 1000"):
        open_material(Form.PKCS12, b"", "x" * 1001)
