"""Who refers to what, and what renaming and deleting make of it (COM-13)."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import pytest
import yaml

from mailwarden.control.candidate import edits, references
from mailwarden.control.candidate.edits import EditError
from mailwarden.control.candidate.model import Declared
from mailwarden.control.candidate.paths import Path, format_path, parse_path
from mailwarden.control.candidate.references import InUseError
from mailwarden.control.config.reader import ConfigError, parse_config
from mailwarden.control.config.shape import Form
from tests.unit.control.candidate.values import GATEWAY, gateway

USERS = [
    ("interfaces.Outside", ["interface_groups.All[0]", "listeners.In.interface",
     "delivery.alt_sources, line 2"]),
    ("interfaces.Inside", ["interface_groups.All[1]", "listeners.Out.interface",
     "call_ahead_profiles.Store.interface"]),
    ("interface_groups.All", ["delivery.interface", "delivery.alt_sources, line 3"]),
    ("certificates.mx1", ["listeners.In.certificate", "destination_controls, line 2",
     "delivery.certificate"]),
    ("call_ahead_profiles.Store", ["listeners.In.call_ahead"]),
    ("bounce_profiles.Slow", ["listeners.In.bounce_profile", "destination_controls, line 13"]),
    ("bounce_templates.Kind", ["bounce_profiles.Slow.bounce_template"]),
    ("listeners.In", []),
]  # fmt: skip


@pytest.mark.parametrize(("path", "users"), USERS)
def test_users(path: str, users: list[str]) -> None:
    assert [str(use) for use in references.users_of(gateway(), parse_path(path), GATEWAY)] == users


@pytest.mark.parametrize(("path", "users"), USERS)
def test_c_32_a_rename_rewrites_all_of_them(path: str, users: list[str]) -> None:
    place = parse_path(path)
    renamed = references.rename(gateway(), place, " New name ", GATEWAY)
    assert [str(use) for use in renamed.uses] == users
    new = (*place[:-1], "New name")
    assert edits.get(renamed.tree, new)
    assert len(references.users_of(renamed.tree, new, GATEWAY)) == len(users)
    assert not list(references.unknown_names(renamed.tree, GATEWAY))
    back = references.rename(renamed.tree, new, place[-1], GATEWAY)
    # "default" is the other spelling of a name that cannot be renamed: all is as it was.
    assert back.tree == gateway()


@pytest.mark.parametrize(("path", "users"), USERS)
def test_c_33_what_is_in_use_is_not_deleted(path: str, users: list[str]) -> None:
    place = parse_path(path)
    if not users:
        assert not edits.find(references.remove(gateway(), place, GATEWAY), place)[1]
        return
    with pytest.raises(InUseError) as caught:
        references.remove(gateway(), place, GATEWAY)
    assert str(caught.value) == f"{format_path(place)} is in use by {', '.join(users)}"
    assert [str(use) for use in caught.value.uses] == users


def test_many_users_are_counted() -> None:
    tree: Any = gateway()
    tree["interface_groups"]["Many"] = ["Outside"] * 100
    with pytest.raises(InUseError, match="and 83 more"):
        references.remove(tree, ("interfaces", "Outside"), GATEWAY)


def test_rename_within_the_texts_of_tables() -> None:
    tree = references.rename(gateway(), ("interfaces", "Outside"), "X 1", GATEWAY).tree
    assert edits.get(tree, ("delivery", "alt_sources")) == [
        "# who leaves from where", "  @brand.example\t X 1 ", "10.0.0.9 All",
    ]  # fmt: skip
    tree = references.rename(gateway(), ("bounce_profiles", "Slow"), "Sl", GATEWAY).tree
    text = edits.get(tree, ("destination_controls",))
    assert isinstance(text, str)
    assert text.endswith("[slow.example]\nBounce_Profile =Sl\n")
    assert "bounce_profile = default" in text


def test_a_comment_behind_a_byte_order_mark_names_nothing() -> None:
    tree: Any = gateway()
    tree["delivery"]["alt_sources"] = chr(0xFEFF) + "# Outside\n@a.example Inside\n"
    users = references.users_of(tree, ("interfaces", "Inside"), GATEWAY)
    assert [str(use) for use in users][-1] == "delivery.alt_sources, line 2"
    assert not list(references.unknown_names(tree, GATEWAY))


def test_a_profile_that_is_always_there() -> None:
    tree: Any = gateway()
    tree["bounce_profiles"]["Default"] = {"max_retries": 3}
    tree["listeners"][1]["bounce_profile"] = "Default"
    removed = references.remove(tree, ("bounce_profiles", "Default"), GATEWAY)
    assert not list(references.unknown_names(removed, GATEWAY))
    with pytest.raises(EditError, match="always there"):
        references.rename(tree, ("bounce_profiles", "Default"), "Other", GATEWAY)


@pytest.mark.parametrize(
    ("path", "name", "part"),
    [
        ("interfaces.Outside", "Inside", "is there already"),
        ("interfaces.Outside", "  ", "needs a name"),
        ("interfaces.Nowhere", "X", "there is no"),
        ("", "X", "as a whole"),
    ],
)
def test_renames_that_are_refused(path: str, name: str, part: str) -> None:
    with pytest.raises(EditError, match=part):
        references.rename(gateway(), parse_path(path), name, GATEWAY)


def test_unknown_names() -> None:
    tree: Any = gateway()
    tree["delivery"]["interface"] = "Nowhere"
    tree["destination_controls"] = {"file": "elsewhere.txt"}
    tree["listeners"] = "no list"
    assert [str(use) for use in references.unknown_names(tree, GATEWAY)] == ["delivery.interface"]


def problems(tree: Any) -> set[str]:
    """Return what the check of the whole configuration says."""
    try:
        parse_config(yaml.safe_dump(tree), "x.yaml", FilePath("/x"), look_at_files=False)
    except ConfigError as error:
        return {problem.message for problem in error.problems}
    return set()


def texts(declared: Declared, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of all texts that a configuration may have, within its first entries."""
    steps = {Form.SECTION: [], Form.TABLE: ["e"], Form.LIST: ["0"]}
    form = declared.kind.form
    if form is Form.TEXT:
        yield path
    for step in declared.kind.fields if form is Form.SECTION else steps.get(form, []):
        inner = declared.inner(step)
        assert inner is not None
        yield from texts(inner, (*path, step))


