"""The files, folders and users that a configuration names."""

import os
import ssl
from base64 import b64encode
from pathlib import Path

import pytest

from tests.unit.control.config.sample import SAMPLE, wrong
from tests.unit.control.pem import CERTIFICATE, KEY, LOCKED_KEY, OTHER_KEY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "cert.pem": CERTIFICATE,
        "key.pem": KEY,
        "other.pem": OTHER_KEY,
        "locked.pem": LOCKED_KEY,
        "text.pem": "nothing\n",
        "users": "ann:pbkdf2-sha256:1000:c2FsdHNhbHQ=:" + "A" * 43 + "=\n",
        "bad-users": "# users\nann:secret\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def pair(certificate: str, key: str, more: str = "") -> str:
    return f"{SAMPLE}certificates: {{main: {{certificate: {certificate}, key: {key}{more}}}}}\n"


RIGHT = [
    pair("cert.pem", "key.pem"),
    pair("cert.pem", "key.pem", ", client_ca: cert.pem"),
    f"{SAMPLE}delivery: {{ca_file: cert.pem}}\n",
    f"{SAMPLE}inbound: {{credentials: users}}\n",
    f"{SAMPLE}state_directory: not/yet/there\nlogs: {{directory: nor/this}}\n",
    f"{SAMPLE}smtp_routes: {{a.example: maildir:mail}}\n",
    f"{SAMPLE}user: root\n",
]


@pytest.mark.parametrize("text", RIGHT, ids=range(len(RIGHT)))
def test_right(text: str, folder: Path) -> None:
    assert wrong(text, folder, look_at_files=True) == []


WRONG = [
    (pair("cert.pem", "none.pem"), "certificates.main.key: {}/none.pem: No such file or"),
    (pair("cert.pem", "other.pem"), "{0}/other.pem does not belong to {0}/cert.pem"),
    (pair("cert.pem", "locked.pem"), "certificates.main.key: the private key {}/locked.pem is enc"),
    (pair("text.pem", "key.pem"), "certificates.main.certificate: the certificate {}/text.pem has"),
    (pair("cert.pem", "text.pem"), "certificates.main.key: the private key {}/text.pem has no"),
    (pair("fifo", "key.pem"), "certificates.main.certificate: {}/fifo is not a file"),
    (pair("cert.pem", "/dev/zero"), "/dev/zero is not a file"),
    (pair("cert.pem", "."), "is not a file"),
    (pair("cert.pem", "key.pem", ", client_ca: text.pem"), "{}/text.pem has no certificate in PEM"),
    (pair("cert.pem", "key.pem", ", client_ca: no"), "client_ca: {}/no: No such file"),
    (f"{SAMPLE}delivery: {{ca_file: key.pem}}\n", "delivery.ca_file: the file of authorities {}/"),
    (f"{SAMPLE}inbound: {{credentials: bad-users}}\n", "{}/bad-users: line 2: needs the form"),
    (f"{SAMPLE}inbound: {{credentials: none}}\n", "inbound.credentials: {}/none: No such file"),
    (f"{SAMPLE}state_directory: users\n", "{0}/users cannot be a folder: {0}/users is a file"),
    (f"{SAMPLE}state_directory: users/var\n", "state_directory: {}/users/var"),
    (f"{SAMPLE}logs: {{directory: users}}\n", "logs.directory: {}/users cannot be a folder"),
    (f"{SAMPLE}smtp_routes: {{a.example: maildir:users}}\n", "smtp_routes[a.example]: {}/users"),
    (f"{SAMPLE}user: no-such-user\n", "there is no user 'no-such-user' on this machine"),
    (f"{SAMPLE}state_directory: {'x' * 3000}\n", "name too long"),
    (
        f"{SAMPLE}reputation: {{feeds: [{{name: a, path: a.txt, key_file: none}}]}}\n",
        "reputation.feeds[0].key_file: {}/none: No such file",
    ),
    (f"{SAMPLE}updates: {{key_file: none}}\n", "updates.key_file: {}/none: No such file"),
    (f"{SAMPLE}updates: {{key_file: key.pem}}\n", "{}/key.pem is a private key: give the public"),
    (f"{SAMPLE}updates: {{key_file: text.pem}}\n", "{}/text.pem is not a public key in PEM"),
    (f"{SAMPLE}updates: {{ca_file: key.pem}}\n", "updates.ca_file: the file of authorities {}/"),
]


@pytest.mark.parametrize(("text", "part"), WRONG, ids=range(len(WRONG)))
def test_one_thing_wrong_is_one_problem(text: str, part: str, folder: Path) -> None:
    found = wrong(text, folder, look_at_files=True)
    assert len(found) == 1, found
    assert part.format(folder) in found[0]


@pytest.mark.parametrize(("text", "part"), WRONG[:5], ids=range(5))
def test_files_can_be_left_alone(text: str, part: str, folder: Path) -> None:
    assert wrong(text, folder, look_at_files=False) == []


def test_an_authority_that_openssl_cannot_read_is_named(folder: Path) -> None:
    der = ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text(encoding="ascii"))
    good, bad = (b64encode(each).decode("ascii") for each in (der, der + b"\x30\x01"))
    text = f"{SAMPLE}authorities: {{custom: [{good}, {bad}]}}\n"
    found = wrong(text, folder, look_at_files=True)
    assert len(found) == 1, found
    assert "authorities.custom[1]: OpenSSL cannot read the certificate" in found[0]
