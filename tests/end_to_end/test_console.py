"""`mailwarden cli` and `mailwarden console`: the client on real terminals, pipes and signals."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mailwarden.control.dialogue.terminal import Size
from mailwarden.control.remote.console_frames import CONSOLE_FOLDER
from mailwarden.control.remote.session_host import Access
from tests.end_to_end.tty import WAIT_SECONDS, Tty
from tests.unit.control.remote.gateway import FakeGateway

PROMPT = "mail3.example.com> "
PENDING = f"* {PROMPT}"
PROGRAM = (sys.executable, "-m", "mailwarden.app")


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[FakeGateway]:
    """A management process within this one; the clients are processes of their own."""
    (tmp_path / "mailwarden.yaml").write_text("state_directory: state\n", encoding="utf-8")
    folder = tmp_path / "state" / CONSOLE_FOLDER
    folder.mkdir(parents=True)
    async with FakeGateway(folder) as gateway:
        yield gateway


def argv(gateway: FakeGateway, *words: str) -> tuple[str, ...]:
    config = gateway.folder.parent.parent / "mailwarden.yaml"
    return (*PROGRAM, "--config", str(config), *words)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not is_so():
            await asyncio.sleep(0.02)


def seen_size(gateway: FakeGateway) -> Size:
    (row,) = gateway.sessions.rows()
    session = gateway.console.find(row.number)
    assert session is not None
    return session.terminal.size()


async def logged_in(gateway: FakeGateway, tty: Tty, name: str = "ann") -> None:
    await tty.expect("Authorised use only.\r\nlogin: ")
    tty.type(f"{name}\r")
    await tty.expect("Password: ")
    tty.type(f"{name} secret\r")
    await tty.expect(PROMPT)


async def shell(gateway: FakeGateway, *words: str, given: str = "") -> tuple[int, str, str]:
    """Run the program with pipes; return its status, output and errors."""
    done = await asyncio.to_thread(
        subprocess.run, argv(gateway, *words), input=given, capture_output=True, text=True,
        check=False, timeout=WAIT_SECONDS,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


async def test_a_session_at_the_console(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "console")) as tty:
        await logged_in(gateway, tty)
        assert not tty.has_echo
        tty.type("sethos\t")
        await tty.expect("sethostname ")
        tty.type("m9.example\r")
        await tty.expect(PENDING)
        tty.type("\x1b[A\x1b[A\r")  # upwards in the history; there is one line
        await tty.expect("sethostname m9.example\r\n" + PENDING)
        tty.type("s\t")
        await tty.expect("sethostname")
        await tty.expect("status")
        tty.type("\x03")  # clears the line
        await tty.expect("^C\r\n" + PENDING)
        tty.type("sethostname\r")
        await tty.expect("[m9.example]> ")
        tty.type("other\x03")
        await tty.expect("Abandoned.\r\n" + PENDING)
        tty.type("\x04")
        await tty.expect("Are you sure you wish to exit? [N]> ")
        tty.type("y\r")
        assert await tty.status() == 0
        assert tty.settings() == tty.before
    assert "secret" not in tty.screen
    assert gateway.events[0].origin.device.startswith("/dev/pts/")
    assert gateway.events[-1].discarded_changes == 1


async def test_c_28_pages_follow_the_size_of_the_screen(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "cli")) as tty:
        await tty.expect(PROMPT)
        tty.type("many\r")
        await tty.expect("line 23\r\n-Press Any Key For More-")
        tty.type("q")
        await tty.expect(PROMPT)
        assert "line 24" not in tty.screen
        tty.resize(100, 11)
        await until(lambda: seen_size(gateway) == (100, 11))
        tty.type("many\r")
        await tty.expect("line 10\r\n-Press Any Key For More-")
        tty.type(" ")
        await tty.expect("line 20\r\n-Press Any Key For More-")
        tty.type("q")
        await tty.expect(PROMPT)
        tty.type("exit\r")
        assert await tty.status() == 0
        assert tty.settings() == tty.before


async def test_text_that_is_pasted(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "cli")) as tty:
        await tty.expect(PROMPT)
        tty.type("status\n" * 300)
        tty.type("\x1b[200~status\tdetail\x1b[201~\r")  # no Tab is pressed in a paste
        await tty.expect("Work queue: 3\r\n" + PROMPT)
        assert tty.screen.count("Status: Online\r\n") == 301
        tty.type("exit\r")
        assert await tty.status() == 0


async def test_ctrl_c_ends_what_follows_a_log(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "cli")) as tty:
        await tty.expect(PROMPT)
        tty.type("tail\r")
        await tty.expect("tail\r\n")
        tty.type("\x03")
        await tty.expect(PROMPT)
        tty.send(signal.SIGINT)  # as a break on a serial line
        await tty.expect("^C\r\n" + PROMPT)
        tty.type("exit\r")
        assert await tty.status() == 0


async def test_cli_03_the_line_is_cut(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "console")) as tty:
        await logged_in(gateway, tty)
        tty.type("sethostname m9.example\r")
        await tty.expect(PENDING)
        tty.hang_up()
        assert await tty.status() == 128 + signal.SIGHUP
    await until(lambda: gateway.events[-1].access is Access.HUNG_UP)
    gateway.clock.advance(29 * 60)
    gateway.sweep()
    assert gateway.sessions.rows()[0].detached_seconds == 29 * 60
    async with Tty(*argv(gateway, "console")) as tty:
        await tty.expect("login: ")
        tty.type("ann\rann secret\r")
        await tty.expect("1. cut off 29 minutes ago, ends in 1 minute, uncommitted changes: 1")
        await tty.expect("[1]> ")
        tty.type("\r")
        await tty.expect(PENDING)
        tty.type("exit\ry\r")
        assert await tty.status() == 0


async def test_cli_03_a_client_that_is_killed(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "console")) as tty:
        await logged_in(gateway, tty)
        tty.send(signal.SIGKILL)
        assert await tty.status() == -signal.SIGKILL
        await until(lambda: gateway.events[-1].access is Access.HUNG_UP)
    gateway.clock.advance(31 * 60)
    gateway.sweep()
    await until(lambda: not gateway.sessions.rows())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_the_terminal_is_given_back_on_signals(
    gateway: FakeGateway, number: signal.Signals
) -> None:
    async with Tty(*argv(gateway, "cli")) as tty:
        await tty.expect(PROMPT)
        assert tty.settings() != tty.before
        tty.send(number)
        assert await tty.status() == 128 + number
        assert tty.settings() == tty.before
    await until(lambda: not gateway.sessions.rows())


async def test_the_terminal_is_given_back_when_the_gateway_goes(tmp_path: Path) -> None:
    (tmp_path / "mailwarden.yaml").write_text("state_directory: state\n", encoding="utf-8")
    folder = tmp_path / "state" / CONSOLE_FOLDER
    folder.mkdir(parents=True)
    async with FakeGateway(folder) as gateway:
        tty = Tty(*argv(gateway, "cli"))
        await tty.expect(PROMPT)
    async with tty:
        await tty.expect("the gateway's administration stops.")
        assert await tty.status() == 1
        assert tty.settings() == tty.before


async def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(gateway: FakeGateway) -> None:
    command = " ".join(argv(gateway, "cli"))
    async with Tty("bash", "--norc", "--noprofile", "-i", PS1="shell$ ") as tty:
        await tty.expect("shell$ ")
        tty.type(f"{command}\r")
        await tty.expect("Serial number")
        await tty.expect(PROMPT)
        tty.type("sta\x1a")
        await tty.expect("Stopped")
        await tty.expect("shell$ ")
        tty.type("echo $((6 * 7))\r")
        await tty.expect("42\r\n")
        tty.type("fg\r")
        await tty.expect(command)
        tty.type("tus\r")
        await tty.expect("Status: Online\r\n" + PROMPT)
        tty.type("exit\r")
        await tty.expect("shell$ ")
        tty.type("exit\r")
        assert await tty.status() == 0


async def test_no_ctrl_z_at_the_console(gateway: FakeGateway) -> None:
    async with Tty("bash", "--norc", "--noprofile", "-i", PS1="shell$ ") as tty:
        await tty.expect("shell$ ")
        tty.type(" ".join(argv(gateway, "console")) + "\r")
        await tty.expect("login: ")
        tty.type("\x1aann\r")
        await tty.expect("Password: ")
        assert "Stopped" not in tty.screen


async def test_one_command_on_a_terminal_asks_there(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "cli", "workqueue", "pause")) as tty:
        await tty.expect("Are you sure you want to pause it? [N]> ")
        tty.type("y\r")
        await tty.expect("Work queue paused\r\n")
        assert await tty.status() == 0
        assert tty.settings() == tty.before


async def test_ctrl_c_ends_one_command_as_any_program(gateway: FakeGateway) -> None:
    async with Tty(*argv(gateway, "cli", "tail")) as tty:
        await until(lambda: bool(gateway.sessions.rows()))
        assert tty.has_echo  # nothing was asked, so the terminal is as it was
        tty.type("\x03")
        assert await tty.status() == 128 + signal.SIGINT
        assert tty.settings() == tty.before
    await until(lambda: not gateway.sessions.rows())


async def test_c_14_c_03_pipes_and_the_exit_status(gateway: FakeGateway) -> None:
    assert await shell(gateway, "cli", "status") == (0, "Status: Online\n", "")
    assert await shell(gateway, "cli", "foo") == (1, "", "Unknown command: foo\n")
    code, output, _ = await shell(gateway, "cli", "--json", "status", "detail")
    assert (code, '"detail": true' in output) == (0, True)


async def test_c_16_a_script(gateway: FakeGateway) -> None:
    script = "sethostname x.example.com\ncommit via script\n"
    code, output, errors = await shell(gateway, "cli", given=script)
    assert (code, errors) == (0, "")
    assert "Changes committed" in output
    assert gateway.opened[0].office.comments == ["via script"]


async def test_a_script_from_a_file(gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("status\nfoo\n", encoding="utf-8")
    with (tmp_path / "script").open("rb") as script:
        done = await asyncio.to_thread(
            subprocess.run, argv(gateway, "cli"), stdin=script, capture_output=True, check=False,
            timeout=WAIT_SECONDS,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"Unknown command: foo\n")


async def test_words_of_the_shell_keep_their_blanks(gateway: FakeGateway) -> None:
    await shell(gateway, "cli", "sethostname x.example.com")
    assert gateway.events[-1].discarded_changes == 1
    code, _, errors = await shell(gateway, "cli", "sethostname", "two words")
    assert (code, "Error: name: " in errors) == (1, True)


async def test_the_rest_of_a_shell_script_is_not_eaten(gateway: FakeGateway) -> None:
    command = " ".join(argv(gateway, "cli", "status"))
    done = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", f"while read line; do {command}; done"], input="1\n2\n3\n",
        text=True, capture_output=True, check=False, timeout=WAIT_SECONDS,
    )  # fmt: skip
    assert done.stdout == "Status: Online\n" * 3


async def test_whoever_reads_may_have_enough(gateway: FakeGateway) -> None:
    command = " ".join(argv(gateway, "cli"))
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-o", "pipefail", "-c", f"{command} | head -n 1 >&2"],
        input="many\n" * 5000, text=True, capture_output=True, check=False, timeout=WAIT_SECONDS,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


async def test_when_there_is_no_gateway(tmp_path: Path) -> None:
    (tmp_path / "mailwarden.yaml").write_text("state_directory: state\n", encoding="utf-8")
    gateway_argv = (*PROGRAM, "--config", str(tmp_path / "mailwarden.yaml"), "cli", "status")
    done = subprocess.run(gateway_argv, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == (
        f"mailwarden: no gateway is running with {tmp_path / 'state'}: there is no such folder\n"
        "  start it with `mailwarden run`\n"
    )


async def test_the_console_is_not_for_pipes(gateway: FakeGateway) -> None:
    code, output, errors = await shell(gateway, "console", given="ann\nann secret\n")
    assert (code, output) == (2, "")
    assert errors.startswith("mailwarden: the console needs a terminal\n")
