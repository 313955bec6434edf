"""Signing in: passwords, locks, codes, keys, and other servers."""

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.core.access.account import Change, Channel, Lock, lock, unlock
from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.one_time_code import STEP_SECONDS, make_code
from mailwarden.core.access.password_hash import Cost, Scheme, parse_password_hash
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.roles import Role
from mailwarden.core.access.ssh_key import parse_public_key
from mailwarden.core.access.users import User
from mailwarden.services.accounts.administration import SignInSettings
from mailwarden.services.accounts.answers import (
    INCORRECT,
    TOO_MANY,
    Admitted,
    Answer,
    CodeWanted,
    Reason,
    Refused,
)
from mailwarden.services.accounts.external import Verdict
from mailwarden.services.accounts.second_factor import SecondFactors
from mailwarden.services.accounts.settings import ExternalSettings
from tests.unit.services.accounts.office import DESK, HOME, USERS, FakeServers, Office

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAdkxzh/sq9DE/QMATfkt0afZS+AGPMpR44tCEWlpgFb"
LOCKING = PasswordPolicy(lock_after_failures=5, locked_message="See the help desk")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path / "accounts", SignInSettings())
    yield office
    office.close()


def refused(answer: Answer) -> Reason:
    assert isinstance(answer, Refused)
    return answer.reason


async def test_the_right_password(office: Office) -> None:
    first = await office.admitted("ann")
    assert (first.user, first.role, first.is_local) == ("ann", Role.OPERATOR, True)
    assert (first.last_at, first.last_from) == (0.0, "")
    office.clock.advance(60)
    second = await office.admitted("ann")
    assert second.last_from == DESK
    assert second.last_at == office.clock.time() - 60


@pytest.mark.parametrize("name", ["nobody", "", "Ann", "ann ", "a" * 100_000, "\udcff", "a\0"])
async def test_pwd_05_who_does_not_exist_hears_the_same(office: Office, name: str) -> None:
    wrong = await office.enter("ann", "wrong")
    unknown = await office.enter(name, "wrong")
    assert isinstance(wrong, Refused)
    assert isinstance(unknown, Refused)
    assert (unknown.message, unknown.was_locked) == (wrong.message, wrong.was_locked)
    assert unknown.reason is Reason.UNKNOWN_USER


async def test_somebody_without_a_password_does_not_get_in(office: Office) -> None:
    office.change("ann", password="")
    for password in ("", "ann secret"):
        assert refused(await office.enter("ann", password)) is Reason.WRONG_PASSWORD


async def test_an_account_whose_user_was_deleted_is_shut(office: Office) -> None:
    office.use(users={"bob": USERS["bob"]})
    assert refused(await office.enter("ann")) is Reason.UNKNOWN_USER


async def test_row_c_29_failures_lock_whichever_way_they_come(office: Office) -> None:
    office.use(policy=LOCKING)
    ways = [Channel.SSH, Channel.GUI, Channel.API, Channel.CONSOLE, Channel.SSH]
    answers = [await office.enter("ann", "wrong", channel=way, address=HOME) for way in ways]
    assert [isinstance(a, Refused) and a.was_locked for a in answers] == [False] * 4 + [True]
    for way in (Channel.SSH, Channel.GUI, Channel.CONSOLE):
        answer = await office.enter("ann", channel=way)
        assert isinstance(answer, Refused)
        assert (answer.reason, answer.message) == (Reason.LOCKED_BY_FAILURES, INCORRECT)
    office.store.change("ann", unlock)
    assert isinstance(await office.enter("ann"), Admitted)


async def test_row_c_30_admin_at_the_console(office: Office) -> None:
    office.use(policy=LOCKING)
    office.change("admin", lock=Lock.FAILURES)
    assert refused(await office.enter("admin", channel=Channel.SSH)) is Reason.LOCKED_BY_FAILURES
    assert refused(await office.enter("admin", "wrong", channel=Channel.CONSOLE))
    admitted = await office.admitted("admin", channel=Channel.CONSOLE)
    assert admitted.role is Role.ADMINISTRATOR
    assert office.account("admin").is_locked


async def test_row_c_31_the_message_of_a_lock_by_hand(office: Office) -> None:
    office.use(policy=LOCKING)
    office.store.change("ann", lambda a: lock(a, "bob", 1.0))
    right, wrong = await office.enter("ann"), await office.enter("ann", "wrong")
    assert isinstance(right, Refused)
    assert isinstance(wrong, Refused)
    assert right.message == "See the help desk"
    assert wrong.message == INCORRECT


