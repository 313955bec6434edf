r"""Command lines as words: quotes, backslashes, limits."""

import pytest

from mailwarden.control.dialogue.text import LINE_LENGTH_MAX, LineError, neutralise, sentence
from mailwarden.control.dialogue.words import WORDS_MAX, quote_word, read_words, scan_words

LINES = [
    ("", []),
    (" \t ", []),
    ("status", ["status"]),
    ("  a \t b  ", ["a", "b"]),
    ('a "b c" d', ["a", "b c", "d"]),
    ("a 'b  c' d", ["a", "b  c", "d"]),
    ("a\"b c\"d'e f'", ["ab cde f"]),
    ('""', [""]),
    (r"a\ b", ["a b"]),
    (r"\"a", ['"a']),
    (r'"a\"b"', ['a"b']),
    (r'"\d+\\"', ["\\d+\\"]),
    (r"'a\'", ["a\\"]),
    ('"it\'s"', ["it's"]),
    ("--key=a' 'b", ["--key=a b"]),
]


@pytest.mark.parametrize(("line", "words"), LINES)
def test_cli_20_words(line: str, words: list[str]) -> None:
    assert [word.text for word in read_words(line)] == words


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('a "b', 'The quote " is not closed.'),
        ("a 'b", "The quote ' is not closed."),
        ("a\\", "The line ends with a backslash."),
        ("a\x00", "The line holds a control character, U+0000."),
        ("a\u202eb", "The line holds a control character, U+202E."),
        ("a" * (LINE_LENGTH_MAX + 1), f"The line is longer than {LINE_LENGTH_MAX} letters."),
        ("a " * (WORDS_MAX + 1), f"The line has more than {WORDS_MAX} words."),
    ],
)
def test_lines_that_are_refused(line: str, message: str) -> None:
    with pytest.raises(LineError) as caught:
        read_words(line)
    assert str(caught.value) == message


def test_only_a_bare_word_is_an_option() -> None:
    assert [word.is_option for word in read_words("--a \"--b\" '--c' \\--d -e")] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_unfinished_lines_say_what_is_open() -> None:
    assert scan_words('a "b c').open == '"'
    assert scan_words("a ").at_word is False
    assert scan_words("a b").at_word is True


@pytest.mark.parametrize("word", ["a", "", "a b", 'a"b', "it's", "\\", "--a", "a\tb"])
def test_quoted_words_read_back(word: str) -> None:
    (read,) = read_words(quote_word(word))
    assert read.text == word
    assert not read.is_option


def test_what_a_terminal_would_act_on_is_made_visible() -> None:
    text = f"a\x1b[2J\x9b\x7f\r\u202e{chr(0xD800)}\tb\n"
    assert neutralise(text) == "a\\x1b[2J\\x9b\\x7f\\x0d\\u202e\\ud800\tb\n"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("is longer than 5 letters", "That is longer than 5 letters."),
        ("'x' is not a host name", "'x' is not a host name."),
        ("there is one already", "There is one already."),
        ("Please answer yes or no.", "Please answer yes or no."),
        ("", "That is not possible."),
    ],
)
def test_messages_become_sentences(message: str, text: str) -> None:
    assert sentence(message) == text
