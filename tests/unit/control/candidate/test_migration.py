"""Migrations of the form of a configuration, with steps of the tests' own."""

from typing import Any

import pytest

from mailwarden.control.candidate.migration import (
    MIGRATIONS,
    MigrationError,
    Migrations,
    Step,
)


def rename(old: str, new: str) -> Any:
    return lambda tree: {new if name == old else name: value for name, value in tree.items()}


def up_list(tree: Any) -> Any:
    rest = {name: value for name, value in tree.items() if name != "server"}
    return {**rest, "servers": [tree["server"]]} if "server" in tree else rest


def down_list(tree: Any) -> Any:
    rest = {name: value for name, value in tree.items() if name != "servers"}
    return {**rest, "server": tree["servers"][0]} if tree.get("servers") else rest


STEPS = (
    Step(2, rename("host", "hostname"), rename("hostname", "host"), "`host` is `hostname`",
         "`hostname` is `host`"),
    Step(3, up_list, down_list, "`server` is a list", "of `servers` only the first is kept"),
)  # fmt: skip
MADE = Migrations(STEPS)

EXAMPLES: list[Any] = [
    {},
    {"host": "a.example"},
    {"host": "a.example", "server": "192.0.2.1"},
    {"server": "192.0.2.1", "others": [1, 2]},
]


@pytest.mark.parametrize("tree", EXAMPLES)
def test_up_and_down_again(tree: Any) -> None:
    up = MADE.migrate(tree, 1)
    assert up.notes == ("`host` is `hostname`", "`server` is a list")
    assert "host" not in up.tree
    down = MADE.migrate(up.tree, 3, 1)
    assert down.tree == tree
    assert down.notes == ("of `servers` only the first is kept", "`hostname` is `host`")


def test_each_step_by_itself() -> None:
    assert MADE.latest == 3
    assert MADE.migrate({"host": "a"}, 1, 2).tree == {"hostname": "a"}
    assert MADE.migrate({"server": "a"}, 2).tree == {"servers": ["a"]}
    assert MADE.migrate({"a": 1}, 2, 2) == ({"a": 1}, ())


@pytest.mark.parametrize(("number", "target"), [(0, 1), (4, 1), (1, 4), (1, 0)])
def test_forms_that_are_not_known(number: int, target: int) -> None:
    with pytest.raises(MigrationError, match="knows 1 to 3"):
        MADE.migrate({}, number, target)


def test_a_step_that_fails() -> None:
    def fail(tree: Any) -> Any:
        return tree["missing"]

    with pytest.raises(MigrationError, match="form 2"):
        Migrations([Step(2, fail, fail, "", "")]).migrate({}, 1)
    with pytest.raises(MigrationError, match="form 2"):
        Migrations([Step(2, lambda _: {"a": {1}}, fail, "", "")]).migrate({}, 1)  # type: ignore[dict-item]  # what it refuses


def test_steps_have_their_numbers() -> None:
    with pytest.raises(ValueError, match="numbered from 2"):
        Migrations([STEPS[1]])


def test_today_there_is_one_form() -> None:
    assert MIGRATIONS.latest == 1
    assert MIGRATIONS.migrate({"hostname": "a"}, 1).tree == {"hostname": "a"}
