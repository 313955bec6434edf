"""Users and password hashes in a local file."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from mailwarden.core.access.password import PASSWORD_BYTES_MAX
from mailwarden.core.access.password_hash import ITERATIONS
from mailwarden.services.directory import local
from mailwarden.services.directory.local import (
    CREDENTIALS_SIZE_MAX,
    Credentials,
    Entry,
    encode_credentials,
    load_credentials,
    make_entry,
    parse_credentials,
    parse_user,
)

SALT = b"0123456789abcdef"
FEW = 1000


@pytest.fixture
def users() -> Credentials:
    return Credentials(
        {
            "ann": make_entry("secret", SALT, FEW),
            "bob@corp.example": make_entry("pässword", SALT, 2 * FEW),
        }
    )


RIGHT = [
    ("ann", "secret"),
    ("bob@corp.example", "pässword"),
    ("bob@corp.example", "pa\u0308ssword"),  # the same letters, composed otherwise
]


@pytest.mark.parametrize(("user", "password"), RIGHT)
def test_right_passwords(users: Credentials, user: str, password: str) -> None:
    assert users.verify(user, password)


WRONG = [
    ("ann", "Secret"),
    ("ann", ""),
    ("Ann", "secret"),
    ("ann ", "secret"),
    ("bob@corp.example", "secret"),
    ("nobody", "secret"),
    ("", ""),
    ("ann", "secret\0"),  # HMAC would not see the difference
    ("ann", "\udcff"),
    ("ann", "x" * (PASSWORD_BYTES_MAX + 1)),
]


@pytest.mark.parametrize(("user", "password"), WRONG)
def test_wrong_passwords(users: Credentials, user: str, password: str) -> None:
    assert not users.verify(user, password)


def test_nobody_gets_in_where_there_are_no_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_hash", lambda *_: bytes(32))
    assert not Credentials({}).verify("ann", "secret")


@pytest.mark.parametrize("user", ["ann", "bob@corp.example", "nobody"])
@pytest.mark.parametrize("password", ["secret", "x", "x" * 5000])
def test_every_answer_costs_the_same(
    users: Credentials, user: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[int] = []
    real = hashlib.pbkdf2_hmac

    def counting(name: str, secret: bytes, salt: bytes, count: int) -> bytes:
        assert len(secret) <= PASSWORD_BYTES_MAX
        spent.append(count)
        return real(name, secret, salt, count)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counting)
    users.verify(user, password)
    assert sum(spent) == 2 * FEW


def test_a_known_answer() -> None:
    # RFC 7914, 11: PBKDF2-HMAC-SHA256 (P="Password", S="NaCl", c=80000, dkLen=64), first half.
    known = "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
    assert make_entry("Password", b"NaCl", 80_000).hash.hex() == known


def test_files_read_back(users: Credentials, tmp_path: Path) -> None:
    path = tmp_path / "users"
    content = encode_credentials(users.entries.items())
    path.write_bytes(b"# the office\r\n\n" + content)
    assert load_credentials(path).entries == users.entries
    assert b"secret" not in content


def test_users_cannot_be_changed(users: Credentials) -> None:
    entries: Any = users.entries
    with pytest.raises(TypeError):
        entries["eve"] = Entry(FEW, SALT, bytes(32))


GOOD_LINE = "ann:pbkdf2-sha256:1000:MDEyMzQ1Njc4OWFiY2RlZg==:" + "A" * 43 + "="
WRONG_FILES = [
    ("ann:secret", "line 1: needs the form user:pbkdf2-sha256:iterations:salt:hash"),
    (f"#\n{GOOD_LINE}\n{GOOD_LINE}", "line 3: the user ann is listed twice"),
    (GOOD_LINE.replace("sha256", "md5"), "line 1: needs the form"),
    (GOOD_LINE.replace(":1000:", ":999:"), "iterations may be from 1000 to 10000000"),
    (GOOD_LINE.replace(":1000:", ":99999999999:"), "iterations may be"),
    (GOOD_LINE.replace(":1000:", ":-1:"), "iterations may be"),
    (GOOD_LINE.replace("MDEy", "!!!!"), "salt and hash are base64"),
    (GOOD_LINE.replace("MDEyMzQ1Njc4OWFiY2RlZg==", "MDEy"), "the salt needs 8 bytes"),
    (GOOD_LINE.replace("A" * 43 + "=", "AAAA"), "the hash 32"),
    (GOOD_LINE.replace("ann", " ann"), "has blanks around it"),
    ("\xff", "line 1:"),
    ("#" * (CREDENTIALS_SIZE_MAX + 1), "larger than"),
]


@pytest.mark.parametrize(("text", "part"), WRONG_FILES, ids=range(len(WRONG_FILES)))
def test_wrong_files_say_where(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        parse_credentials(text.encode("latin-1"))


@pytest.mark.parametrize("name", ["", " a", "a:b", "#a", "a\nb", "a\0", "a\x7fb", "é" * 128])
def test_names_that_users_cannot_have(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        parse_user(name)


@pytest.mark.parametrize(
    ("password", "part"), [("", "is empty"), ("x" * 2000, "is longer than"), ("a\0", "control")]
)
def test_passwords_that_users_cannot_have(password: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        make_entry(password, SALT, FEW)


def test_new_entries_are_slow_to_guess() -> None:
    assert ITERATIONS >= 600_000
