"""Numbers, sizes, times and switches."""

import pytest

from mailwarden.control.config.scalars import (
    describe_bounds,
    read_integer,
    read_number,
    read_switch,
    write_number,
)
from mailwarden.core.setting import Setting, Unit

PLAIN = Setting(doc="A number.", minimum=-5, maximum=70_000)
SIZE = Setting(doc="A size.", unit=Unit.BYTES)
TIME = Setting(doc="A time.", unit=Unit.SECONDS)

INTEGERS = [
    ("0", PLAIN, 0),
    ("-5", PLAIN, -5),
    ("+7", PLAIN, 7),
    ("10_000", PLAIN, 10_000),
    ("512", SIZE, 512),
    ("10k", SIZE, 10_240),
    ("20M", SIZE, 20 * 1024**2),
    ("20MB", SIZE, 20 * 1024**2),
    ("20 MiB", SIZE, 20 * 1024**2),
    ("1.5g", SIZE, 1536 * 1024**2),
    ("2T", SIZE, 2 * 1024**4),
    ("5m", TIME, 300),
]


@pytest.mark.parametrize(("text", "about", "value"), INTEGERS)
def test_integers(text: str, about: Setting, value: int) -> None:
    assert read_integer(text, about) == value


NUMBERS = [
    ("1.5", PLAIN, 1.5),
    ("1e3", PLAIN, 1000.0),
    ("-0.5", PLAIN, -0.5),
    ("30", TIME, 30.0),
    ("0.1", TIME, 0.1),
    ("200ms", TIME, 0.2),
    ("1.0e-05", TIME, 0.00001),
    ("30s", TIME, 30.0),
    ("1.5h", TIME, 5400.0),
    ("3d", TIME, 259_200.0),
    ("2 w", TIME, 1_209_600.0),
]


@pytest.mark.parametrize(("text", "about", "value"), NUMBERS)
def test_numbers(text: str, about: Setting, value: float) -> None:
    assert read_number(text, about) == value


WRONG_INTEGERS = [
    ("x", PLAIN, "not a whole number from -5 to 70000"),
    ("1.5", PLAIN, "not a whole number"),
    ("", PLAIN, "not a whole number"),
    ("0177", PLAIN, "without zeros in front"),  # YAML 1.1 would read this as 127
    ("0x1f", PLAIN, "not a whole number"),
    ("1:30", PLAIN, "not a whole number"),  # and this as 90
    ("٣", PLAIN, "not a whole number"),
    ("70001", PLAIN, "out of range; it may be from -5 to 70000"),
    ("-6", PLAIN, "out of range"),
    ("9" * 100, SIZE, "not a size"),
    ("9" * 30, SIZE, "too large"),
    ("20X", SIZE, "a size such as 512, 10k, 20M or 1G"),
    ("-1", SIZE, "not a size"),
    ("0.3k", SIZE, "not a whole number of bytes"),
    ("5M", TIME, "a time such as 30, 200ms, 30s, 5m, 4h or 3d"),
]


@pytest.mark.parametrize(("text", "about", "part"), WRONG_INTEGERS)
def test_wrong_integers_say_what_is_right(text: str, about: Setting, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        read_integer(text, about)


WRONG_NUMBERS = [
    ("nan", PLAIN, "not a number"),
    (".inf", PLAIN, "not a number"),
    ("1e999", PLAIN, "too large"),
    ("1e999", TIME, "too large"),
    ("70000.5", PLAIN, "out of range"),
    ("1h30m", TIME, "a time such as"),
]


@pytest.mark.parametrize(("text", "about", "part"), WRONG_NUMBERS)
def test_wrong_numbers_say_what_is_right(text: str, about: Setting, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        read_number(text, about)


@pytest.mark.parametrize("text", ["on", "Yes", "TRUE", " true "])
def test_switched_on(text: str) -> None:
    assert read_switch(text) is True


@pytest.mark.parametrize("text", ["off", "No", "FALSE"])
def test_switched_off(text: str) -> None:
    assert read_switch(text) is False


@pytest.mark.parametrize("text", ["", "1", "y", "maybe", "onn"])
def test_neither_on_nor_off(text: str) -> None:
    with pytest.raises(ValueError, match="neither on nor off"):
        read_switch(text)


WRITTEN = [
    (20 * 1024**2, Unit.BYTES, "20M"),
    (1000, Unit.BYTES, 1000),
    (0, Unit.BYTES, 0),
    (1024, Unit.BYTES, "1k"),
    (300.0, Unit.SECONDS, "5m"),
    (259_200, Unit.SECONDS, "3d"),
    (0.2, Unit.SECONDS, 0.2),
    (90.0, Unit.SECONDS, 90),
    (1024, Unit.NONE, 1024),
]


@pytest.mark.parametrize(("value", "unit", "shown"), WRITTEN)
def test_numbers_are_shown_in_their_largest_unit(
    value: float, unit: Unit, shown: str | float
) -> None:
    assert write_number(value, unit) == shown


BOUNDS = [
    (Setting(doc=""), ""),
    (Setting(doc="", minimum=1), "at least 1"),
    (Setting(doc="", maximum=64), "at most 64"),
    (Setting(doc="", minimum=0, maximum=64), "from 0 to 64"),
    (Setting(doc="", minimum=0.1, maximum=60, unit=Unit.SECONDS), "from 0.1 to 1m"),
    (Setting(doc="", minimum=65536, unit=Unit.BYTES), "at least 64k"),
]


@pytest.mark.parametrize(("about", "words"), BOUNDS)
def test_bounds_in_words(about: Setting, words: str) -> None:
    assert describe_bounds(about) == words
