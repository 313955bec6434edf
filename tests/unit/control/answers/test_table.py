"""Tables, sizes and times for people."""

import pytest

from mailwarden.control.answers.table import (
    CELL_LENGTH_MAX,
    Number,
    count_of,
    human_size,
    human_time,
    render_table,
)

SIZES = [
    (0, "0"),
    (512, "512"),
    (1024, "1k"),
    (1536, "1.5k"),
    (14.2 * 1024**2, "14.2M"),
    (120 * 1024**3, "120G"),
    (999.6 * 1024**3, "1000G"),
    (3 * 1024**4, "3T"),
]


@pytest.mark.parametrize(("size", "text"), SIZES)
def test_sizes(size: float, text: str) -> None:
    assert human_size(size) == text


TIMES = [
    (-5, "now"),
    (0.5, "now"),
    (45.9, "45s"),
    (60, "1m"),
    (61, "1m 1s"),
    (3 * 3600 + 12 * 60 + 7, "3h 12m"),
    (2 * 86400 + 4 * 3600, "2d 4h"),
    (2 * 86400, "2d"),
    (400 * 86400, "400d"),
]


@pytest.mark.parametrize(("seconds", "text"), TIMES)
def test_times(seconds: float, text: str) -> None:
    assert human_time(seconds) == text


def test_columns_line_up() -> None:
    rows = [["a", 7, Number("14.2k"), None], ["bcd", 1234, None, "x"]]
    assert render_table(["Name", "Count", "Size", "Note"], rows) == [
        "Name  Count   Size  Note",
        "a         7  14.2k",
        "bcd    1234         x",
    ]


def test_an_empty_table_is_its_heads() -> None:
    assert render_table(["Name", "Count"], []) == ["Name  Count"]


def test_strangers_cannot_command_the_terminal() -> None:
    rows = [["550 \x1b[2Jno\r\n\x9b\u202e"], ["\udcff"], ["grüße"]]
    shown = ["550 \\x1b[2Jno\\r\\n\\x9b\\u202e", "\\xff", "grüße"]
    assert render_table(["Error"], rows)[1:] == shown


def test_long_cells_are_cut() -> None:
    assert render_table(["Error"], [["x" * 500]])[1] == "x" * (CELL_LENGTH_MAX - 1) + "…"


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "user", "0 users"),
        (1, "user", "1 user"),
        (2, "user", "2 users"),
        (2, "entry", "2 entries"),
        (1, "entry", "1 entry"),
        (2, "key", "2 keys"),
    ],
)
def test_counts(number: int, noun: str, text: str) -> None:
    assert count_of(number, noun) == text
