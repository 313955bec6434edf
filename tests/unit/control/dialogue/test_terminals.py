"""All terminals keep the same promises; the one on streams also has bytes to think of."""

import asyncio
from collections.abc import Callable

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.stream_terminal import StreamTerminal
from mailwarden.control.dialogue.terminal import (
    ClosedError,
    EndOfTextError,
    InterruptError,
    Size,
    Terminal,
)
from mailwarden.control.dialogue.text import LineError
from mailwarden.control.remote.key_terminal import KeyTerminal
from mailwarden.control.remote.pipe_terminal import PipeTerminal
from mailwarden.control.remote.watched_terminal import WatchedTerminal
from tests.unit.control.dialogue.office import Office
from tests.unit.control.dialogue.samples import CATALOG


class Paper:
    """A sink that remembers, or one that is gone."""

    def __init__(self, *, is_gone: bool = False) -> None:
        self.data = b""
        self.is_gone = is_gone

    def write(self, data: bytes) -> None:
        if self.is_gone:
            raise BrokenPipeError
        self.data += data

    async def drain(self) -> None:
        if self.is_gone:
            raise ConnectionResetError


def streams(data: bytes, limit: int = 2**16) -> tuple[StreamTerminal, Paper, Paper]:
    reader = asyncio.StreamReader(limit=limit)
    reader.feed_data(data)
    reader.feed_eof()
    output, errors = Paper(), Paper()
    return StreamTerminal(reader, output, errors), output, errors


def piped(*typed: str | Key) -> Terminal:
    lines = ["\x04" if each is Key.CTRL_D else str(each) for each in typed]
    return streams("".join(f"{line}\n" for line in lines).encode())[0]


def fed(*typed: str | Key) -> Terminal:
    terminal = PipeTerminal(Paper(), Paper(), lambda _is_full: None)
    for each in typed:
        terminal.feed(b"\x04\n" if each is Key.CTRL_D else f"{each}\n".encode())
    terminal.end()
    return terminal


def watched(*typed: str | Key) -> Terminal:
    return WatchedTerminal(ScriptedTerminal(typed), lambda _begins: None)


def scripted(*typed: str | Key) -> Terminal:
    return ScriptedTerminal(typed)


_PRESSED = {Key.CTRL_C: "\x03", Key.CTRL_D: "\x04"}


def pressed(*typed: str | Key) -> KeyTerminal:
    terminal = KeyTerminal(Paper(), Size(80, 24))
    for each in typed:
        if each is Key.HANG_UP:
            terminal.close()
            return terminal
        terminal.feed((_PRESSED[each] if isinstance(each, Key) else f"{each}\r").encode())
    terminal.end()
    return terminal


MAKERS = pytest.mark.parametrize("make", [piped, fed, scripted, watched, pressed])
WITH_KEYS = pytest.mark.parametrize("make", [scripted, watched, pressed])
Make = Callable[..., Terminal]


@MAKERS
async def test_lines_come_in_order_and_then_the_end(make: Make) -> None:
    terminal = make("one", "", "zwei ü")
    assert [await terminal.read_line("> ") for _ in range(3)] == ["one", "", "zwei ü"]
    for _ in range(2):
        with pytest.raises(EndOfTextError) as caught:
            await terminal.read_line("> ")
        assert caught.value.is_final


@MAKERS
async def test_ctrl_d_is_not_the_end(make: Make) -> None:
    terminal = make(Key.CTRL_D, "one")
    with pytest.raises(EndOfTextError) as caught:
        await terminal.read_secret("> ")
    assert not caught.value.is_final
    assert await terminal.read_secret("> ") == "one"


@MAKERS
async def test_a_key_is_a_letter(make: Make) -> None:
    assert await make("q").read_key() == "q"
    with pytest.raises(EndOfTextError):
        await make().read_key()


@MAKERS
async def test_waiting_for_an_interrupt_takes_no_input(make: Make) -> None:
    terminal = make("one")
    waiting = asyncio.ensure_future(terminal.wait_interrupt())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    assert await terminal.read_line("> ") == "one"


@WITH_KEYS
async def test_ctrl_c_interrupts_what_is_read(make: Make) -> None:
    terminal = make(Key.CTRL_C, Key.CTRL_C, Key.CTRL_C, "one")
    for read in (terminal.read_line("> "), terminal.read_secret("> "), terminal.read_key()):
        with pytest.raises(InterruptError):
            await read
    assert await terminal.read_line("> ") == "one"


