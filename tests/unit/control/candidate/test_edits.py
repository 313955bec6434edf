"""Edits: what they make, what they leave, and what they refuse."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from mailwarden.control.candidate import edits
from mailwarden.control.candidate.edits import EditError
from mailwarden.control.candidate.paths import parse_path

TREE: Any = {
    "hostname": "a",
    "delivery": {"interface": "All"},
    "listeners": [{"name": "In", "port": 25}, {"name": "Out"}],
    "lists": [{"zone": "x"}, {"zone": "y"}],
    "routes": {"a.example": "1", "b.example": "2"},
}


def path(text: str) -> tuple[str, ...]:
    return parse_path(text)


DONE: list[tuple[Callable[[Any], Any], str, Any]] = [
    (lambda t: edits.put(t, path("hostname"), "b"), "hostname", "b"),
    (lambda t: edits.put(t, path("listeners[In].port"), 26), "listeners[In].port", 26),
    (lambda t: edits.put(t, path("new.block.value"), 1), "new", {"block": {"value": 1}}),
    (lambda t: edits.put(t, path("lists[1].zone"), "z"), "lists", [{"zone": "x"}, {"zone": "z"}]),
    (lambda t: edits.delete(t, path("listeners[In]")), "listeners", [{"name": "Out"}]),
    (lambda t: edits.delete(t, path("lists[0]")), "lists", [{"zone": "y"}]),
    (lambda t: edits.delete(t, path("delivery.interface")), "delivery", {}),
    (lambda t: edits.append(t, path("lists"), {"zone": "z"}), "lists[2].zone", "z"),
    (lambda t: edits.append(t, path("fresh"), "x"), "fresh", ["x"]),
    (lambda t: edits.insert(t, path("listeners"), {"name": "X"}, 0), "listeners", None),
    (lambda t: edits.move(t, path("lists[0]"), 1), "lists", [{"zone": "y"}, {"zone": "x"}]),
    (lambda t: edits.rename(t, path("listeners[In]"), "I"), "listeners[I].port", 25),
]


@pytest.mark.parametrize(("edit", "where", "value"), DONE)
def test_edits_leave_the_old_tree_as_it_is(
    edit: Callable[[Any], Any], where: str, value: Any
) -> None:
    before = deepcopy(TREE)
    after = edit(TREE)
    assert before == TREE
    if value is not None:
        assert edits.get(after, path(where)) == value
    for name in TREE:
        if name != path(where)[0]:
            assert after[name] is TREE[name]  # shared


def test_order() -> None:
    def names(tree: Any) -> list[str] | None:
        return edits.names_of(tree["listeners"])

    assert names(edits.insert(TREE, path("listeners"), {"name": "X"}, 1)) == ["In", "X", "Out"]
    assert names(edits.insert(TREE, path("listeners"), {"name": "X"}, 99)) == ["In", "Out", "X"]
    assert names(edits.move(TREE, path("listeners[Out]"), 0)) == ["Out", "In"]
    assert names(edits.rename(TREE, path("listeners[In]"), "X")) == ["X", "Out"]
    assert list(edits.move(TREE, path("routes[b.example]"), 0)["routes"]) == [
        "b.example", "a.example",
    ]  # fmt: skip
    assert list(edits.rename(TREE, path("routes[a.example]"), "c")["routes"]) == ["c", "b.example"]
    assert edits.rename(TREE, path("routes[a.example]"), "a.example") is TREE


REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda t: edits.get(t, path("nothing")), "there is no nothing"),
    (lambda t: edits.get(t, path("hostname.x")), "there is no"),
    (lambda t: edits.get(t, path("lists[2]")), "there is no"),
    (lambda t: edits.get(t, path("lists[00]")), "there is no"),
    (lambda t: edits.get(t, path("listeners[0]")), "there is no"),
    (lambda t: edits.put(t, path("hostname.x"), 1), "is a value"),
    (lambda t: edits.put(t, path("listeners[X].port"), 1), "there is no listeners.X"),
    (lambda t: edits.put(t, (), "x"), "names with values"),
    (lambda t: edits.delete(t, path("listeners[X]")), "there is no"),
    (lambda t: edits.delete(t, ()), "as a whole"),
    (lambda t: edits.append(t, path("hostname"), 1), "is not a list"),
    (lambda t: edits.append(t, path("listeners"), {"name": "In"}), "has 'In' already"),
    (lambda t: edits.rename(t, path("listeners[In]"), "Out"), "is there already"),
    (lambda t: edits.rename(t, path("lists[0]"), "x"), "has no name"),
    (lambda t: edits.rename(t, path("routes[a.example]"), "b.example"), "is there already"),
    (lambda t: edits.move(t, path("listeners[X]"), 0), "there is no"),
]


@pytest.mark.parametrize(("edit", "part"), REFUSED)
def test_refused(edit: Callable[[Any], Any], part: str) -> None:
    with pytest.raises(EditError, match=part):
        edit(TREE)


@pytest.mark.parametrize(
    "members",
    [[], [{"name": "a"}, {"name": "a"}], [{"name": ""}], [{"name": 1}], [{}], ["a"], {"name": "a"}],
)
def test_members_without_names(members: Any) -> None:
    assert edits.names_of(members) is None
