"""Dialogues: whatever is typed, each command ends, and nothing that a terminal obeys is shown."""

import asyncio

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.stream_terminal import StreamTerminal
from mailwarden.control.dialogue.text import LineError, check_line, neutralise
from mailwarden.control.dialogue.words import quote_word, read_words, scan_words
from tests.unit.control.dialogue.office import ROLES, Office
from tests.unit.control.dialogue.samples import CATALOG
from tests.unit.control.dialogue.test_terminals import Paper

TREE = {
    "hostname": "mail\x1b[2J.example",
    "listeners": {"In": {}, "Out": {}},
    "smtp_routes": {"corp.example": "mail.int.example", "a\u202e.example": "/dev/null"},
    "destinations": {"a.example": {"tls": "required", "max_host_concurrency": 5}},
    "inbound": {"aliases": ["sales: ann@corp.example"]},
}
ENDLESS = ("tail", "wait")
COMMANDS = [command.name for command in CATALOG.commands if command.name not in ENDLESS]
WORDS = st.sampled_from([
    *COMMANDS, "help", "exit", "?",
    "NEW", "EDIT", "DELETE", "PRINT", "DEFAULT", "LIST", "DETAIL", "CLEAR", "IMPORT", "SETUP",
    "HOSTACCESS", "PAUSE", "PEM", "XML", "", "1", "2", "0", "y", "n", "maybe", ".", "-", "force",
    "a.example", "corp.example", "In", "5", "10M", "tls", "none", "--tls=none", "--json", "domain",
    "size", "limit", "--", "=", "'", '"', "\\", "\x1b[2J", "\x00", "\u202e", "ü", "\t", "\ud800",
])  # fmt: skip
LINES = st.lists(WORDS | st.text(max_size=5), max_size=6).map(" ".join)
KEYS = st.sampled_from([Key.CTRL_C, Key.CTRL_D])
TYPED = st.lists(WORDS | LINES | KEYS, max_size=40)
ROLE = st.sampled_from(sorted(ROLES))
OBEYED = {chr(code) for code in (*range(32), *range(127, 160), 0x202E)} - {"\n", "\t"}


def office(role: str) -> Office:
    return Office(role, TREE)


@given(ROLE, TYPED, st.booleans())
@settings(max_examples=300, deadline=None)
@example("admin", ["limits", "4k", "y", "9", "limits", "4k", "n", "1"], False)
@example("admin", ["listenerconfig", "edit", "", "destconfig", "edit", "1"], True)
def test_whatever_is_typed_the_session_ends(role: str, typed: list, is_interactive: bool) -> None:
    terminal = ScriptedTerminal(typed, is_interactive=is_interactive)
    host = office(role)
    status = asyncio.run(Session(CATALOG, host, terminal).run())
    assert status in (0, 1)
    assert not OBEYED.intersection(terminal.shown.replace("\r", ""))
    if role == "guest":
        assert host.tree is TREE


@given(ROLE, LINES, st.lists(WORDS, max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_line_is_done_whole_or_not_at_all(role: str, line: str, typed: list[str]) -> None:
    host = office(role)
    terminal = ScriptedTerminal(typed, is_interactive=False)
    status = asyncio.run(Session(CATALOG, host, terminal).run_once(line))
    assert status in (0, 1)
    if status == 1:
        assert terminal.errors
        assert host.tree is TREE


@given(st.binary(max_size=300) | TYPED.map(lambda typed: "\n".join(
    each if isinstance(each, str) else "\x04" for each in typed
).encode("utf-8", "surrogatepass")))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_script(data: bytes) -> None:
    async def run() -> tuple[int, Paper]:
        reader = asyncio.StreamReader(limit=64)
        reader.feed_data(data)
        reader.feed_eof()
        output = Paper()
        return await Session(
            CATALOG, office("admin"), StreamTerminal(reader, output, output)
        ).run(), output

    status, output = asyncio.run(run())
    assert status in (0, 1)
    assert not OBEYED.intersection(output.data.decode())


@given(ROLE, LINES, st.integers(0, 60))
@settings(max_examples=300, deadline=None)
def test_tab_never_breaks_a_line(role: str, line: str, cursor: int) -> None:
    cursor = min(cursor, len(line))
    session = Session(CATALOG, office(role), ScriptedTerminal([]))
    new, place, candidates = session.complete(line, cursor)
    assert 0 <= place <= len(new)
    assert new.endswith(line[cursor:].removeprefix(" "))
    if not candidates and new != line:
        assert len(scan_words(new[:place]).words) == len(scan_words(line[:cursor] + "x").words)


@given(st.text())
def test_words_read_back(text: str) -> None:
    try:
        check_line(text)
    except LineError:
        return
    (word,) = read_words(quote_word(text))
    assert word.text == text
    assert not word.is_option


@given(LINES | st.text())
def test_any_line_is_words_or_an_error(line: str) -> None:
    scan = scan_words(line)
    ends = [word.end for word in scan.words]
    assert ends == sorted(ends)
    assert all(0 <= word.start < word.end <= len(line) for word in scan.words)
    try:
        words = read_words(line)
    except LineError:
        return
    assert words == scan.words
    again = read_words(" ".join(quote_word(word.text) for word in words))
    assert [word.text for word in again] == [word.text for word in words]


@given(st.text())
def test_shown_text_is_harmless_and_stays_so(text: str) -> None:
    shown = neutralise(text)
    assert not OBEYED.intersection(shown)
    assert neutralise(shown) == shown
    shown.encode()
