"""Values that could break a line."""

import pytest

from mailwarden.system.log.escape import escape, pair_list, quote, quoted_list, rid_list

VALUES = [
    ("ann@partner.example", "ann@partner.example"),
    ("jos\u00e9@\u4f8b\u3048.example", "jos\u00e9@\u4f8b\u3048.example"),
    ("a\r\nb", "a\\r\\nb"),
    ("\x1b[2J\x00\x7f", "\\x1b[2J\\x00\\x7f"),
    ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
    ("\u2028\u2029\x85", "\\u2028\\u2029\\x85"),
    ("j\udcff", "j\\xff"),  # from surrogateescape: the byte as it came
    ("\ud800", "\\ud800"),
    ("", ""),
]


@pytest.mark.parametrize(("value", "shown"), VALUES)
def test_escape(value: str, shown: str) -> None:
    assert escape(value) == shown


def test_long_values_are_cut() -> None:
    assert escape("x" * 1001) == "x" * 1000 + "..."
    assert escape("\n" * 501) == "\\n" * 500 + "..."
    assert escape("x" * 1000) == "x" * 1000


def test_quotes_change_when_the_value_has_a_single_one() -> None:
    assert quote("FOO bar") == "'FOO bar'"
    assert quote("o'brien") == '"o\'brien"'


def test_lists() -> None:
    assert rid_list([0]) == "[0]"
    assert rid_list((0, 1)) == "[0, 1]"
    assert rid_list([]) == "[]"
    assert rid_list(range(1_000_000)).endswith(", 998, 999, ...]")
    assert quoted_list(["no such user", "don't"]) == "['no such user', \"don't\"]"
    assert pair_list([("X-SBRS", "None")]) == "[('X-SBRS', 'None')]"
    assert quoted_list(["a"] * 1000).count("a") == 20
