"""Rules of locks, ages of passwords, their history and second factors."""

import dataclasses

import pytest

from mailwarden.core.access.account import (
    DAY_SECONDS,
    SOURCE_AGE_MAX_SECONDS,
    SOURCES_MAX,
    Account,
    Change,
    Channel,
    Lock,
    SecondFactor,
    admits,
    banned_hashes,
    change_needed,
    code_wait_seconds,
    count_failure,
    count_wrong_code,
    days_to_expiry,
    is_known_source,
    lock,
    locked_message,
    rehashed,
    set_first_password,
    set_password,
    signed_in,
    state_words,
    take_code,
    unlock,
    unlock_fault,
)
from mailwarden.core.access.account_text import encode_account, parse_account
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.roles import ADMIN

NOW = 1_289_297_702.0
HASHED = "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$" + "A" * 43
ANN = Account(name="ann", password=HASHED, password_at=NOW)
OFF = PasswordPolicy()
LOCKING = PasswordPolicy(lock_after_failures=5, locked_message="See the help desk")
AGEING = PasswordPolicy(expires_days=90)


def fail(account: Account, times: int, policy: PasswordPolicy = LOCKING) -> Account:
    for _ in range(times):
        account = count_failure(account, policy, NOW)
    return account


def test_pwd_01_failures_lock_at_the_limit_and_success_begins_again() -> None:
    assert not fail(ANN, 4).is_locked
    assert fail(ANN, 5).lock is Lock.FAILURES
    assert fail(signed_in(fail(ANN, 4), "n", "a", NOW), 4).lock is Lock.NONE
    assert not fail(ANN, 100, OFF).is_locked


def test_a_limit_that_is_switched_on_later_counts_what_was() -> None:
    assert fail(fail(ANN, 10, OFF), 1).lock is Lock.FAILURES


def test_a_lock_by_hand_stays_one() -> None:
    locked = fail(lock(ANN, "ada", NOW), 9)
    assert locked.lock is Lock.ADMINISTRATOR
    assert state_words(locked, OFF, NOW) == "locked by ada"


def test_row_c_31_only_those_locked_by_hand_hear_the_message() -> None:
    assert locked_message(lock(ANN, "ada", NOW), LOCKING) == "See the help desk"
    assert locked_message(fail(ANN, 5), LOCKING) == ""


def test_row_c_30_admin_gets_in_at_the_console_only() -> None:
    admin = fail(dataclasses.replace(ANN, name=ADMIN), 5)
    assert [channel for channel in Channel if admits(admin, channel)] == [Channel.CONSOLE]
    assert not any(admits(fail(ANN, 5), channel) for channel in Channel)
    assert unlock_fault(admin, Channel.SSH)
    assert unlock_fault(admin, Channel.GUI)
    assert not unlock_fault(admin, Channel.CONSOLE)
    assert not unlock_fault(fail(ANN, 5), Channel.GUI)


def test_pwd_02_unlocking_begins_at_zero() -> None:
    assert unlock(fail(ANN, 5)) == ANN
    assert fail(unlock(fail(ANN, 5)), 4).lock is Lock.NONE


def test_role_07_what_ends_sessions() -> None:
    assert lock(ANN, "ada", NOW).generation == 1
    assert set_password(ANN, HASHED, OFF, NOW, by_user=True).generation == 1
    for same in (fail(ANN, 5), unlock(ANN), signed_in(ANN, "n", "a", NOW), rehashed(ANN, HASHED)):
        assert same.generation == 0


def test_change_after_an_administrators_reset() -> None:
    policy = PasswordPolicy(change_after_reset=True)
    assert set_password(ANN, HASHED, policy, NOW, by_user=False).change is Change.RESET
    assert set_password(ANN, HASHED, policy, NOW, by_user=True).change is Change.NONE
    assert set_password(ANN, HASHED, OFF, NOW, by_user=False).change is Change.NONE


def test_role_12_the_first_password_has_to_be_changed() -> None:
    fresh = set_first_password(Account(name=ADMIN), HASHED, NOW)
    assert change_needed(fresh, OFF, NOW) is Change.FIRST_START
    assert banned_hashes(fresh, OFF) == (HASHED,)
    changed = set_password(fresh, HASHED, OFF, NOW, by_user=True)
    assert change_needed(changed, OFF, NOW) is Change.NONE
    assert banned_hashes(changed, OFF) == ()


