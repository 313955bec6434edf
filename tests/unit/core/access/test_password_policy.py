"""What is asked of passwords."""

import dataclasses

import pytest

from mailwarden.core.access.enrolment import RANDOM_BYTES, make_one_time_password
from mailwarden.core.access.password_policy import (
    PasswordPolicy,
    is_variant,
    parse_message,
    password_problems,
)

DEFAULT = PasswordPolicy()
STRICT = PasswordPolicy(length_min=10, upper_and_lower=True, digit=True, special=True)


def problems(
    password: str, policy: PasswordPolicy = DEFAULT, *, is_fips: bool = False
) -> list[str]:
    return list(password_problems(policy, "sally", password, is_fips=is_fips))


def test_defaults() -> None:
    off = ("lock_after_failures", "expires_days", "reuse_banned")
    assert all(getattr(DEFAULT, name) == 0 for name in off)
    assert not any((DEFAULT.upper_and_lower, DEFAULT.digit, DEFAULT.special))
    assert not DEFAULT.change_after_reset
    assert DEFAULT.user_name_banned
    assert DEFAULT.length_min == 8


@pytest.mark.parametrize("password", ["longenough", "pässwört", "correct horse battery", "x" * 500])
def test_passwords_that_will_do(password: str) -> None:
    assert problems(password) == []


def test_everything_wrong_is_said_at_once() -> None:
    assert problems("", STRICT) == ["is empty"]
    assert problems("-", STRICT) == [
        "needs 10 letters or more",
        "needs an upper case letter",
        "needs a lower case letter",
        "needs a digit",
    ]
    assert problems("ABCdefghij", STRICT) == [
        "needs a digit",
        "needs a sign that is neither letter nor digit",
    ]
    assert problems("ABC def 12", STRICT) == ["needs a sign that is neither letter nor digit"]
    assert problems("Abcdef-123", STRICT) == []


def test_fips_mode_asks_for_twelve_letters() -> None:
    assert problems("elevenlette", is_fips=True) == ["needs 12 letters or more"]
    assert problems("twelveletter", is_fips=True) == []
    long = dataclasses.replace(DEFAULT, length_min=20)
    assert problems("twelveletter", long, is_fips=True) == ["needs 20 letters or more"]


@pytest.mark.parametrize(
    "password", ["ironport", "IronPort", "1r0np0rt", "tropnori", "ironport1", "!ironport!"]
)
def test_role_12_the_factory_password_is_refused(password: str) -> None:
    lax = dataclasses.replace(DEFAULT, user_name_banned=False, length_min=6)
    assert "ironport" in problems(password, lax)[0]


VARIANTS = [
    "sally",
    "SALLY",
    "yllas",
    "$ally",
    "s@lly",
    "5ALLY!",
    "sally2024",
    "12sally34",
    "sa11y",
    "$@1ly99",
]


@pytest.mark.parametrize("password", VARIANTS)
def test_variants_of_the_users_name(password: str) -> None:
    assert is_variant(password, "sally")
    allowed = dataclasses.replace(DEFAULT, user_name_banned=False)
    assert not any("name" in each for each in problems(password, allowed))


@pytest.mark.parametrize("password", ["sallyforth", "mysally", "salty", "", "12345678", "!!!!"])
def test_what_is_no_variant(password: str) -> None:
    assert not is_variant(password, "sally")


@pytest.mark.parametrize("text", ["é", "a\nb", "\x1b[0m", "x" * 1001])
def test_messages_are_ascii(text: str) -> None:
    with pytest.raises(ValueError, match="message"):
        parse_message(text)


def test_a_reminder_comes_before_the_end() -> None:
    assert list(DEFAULT.problems()) == []
    policy = PasswordPolicy(expires_days=7, reminder_days=8)
    assert [each.path for each in policy.problems()] == ["reminder_days"]


def test_one_time_passwords_are_long_and_pass_every_policy_on_length() -> None:
    low, high = (make_one_time_password(bytes([byte]) * RANDOM_BYTES) for byte in (0, 255))
    assert low == "bbbbb-bbbbb-bbbbb-bbbbb"
    assert high == "99999-99999-99999-99999"
