"""How settings are declared."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import pytest

from mailwarden.core.problem import Problem
from mailwarden.core.setting import ENTRIES_MAX, REQUIRED, Checked, Setting, Unit, setting


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    size: int = setting(7, "A size.", minimum=1, maximum=9, unit=Unit.BYTES)

    def problems(self) -> Iterator[Problem]:
        yield Problem("size", "is wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    name: str = setting(REQUIRED, "A name.", examples=("x",), secret=True, is_path=True)
    inner: Inner = setting(Inner, "A block.")
    colour: Colour = setting(Colour.RED, "A choice.")


def test_defaults_and_required_ones() -> None:
    outer = Outer(name="a")
    assert (outer.inner.size, outer.colour) == (7, Colour.RED)
    with pytest.raises(TypeError, match="name"):
        Outer()


def test_a_field_carries_what_is_known_of_it() -> None:
    fields = {field.name: field.metadata["setting"] for field in dataclasses.fields(Outer)}
    assert fields["name"] == Setting(doc="A name.", examples=("x",), secret=True, is_path=True)
    assert fields["name"].entries_max == ENTRIES_MAX
    [size] = dataclasses.fields(Inner)
    assert size.metadata["setting"] == Setting(doc="A size.", minimum=1, maximum=9, unit=Unit.BYTES)


def test_classes_that_know_what_is_wrong_with_them() -> None:
    assert isinstance(Inner(), Checked)
    assert not isinstance(Outer(name="a"), Checked)


PATHS = [
    ("size", "inner", "inner.size"),
    ("[0].port", "listeners", "listeners[0].port"),
    ("", "inner", "inner"),
]


@pytest.mark.parametrize(("path", "prefix", "seen"), PATHS)
def test_problems_seen_from_further_up(path: str, prefix: str, seen: str) -> None:
    assert Problem(path, "is wrong").under(prefix) == Problem(seen, "is wrong")
