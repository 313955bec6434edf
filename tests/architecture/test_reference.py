"""Every setting and command is documented, and docs/reference says what the program says."""

import argparse
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mailwarden.control.cli.parser import build_parser
from mailwarden.control.cli.reference import walk
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.shape import Field, Form, Kind, fields_of

ROOT = Path(__file__).parents[2]


def load_tool() -> ModuleType:
    path = ROOT / "tools" / "write_reference.py"
    spec = importlib.util.spec_from_file_location("write_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sections(section: type = GatewayConfig) -> Iterator[type]:
    yield section
    for field in fields_of(section).values():
        kind: Kind | None = field.kind
        while kind is not None:
            if kind.section is not None:
                yield from sections(kind.section)
            kind = kind.of


SETTINGS: dict[str, Field] = {
    f"{section.__name__}.{name}": field
    for section in sections()
    for name, field in fields_of(section).items()
}


def test_the_reference_is_up_to_date() -> None:
    stale = [
        name
        for name, text in load_tool().pages().items()
        if (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run `make reference`"


def test_the_reference_has_every_setting_and_command() -> None:
    settings = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    commands = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "docs/reference/mailwarden.schema.json").read_text("utf-8"))
    known = {name for section in schema["$defs"].values() for name in section["properties"]}
    for path in SETTINGS:
        name = path.rpartition(".")[2]
        assert f"{name}`" in settings
        assert name in known | set(schema["properties"])
    for parser in walk(build_parser()):
        assert f"## `{parser.prog}`" in commands


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_is_a_sentence(path: str) -> None:
    doc = SETTINGS[path].setting.doc
    assert len(doc) > 8
    assert doc.endswith((".", "`."))
    assert doc[0].isupper() or doc[0].isdigit() or doc.split(" ")[0].rstrip(",").islower()


@pytest.mark.parametrize("path", SETTINGS)
def test_defaults_are_within_bounds(path: str) -> None:
    field = SETTINGS[path]
    if field.required or field.kind.form not in (Form.INTEGER, Form.NUMBER):
        return
    default = field.default()
    if default is not None:
        low, high = field.setting.minimum, field.setting.maximum
        assert low is None or default >= low
        assert high is None or default <= high


@pytest.mark.parametrize(
    "section",
    sorted(set(sections()), key=lambda section: section.__name__),
    ids=lambda section: section.__name__,
)
def test_every_block_says_what_it_is_for(section: type) -> None:
    assert section.__doc__
    assert not section.__doc__.startswith(f"{section.__name__}(")  # what dataclasses write


@pytest.mark.parametrize("parser", list(walk(build_parser())), ids=lambda parser: parser.prog)
def test_every_command_explains_itself_with_an_example(parser: argparse.ArgumentParser) -> None:
    assert parser.description
    assert parser.epilog
    assert parser.epilog.startswith("example")
    assert "\n  mailwarden" in parser.epilog
    for action in parser._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction)
