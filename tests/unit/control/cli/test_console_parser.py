"""`mailwarden cli`: words of a shell as one command line."""

import pytest

from mailwarden.control.cli.console_parser import command_line
from mailwarden.control.cli.parser import build_parser
from mailwarden.control.dialogue.words import read_words


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], None),
        (["status"], "status"),
        (["status detail"], "status detail"),  # as behind `ssh host`
        (["commit", "two words"], 'commit "two words"'),
        (["destconfig", "edit", "a.example", "--limit=5"], "destconfig edit a.example --limit=5"),
        (["x", "--note=a b"], 'x --"note=a b"'),
        (["x", "--"], 'x "--"'),
        (["x", ""], 'x ""'),
    ],
)
def test_a_line_of_words(words: list[str], line: str | None) -> None:
    assert command_line(words, is_json=False) == line


@pytest.mark.parametrize("word", ["a b", 'a"b', "a\\b", "a'b", "", "--a b", "--", "\t"])
def test_words_read_back(word: str) -> None:
    line = command_line(["x", word], is_json=False)
    assert line is not None
    last = read_words(line)[-1]
    assert (last.text, last.is_option) == (word, word.startswith("--") and word != "--")


def test_json_stands_in_front() -> None:
    assert command_line(["status", "detail"], is_json=True) == "--json status detail"


def test_options_behind_the_command_are_its_own() -> None:
    arguments = build_parser().parse_args(["cli", "--user", "ann", "--json", "x", "--user=b", "-h"])
    assert (arguments.user, arguments.json) == ("ann", True)
    assert arguments.words == ["x", "--user=b", "-h"]
