"""Differences between two configurations, and what is made of them."""

from typing import Any

import pytest

from mailwarden.control.candidate.diff import Change, ChangeKind, apply, diff, same
from mailwarden.control.candidate.edits import EditError
from mailwarden.control.candidate.paths import format_path
from tests.unit.control.candidate.values import GATEWAY, SMALL, gateway

ADDED, REMOVED, CHANGED, ORDER = ChangeKind


def people(*names: str) -> Any:
    return {"accounts": [{"name": name} for name in names]}


CASES: list[tuple[Any, Any, list[tuple[ChangeKind, str]]]] = [
    ({}, {}, []),
    ({"size": 1}, {"size": True}, [(CHANGED, "size")]),
    ({"size": 1}, {"size": 1.0}, [(CHANGED, "size")]),
    ({"title": "", "size": 1}, {"size": 1, "title": ""}, []),
    ({"size": 1, "title": "a"}, {"title": "b"}, [(CHANGED, "title"), (REMOVED, "size")]),
    (people("a", "b"), people("a", "x", "b"), [(ADDED, "accounts.x")]),
    (people("a", "b"), people("b"), [(REMOVED, "accounts.a")]),
    (people("a", "b"), people("b", "a"), [(ORDER, "accounts")]),
    (people(), people("a"), [(ADDED, "accounts.a")]),
    (people("a"), people(), [(REMOVED, "accounts.a")]),
    (people("a"), people("a", "a"), [(CHANGED, "accounts")]),
    (people("a"), {}, [(REMOVED, "accounts")]),
    (people("a"), {"accounts": None}, [(CHANGED, "accounts")]),
    ({"owners": {"a": {}, "b": {}}}, {"owners": {"b": {}, "a": {}}}, [(ORDER, "owners")]),
    ({"friends": ["a"]}, {"friends": ["a", "b"]}, [(CHANGED, "friends")]),
    ({"odd": {"b": 1, "a": 1}}, {"odd": {"a": 1, "b": 1}}, [(ORDER, "odd")]),
]


@pytest.mark.parametrize(("before", "after", "changes"), CASES)
def test_differences(before: Any, after: Any, changes: list[tuple[ChangeKind, str]]) -> None:
    found = diff(before, after, SMALL)
    assert [(change.kind, format_path(change.path)) for change in found] == changes
    assert apply(before, found) == after
    assert not diff(apply(before, found), after, SMALL)
    back = diff(after, before, SMALL)
    assert not diff(apply(after, back), before, SMALL)


def test_differences_come_in_the_order_of_the_declarations() -> None:
    after: Any = {"zz": 1, "mode": "on", "title": "a", "aa": 1, "size": 3}
    paths = [change.path for change in diff({}, after, SMALL)]
    assert paths == [("title",), ("size",), ("mode",), ("aa",), ("zz",)]


def test_what_moved_is_as_little_as_can_be() -> None:
    (change,) = diff(people(*"abcdef"), people(*"fabcde"), SMALL)
    assert change.moved() == ["f"]


def test_deep_in_a_listener() -> None:
    before: Any = gateway()
    after: Any = gateway()
    after["listeners"][0]["policy"]["tls"] = "required"
    (change,) = diff(before, after, GATEWAY)
    assert change == Change(CHANGED, ("listeners", "In", "policy", "tls"), "preferred", "required")


def test_many_new_entries_behind_one_another() -> None:
    after = {"owners": {f"o{number}": {} for number in range(5000)}}
    found = diff({"owners": {}}, after, SMALL)
    assert same(apply({"owners": {}}, found), after)


def test_changes_that_were_found_in_another_tree() -> None:
    def names(tree: Any) -> list[str]:
        return [each["name"] for each in tree["accounts"]]

    added = diff(people("a", "b"), people("a", "x", "y", "b"), SMALL)
    assert names(apply(people("a", "c", "b"), added)) == ["a", "x", "y", "c", "b"]
    assert names(apply(people("b"), added)) == ["b", "x", "y"]
    order = diff(people("a", "b", "c"), people("c", "a", "b"), SMALL)
    assert names(apply(people("0", "a", "1", "b", "c", "2"), order)) == [
        "0", "c", "2", "a", "1", "b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tree", "part"),
    [
        ({}, "accounts is no longer there"),
        (people("b"), "accounts.a is no longer there"),
        ({"accounts": "x"}, "accounts is no longer what it was"),
        (people("a", "x"), "accounts.x is already there"),
    ],
)
def test_changes_that_cannot_be_made(tree: Any, part: str) -> None:
    after = people("a", "x")
    after["accounts"][0]["password"] = "p"
    with pytest.raises(EditError, match=part):
        apply(tree, diff(people("a"), after, SMALL))
