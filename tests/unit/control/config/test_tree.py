"""YAML text as a tree: places, what is refused, limits."""

import pytest

from mailwarden.control.config.tree import (
    ALIASES_MAX,
    DEPTH_MAX,
    NODES_MAX,
    TEXT_LENGTH_MAX,
    Items,
    Place,
    Scalar,
    Table,
    TreeError,
    parse_tree,
)

Told = list[tuple[Place, str]]


def parse(text: str) -> tuple[object, Told]:
    told: Told = []
    root = parse_tree(text, lambda place, message: told.append((place, message)))
    return plain(root), told


def plain(node: object) -> object:
    match node:
        case Table():
            return {name: plain(value) for name, (_, value) in node.entries.items()}
        case Items():
            return [plain(item) for item in node.items]
        case Scalar():
            return None if node.is_nothing else node.text
    raise AssertionError(node)


VALUES = [
    ("", {}),
    ("a: 1\nb: [x, 'y']\n", {"a": "1", "b": ["x", "y"]}),
    ("\ufeffa: 1\r\nb: on\r\n", {"a": "1", "b": "on"}),
    ("a:\nb: ~\nc: ''\nd: 'null'", {"a": None, "b": None, "c": "", "d": "null"}),
    ("a: &x {b: 1}\nc: *x", {"a": {"b": "1"}, "c": {"b": "1"}}),
    ("%YAML 1.1\n---\na: 010\n", {"a": "010"}),
    ("- a\n- b: c\n", ["a", {"b": "c"}]),
    ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text: str, value: object) -> None:
    assert parse(text) == (value, [])


def test_everything_knows_its_place() -> None:
    root = parse_tree("a: 1\nb:\n  - x\n  -  {c: d}\n", lambda _place, _message: None)
    assert isinstance(root, Table)
    key, items = root.entries["b"]
    assert key == Place(2, 1)
    assert isinstance(items, Items)
    assert [item.place for item in items.items] == [Place(3, 5), Place(4, 6)]
    inner = items.items[1]
    assert isinstance(inner, Table)
    assert inner.entries["c"][1].place == Place(4, 10)


TOLD = [
    ("a: 1\na: 2\n", Place(2, 1), "`a` stands here again; it is in line 1 already"),
    ("a: !!python/object:os.system x", Place(1, 4), "are not used in this file"),
    ("a: !x y", Place(1, 4), "tags such as !x are not used"),
    ("a: *x", Place(1, 4), "*x is not set above"),
    ("a: &x [*x]", Place(1, 8), "*x stands in its own block"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", Place(3, 3), "merge keys"),
    ("? [a, b]\n: c\n", Place(1, 3), "a name is needed here"),
]


@pytest.mark.parametrize(("text", "place", "part"), TOLD)
def test_what_is_passed_over_is_told(text: str, place: Place, part: str) -> None:
    _, told = parse(text)
    assert [where for where, _ in told] == [place]
    assert part in told[0][1]


def test_a_name_that_stands_twice_keeps_its_first_value() -> None:
    assert parse("a: 1\na: 2\n")[0] == {"a": "1"}


WRONG = [
    ("a: b: c", Place(1, 5), "check the indentation"),
    ("a:\n\tb: c", Place(2, 1), "never with tabs"),
    ("a: 'b\n", Place(2, 1), "a quote is not closed"),
    ("a: 1\n b: 2\n", Place(2, 3), "check the indentation"),
    ("a: @b", Place(1, 4), "needs quotes"),
    ("a: [b\nc: d\n", Place(2, 2), "is not YAML"),
    ("a: 1\n---\nb: 2\n", Place(2, 1), "a second document"),
    ("a: \0", Place(1, 4), "U+0000"),
    ("a: 1\r\nb: \x1b[1m", Place(2, 4), "U+001B"),
    ("a: \ud800", Place(1, 4), "U+D800"),
    ("a: 1\nb\ufeff: 1", Place(2, 2), "U+FEFF"),
]


@pytest.mark.parametrize(("text", "place", "part"), WRONG)
def test_no_yaml(text: str, place: Place, part: str) -> None:
    with pytest.raises(TreeError) as caught:
        parse(text)
    assert (caught.value.place, part in caught.value.message) == (place, True), caught.value.message


LIMITS = [
    ("[" * 100_000, f"more than {DEPTH_MAX} deep"),
    ("- " * 100_000, f"more than {DEPTH_MAX} deep"),
    ("{a: " * 100_000, f"more than {DEPTH_MAX} deep"),
    ("a: &a x\nb: [" + "*a," * (ALIASES_MAX + 1) + "]", f"more than {ALIASES_MAX} aliases"),
    ("a" * (TEXT_LENGTH_MAX + 1), f"longer than {TEXT_LENGTH_MAX} letters"),
    ("[" + "a," * NODES_MAX + "]", f"more than {NODES_MAX} values"),
]


@pytest.mark.parametrize(("text", "part"), LIMITS, ids=range(len(LIMITS)))
def test_limits(text: str, part: str) -> None:
    with pytest.raises(TreeError, match=part):
        parse(text)
