"""Hashes of passwords: known answers, texts that are none, and even work."""

import hashlib
from typing import Any

import pytest

from mailwarden.core.access import password_check
from mailwarden.core.access.password_check import verify_evenly
from mailwarden.core.access.password_hash import (
    ARGON2ID,
    PBKDF2,
    Cost,
    PasswordHash,
    Scheme,
    compute_digest,
    is_usable,
    make_password_hash,
    parse_password_hash,
    policy_cost,
)

SALT = b"0123456789abcdef"
FEW = Cost(Scheme.PBKDF2, 1000)
MORE = Cost(Scheme.PBKDF2, 3000)
SMALL = Cost(Scheme.ARGON2ID, 1, 64, 1)


@pytest.mark.parametrize("cost", [FEW, SMALL, Cost(Scheme.ARGON2ID, 2, 128, 2)])
def test_a_hash_reads_back_and_knows_its_password(cost: Cost) -> None:
    text = str(make_password_hash("pässword", SALT, cost))
    found = parse_password_hash(text)
    assert found.cost == cost
    assert found.verify("pässword")
    assert found.verify("pa\u0308ssword")  # the same letters, composed otherwise
    assert not any(map(found.verify, ["Pässword", "", "pässword\0", "x" * 5000, "\udcff"]))
    assert "$" not in repr(found).replace(f"{cost}", "")


def test_a_known_answer_of_pbkdf2() -> None:
    # RFC 7914, 11: PBKDF2-HMAC-SHA256 (P="Password", S="NaCl", c=80000, dkLen=64), first half.
    known = "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
    assert compute_digest(b"Password", b"NaCl", Cost(Scheme.PBKDF2, 80_000)).hex() == known


def test_a_known_answer_of_argon2id() -> None:
    # The reference implementation's test: t=2, m=64 MiB, p=1, password, somesalt.
    known = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
    assert (
        compute_digest(b"password", b"somesalt", Cost(Scheme.ARGON2ID, 2, 65536, 1)).hex() == known
    )


def test_pwd_04_what_new_hashes_cost() -> None:
    assert policy_cost(is_fips=True) == PBKDF2
    assert PBKDF2.rounds >= 600_000
    assert policy_cost(is_fips=False) == ARGON2ID
    assert not is_usable(ARGON2ID, is_fips=True)
    assert is_usable(PBKDF2, is_fips=True)


@pytest.mark.parametrize(
    ("cost", "wanted", "is_below"),
    [(FEW, MORE, True), (MORE, FEW, False), (FEW, FEW, False), (FEW, SMALL, True),
     (SMALL, ARGON2ID, True), (ARGON2ID, SMALL, False), (SMALL, FEW, True)],
)  # fmt: skip
def test_when_a_hash_is_made_anew(cost: Cost, wanted: Cost, is_below: bool) -> None:
    assert cost.is_below(wanted) is is_below


GOOD = str(make_password_hash("secret", SALT, FEW))
ENCODED = GOOD.split("$")[4]
WRONG = [
    "",
    "secret",
    GOOD[1:],
    f"x{GOOD}",
    f"{GOOD}$",
    f"{GOOD}=",
    GOOD.replace("sha256", "md5"),
    GOOD.replace("i=1000", "i=999"),
    GOOD.replace("i=1000", "i=01000"),
    GOOD.replace("i=1000", "i=99999999"),
    GOOD.replace("i=1000", "i=999999999999"),
    GOOD.replace("i=1000", "i=-1000"),
    GOOD.replace("i=1000", "i=1000,x=1"),
    GOOD.replace(ENCODED, "AAAA"),
    GOOD.replace(ENCODED, "!" * 43),
    GOOD.replace(ENCODED, "é" * 43),
    GOOD.replace(ENCODED, ENCODED[:-1] + "/"),  # bits that say nothing
    f"$argon2id$m=7,t=1,p=1$c29tZXNhbHQ${ENCODED}",
    f"$argon2id$m=9999999,t=1,p=1$c29tZXNhbHQ${ENCODED}",
    f"$argon2id$m=64,t=99,p=1$c29tZXNhbHQ${ENCODED}",
    f"$argon2id$m=64,t=1,p=9$c29tZXNhbHQ${ENCODED}",
    f"$argon2id$m=64,t=1,p=1$c2FsdA${ENCODED}",
    f"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ${ENCODED}",
    "$" * 10**6,
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_texts_that_are_no_hash(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_password_hash(text)
    assert ENCODED not in str(caught.value)


@pytest.mark.parametrize("password", ["", "a\nb", "x" * 1025])
def test_passwords_that_are_none(password: str) -> None:
    with pytest.raises(ValueError, match="the password"):
        make_password_hash(password, SALT, FEW)


HASHES = [None, *(make_password_hash("secret", SALT, cost) for cost in (FEW, MORE, SMALL))]


@pytest.mark.parametrize("hashed", HASHES)
@pytest.mark.parametrize("password", ["secret", "wrong", "", "x" * 5000])
def test_pwd_05_every_answer_costs_the_same(
    hashed: PasswordHash | None, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []
    real = hashlib.pbkdf2_hmac

    def counting(name: str, secret: bytes, salt: bytes, count: int) -> bytes:
        rounds.append(count)
        return real(name, secret, salt, count)

    spare: list[Cost] = []

    def counting_spare(secret: bytes, salt: bytes, cost: Cost) -> bytes:
        spare.append(cost)
        return b""

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counting)
    monkeypatch.setattr(password_check, "compute_digest", counting_spare)
    is_right = verify_evenly(hashed, password, {FEW, MORE, SMALL})
    assert is_right is (hashed is not None and password == "secret")
    assert sum(rounds) == MORE.rounds
    own: list[Any] = [SMALL] if hashed is not None and hashed.cost == SMALL else []
    assert [*spare, *own] == [SMALL]
