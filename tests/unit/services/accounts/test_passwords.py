"""Setting passwords, the first start, and enrolling for one-time codes."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.core.access.account import Change, Channel
from mailwarden.core.access.one_time_code import STEP_SECONDS, make_code
from mailwarden.core.access.password_hash import ARGON2ID, make_password_hash
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.services.accounts.administration import SignInSettings
from mailwarden.services.accounts.answers import Admitted
from mailwarden.services.accounts.hashing import Hasher
from mailwarden.services.accounts.passwords import PasswordError, Passwords, begin_first_start
from mailwarden.services.accounts.second_factor import SecondFactors
from tests.unit.services.accounts.office import CHEAP, Office

LAX = PasswordPolicy()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path / "accounts", SignInSettings())
    yield office
    office.close()


@pytest.fixture
def passwords(office: Office) -> Passwords:
    return Passwords(office.store, office.hasher, office.clock)


async def test_a_user_changes_the_own_password(office: Office, passwords: Passwords) -> None:
    session = await office.admitted("ann")
    await passwords.change_own("ann", "ann secret", "another one", LAX)
    assert not office.sign_in.still_holds(session)
    assert isinstance(await office.enter("ann", "another one"), Admitted)
    assert not isinstance(await office.enter("ann"), Admitted)


async def test_the_old_password_is_asked_for(office: Office, passwords: Passwords) -> None:
    policy = PasswordPolicy(lock_after_failures=2)
    for _ in range(2):
        with pytest.raises(PasswordError, match="is not the present one"):
            await passwords.change_own("ann", "wrong", "another one", policy)
    assert office.account("ann").is_locked


async def test_everything_against_a_password_is_said(passwords: Passwords) -> None:
    policy = PasswordPolicy(digit=True, special=True)
    with pytest.raises(PasswordError) as caught:
        await passwords.set_for("ann", "ann", policy)
    assert len(caught.value.problems) == 4
    assert str(caught.value).startswith("The password needs 8 letters or more; it needs a digit;")


async def test_the_last_passwords_are_not_taken_again(passwords: Passwords) -> None:
    policy = PasswordPolicy(reuse_banned=3)
    old = "ann secret"
    for new in ("first one", "second one", "third one"):
        await passwords.change_own("ann", old, new, policy)
        old = new
    for used in ("third one", "second one", "first one"):
        with pytest.raises(PasswordError, match="was used before"):
            await passwords.change_own("ann", old, used, policy)
        with pytest.raises(PasswordError, match="was used before"):
            await passwords.set_for("ann", used, policy)
    await passwords.change_own("ann", old, "ann secret", policy)


async def test_a_reset_has_to_be_changed(office: Office, passwords: Passwords) -> None:
    policy = PasswordPolicy(change_after_reset=True)
    await passwords.set_for("ann", "reset it is", policy)
    answer = await office.enter("ann", "reset it is")
    assert isinstance(answer, Admitted)
    assert answer.change is Change.RESET
    with pytest.raises(PasswordError, match="was used before"):
        await passwords.change_own("ann", "reset it is", "reset it is", policy)
    account = await passwords.change_own("ann", "reset it is", "chosen freely", policy)
    assert account.change is Change.NONE


async def test_who_has_no_account_has_no_password(passwords: Passwords) -> None:
    with pytest.raises(KeyError):
        await passwords.set_for("nobody", "long enough", LAX)


async def first_start(office: Office, provided: str = "", *, is_fips: bool = False) -> str:
    hasher = Hasher(cost=CHEAP, is_fips=is_fips)
    try:
        return await begin_first_start(office.store, hasher, office.clock, provided)
    finally:
        hasher.close()


async def test_role_12_a_fresh_node_prints_a_one_time_password(
    office: Office, passwords: Passwords
) -> None:
    office.store.remove("admin")
    lost = await first_start(office)
    printed = await first_start(office)  # before anybody used it: the first one may be lost
    assert len(printed) == 23
    assert lost != printed
    assert not isinstance(await office.enter("admin", lost), Admitted)
    answer = await office.enter("admin", printed, channel=Channel.CONSOLE)
    assert isinstance(answer, Admitted)
    assert answer.change is Change.FIRST_START
    for refused in ("ironport", printed, "admin123"):
        with pytest.raises(PasswordError):
            await passwords.change_own("admin", printed, refused, LAX)
    await passwords.change_own("admin", printed, "my own choice", LAX)
    assert await first_start(office) == ""
    assert isinstance(await office.enter("admin", "my own choice"), Admitted)


async def test_role_12_a_provisioning_file(office: Office) -> None:
    office.store.remove("admin")
    for wrong in ("ironport", "short", "$pbkdf2-sha256$i=1$x$y"):
        with pytest.raises(ValueError):
            await first_start(office, wrong)
    assert await first_start(office, "from the file\n") == ""
    answer = await office.enter("admin", "from the file")
    assert isinstance(answer, Admitted)
    assert answer.change is Change.FIRST_START
    hashed = str(make_password_hash("as a hash", b"0123456789abcdef", CHEAP))
    assert await first_start(office, hashed) == ""
    assert isinstance(await office.enter("admin", "as a hash"), Admitted)


async def test_fips_mode_takes_no_argon2id(office: Office) -> None:
    salt = b"0123456789abcdef"
    small = dataclasses.replace(ARGON2ID, rounds=1, memory_kib=64)
    hashed = str(make_password_hash("ann secret", salt, small))
    office.store.remove("admin")
    with pytest.raises(ValueError, match="FIPS"):
        await first_start(office, hashed, is_fips=True)
    office.change("ann", password=hashed)
    assert isinstance(await office.enter("ann"), Admitted)
    office.change("ann", password=hashed)
    fips = Hasher(cost=CHEAP, is_fips=True)
    assert not await fips.verify(hashed, "ann secret", office.store.costs(), is_known=True)
    assert not fips.is_outdated(hashed)
    fips.close()


def test_enrolling_for_codes(office: Office) -> None:
    factors = SecondFactors(office.store, office.clock)
    with pytest.raises(ValueError, match="has not begun"):
        factors.confirm("ann", "123456")
    enrolment = factors.begin("ann", "gw1.corp.example")
    assert enrolment.secret in enrolment.uri
    again = factors.begin("ann", "gw1.corp.example")
    assert again.secret != enrolment.secret
    factor = office.account("ann").second_factor
    assert factor is not None
    with pytest.raises(ValueError, match="the code is wrong"):
        factors.confirm("ann", "x")
    step = int(office.clock.time() // STEP_SECONDS)
    codes = factors.confirm("ann", make_code(factor.secret, step))
    assert len(set(codes)) == 10
    with pytest.raises(ValueError, match="already"):
        factors.begin("ann", "gw1.corp.example")
    with pytest.raises(ValueError, match="has not begun"):
        factors.confirm("ann", make_code(factor.secret, step + 1))
    before = office.account("ann").generation
    factors.remove("ann")
    after = office.account("ann")
    assert after.second_factor is None
    assert after.generation == before + 1


def test_codes_are_not_guessed_while_enrolling(office: Office) -> None:
    factors = SecondFactors(office.store, office.clock)
    factors.begin("ann", "gw1")
    for _ in range(5):
        with pytest.raises(ValueError, match="the code is wrong"):
            factors.confirm("ann", "x")
    with pytest.raises(ValueError, match="too many"):
        factors.confirm("ann", "x")