async def test_row_c_23_help_desk_has_no_ssh(office: Office) -> None:
    answer = await office.enter("hal", channel=Channel.SSH)
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.NO_ACCESS
    assert answer.message == "Your role (Help Desk User) has no access to the command line."
    assert (await office.admitted("hal")).role is Role.HELP_DESK


async def test_role_04_unassigned_users_see_the_web_interface_only(office: Office) -> None:
    assert (await office.admitted("una")).role is None
    for way in (Channel.SSH, Channel.API, Channel.CONSOLE):
        assert refused(await office.enter("una", channel=way)) is Reason.NO_ACCESS


async def test_pwd_01_success_resets_the_count(office: Office) -> None:
    for _ in range(3):
        await office.enter("ann", "wrong")
    assert office.account("ann").failures == 3
    await office.enter("ann")
    assert office.account("ann").failures == 0


async def test_what_has_to_be_changed_and_reminders(office: Office) -> None:
    office.use(policy=PasswordPolicy(expires_days=90))
    office.clock.advance(80 * 86_400)
    assert (await office.admitted("ann")).days_left == 10
    office.clock.advance(10 * 86_400)
    expired = await office.admitted("ann")
    assert (expired.change, expired.days_left) == (Change.EXPIRED, None)


async def test_pwd_04_hashes_are_raised_at_the_next_login(tmp_path: Path) -> None:
    dearer = Cost(Scheme.PBKDF2, 2000)
    office = Office(tmp_path / "accounts", SignInSettings(), dearer)
    assert refused(await office.enter("ann", "wrong")) is Reason.WRONG_PASSWORD
    assert parse_password_hash(office.account("ann").password).cost.rounds == 1000
    for _ in range(2):
        admitted = await office.admitted("ann")
        assert office.sign_in.still_holds(admitted)
    assert parse_password_hash(office.account("ann").password).cost == dearer
    office.close()


async def test_role_07_what_ends_a_session(office: Office) -> None:
    ann, bob = await office.admitted("ann"), await office.admitted("bob")
    assert office.sign_in.still_holds(ann)
    office.use(users={**USERS, "ann": User(name="ann", role="Guest")})
    assert not office.sign_in.still_holds(ann)
    office.use(users=USERS)
    office.change("ann", lock=Lock.FAILURES)  # strangers cut nobody off
    assert office.sign_in.still_holds(ann)
    office.store.change("ann", lambda a: lock(a, "bob", 1.0))
    assert not office.sign_in.still_holds(ann)
    office.store.remove("bob")
    assert not office.sign_in.still_holds(bob)


async def test_ten_thousand_failed_logins_harm_nobody_else(office: Office) -> None:
    await office.enter("ann", address=HOME)
    hashed = []

    async def verify(hashed_text: str, password: str, *_: object, **__: object) -> bool:
        hashed.append(password)
        return password.endswith(" secret") and bool(hashed_text)

    office.hasher.verify = verify  # type: ignore[method-assign]  # counted, not computed
    for number in range(10_000):
        answer = await office.enter("ann", "wrong", address=f"198.51.100.{number % 200}")
        if number > 20:
            assert isinstance(answer, Refused)
            assert (answer.reason, answer.message) == (Reason.TOO_MANY, TOO_MANY)
            assert answer.wait_seconds > 0
    assert len(hashed) == 20
    assert isinstance(await office.enter("ann", address=HOME), Admitted)
    assert isinstance(await office.enter("bob", address=HOME), Admitted)
    assert isinstance(await office.enter("ann", channel=Channel.CONSOLE, address=""), Admitted)


async def test_the_right_password_never_has_to_wait(office: Office) -> None:
    for _ in range(50):
        assert isinstance(await office.enter("ann"), Admitted)


async def test_many_at_once_lock_as_one_after_the_other(office: Office) -> None:
    office.use(policy=LOCKING)
    passwords = ["wrong"] * 7 + ["ann secret"]
    answers = await asyncio.gather(*(office.enter("ann", each) for each in passwords))
    assert [refused(each) for each in answers][-1] is Reason.LOCKED_BY_FAILURES
    assert sum(isinstance(a, Refused) and a.was_locked for a in answers) == 1


# Second factor


async def enrol(office: Office) -> tuple[bytes, tuple[str, ...]]:
    secret = b"s" * 20
    factors = SecondFactors(office.store, office.clock, lambda count: b"s" * count)
    factors.begin("ann", "gw1")
    codes = factors.confirm("ann", code_now(office))
    office.clock.advance(STEP_SECONDS)
    return secret, codes


