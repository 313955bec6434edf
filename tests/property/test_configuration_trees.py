"""Paths, edits, differences and encodings of any tree."""

import contextlib
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailwarden.control.candidate import edits
from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.candidate.diff import apply, diff, same
from mailwarden.control.candidate.edits import EditError
from mailwarden.control.candidate.lines import differences, longest_rising
from mailwarden.control.candidate.nodes import node_of, read_yaml
from mailwarden.control.candidate.paths import PathError, format_path, parse_path
from mailwarden.control.candidate.references import rename, unknown_names, users_of
from mailwarden.control.candidate.show import plain_changes, text_lines
from mailwarden.control.candidate.tidy import tidy
from mailwarden.control.config.build import Builder
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import Findings
from mailwarden.control.config.reader import ConfigError, parse_config
from mailwarden.control.config.shape import Form
from mailwarden.control.config.tables import Tables
from mailwarden.core.policy.alt_sources import alt_source_names, parse_alt_sources
from mailwarden.core.policy.destinations_text import destination_names
from mailwarden.stores.configuration.codec import DamagedError, decode_tree, encode_tree
from tests.property.config_values import configurations
from tests.unit.control.candidate.values import GATEWAY, SMALL, gateway

NAMES = st.sampled_from(
    ["title", "size", "accounts", "owners", "friends", "name", "password", "a", "b", "$", 'x]"y']
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([1.0, 0.5]),
    st.sampled_from(["", "a", "b", "on", "c\nd"]),
)  # fmt: skip
MEMBERS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abcdef")}, optional={"password": SCALARS}),
    max_size=6,
)
VALUES = st.recursive(
    SCALARS | MEMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
UNNAMED = st.dictionaries(NAMES, VALUES, max_size=5)
TREES = st.one_of(
    UNNAMED,
    st.fixed_dictionaries(
        {},
        optional={
            "title": SCALARS,
            "accounts": MEMBERS,
            "owners": st.dictionaries(st.sampled_from("abcdef"), VALUES, max_size=6),
            "friends": st.lists(st.sampled_from("abc"), max_size=4),
        },
    ),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(TEXT, max_size=6).map(tuple))
def test_every_path_has_a_text_that_reads_back(path: tuple[str, ...]) -> None:
    assert parse_path(format_path(path)) == path
    assert format_path(path).isprintable()


@given(st.text(max_size=40) | st.text('ab.[]"\\ 0\n', max_size=15))
@example('a["\\u0000"]')
@example('["\\ud83d\\ude00"]')
def test_every_text_is_a_path_or_a_named_error(text: str) -> None:
    try:
        path = parse_path(text)
    except PathError:
        return
    assert parse_path(format_path(path)) == path


@settings(deadline=None)
@given(TREES, TREES)
@example({"owners": {"a": {"title": None}}}, {"owners": {"a": {"size": None, "title": None}}})
def test_what_differs_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    changes = diff(before, after, SMALL)
    made = apply(before, changes)
    assert made == after
    assert same(tidy_order(made), tidy_order(after))
    assert diff(made, after, SMALL) == ()
    assert all(line.isprintable() for line in text_lines(changes, SMALL))
    assert len(plain_changes(changes, SMALL)) == len(changes)


def tidy_order(value: Any, declared: Any = SMALL.root) -> Any:
    """Return a tree with the settings of each block sorted, as their order means nothing."""
    if isinstance(value, list):
        inner = None if declared is None else declared.inner("")
        return [tidy_order(each, inner) for each in value]
    if not isinstance(value, dict):
        return value
    tidied = {
        name: tidy_order(each, None if declared is None else declared.inner(name))
        for name, each in value.items()
    }
    is_block = declared is not None and declared.kind.form is Form.SECTION
    return dict(sorted(tidied.items())) if is_block else tidied


@settings(deadline=None)
@given(TREES)
def test_every_tree_is_kept(tree: Any) -> None:
    encoded = encode_tree(tree)
    assert same(decode_tree(encoded.root, encoded.parts.__getitem__), tree)
    candidate = Candidate(1, tree, tree)
    assert Candidate.unpack(candidate.pack()) == candidate


@given(st.binary(max_size=60) | st.text('{}[]":$,a1', max_size=30).map(str.encode))
def test_any_bytes_are_a_tree_or_a_named_error(data: bytes) -> None:
    for read in (lambda: decode_tree(data, lambda _: data), lambda: Candidate.unpack(data)):
        with contextlib.suppress(DamagedError):
            read()


@given(TREES)
def test_what_is_tidy_stays_as_it_is(tree: Any) -> None:
    for model in (SMALL, GATEWAY):
        tidied = tidy(tree, model.root)
        assert tidy(tidied, model.root) is tidied
        list(unknown_names(tidied, model))


@given(TREES, st.lists(NAMES, max_size=3).map(tuple), VALUES, st.integers(-1, 9))
def test_edits_change_what_they_are_about_or_nothing(
    tree: Any, path: tuple[str, ...], value: Any, position: int
) -> None:
    before = encode_tree(tree)
    for edit in (
        lambda: edits.put(tree, path, value),
        lambda: edits.delete(tree, path),
        lambda: edits.insert(tree, path, value, position),
        lambda: edits.move(tree, path, position),
        lambda: edits.rename(tree, path, "new"),
    ):
        try:
            after = edit()
        except EditError:
            continue
        assert all(change.path for change in diff(tree, after, SMALL))
    assert encode_tree(tree) == before


LINES = st.lists(st.sampled_from("abcde"), max_size=30) | st.lists(TEXT, max_size=10, unique=True)


@given(LINES, LINES)
def test_lines(before: list[str], after: list[str]) -> None:
    made, at = [], 0
    for block in differences(before, after):
        assert block.before >= at
        made += before[at : block.before]
        assert len(made) == block.after
        made += after[block.after : block.after_end]
        at = block.before_end
    assert made + before[at:] == after


@given(st.permutations(range(8)))
def test_the_longest_rising_part(numbers: list[int]) -> None:
    part = [numbers[at] for at in longest_rising(numbers)]
    assert part == sorted(part)
    lengths: list[int] = []
    for at, number in enumerate(numbers):
        lengths.append(1 + max((lengths[i] for i in range(at) if numbers[i] < number), default=0))
    assert len(part) == max(lengths)


@given(st.text('#@ \t\nab."=x', max_size=60))
def test_names_in_a_table_are_those_that_it_is_read_with(text: str) -> None:
    found = list(alt_source_names(text))
    assert all(text[each.start : each.end] == each.name for each in found)
    read = parse_alt_sources(text)
    if not read.problems:
        assert [each.name for each in found] == [each.gateway for each in read.table.entries]


@given(st.lists(st.sampled_from(
    ["[a.b]", "bounce_profile = X", " Certificate=Y ", "#bounce_profile = Z", "bounce_profile =",
     "bounce_profile = DEFAULT", "limit_type = host", "= x", "certificate = =", ""]
)).map("\n".join))  # fmt: skip
def test_names_in_destination_controls(text: str) -> None:
    for each in destination_names(text):
        assert text[each.start : each.end].lower() == each.name.lower()
        assert "Z" not in each.name


@given(
    st.sampled_from(["interfaces.Outside", "interfaces.Inside", "interface_groups.All",
                     "certificates.mx1", "bounce_profiles.Slow", "call_ahead_profiles.Store"]),
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9 ._-]{0,8}[A-Za-z0-9])?", fullmatch=True),
)  # fmt: skip
def test_a_rename_is_undone_by_another(path: str, name: str) -> None:
    place, tree = parse_path(path), gateway()
    try:
        renamed = rename(tree, place, name, GATEWAY)
    except EditError:
        return
    if name.lower() == "default":
        return  # the other name of what is always there
    assert not list(unknown_names(renamed.tree, GATEWAY))
    new = (*place[:-1], name)
    assert len(users_of(renamed.tree, new, GATEWAY)) == len(renamed.uses)
    assert rename(renamed.tree, new, place[-1], GATEWAY).tree == tree


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configurations())
def test_a_tree_is_built_as_its_yaml_is(plain: dict[str, Any]) -> None:
    text = yaml.safe_dump(plain, allow_unicode=True)
    try:
        expected = parse_config(text, "x.yaml", Path("/x"), look_at_files=False)
    except ConfigError:
        return
    tree = read_yaml(text, lambda *_: None, GATEWAY)
    findings = Findings("x.yaml")
    built = Builder(findings, "/x", Tables()).section(GatewayConfig, node_of(tree), "")
    assert not findings
    for name in GatewayConfig.__dataclass_fields__:
        if name != "smtp_routes":  # whose paths become absolute later
            assert getattr(built, name) == getattr(expected, name)