def test_passwords_expire() -> None:
    end = NOW + 90 * DAY_SECONDS
    assert change_needed(ANN, AGEING, end - 1) is Change.NONE
    assert change_needed(ANN, AGEING, end) is Change.EXPIRED
    assert change_needed(ANN, OFF, end) is Change.NONE
    assert state_words(ANN, AGEING, end) == "password expired"
    assert state_words(ANN, AGEING, end - 1) == "active"


def test_users_are_reminded() -> None:
    end = NOW + 90 * DAY_SECONDS
    assert days_to_expiry(ANN, AGEING, end - 14 * DAY_SECONDS - 1) is None
    assert days_to_expiry(ANN, AGEING, end - 14 * DAY_SECONDS) == 14
    assert days_to_expiry(ANN, AGEING, end - 1) == 0
    assert days_to_expiry(ANN, AGEING, end) is None
    assert days_to_expiry(ANN, OFF, end - 1) is None
    assert days_to_expiry(ANN, PasswordPolicy(expires_days=90, reminder_days=0), end - 1) is None


def numbered(number: int) -> str:
    return HASHED[:-1] + "AEIMQUYcgk"[number]


def test_the_last_passwords_are_banned() -> None:
    policy = PasswordPolicy(reuse_banned=3)
    account = Account(name="ann")
    for number in range(5):
        account = set_password(account, numbered(number), policy, NOW, by_user=True)
    assert banned_hashes(account, policy) == (numbered(4), numbered(3), numbered(2))
    assert banned_hashes(account, PasswordPolicy(reuse_banned=1)) == (numbered(4),)
    assert banned_hashes(account, AGEING) == (numbered(4),)
    less = set_password(account, numbered(5), OFF, NOW, by_user=True)
    assert less.history == ()


def test_known_sources_are_few_and_grow_old() -> None:
    account = ANN
    for number in range(SOURCES_MAX + 2):
        account = signed_in(account, f"192.0.2.{number}", "", NOW + number)
    assert len(account.sources) == SOURCES_MAX
    assert not is_known_source(account, "192.0.2.1", NOW)
    assert is_known_source(account, "192.0.2.9", NOW)
    assert not is_known_source(account, "192.0.2.9", NOW + 10 + SOURCE_AGE_MAX_SECONDS)
    again = signed_in(account, "192.0.2.9", "", NOW + 99)
    assert len(again.sources) == SOURCES_MAX


FACTOR = SecondFactor(secret=b"s" * 20, is_confirmed=True, last_step=7, recovery=("a", "b"))


def test_wrong_codes_wait_longer_and_longer() -> None:
    account = dataclasses.replace(ANN, second_factor=FACTOR)
    waits = []
    for _ in range(14):
        account = count_wrong_code(account, NOW)
        assert account.second_factor is not None
        waits.append(code_wait_seconds(account.second_factor, NOW))
    assert waits[:8] == [0, 0, 0, 0, 60, 120, 240, 480]
    assert waits[-1] == 3600
    assert account.second_factor is not None
    assert code_wait_seconds(account.second_factor, NOW + 3600) == 0
    assert code_wait_seconds(account.second_factor, NOW - 10**6) == 3600  # the clock was set back


def test_a_right_code_is_remembered() -> None:
    account = count_wrong_code(dataclasses.replace(ANN, second_factor=FACTOR), NOW)
    taken = take_code(account, 9).second_factor
    assert taken == dataclasses.replace(FACTOR, last_step=9, failed_at=NOW)
    recovered = take_code(account, 0, ("b",)).second_factor
    assert recovered is not None
    assert (recovered.last_step, recovered.recovery) == (7, ("b",))


def test_accounts_read_back() -> None:
    full = signed_in(
        lock(dataclasses.replace(ANN, second_factor=FACTOR), "ada", NOW), "n", "a", NOW
    )
    for account in (Account(name="a"), ANN, full):
        assert parse_account(encode_account(account)) == account
    assert "AAAA" not in repr(full)
    assert "ssss" not in repr(full)


WRONG = [
    b"",
    b"{}",
    b"[]",
    b"\xff",
    b'{"name": 1}',
    b'{"name": "a", "failures": -1}',
    b'{"name": "a", "lock": "open"}',
    b'{"name": "a", "password": "secret"}',
    b'{"name": "a", "history": ["secret"]}',
    b'{"name": "a", "change": "expired"}',
    b'{"name": "a", "second_factor": {"secret": "!"}}',
    b'{"name": "a", "history": [' + b'"",' * 15 + b'""]}',
    b"[" * 70_000,
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_texts_that_are_no_account(text: bytes) -> None:
    with pytest.raises(ValueError) as caught:
        parse_account(text)
    assert "secret" not in str(caught.value).replace("second_factor.secret", "")