def code_now(office: Office) -> str:
    return make_code(b"s" * 20, int(office.clock.time() // STEP_SECONDS))


async def test_a_code_is_asked_for_and_good_once(office: Office) -> None:
    await enrol(office)
    assert await office.enter("ann") == CodeWanted()
    assert isinstance(await office.enter("ann", code=code_now(office)), Admitted)
    assert refused(await office.enter("ann", code=code_now(office))) is Reason.WRONG_CODE
    wrong = await office.enter("ann", "wrong", code=code_now(office))
    assert refused(wrong) is Reason.WRONG_PASSWORD


async def test_a_code_is_good_once_also_at_the_same_time(office: Office) -> None:
    await enrol(office)
    code = code_now(office)
    answers = await asyncio.gather(*(office.enter("ann", code=code) for _ in range(4)))
    assert [isinstance(each, Admitted) for each in answers] == [True, False, False, False]


async def test_wrong_codes_have_to_wait(office: Office) -> None:
    await enrol(office)
    for _ in range(5):
        assert refused(await office.enter("ann", code="000000")) is Reason.WRONG_CODE
    answer = await office.enter("ann", code=code_now(office))
    assert isinstance(answer, Refused)
    assert (answer.reason, answer.wait_seconds) == (Reason.TOO_MANY, 60)
    office.clock.advance(60)
    assert isinstance(await office.enter("ann", code=code_now(office)), Admitted)


async def test_recovery_codes_are_good_once(office: Office) -> None:
    _, codes = await enrol(office)
    assert len(codes) == 10
    assert isinstance(await office.enter("ann", code=codes[0].upper()), Admitted)
    # All random bytes are the same here, so all codes were that one.
    assert refused(await office.enter("ann", code=codes[0])) is Reason.WRONG_CODE


# SSH keys


async def test_keys_let_in_their_user_alone(office: Office) -> None:
    ann = dataclasses.replace(USERS["ann"], ssh_keys=(KEY,))
    hal = dataclasses.replace(USERS["hal"], ssh_keys=(KEY,))
    office.use(users={**USERS, "ann": ann, "hal": hal})
    key = parse_public_key(KEY)
    answer = office.sign_in.by_key("ann", key, DESK)
    assert isinstance(answer, Admitted)
    assert answer.detail == f"key {key.fingerprint}"
    for name in ("bob", "nobody", "admin"):
        assert refused(office.sign_in.by_key(name, key, DESK)) is Reason.WRONG_KEY
    assert refused(office.sign_in.by_key("hal", key, DESK)) is Reason.NO_ACCESS
    office.change("ann", lock=Lock.FAILURES)
    assert refused(office.sign_in.by_key("ann", key, DESK)) is Reason.LOCKED_BY_FAILURES
    office.change("ann", lock=Lock.NONE, change=Change.FIRST_START)
    answer = office.sign_in.by_key("ann", key, DESK)
    assert isinstance(answer, Admitted)
    assert answer.change is Change.FIRST_START


# Other servers

MAPPED = ExternalSettings(radius_classes={"ops": "Operator", "desk": "Help Desk User"})


async def test_ext_03_accepted_users_get_the_mapped_role(office: Office) -> None:
    servers = FakeServers()
    servers.verdict, servers.groups = Verdict.ACCEPTED, ("staff", "ops")
    office.use(servers, external=MAPPED)
    answer = await office.enter("eve@corp.example", "pass")
    assert isinstance(answer, Admitted)
    assert (answer.role, answer.is_local, answer.detail) == (Role.OPERATOR, False, "srv1: as told")
    assert servers.asked == [("eve@corp.example", "pass", DESK)]
    assert office.sign_in.still_holds(answer)
    servers.groups = ("ops", "desk")
    answer = await office.enter("eve@corp.example", "pass")
    assert isinstance(answer, Admitted)
    assert answer.role is Role.HELP_DESK
    ssh = await office.enter("eve@corp.example", "pass", channel=Channel.SSH)
    assert refused(ssh) is Reason.NO_ACCESS


async def test_ext_02_unmapped_users_are_refused(office: Office) -> None:
    servers = FakeServers()
    servers.verdict, servers.groups = Verdict.ACCEPTED, ("staff",)
    office.use(servers, external=MAPPED)
    assert refused(await office.enter("eve", "pass")) is Reason.NO_ROLE
    deleted = dataclasses.replace(MAPPED, radius_classes={"staff": "Deleted role"})
    office.use(servers, external=deleted)
    assert refused(await office.enter("eve", "pass")) is Reason.NO_ROLE
    custom = {"Deleted role": CustomRole(name="Deleted role")}
    office.use(servers, external=deleted, roles=custom)
    assert isinstance(await office.enter("eve", "pass"), Admitted)


async def test_ext_03_all_users_to_administrator(office: Office) -> None:
    servers = FakeServers()
    servers.verdict = Verdict.ACCEPTED
    office.use(servers, external=ExternalSettings(all_are_administrators=True))
    answer = await office.enter("eve", "pass")
    assert isinstance(answer, Admitted)
    assert answer.role is Role.ADMINISTRATOR


FALL_BACKS = [  # verdict, rejects for good (RADIUS) or not (LDAP), local user is tried
    (Verdict.REJECTED, True, False),
    (Verdict.REJECTED, False, True),
    (Verdict.UNREACHABLE, True, True),
    (Verdict.UNREACHABLE, False, True),
]


@pytest.mark.parametrize(("verdict", "for_good", "tried"), FALL_BACKS)
async def test_ext_04_who_is_tried_as_a_local_user(
    office: Office, verdict: Verdict, for_good: bool, tried: bool
) -> None:
    servers = FakeServers(rejects_for_good=for_good)
    servers.verdict = verdict
    office.use(servers, external=MAPPED)
    answer = await office.enter("ann")
    assert isinstance(answer, Admitted) is tried
    if not tried:
        assert refused(answer) is Reason.REJECTED
    assert not isinstance(answer, CodeWanted)
    assert answer.detail == "srv1: as told"


async def test_ext_04_admin_is_always_local(office: Office) -> None:
    servers = FakeServers()
    servers.verdict, servers.groups = Verdict.ACCEPTED, ("ops",)
    office.use(servers, external=MAPPED)
    assert (await office.admitted("admin")).is_local
    assert refused(await office.enter("admin", "wrong")) is Reason.WRONG_PASSWORD
    assert servers.asked == []


async def test_ext_01_the_web_interface_does_not_ask_each_time(office: Office) -> None:
    servers = FakeServers()
    servers.verdict, servers.groups = Verdict.ACCEPTED, ("ops",)
    office.use(servers, external=dataclasses.replace(MAPPED, cache_seconds=60))
    for _ in range(3):
        await office.enter("eve", "pass")
    assert len(servers.asked) == 1
    await office.enter("eve", "other")
    await office.enter("eve", "pass", channel=Channel.SSH)
    assert len(servers.asked) == 3
    office.clock.advance(60)
    await office.enter("eve", "pass")
    assert len(servers.asked) == 4
    office.use(servers, external=MAPPED)
    for _ in range(2):
        await office.enter("eve", "pass")
    assert len(servers.asked) == 6


async def test_rejected_passwords_have_to_wait_as_local_ones(office: Office) -> None:
    servers = FakeServers()
    office.use(servers, external=MAPPED)
    answers = [refused(await office.enter("eve", str(n))) for n in range(20)]
    assert answers == [Reason.REJECTED] * 10 + [Reason.TOO_MANY] * 10


def test_whom_the_operating_system_vouches_for_needs_no_password(office: Office) -> None:
    office.change("admin", lock=Lock.FAILURES)
    admitted = office.sign_in.by_trust()
    assert isinstance(admitted, Admitted)
    assert (admitted.user, admitted.role, admitted.channel) == (
        "admin",
        Role.ADMINISTRATOR,
        Channel.CONSOLE,
    )
    office.change("admin", generation=admitted.generation + 1)
    assert office.sign_in.still_holds(admitted)
    assert not office.sign_in.still_holds(dataclasses.replace(admitted, is_trusted=False))


def test_a_trusted_session_ends_with_its_user(office: Office) -> None:
    admitted = office.sign_in.by_trust("ann")
    assert isinstance(admitted, Admitted)
    office.use(users={name: user for name, user in USERS.items() if name != "ann"})
    assert not office.sign_in.still_holds(admitted)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nobody", Reason.UNKNOWN_USER), ("hal", Reason.NO_ACCESS), ("una", Reason.NO_ACCESS)],
)
def test_trust_makes_no_users_and_no_rights(office: Office, name: str, reason: Reason) -> None:
    assert refused(office.sign_in.by_trust(name)) is reason
