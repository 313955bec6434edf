"""When two spellings are the same, how values are spelt, and what things are called."""

from typing import Any

import pytest

from mailwarden.control.config.shape import fields_of
from mailwarden.control.xml.fields import MISSING, plain_default, scalar_of, text_of
from mailwarden.control.xml.names import item_name
from mailwarden.control.xml.spelling import is_same, settled
from tests.unit.control.xml.sample import Colour, Sample

FIELDS = {**fields_of(Sample), **fields_of(Sample)["limits"].kind.fields}

SAME: list[tuple[str, Any, Any]] = [
    ("size", "20M", 20 * 1024 * 1024),
    ("size", "20m", "20M"),
    ("size", 1024, MISSING),
    ("size", "wrong", "wrong"),
    ("wait", "2500ms", 2.5),
    ("wait", 2.5, MISSING),
    ("rate", None, MISSING),
    ("is_on", "yes", True),
    ("is_on", False, MISSING),
    ("colour", True, "on"),
    ("colour", "RED", MISSING),
    ("colour", Colour.RED, "red"),
    ("servers", [], MISSING),
    ("servers", [{"name": "", "ports": []}], [{}]),
    ("servers", [{}], [None]),
    ("access", ["a REJECT", "b REJECT"], "a REJECT\nb REJECT"),
    ("access", "a REJECT", "a REJECT\n"),
    ("access", "\n", MISSING),
    ("limits", {"size": "1k"}, {}),
    ("limits", None, MISSING),
]
OTHER: list[tuple[str, Any, Any]] = [
    ("size", 1, 2),
    ("wait", None, MISSING),
    ("wait", None, 2.5),
    ("rate", 0, None),
    ("is_on", "maybe", True),
    ("note", "a", "a\n"),
    ("hostname", MISSING, ""),
    ("routes", {"a": "1", "b": "2"}, {"b": "2", "a": "1"}),
    ("servers", [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}]),
    ("access", "a REJECT", {"file": "/a"}),
    ("access", {"file": "/b"}, {"file": "/a"}),
    ("servers", "x", []),
]


@pytest.mark.parametrize(("name", "one", "other"), SAME)
def test_the_same(name: str, one: Any, other: Any) -> None:
    assert is_same(one, other, FIELDS[name])
    assert is_same(other, one, FIELDS[name])


@pytest.mark.parametrize(("name", "one", "other"), OTHER)
def test_not_the_same(name: str, one: Any, other: Any) -> None:
    assert not is_same(one, other, FIELDS[name])
    assert not is_same(other, one, FIELDS[name])


def test_a_tree_as_it_reads_back() -> None:
    tree = {
        "hostname": 7,
        "is_on": "yes",
        "colour": True,
        "servers": [None],
        "access": ["a"],
        "limits": {"size": "5", "wait": None, "rate": None},
        "users": None,
    }
    assert settled(tree, Sample) == {
        "hostname": "7",
        "is_on": True,
        "colour": "on",
        "servers": [{}],
        "access": "a\n",
        "limits": {"size": 5, "wait": None},
    }


NUMBERS = [
    ("5", 5),
    ("-5", -5),
    (" 5\n", 5),
    ("0.5", 0.5),
    ("1e-05", 1e-05),
    ("1e+300", 1e300),
    ("05", "05"),
    ("1e999", "1e999"),
    ("nan", "nan"),
    ("5m", "5m"),
    ("", ""),
    ("9" * 50, "9" * 50),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_numbers(text: str, value: Any) -> None:
    field = FIELDS["rate"]
    found = scalar_of(field.kind, field.setting, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", [0, -1, 2.5, 1e-05, 1e16, 123456.789, "5m"])
def test_numbers_come_back(value: Any) -> None:
    field = FIELDS["rate"]
    assert scalar_of(field.kind, field.setting, text_of(field.kind, value)) == value


def test_defaults() -> None:
    assert plain_default(FIELDS["hostname"]) is MISSING
    assert plain_default(FIELDS["rate"]) is None
    assert plain_default(FIELDS["size"]) == "1k"
    assert plain_default(FIELDS["limits"]) == {}
    assert plain_default(FIELDS["access"]) == []


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("listeners", "listener"),
        ("mail_policies", "mail_policy"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("matches", "match"),
        ("certificates", "certificate"),
        ("interfaces", "interface"),
        ("dns", "dn"),
        ("status", "entry"),
        ("address", "entry"),
        ("incoming", "entry"),
        ("s", "entry"),
        ("relay_hosts", "relay_host"),
    ],
)
def test_names_of_items(several: str, one: str) -> None:
    assert item_name(several) == one