# The names of these lists are given, so that a name can be put where they refer.
KNOWN = {"listeners": "In", "interfaces": "Outside", "interface_groups": "All",
         "call_ahead_profiles": "Store", "bounce_profiles": "Slow",
         "destinations": "slow.example"}  # fmt: skip


def placed(path: Path) -> tuple[Any, Path]:
    """Return a configuration with an unknown name at `path`."""
    steps = [*path]
    if len(path) > 1 and path[0] in KNOWN:
        steps[1] = KNOWN[path[0]]
    tree: Any = gateway()
    if path[0] == "destinations":
        del tree["destination_controls"]
        tree["destinations"] = {"slow.example": {}}
    return edits.put(tree, tuple(steps), "Nowhere"), tuple(steps)


SPECIAL = ("mail_policies", "reputation", "bounce_templates", "certificates")  # lists within


def test_the_declarations_and_the_check_agree_on_what_refers() -> None:
    """A text that the check looks up in a table says so, and the other way round."""
    assert problems(gateway()) == set()
    marked = 0
    for path in texts(GATEWAY.root):
        declared = GATEWAY.at(path)
        assert declared is not None
        assert declared.about is not None
        refers = bool(declared.about.refers_to)
        marked += refers
        if path[0] in SPECIAL or (path[-1] == "0" and not refers):
            assert not refers
            continue
        tree, place = placed(path)
        is_reported = any("'Nowhere' is not in `" in message for message in problems(tree))
        unknown = [use.path for use in references.unknown_names(tree, GATEWAY)]
        assert is_reported == refers, path
        assert unknown == ([place] if refers else [])
    assert marked  # there are some
