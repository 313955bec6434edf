"""Lines of a table's text, and what is noted about them."""

import threading
import time

import pytest

from mailwarden.core.policy import table_lines
from mailwarden.core.policy.masquerade import parse_masquerade
from mailwarden.core.policy.table_lines import (
    LINE_LENGTH_MAX,
    NOTES_MAX,
    TEXT_LENGTH_MAX,
    LineNotes,
    numbered_lines,
)
from mailwarden.core.problem import Problem

TEXTS = [
    ("", []),
    ("\n\n", []),
    ("a", [(1, "a")]),
    ("a\n", [(1, "a")]),
    ("a\r\nb\r\n", [(1, "a"), (2, "b")]),
    ("# a\n\n \tb  \n  # c\nd # e", [(3, "b"), (5, "d # e")]),
    ("\ufeffa\nb", [(1, "a"), (2, "b")]),
    ("\ufeff# a\nb", [(2, "b")]),
    ("a\x0bb\x0cc\u2028d\re\nf", [(1, "a\x0bb\x0cc\u2028d\re"), (2, "f")]),
]


@pytest.mark.parametrize(("text", "lines"), TEXTS)
def test_lines(text: str, lines: list[tuple[int, str]]) -> None:
    assert list(numbered_lines(text, LineNotes())) == lines


def test_a_line_that_is_too_long_is_noted() -> None:
    notes = LineNotes()
    text = f"{'a' * LINE_LENGTH_MAX}\n{'b' * (LINE_LENGTH_MAX + 1)}\nc"
    assert [number for number, _ in numbered_lines(text, notes)] == [1, 3]
    assert [problem.path for problem in notes.imported(None).problems] == ["line 2"]


def test_a_text_that_is_too_long_is_not_read() -> None:
    notes = LineNotes()
    assert list(numbered_lines("a" * (TEXT_LENGTH_MAX + 1), notes)) == []
    assert "letters" in notes.imported(None).problems[0].message


def test_notes_are_bounded_and_say_so() -> None:
    notes = LineNotes()
    for number in range(1, NOTES_MAX + 3):
        notes.problem(number, "bad")
        notes.warning(number, "odd")
    imported = notes.imported("table")
    assert imported.table == "table"
    closing = Problem(f"line {NOTES_MAX}", "this is the last line shown; 2 more follow")
    for found in (imported.problems, imported.warnings):
        assert len(found) == NOTES_MAX + 1
        assert found[-1] == closing
    assert imported.problems[0] == Problem("line 1", "bad")


def test_a_form_that_stands_twice_is_a_warning() -> None:
    notes = LineNotes()
    for number, form in enumerate(["a@", "b@", "a@", "a@"], start=1):
        notes.form(number, form)
    imported = notes.imported(None)
    assert imported.problems == ()
    assert [note.path for note in imported.warnings] == ["line 3", "line 4"]
    assert imported.warnings[0].message == "a@ stands already in line 1, which decides"


def test_blanks_are_those_of_lines() -> None:
    assert set(table_lines.BLANKS) == set(" \t\r\n")


def test_other_threads_run_while_a_large_table_is_read() -> None:
    text = "".join(f"u{n}@int.example u{n}@corp.example\n" for n in range(100_000))
    reading = threading.Thread(target=parse_masquerade, args=(text,))
    reading.start()
    turns = 0
    while reading.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns >= 5  # compiled code that never pauses would let this one run once or twice
