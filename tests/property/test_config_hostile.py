"""Any text gives a configuration or a list of problems, in bounded time and memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import PROBLEMS_MAX, LocatedProblem
from mailwarden.control.config.reader import ConfigError, demo_text, parse_config
from mailwarden.control.config.shape import fields_of
from mailwarden.services.directory.local import Credentials, parse_credentials
from tests.property.config_values import configurations, sections

BASE = Path("/nonexistent")
NAMES = sorted({name for section in sections() for name in fields_of(section)})
SIGNS = "\t\n\r #&*!|>'\"%@`,[]{}:-?<~\0\x1b\x7f\x85\u2028\ufeff\ud800éab09."


def check(text: str) -> None:
    problems: tuple[LocatedProblem, ...] = ()
    config = None
    try:
        config = parse_config(text, "any.yaml", BASE, look_at_files=False)
    except ConfigError as error:
        problems = error.problems
    assert isinstance(config, GatewayConfig) or 0 < len(problems) <= PROBLEMS_MAX
    lines = len(text.splitlines()) + 1
    for problem in problems:
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.message
        assert str(problem).isprintable(), repr(str(problem))
        assert len(str(problem)) < 2500


@settings(deadline=None)
@given(st.text(alphabet=st.one_of(st.sampled_from(SIGNS), st.characters()), max_size=300))
def test_any_text(text: str) -> None:
    check(text)


PIECES = st.one_of(
    st.sampled_from([f"{name}:" for name in NAMES]),
    st.sampled_from(
        ["- ", "  ", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ": ", ", ", "&a ", "*a"]
    ),
    st.sampled_from(["on", "off", "~", "25", "20M", "5m", "corp.example", "10.0.0.0/8", "'", '"']),
    st.text(max_size=5),
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=60))
def test_pieces_of_yaml_in_any_order(pieces: list[str]) -> None:
    check("".join(pieces))


@settings(deadline=None)
@given(st.data())
def test_a_right_file_with_anything_changed(data: st.DataObject) -> None:
    text = demo_text()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + data.draw(st.one_of(PIECES, st.text(max_size=10))) + text[end:]
    check(text)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["ALL", "DEFAULT", "Default", "public", "required", "127.0.0.1", "-1", "1e9"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), inner, max_size=6),
    ),
    max_leaves=25,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
def test_settings_with_any_values(values: Mapping[str, Any]) -> None:
    check(yaml.safe_dump(values))


@settings(max_examples=50, deadline=None)
@given(configurations(), st.data())
def test_a_configuration_with_one_value_of_another_kind(
    plain: dict[str, Any], data: st.DataObject
) -> None:
    inner: Any = plain
    while True:
        key = data.draw(st.sampled_from(list(inner) if isinstance(inner, dict) else [0]))
        value = inner[key]
        if not value or not isinstance(value, dict | list) or data.draw(st.booleans()):
            inner[key] = data.draw(VALUES)
            break
        inner = value
    check(yaml.safe_dump(plain))


@given(st.one_of(st.binary(max_size=200), st.from_regex(rb"(a|b)?:pbkdf2-sha256:[0-9]*:.*:.*\n?")))
def test_any_file_of_users(content: bytes) -> None:
    reason = ""
    try:
        assert isinstance(parse_credentials(content), Credentials)
    except ValueError as error:
        reason = str(error)
    assert reason == "" or reason.startswith("line ")