@WITH_KEYS
async def test_ctrl_c_interrupts_what_goes_on(make: Make) -> None:
    terminal = make(Key.CTRL_C, "one")
    async with asyncio.timeout(10):
        await terminal.wait_interrupt()
    assert await terminal.read_line("> ") == "one"


@WITH_KEYS
async def test_a_lost_connection_ends_all_that_waits(make: Make) -> None:
    terminal = make(Key.HANG_UP)
    for wait in (
        terminal.read_line("> "), terminal.read_secret("> "), terminal.read_key(),
        terminal.wait_interrupt(),
    ):  # fmt: skip
        with pytest.raises(ClosedError):
            await wait


@WITH_KEYS
async def test_a_read_that_is_cancelled_takes_no_later_line(make: Make) -> None:
    terminal = KeyTerminal(Paper(), Size(80, 24)) if make is pressed else make(Key.NOTHING)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await terminal.read_line("> ")
    if isinstance(terminal, KeyTerminal):
        terminal.feed(b"one\r")
        assert await terminal.read_line("> ") == "one"


async def test_prompts_and_errors_go_their_ways() -> None:
    terminal, output, errors = streams(b"one\r\nlast")
    assert await terminal.read_line("ü> ") == "one"
    assert await terminal.read_line("> ") == "last"
    terminal.write_error("no\n")
    await terminal.drain()
    assert output.data == "ü> > ".encode()
    assert errors.data == b"no\n"
    assert terminal.size().lines == 0


@pytest.mark.parametrize("length", [16, 17, 31, 32, 33, 100, 1000])
async def test_lines_that_are_too_long_are_passed_over(length: int) -> None:
    terminal, _, _ = streams(b"x" * length + b"\nnext\n", limit=15)
    with pytest.raises(LineError, match="too long"):
        await terminal.read_line("")
    assert await terminal.read_line("") == "next"


async def test_a_line_that_is_too_long_may_be_the_last() -> None:
    terminal, _, _ = streams(b"x" * 100, limit=15)
    with pytest.raises(LineError, match="too long"):
        await terminal.read_line("")
    with pytest.raises(EndOfTextError):
        await terminal.read_line("")


async def test_bytes_that_are_no_text_are_refused() -> None:
    terminal, _, _ = streams(b"\xff\nnext\n")
    with pytest.raises(LineError, match="UTF-8"):
        await terminal.read_line("")
    assert await terminal.read_line("") == "next"


async def test_a_signal_and_a_lost_client_end_what_goes_on() -> None:
    terminal = PipeTerminal(Paper(), Paper(), lambda _is_full: None)
    terminal.interrupt()  # nothing goes on yet
    waiting = asyncio.ensure_future(terminal.wait_interrupt())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    terminal.interrupt()
    await waiting
    terminal.close()
    with pytest.raises(ClosedError):
        await terminal.wait_interrupt()


async def test_a_lost_reader_ends_the_session() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"status\n")
    terminal = StreamTerminal(reader, Paper(is_gone=True), Paper())
    assert await Session(CATALOG, Office(), terminal).run() == 1
    with pytest.raises(ClosedError):
        await StreamTerminal(reader, Paper(), Paper(is_gone=True)).drain()


async def test_a_lost_input_ends_the_session() -> None:
    reader = asyncio.StreamReader()
    reader.set_exception(ConnectionResetError())
    terminal = StreamTerminal(reader, Paper(), Paper())
    assert await Session(CATALOG, Office(), terminal).run() == 1


async def test_an_output_that_is_lost_at_the_end_is_no_accident() -> None:
    reader = asyncio.StreamReader()
    reader.feed_eof()
    office, errors = Office(), Paper(is_gone=True)
    office.tree = {"hostname": "pending.example"}
    assert await Session(CATALOG, office, StreamTerminal(reader, Paper(), errors)).run() == 1


async def test_row_c16_over_streams() -> None:
    office = Office()
    terminal, output, errors = streams(b"sethostname x.example.com\ncommit via script\nfoo\n")
    assert await Session(CATALOG, office, terminal).run() == 1
    assert office.running == {"hostname": "x.example.com"}
    assert errors.data == b"Unknown command: foo\n"
    assert output.data.startswith(b"mail3.example.com> * mail3.example.com> Changes committed: ")


async def test_a_configuration_that_is_piped_in_ends_with_the_input() -> None:
    office = Office()
    terminal, _, _ = streams(b"<config>\n</config>\n")
    assert await Session(CATALOG, office, terminal).run_once("paste xml xml -") == 0
    assert office.tree == {"paste": {"xml": "<config>\n</config>\n"}}
