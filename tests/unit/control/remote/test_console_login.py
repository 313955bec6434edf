"""The console: who gets in, what they see, and what becomes of a line that is cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mailwarden.control.remote.session_host import Access, Origin
from mailwarden.control.remote.sessions import GONE, SessionLimits
from mailwarden.core.access.account import Change, Channel, Lock
from mailwarden.services.accounts.answers import Admitted, Reason, Refused
from tests.unit.control.remote.gateway import USERS, WAIT_SECONDS, Client, FakeGateway

PROMPT = "mail3.example.com> "
PENDING = f"* {PROMPT}"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[FakeGateway]:
    async with FakeGateway(tmp_path) as gateway:
        yield gateway


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what the server does by itself."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not is_so():
            await asyncio.sleep(0)


async def cut(gateway: FakeGateway, client: Client) -> None:
    """Cut the line, and wait until the gateway has noticed."""
    await client.hang_up()
    await until(lambda: gateway.events[-1].access is Access.HUNG_UP)


async def test_cli_08_the_banner_is_shown_before_login(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway)
    assert client.shown == "Authorised use only.\r\nlogin: "
    assert client.wants == 1


async def test_cli_07_what_is_said_after_login(gateway: FakeGateway) -> None:
    other = await Client.at_tty(gateway, "ann")
    await other.expect(PROMPT)
    other.type("sethostname m9.example\r")
    await other.expect(PENDING)
    gateway.clock.advance(60)
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    assert client.shown.endswith(
        "\r\nLast login: Tue Nov  9 10:15:02 2010 GMT from console\r\n"
        "Mailwarden\r\nVersion: 1.2.3\r\nSerial number: 564DAABB-1\r\n"
        "1 uncommitted configuration change exists in another session by ann\r\n"
        f"{PROMPT}"
    )
    assert gateway.accesses() == [("ADMITTED", "ann")] * 2
    assert gateway.events[0].origin == Origin(Channel.CONSOLE, "", "/dev/ttyS0")


async def test_a_session_and_its_end(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    client.type("status\r")
    await client.expect("Status: Online\r\n" + PROMPT)
    client.type("\x04")
    assert await client.expect_exit() == 0
    assert gateway.sessions.rows() == []
    assert gateway.accesses() == [("ADMITTED", "ann"), ("LEFT", "ann")]
    assert gateway.opened[0].is_closed


async def test_a_wrong_password_is_asked_for_again_and_is_not_shown(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann", "wrong\x1b[2Jword")
    await client.expect("login: ")
    await client.log_in("ann", "wrong")
    await client.expect("Login incorrect\r\n")
    await client.expect("login: ")
    await client.log_in("nobody", "x")
    await client.expect("Login incorrect\r\n")
    assert "wrong" not in client.shown
    assert [event.user for event in gateway.events] == ["ann", "ann", "nobody"]
    assert gateway.events[0].detail == "wrong password"


async def test_pwd_01_the_lock_by_failures_is_told_for_the_alert(gateway: FakeGateway) -> None:
    policy = gateway.accounts.settings.policy
    gateway.accounts.use(policy=policy.__class__(lock_after_failures=1))
    client = await Client.at_tty(gateway, "ann", "wrong")
    await client.expect("Login incorrect\r\n")
    assert [event.was_locked for event in gateway.events] == [True]


@pytest.mark.parametrize(
    "keys",
    ["\r", "\x03", "\x04", "ann\r\x03", "ann\r\x04", "\xff\x01\x03", "a" + "x" * 40_000 + "\r"],
)
async def test_the_login_never_ends_by_a_key(gateway: FakeGateway, keys: str) -> None:
    client = await Client.at_tty(gateway)
    client.type(keys)
    await client.expect("login: ")
    await client.log_in("ann")
    await client.expect(PROMPT)


async def test_c_30_a_locked_admin_gets_in_at_the_console_and_unlocks(gateway: FakeGateway) -> None:
    accounts = gateway.accounts
    accounts.change("admin", lock=Lock.FAILURES)
    before = await accounts.enter("admin", channel=Channel.SSH)
    assert isinstance(before, Refused)
    assert before.reason is Reason.LOCKED_BY_FAILURES
    client = await Client.at_tty(gateway, "admin")
    await client.expect(PROMPT)
    client.type("unlock\r")
    await client.expect("unlocked\r\n")
    assert isinstance(await accounts.enter("admin", channel=Channel.SSH), Admitted)


async def test_cli_04_nobody_else_gets_in_while_locked(gateway: FakeGateway) -> None:
    gateway.accounts.change("ann", lock=Lock.FAILURES)
    client = await Client.at_tty(gateway, "ann")
    await client.expect("Login incorrect\r\n")


async def test_role_12_the_first_password_has_to_be_changed(gateway: FakeGateway) -> None:
    gateway.accounts.change("ann", change=Change.FIRST_START)
    client = await Client.at_tty(gateway, "ann")
    for word in ("ann secret", "short", "short"):
        await client.expect(": ")
        client.type(f"{word}\r")
    await client.expect("The password ")
    for word in ("ann secret", "long enough by far", "long enough by far"):
        await client.expect("assword")
        client.type(f"{word}\r")
    await client.expect(PROMPT)
    gateway.sweep()  # the new password does not end the session that it was set in
    client.type("status\r")
    await client.expect(PROMPT)
    assert isinstance(await gateway.accounts.enter("ann", "long enough by far"), Admitted)


async def test_who_does_not_change_it_gets_no_session(gateway: FakeGateway) -> None:
    gateway.accounts.change("ann", change=Change.RESET)
    client = await Client.at_tty(gateway, "ann")
    await client.expect("Present password: ")
    client.type("\x03")
    await client.expect("The password was not changed.\r\n")
    await client.expect("login: ")
    assert gateway.opened == []


async def test_s_09_cli_03_listed_after_29_minutes_and_gone_after_31(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    client.type("sethostname m9.example\r")
    await client.expect(PENDING)
    gateway.clock.advance(1000)
    await cut(gateway, client)
    gateway.clock.advance(29 * 60)
    gateway.sweep()
    (row,) = gateway.sessions.rows()
    assert (row.user, row.detached_seconds, row.pending_changes) == ("ann", 29 * 60, 1)
    gateway.clock.advance(2 * 60)
    gateway.sweep()
    await until(lambda: not gateway.sessions.rows())
    event = gateway.events[-1]
    assert (event.access, event.detail, event.discarded_changes) == (Access.ENDED, GONE, 1)
    assert gateway.opened[0].pending_changes() == 0


async def test_cli_03_its_user_goes_on_with_it(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    client.type("sethostname\r")
    await client.expect("[m3.example]> ")
    client.type("m9.exa")
    await client.expect("m9.exa")
    await cut(gateway, client)
    gateway.clock.advance(29 * 60 + 59)
    again = await Client.at_tty(gateway, "ann")
    await again.expect("1. cut off 29 minutes ago, ends in 0 minutes, uncommitted changes: 0\r\n")
    await again.expect("2. a new session\r\n[1]> ")
    again.type("\r")
    await again.expect("[m3.example]> m9.exa")
    gateway.clock.advance(29 * 60)
    gateway.sweep()
    again.type("mple\r")
    await again.expect(PENDING)
    assert gateway.accesses() == [
        ("ADMITTED", "ann"),
        ("HUNG_UP", "ann"),
        ("RETURNED", "ann"),
    ]
    again.type("exit\ry\r")
    assert await again.expect_exit() == 0


async def test_what_came_meanwhile_is_seen_on_coming_back(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    client.type("many\r")
    await client.expect("-Press Any Key For More-")
    await cut(gateway, client)
    again = await Client.at_tty(gateway, "ann")
    await again.expect("[1]> ")
    again.type("1\r")
    await again.expect("line 23\r\n-Press Any Key For More-")
    again.type("q")
    await again.expect(PROMPT)
    assert "line 24" not in again.shown


async def test_a_new_session_leaves_the_old_one_waiting(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    await cut(gateway, client)
    again = await Client.at_tty(gateway, "ann")
    await again.expect("[1]> ")
    again.type("3\r")
    await again.expect("A number from 1 to 2 is needed.\r\n[1]> ")
    again.type("2\r")
    await again.expect("Mailwarden")
    assert [row.detached_seconds is None for row in gateway.sessions.rows()] == [False, True]


async def test_nobody_else_is_offered_it(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    await cut(gateway, client)
    other = await Client.at_tty(gateway, "admin")
    await other.expect(PROMPT)
    assert "cut off" not in other.shown


async def test_two_cannot_go_on_with_the_same(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    await cut(gateway, client)
    one, other = await Client.at_tty(gateway, "ann"), await Client.at_tty(gateway, "ann")
    await one.expect("[1]> ")
    await other.expect("[1]> ")
    one.type("1\r")
    await one.expect(PROMPT)
    other.type("1\r")
    await other.expect("That session is not there any more.\r\n")
    await other.expect(PROMPT)
    assert len(gateway.sessions.rows()) == 2


async def test_hanging_up_at_the_login_leaves_nothing(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway)
    client.type("ann\r")
    await client.expect("Password: ")
    await client.hang_up()
    other = await Client.at_tty(gateway, "ann")
    await other.expect(PROMPT)
    assert len(gateway.sessions.rows()) == 1


async def test_role_07_a_new_password_ends_the_session(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    client.type("sethostname m9.example\r")
    await client.expect(PENDING)
    await gateway.change_own("ann", "ann secret", "long enough by far")
    gateway.sweep()
    await client.expect("password, your role or your account has changed. Changes lost: 1.\r\n")
    assert await client.expect_exit() == 1
    assert gateway.events[-1].access is Access.ENDED


async def test_role_07_a_user_who_is_gone_is_cut_off_at_work(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    client.type("tail\r")
    await until(lambda: not gateway.sessions.rows()[0].pending_changes)
    gateway.accounts.use(users={"guy": USERS["guy"]})
    gateway.sweep()
    assert await client.expect_exit() == 1


async def test_an_idle_session_ends(gateway: FakeGateway) -> None:
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    gateway.clock.advance(1799)
    client.type("s")
    await client.expect("s")
    gateway.clock.advance(1799)
    gateway.sweep()
    assert gateway.accesses() == [("ADMITTED", "ann")]
    gateway.clock.advance(1)
    gateway.sweep()
    await client.expect("nothing was typed for too long.")
    assert await client.expect_exit() == 1


async def test_too_many_sessions(tmp_path: Path) -> None:
    async with FakeGateway(tmp_path, SessionLimits(of_a_user=1)) as gateway:
        first = await Client.at_tty(gateway, "ann")
        await first.expect(PROMPT)
        second = await Client.at_tty(gateway, "ann")
        await second.expect("There are too many sessions. Close another one first.\r\n")
        await second.expect("login: ")


async def test_an_error_of_ours_ends_one_session(gateway: FakeGateway) -> None:
    problems: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: problems.append(context["exception"])
    )
    other = await Client.at_tty(gateway, "guy")
    await other.expect(PROMPT)
    client = await Client.at_tty(gateway, "ann")
    await client.expect(PROMPT)
    client.type("fail\r")
    assert await client.expect_exit() == 1
    assert [type(problem) for problem in problems] == [ZeroDivisionError]
    other.type("status\r")
    await other.expect("Status: Online\r\n")


async def test_stopping_tells_whoever_is_there(tmp_path: Path) -> None:
    async with FakeGateway(tmp_path) as gateway:
        client = await Client.at_tty(gateway, "ann")
        await client.expect(PROMPT)
    await client.expect("the gateway's administration stops.\r\n")
    await client.expect_end()
    assert not (tmp_path / "console.sock").exists()
