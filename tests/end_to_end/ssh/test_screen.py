"""A person at a terminal: prompts, editing, completion, secrets, pages, Ctrl-C, its size."""

import asyncio
import fcntl
import struct
import termios
from pathlib import Path

from mailwarden.control.remote.session_host import Access
from mailwarden.control.remote.sessions import IDLE, REVOKED
from tests.end_to_end.ssh.bench import Screen, screen, serving

PROMPT = "mail3.example.com> "


async def test_row_c_01_the_prompt_comes_after_the_login(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench, user="admin") as shown:
        before = await shown.wait_for(PROMPT)
        assert "Mailwarden\r\nVersion: 0.1.0\r\nSerial number: MW-0001\r\n" in before
        assert "Last login" not in before
        shown.type("exit\r")
        assert await shown.end() == 0


async def test_cli_07_the_last_login_and_the_changes_of_others_are_shown(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench, user="bob") as first:
        await first.wait_for(PROMPT)
        first.type("sethostname x.example.com\r")
        await first.wait_for(f"* {PROMPT}")
        async with screen(bench, user="bob") as second:
            before = await second.wait_for(PROMPT)
        assert "Last login: Tue Nov  9 10:15:02 2010 GMT from 127.0.0.1\r\n" in before
        assert "1 uncommitted configuration change exists in another session by bob\r\n" in before


async def test_cli_20_lines_are_edited_completed_and_remembered(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench) as shown:
        await shown.wait_for(PROMPT)
        shown.type("xstat\x1b[H\x1b[3~\x1b[Fu\t")
        await shown.wait_for("status ")
        shown.type("\r")
        await shown.wait_for("Status: Online\r\n")
        await shown.wait_for(PROMPT)
        shown.type("\x1b[A")
        await shown.wait_for("status ")
        shown.type("\r")
        await shown.wait_for("Status: Online\r\n")
        shown.type("e\t")
        await shown.wait_for("exit ")
        shown.type("\r")
        assert await shown.end() == 0


async def test_cli_16_secrets_are_not_shown(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench) as shown:
        await shown.wait_for(PROMPT)
        shown.type("passwd\rann\r")
        await shown.wait_for("Enter the new password.\r\n[]> ")
        shown.type("s3cr3t-and-long\r")
        assert await shown.wait_for("Enter it once more.\r\n[]> ") == "\r\n"
        shown.type("s3cr3t-and-long\r")
        assert await shown.wait_for("The password is set.\r\n") == "\r\n"
        await shown.wait_for(PROMPT)
        shown.type("\x1b[A\x1b[A\x1b[A")
        await shown.wait_for("passwd")
        assert "s3cr3t" not in shown.text
        assert bench.host.opened[0].desk.tree == {"users": {"ann": "s3cr3t-and-long"}}


async def test_cli_18_ctrl_c_and_ctrl_d(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench) as shown:
        await shown.wait_for(PROMPT)
        shown.type("half a comm\x03")
        await shown.wait_for("half a comm^C\r\n")
        await shown.wait_for(PROMPT)
        shown.type("sethostname\r")
        await shown.wait_for("]> ")
        shown.type("x.example\x03")
        await shown.wait_for("Abandoned.\r\n")
        await shown.wait_for(PROMPT)
        shown.type("tail\r")
        await shown.wait_for("\r\n")
        shown.type("\x03")
        await shown.wait_for(PROMPT)
        shown.type("\x04")
        assert await shown.end() == 0


async def test_pages_are_turned_and_follow_the_size(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench) as shown:
        await shown.wait_for(PROMPT)
        resize(shown, 80, 10)
        shown.type("many\r")
        first = await shown.wait_for("-Press Any Key For More-")
        assert first.count("\r\n") == 10  # nine lines, and the echo of the command
        shown.type("q")
        await shown.wait_for(PROMPT)
        resize(shown, 80, 0)
        shown.type("status\r")  # the client sends the size before what is typed
        await shown.wait_for(PROMPT)
        shown.type("many\r")
        assert "-Press" not in await shown.wait_for(PROMPT)


async def test_what_is_pasted_answers_all_questions(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench) as shown:
        await shown.wait_for(PROMPT)
        shown.type("sethostname\rzwei-ü.example\r\x15sethostname y.example\rcommit pasted\rexit\r")
        assert await shown.end() == 0
        assert bench.host.opened[0].desk.running == {"hostname": "y.example"}
        assert bench.host.opened[0].desk.comments == ["pasted"]


async def test_one_command_may_have_a_terminal(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench, "status", more=["-t"]) as shown:
        assert PROMPT not in await shown.wait_for("Status: Online\r\n")
        assert await shown.end() == 0


async def test_a_silent_session_ends(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench) as shown:
        await shown.wait_for(PROMPT)
        shown.type("sethostname x.example\r")
        await shown.wait_for(f"* {PROMPT}")
        bench.office.clock.advance(1799)
        bench.sessions.sweep(bench.office.sign_in.still_holds, 1800)
        shown.type("s")
        await shown.wait_for("s")
        bench.office.clock.advance(1800)
        bench.sessions.sweep(bench.office.sign_in.still_holds, 1800)
        await shown.wait_for(f"{IDLE} Changes lost: 1.")
        assert await shown.end() == 1
        (ended,) = bench.host.accesses(Access.ENDED)
        assert (ended.detail, ended.discarded_changes) == (IDLE, 1)
        assert bench.sessions.rows() == []


async def test_role_07_a_session_ends_with_the_rights_it_rests_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench, screen(bench) as shown:
        await shown.wait_for(PROMPT)
        bench.office.change("ann", generation=5)
        bench.sessions.sweep(bench.office.sign_in.still_holds)
        await shown.wait_for(REVOKED)
        assert await shown.end() == 1


async def test_who_hangs_up_leaves_nothing_behind(tmp_path: Path) -> None:
    async with serving(tmp_path) as bench:
        async with screen(bench) as shown:
            await shown.wait_for(PROMPT)
            shown.type("sethostname x.example\r")
            await shown.wait_for(f"* {PROMPT}")
            shown.process.kill()
            await shown.end()
        while bench.sessions.rows():
            await asyncio.sleep(0.01)
        assert bench.host.opened[0].closed == 1
        assert bench.host.accesses(Access.LEFT)[0].discarded_changes == 1


def resize(shown: Screen, columns: int, lines: int) -> None:
    """Change the size of the terminal; the client is told by a signal."""
    size = struct.pack("HHHH", lines, columns, 0, 0)
    fcntl.ioctl(shown._descriptor, termios.TIOCSWINSZ, size)
