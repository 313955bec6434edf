"""A person at the keys: what is typed ahead, pasted, hidden and interrupted."""

import asyncio

import pytest

from mailwarden.control.dialogue.completion import complete_one_of
from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.terminal import (
    ClosedError,
    EndOfTextError,
    History,
    InterruptError,
    Size,
)
from mailwarden.control.dialogue.text import LineError
from mailwarden.control.remote.key_terminal import WAITING_MAX, KeyTerminal
from tests.unit.control.dialogue.office import Office
from tests.unit.control.dialogue.samples import CATALOG
from tests.unit.control.dialogue.test_terminals import Paper
from tests.unit.control.remote.display import Display

SIZE = Size(80, 24)


class Desk:
    """A terminal, and what its screen shows."""

    def __init__(self, typed: bytes = b"", size: Size = SIZE) -> None:
        self.paper = Paper()
        self.held: list[bool] = []
        self.terminal = KeyTerminal(self.paper, size, self.held.append)
        self.terminal.feed(typed)

    def rows(self) -> list[str]:
        display = Display(self.terminal.size().columns)
        display.show(self.paper.data.decode())
        return display.rows()


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_pasted_answers_one_read_after_the_other() -> None:
    desk = Desk(b"one\r\ntwo\nthree\rfo")
    lines = [await desk.terminal.read_line(f"{number}> ") for number in range(3)]
    assert lines == ["one", "two", "three"]
    reading = asyncio.ensure_future(desk.terminal.read_line("3> "))
    await turns()
    assert desk.rows() == ["0> one", "1> two", "2> three", "3> fo"]
    desk.terminal.feed(b"ur\r")
    assert await reading == "four"


async def test_letters_split_over_packets_are_whole() -> None:
    desk = Desk()
    reading = asyncio.ensure_future(desk.terminal.read_line("> "))
    for byte in "zwei ü 漢\x1b[D\x1b[Dx\r".encode():
        desk.terminal.feed(bytes([byte]))
        await turns(3)
    assert await reading == "zwei üx 漢"
    assert desk.rows() == ["> zwei üx 漢"]


async def test_a_secret_is_not_shown() -> None:
    desk = Desk(b"pass\x7f\x7fxx\rnext\r")
    assert await desk.terminal.read_secret("Password: ") == "paxx"
    assert desk.paper.data == b"Password: \r\n"
    assert await desk.terminal.read_line("> ") == "next"


async def test_a_secret_knows_no_history_and_no_completion() -> None:
    desk = Desk(b"\x1b[A\t\r")
    assert await desk.terminal.read_secret("> ") == "\t"


async def test_history_and_completion_reach_the_line() -> None:
    history = History()
    history.add("version")
    desk = Desk(b"\x1b[A\rst\t\r")
    complete = complete_one_of(["status"])
    assert await desk.terminal.read_line("> ", complete, history) == "version"
    assert await desk.terminal.read_line("> ", complete, history) == "status"
    assert history.lines == ("version",)


async def test_keys_turn_pages() -> None:
    desk = Desk("q\x1b[A\r漢x\x1b".encode())
    keys = [await desk.terminal.read_key() for _ in range(6)]
    assert keys == ["q", "up", "\n", "漢", "x", "\x1b"]
    desk.terminal.feed(b"\x04\x1b[200~\x03")
    with pytest.raises(EndOfTextError) as caught:
        await desk.terminal.read_key()
    assert not caught.value.is_final
    with pytest.raises(InterruptError):
        await desk.terminal.read_key()


async def test_ctrl_c_shows_itself_and_takes_what_was_typed_before() -> None:
    desk = Desk(b"abc\x03")
    with pytest.raises(InterruptError):
        await desk.terminal.read_line("> ")
    desk.terminal.feed(b"typed ahead\r")
    waiting = asyncio.ensure_future(desk.terminal.wait_interrupt())
    await turns()
    assert not waiting.done()
    desk.terminal.feed(b"\x03then\r")
    await waiting
    assert await desk.terminal.read_line("> ") == "then"
    assert desk.rows() == ["> abc^C", "^C", "> then"]


async def test_a_signal_is_ctrl_c() -> None:
    desk = Desk()
    reading = asyncio.ensure_future(desk.terminal.read_line("> "))
    await turns()
    desk.terminal.interrupt()
    with pytest.raises(InterruptError):
        await reading


async def test_the_input_may_end_within_a_line() -> None:
    desk = Desk(b"abc")
    desk.terminal.end()
    assert await desk.terminal.read_line("> ") == "abc"
    with pytest.raises(EndOfTextError) as caught:
        await desk.terminal.read_line("> ")
    assert caught.value.is_final


async def test_closing_ends_a_read_that_goes_on() -> None:
    desk = Desk()
    reading = asyncio.ensure_future(desk.terminal.read_line("> "))
    await turns()
    desk.terminal.close()
    with pytest.raises(ClosedError):
        await reading
    with pytest.raises(ClosedError):
        desk.terminal.write("x")
    with pytest.raises(ClosedError):
        await desk.terminal.drain()


async def test_an_output_that_is_lost_is_closed() -> None:
    terminal = KeyTerminal(Paper(is_gone=True), Size(80, 24))
    with pytest.raises(ClosedError):
        terminal.write("x")
    with pytest.raises(ClosedError):
        await terminal.drain()


async def test_who_types_too_much_ahead_is_held() -> None:
    desk = Desk(b"x" * WAITING_MAX)
    assert desk.held == []
    desk.terminal.feed(b"\r")
    assert desk.held == [True]
    with pytest.raises(LineError, match="too long"):
        await desk.terminal.read_line("> ")
    assert desk.held == [True, False]


async def test_the_row_that_a_prompt_ends_in_is_known() -> None:
    desk = Desk(b"abcd\x01x\r", Size(10, 24))
    desk.terminal.write("text\nFile")
    assert await desk.terminal.read_line(" nme> ") == "xabcd"
    assert desk.rows() == ["text", "File nme>", "xabcd"]


async def test_a_screen_that_changes_its_size_is_drawn_right() -> None:
    desk = Desk(b"abcdef")
    reading = asyncio.ensure_future(desk.terminal.read_line("> "))
    await turns()
    desk.terminal.resize(Size(8, 2))
    assert desk.terminal.size() == (8, 2)
    desk.terminal.feed(b"gh\r")
    assert await reading == "abcdefgh"
    assert desk.rows() == ["> abcdef", "gh"]


async def test_a_screen_without_a_size_has_no_pages() -> None:
    assert Desk(size=Size(0, 0)).terminal.size() == (80, 0)


async def test_a_session_over_keys() -> None:
    office = Office()
    desk = Desk(b"sethostname x.example.com\rcommit by hand\r\x04")
    assert await Session(CATALOG, office, desk.terminal).run() == 0
    assert office.running == {"hostname": "x.example.com"}
    assert desk.rows()[0] == "mail3.example.com> sethostname x.example.com"
    assert desk.rows()[1] == "* mail3.example.com> commit by hand"
