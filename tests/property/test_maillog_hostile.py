"""Whatever a peer sends: one event is one bounded line of valid UTF-8."""

import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.system.log.escape import VALUE_CHARACTERS_MAX, escape
from mailwarden.system.log.maillog import MailLog
from mailwarden.system.log.settings import Level
from tests.unit.system.log.recorder import Recorder

HOSTILE = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ["\r\n", "\x00\x1b[2J", "a\u202eb", "\udc80\udfff\ud800", "x" * 100_000, "\u2028" * 5000, "'\""]
)
METHODS = sorted(
    name
    for name, _ in inspect.getmembers(MailLog, inspect.isfunction)
    if name[0] != "_" and name not in ("direct", "emit")
)
OURS = {"rule": "ACCEPT", "table": "inbound", "how": "done", "action": "dropped"}  # never of a peer


def strategy_for(hint: Any) -> st.SearchStrategy[Any]:
    if hint is int:
        return st.integers(0, 2**63)
    if hint is bool:
        return st.booleans()
    if hint is float:
        return st.floats(0, allow_nan=False)
    if hint is str:
        return HOSTILE
    if hint == Sequence[int]:
        return st.lists(st.integers(0, 10**6), max_size=5)
    if hint == Sequence[str]:
        return st.lists(HOSTILE, max_size=3)
    if hint == Sequence[tuple[str, str]]:
        return st.lists(st.tuples(HOSTILE, HOSTILE), max_size=3)
    if hint is type(None):
        return st.none()
    return st.one_of([strategy_for(part) for part in get_args(hint)])


@pytest.mark.interpreted  # reads the signatures
@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=30)
@given(data=st.data())
def test_one_event_is_one_line(name: str, data: st.DataObject) -> None:
    recorder = Recorder(level=Level.TRACE)
    method: Callable[..., None] = getattr(recorder.log, name)
    hints = get_type_hints(method)
    arguments = {
        parameter: OURS.get(parameter) or data.draw(strategy_for(hints[parameter]), parameter)
        for parameter in inspect.signature(method).parameters
    }
    method(**arguments)
    (text,) = recorder.text
    (event,) = recorder.events
    for line in (text, event, *recorder.bounces):
        assert line.isprintable()
        assert line.encode().decode() == line
        assert len(line) < 64 * VALUE_CHARACTERS_MAX
    assert json.loads(event)["text"] == text.partition(": ")[2]


@given(HOSTILE)
def test_escaped_values_are_printable_and_bounded(value: str) -> None:
    shown = escape(value)
    assert shown.isprintable()
    assert len(shown) <= VALUE_CHARACTERS_MAX + len("...")
    if value.isprintable() and len(value) <= VALUE_CHARACTERS_MAX:
        assert shown is value
