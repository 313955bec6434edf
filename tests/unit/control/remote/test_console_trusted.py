"""The local command line: one line, a script, a session, for whom the operating system vouches."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailwarden.control.remote import console_server
from mailwarden.control.remote.console_frames import Hello, Kind, Mode, encode_frame, encode_hello
from mailwarden.control.remote.session_host import Access
from mailwarden.core.access.account import Lock
from mailwarden.system.net.unix_socket import Peer
from tests.unit.control.remote.gateway import LOGIN, Client, FakeGateway
from tests.unit.control.remote.test_console_login import PENDING, PROMPT, until


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[FakeGateway]:
    async with FakeGateway(tmp_path) as gateway:
        yield gateway


def one_line(line: str, **more: object) -> Hello:
    return Hello(mode=Mode.TRUSTED, line=line, **more)  # type: ignore[arg-type]  # by name


async def carried_out(gateway: FakeGateway, line: str, **more: object) -> Client:
    client = await Client.connect(gateway, one_line(line, **more))
    await client.expect_exit()
    return client


async def test_c_14_a_line_its_output_and_its_status(gateway: FakeGateway) -> None:
    client = await carried_out(gateway, "status")
    assert (client.shown, client.errors, client.status) == ("Status: Online\n", "", 0)
    assert client.wants == 0  # what a shell script reads from standard input is left for it
    assert gateway.accesses() == [("ADMITTED", "admin"), ("LEFT", "admin")]


async def test_c_03_an_error_is_on_standard_error(gateway: FakeGateway) -> None:
    client = await carried_out(gateway, "foo")
    assert (client.shown, client.errors, client.status) == ("", "Unknown command: foo\n", 1)


async def test_c_15_what_is_not_committed_is_discarded(gateway: FakeGateway) -> None:
    client = await carried_out(gateway, "sethostname x.example.com")
    assert (client.errors, client.status) == ("1 uncommitted change discarded\n", 0)
    assert gateway.events[-1].discarded_changes == 1


async def test_c_16_a_script_commits(gateway: FakeGateway) -> None:
    client = await Client.script(gateway, "sethostname x.example.com\ncommit via script\n")
    assert client.status == 0
    assert gateway.opened[0].office.comments == ["via script"]
    assert "Mailwarden" not in client.shown  # no greeting for scripts


async def test_a_script_that_ends_without_a_line_end(gateway: FakeGateway) -> None:
    client = await Client.script(gateway, "status")
    assert "Status: Online\n" in client.shown


async def test_long_scripts_wait_outside(gateway: FakeGateway) -> None:
    client = await Client.connect(gateway, Hello(mode=Mode.TRUSTED))
    line = b"status" + b" " * 500 + b"\n"
    for _ in range(10):
        client.send(Kind.INPUT, line * 100)
    client.send(Kind.END)
    await client.expect_exit()
    assert client.shown.count("Status: Online\n") == 1000


async def test_input_behind_the_end_is_none(gateway: FakeGateway) -> None:
    client = await Client.connect(gateway, Hello(mode=Mode.TRUSTED))
    client.send(Kind.END)
    client.send(Kind.INPUT, b"status\n")
    client.send(Kind.END)
    await client.expect_exit()
    assert "Online" not in client.shown


async def test_what_a_line_asks_is_read_from_the_input(gateway: FakeGateway) -> None:
    client = await Client.connect(gateway, one_line("workqueue pause"))
    await client.expect("Are you sure you want to pause it? [N]> ")
    assert client.wants == 1
    client.send(Kind.INPUT, b"y\n")
    assert await client.expect_exit() == 0
    assert client.shown.endswith("Work queue paused\n")


async def test_what_a_line_asks_is_asked_at_the_terminal_without_pages(
    gateway: FakeGateway,
) -> None:
    hello = one_line("workqueue pause", is_terminal=True, columns=80, lines=5)
    client = await Client.connect(gateway, hello)
    await client.expect("[N]> ")
    client.type("mq\x7f\x7fy\r")
    assert await client.expect_exit() == 0
    many = await carried_out(gateway, "many", is_terminal=True, columns=80, lines=5)
    assert many.shown.endswith("line 100\r\n")
    foo = await carried_out(gateway, "foo", is_terminal=True, columns=80, lines=5)
    assert (foo.shown, foo.errors) == ("", "Unknown command: foo\n")


async def test_ctrl_c_at_the_question_of_a_line(gateway: FakeGateway) -> None:
    client = await Client.connect(gateway, one_line("workqueue pause", is_terminal=True))
    await client.expect("[N]> ")
    client.type("\x03")
    assert await client.expect_exit() == 1
    assert client.errors == "Error: Abandoned.\n"


async def test_a_session_at_a_terminal(gateway: FakeGateway) -> None:
    client = await Client.connect(
        gateway, Hello(mode=Mode.TRUSTED, is_terminal=True, columns=80, lines=24)
    )
    await client.expect("Serial number: 564DAABB-1\r\n" + PROMPT)
    client.type("sethos\tm9.example\r")
    await client.expect(PENDING)
    await client.hang_up()
    await until(lambda: not gateway.sessions.rows())  # it is not kept
    assert gateway.events[-1].discarded_changes == 1


async def test_the_line_of_a_client_that_goes_away_ends(gateway: FakeGateway) -> None:
    client = await Client.connect(gateway, one_line("tail"))
    await until(lambda: bool(gateway.sessions.rows()))
    await client.hang_up()
    await until(lambda: not gateway.sessions.rows())
    assert gateway.events[-1].detail == "the client went away"


async def test_work_that_notices_nothing_is_cancelled(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailwarden.control.remote.console_session.GRACE_SECONDS", 0.0)
    client = await Client.connect(gateway, one_line("wait"))
    await until(lambda: bool(gateway.sessions.rows()))
    await client.hang_up()
    await until(lambda: not gateway.sessions.rows())
    assert gateway.opened[0].is_closed


async def test_as_another_user_with_that_ones_role(gateway: FakeGateway) -> None:
    client = await carried_out(gateway, "sethostname x.example", user="guy")
    assert client.errors == "You do not have permission to run configure\n"
    assert gateway.accesses()[0] == ("ADMITTED", "guy")


async def test_as_a_user_who_does_not_exist(gateway: FakeGateway) -> None:
    client = await carried_out(gateway, "status", user="nobody")
    assert (client.shown, client.errors, client.status) == ("", "There is no such user.\n", 1)
    assert gateway.accesses() == [("REFUSED", "nobody")]


async def test_a_lock_keeps_nobody_out_whom_the_system_vouches_for(gateway: FakeGateway) -> None:
    gateway.accounts.change("admin", lock=Lock.FAILURES)
    client = await carried_out(gateway, "unlock")
    assert (client.shown, client.status) == ("unlocked\n", 0)


async def test_acc_05_only_root_and_the_owner_are_let_in(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_server, "peer_of", lambda _: Peer(1, 65534, 65534))
    client = await Client.connect(gateway, one_line("status"))
    await client.expect_end()
    assert (client.shown, client.errors, client.status) == ("", "", None)
    assert [(e.access, e.detail) for e in gateway.events] == [(Access.REFUSED, "user id 65534")]


@pytest.mark.parametrize(
    "hello",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        encode_frame(Kind.INPUT, b"status\n"),
        encode_frame(Kind.HELLO, b"{}"),
        encode_frame(Kind.HELLO, b"[" * 100_000),
        b"\x01\xff\xff\xff\xff",
        encode_hello(LOGIN) + encode_frame(Kind.EXIT, b"\0"),
        encode_hello(LOGIN) + encode_frame(Kind.SIZE, b"\0"),
    ],
)
async def test_what_is_not_our_client_is_cut_off(gateway: FakeGateway, hello: bytes) -> None:
    client = await Client.connect(gateway, hello)
    await client.expect_end()
    assert client.status is None
    assert (await carried_out(gateway, "status")).status == 0


async def test_the_console_needs_a_terminal(gateway: FakeGateway) -> None:
    client = await Client.connect(gateway, Hello(mode=Mode.LOGIN))
    assert await client.expect_exit() == 1
    assert client.errors == "The console needs a terminal.\n"


async def test_output_that_nobody_reads_does_not_hold_up_others(gateway: FakeGateway) -> None:
    lazy = await Client.connect(gateway, Hello(mode=Mode.TRUSTED))
    for _ in range(20):
        lazy.send(Kind.INPUT, b"many\n" * 500)
    await asyncio.sleep(0)
    assert (await carried_out(gateway, "status")).status == 0
    await lazy.hang_up()
    await until(lambda: not gateway.sessions.rows())
