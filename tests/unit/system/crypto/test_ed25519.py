"""Signatures of Ed25519, ours and those of openssl."""

import subprocess
from pathlib import Path

import pytest

from mailwarden.system.crypto.ed25519 import SignatureError, Verifier, sign

CONTENT = b"what was signed"


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys, and what openssl signed with one of them."""
    made = tmp_path_factory.mktemp("keys")
    for name in ("private", "other"):
        openssl("genpkey", "-algorithm", "ed25519", "-out", made / f"{name}.pem")
    openssl("pkey", "-in", made / "private.pem", "-pubout", "-out", made / "public.pem")
    openssl("genpkey", "-algorithm", "ed448", "-out", made / "ed448.pem")
    openssl("pkey", "-in", made / "ed448.pem", "-pubout", "-out", made / "ed448-public.pem")
    (made / "content").write_bytes(CONTENT)
    openssl(
        "pkeyutl", "-sign", "-rawin", "-inkey", made / "private.pem", "-in", made / "content",
        "-out", made / "content.sig",
    )  # fmt: skip
    return made


def verifier(folder: Path) -> Verifier:
    return Verifier((folder / "public.pem").read_bytes())


def test_what_openssl_signed(folder: Path) -> None:
    verifier(folder).verify(CONTENT, (folder / "content.sig").read_bytes())


def test_what_we_signed_is_the_same_in_base64(folder: Path) -> None:
    signature = sign((folder / "private.pem").read_bytes(), CONTENT)
    verifier(folder).verify(CONTENT, signature)
    with pytest.raises(SignatureError, match="does not fit"):
        verifier(folder).verify(CONTENT + b"!", signature)


def test_another_key_does_not_fit(folder: Path) -> None:
    signature = sign((folder / "other.pem").read_bytes(), CONTENT)
    with pytest.raises(SignatureError, match="does not fit"):
        verifier(folder).verify(CONTENT, signature)


@pytest.mark.parametrize("signature", [b"", b"x" * 63, b"x" * 65, b"A" * 88, b"\n" * 5000])
def test_what_is_no_signature(folder: Path, signature: bytes) -> None:
    with pytest.raises(SignatureError):
        verifier(folder).verify(CONTENT, signature)


@pytest.mark.parametrize(
    ("name", "message"),
    [("private", "give the public one"), ("ed448-public", "not one of Ed25519")],
)
def test_keys_that_cannot_verify(folder: Path, name: str, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        Verifier((folder / f"{name}.pem").read_bytes())


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"x" * 5000])
def test_what_is_no_key(pem: bytes) -> None:
    with pytest.raises(SignatureError):
        Verifier(pem)
    with pytest.raises(SignatureError):
        sign(pem, CONTENT)


def test_another_kind_of_key_does_not_sign(folder: Path) -> None:
    with pytest.raises(SignatureError, match="not one of Ed25519"):
        sign((folder / "ed448.pem").read_bytes(), CONTENT)
