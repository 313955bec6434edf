"""Values in the form in which they are kept."""

from typing import Any

import pytest

from mailwarden.control.candidate.paths import parse_path
from mailwarden.control.candidate.tidy import tidy
from tests.unit.control.candidate.values import GATEWAY, SMALL

CASES = [
    ("title", " a b ", "a b"),
    ("title", 12, "12"),
    ("text", " a\n", " a\n"),
    ("size", "25", 25),
    ("size", " 20M ", "20M"),
    ("size", "007", "007"),
    ("size", "9" * 19, "9" * 19),
    ("share", "1.50", 1.5),
    ("share", "2.0", 2),
    ("share", 2.0, 2),
    ("share", float("inf"), float("inf")),
    ("is_on", "Yes", True),
    ("is_on", "maybe", "maybe"),
    ("mode", " LOUD", "loud"),
    ("mode", False, "off"),
    ("mode", True, "on"),
    ("accounts", [{"name": " a ", "password": " p "}], [{"name": "a", "password": " p "}]),
    ("accounts", "x ", "x"),
    ("owners", {" a ": {"name": "a "}}, {"a": {"name": "a"}}),
    ("owners", {" a": {}, "a": {}}, {" a": {}, "a": {}}),
    ("friends", [" a", None], ["a", None]),
    ("unknown", " x ", " x "),
]


@pytest.mark.parametrize(("path", "value", "kept"), CASES)
def test_tidy(path: str, value: Any, kept: Any) -> None:
    tidied = tidy(value, SMALL.at(parse_path(path)))
    assert (tidied, type(tidied)) == (kept, type(kept))
    assert tidy(tidied, SMALL.at(parse_path(path))) is tidied


def test_a_whole_tree_that_is_tidy_is_the_same_object() -> None:
    tree = {"title": "a", "accounts": [{"name": "a"}], "owners": {"a": {"name": "b"}}}
    assert tidy(tree, SMALL.root) is tree
    assert tidy(5, SMALL.root) == 5


def test_com_14_blanks_around_a_host_are_removed() -> None:
    path = parse_path("interfaces[Data 1].hostname")
    assert tidy("relay.example.com ", GATEWAY.at(path)) == "relay.example.com"
    routes = {" dom.example ": " relay.example.com "}
    assert tidy(routes, GATEWAY.at(("smtp_routes",))) == {"dom.example": "relay.example.com"}
