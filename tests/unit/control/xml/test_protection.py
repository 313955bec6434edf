"""Secrets: the question, the seals, and what does not open."""

import base64
import itertools

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailwarden.control.xml.protection import (
    ITERATIONS,
    Protection,
    Seal,
    choices,
    is_masked,
    needs_passphrase,
    node_seal,
    parse_choice,
    passphrase_seal,
    seal_for,
)

KEY = bytes(range(32))
NODE = node_seal(KEY)
SALT = base64.b64encode(b"s" * 16).decode()


def zeros(count: int) -> bytes:
    return bytes(count)


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ("1", Protection.MASK), ("2", Protection.ENCRYPT), ("3", Protection.PLAIN),
        ("Y", Protection.MASK), ("y", Protection.MASK), ("", Protection.MASK),
        (" n ", Protection.PLAIN), ("NO", Protection.PLAIN), ("Yes", Protection.MASK),
    ],
)  # fmt: skip
def test_answers_to_the_question(answer: str, chosen: Protection) -> None:
    assert parse_choice(answer, fips=False) is chosen


def test_in_fips_mode_nothing_is_plain() -> None:
    assert choices(fips=True) == (Protection.MASK, Protection.ENCRYPT)
    assert parse_choice("2", fips=True) is Protection.ENCRYPT
    for answer in ("3", "n"):
        with pytest.raises(ValueError, match=r"choose one of 1, 2$"):
            parse_choice(answer, fips=True)


@pytest.mark.parametrize("answer", ["0", "4", "-1", "masked", "*"])
def test_answers_that_are_none(answer: str) -> None:
    with pytest.raises(ValueError, match=r"choose one of 1, 2, 3$"):
        parse_choice(answer, fips=False)


def test_masks() -> None:
    assert [is_masked(text) for text in ("*", "*****", "******", "", "a*", "* *")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "a", "pässwörd € \0\n", "x" * 10_000])
def test_what_is_sealed_opens_again(text: str) -> None:
    token = NODE.encrypt(text, "a.b", zeros)
    assert token.isascii()
    assert NODE.decrypt(token, "a.b") == text
    assert NODE.decrypt(f"\n {token[:20]}\n {token[20:]}\n", "a.b") == text


def test_nonces_come_from_the_source() -> None:
    counter = itertools.count()
    tokens = {
        NODE.encrypt("a", "p", lambda count: next(counter).to_bytes(count, "big")) for _ in "123"
    }
    assert len(tokens) == 3


def test_only_the_same_key_setting_and_text_open() -> None:
    token = NODE.encrypt("secret", "a.b", zeros)
    content = bytearray(base64.b64decode(token))
    wrong = [(node_seal(bytes(32)), token, "a.b"), (NODE, token, "a.c")]
    for index in range(len(content)):
        changed = bytearray(content)
        changed[index] ^= 1
        wrong.append((NODE, base64.b64encode(changed).decode(), "a.b"))
    wrong += [(NODE, text, "a.b") for text in ("", "A", "AAAA", "ä", "=", token[:-4], "*****")]
    for seal, text, path in wrong:
        with pytest.raises(ValueError, match="cannot be decrypted: another key or passphrase"):
            seal.decrypt(text, path)


def test_a_node_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        node_seal(b"short")


def test_a_file_names_its_key() -> None:
    assert seal_for(NODE.name, node_key=KEY, passphrase=None) == NODE
    assert not needs_passphrase(NODE.name)
    assert KEY.hex() not in NODE.name
    for key in (None, bytes(32)):
        with pytest.raises(ValueError, match="encrypted on another node"):
            seal_for(NODE.name, node_key=key, passphrase="x")


def test_a_passphrase() -> None:
    seal = passphrase_seal("correct horse", lambda count: b"s" * count)
    assert seal.name == f"pbkdf2-sha256:{ITERATIONS}:{SALT}"
    assert needs_passphrase(seal.name)
    assert seal_for(seal.name, node_key=KEY, passphrase="correct horse") == seal
    with pytest.raises(ValueError, match="passphrase, which is needed"):
        seal_for(seal.name, node_key=KEY, passphrase=None)


@pytest.mark.parametrize("passphrase", ["", "x" * 1025])
def test_passphrases_that_are_none(passphrase: str) -> None:
    with pytest.raises(ValueError, match="1 to 1024 letters"):
        passphrase_seal(passphrase, zeros)


@pytest.mark.parametrize(
    "name",
    [
        f"pbkdf2-sha256:1000:{SALT}",
        f"pbkdf2-sha256:4000001:{SALT}",
        f"pbkdf2-sha256:99999999:{SALT}",
        f"pbkdf2-sha256:999999999999:{SALT}",
        "pbkdf2-sha256:600000:short",
        "pbkdf2-md5:600000:" + SALT,
        "node:xyz",
        "x",
        "",
    ],
)
def test_keys_that_are_not_derived(name: str) -> None:
    with pytest.raises(ValueError, match=r"iterations|no kind of key"):
        seal_for(name, node_key=KEY, passphrase="x")


def test_a_seal_that_is_no_text_does_not_open() -> None:
    token = base64.b64encode(bytes(12) + AESGCM(KEY).encrypt(bytes(12), b"\xff", b"p")).decode()
    with pytest.raises(ValueError, match="cannot be decrypted"):
        Seal(KEY, "").decrypt(token, "p")
