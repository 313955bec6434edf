"""Differences for administrators: as lines of text, and as JSON. No secret is in either."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final

from mailwarden.control.candidate.diff import Change, ChangeKind
from mailwarden.control.candidate.lines import Block, differences
from mailwarden.control.candidate.model import MASK, Declared, Model, masked
from mailwarden.control.candidate.paths import format_path
from mailwarden.control.config.table_setting import FILE
from mailwarden.stores.configuration.record import SUMMARY_LENGTH_MAX
from mailwarden.stores.configuration.tree import Value
from mailwarden.system.log.escape import escape

CHANGES_MAX: Final = 1000  # shown; of more, the number is told
LINES_MAX: Final = 200  # of one table
VALUE_LENGTH_MAX: Final = 200  # letters of a value in a line
NAMES_MAX: Final = 20  # that moved
_SIGNS: Final = {
    ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~", ChangeKind.ORDER: ">",
}  # fmt: skip


def text_lines(changes: Iterable[Change], model: Model) -> Iterator[str]:
    """Yield lines without their ends: a sign, the setting, and what it was and is."""
    count = 0
    for count, change in enumerate(changes, start=1):
        if count <= CHANGES_MAX:
            yield from _lines_of(change, model.at(change.path))
    if count > CHANGES_MAX:
        yield f"... and {count - CHANGES_MAX} more changes"


def plain_changes(changes: Iterable[Change], model: Model) -> list[dict[str, Any]]:
    """Return each change as JSON has it; of long texts what differs, within bounds."""
    return [_plain(change, model.at(change.path)) for change in changes]


def summary(changes: Iterable[Change], model: Model) -> str:
    """Return the lines as one text; no more of them than a version keeps."""
    kept: list[str] = []
    length = 0
    for line in text_lines(changes, model):
        kept.append(line)
        length += len(line) + 1
        if length > SUMMARY_LENGTH_MAX:
            break
    return "\n".join(kept)


def _lines_of(change: Change, declared: Declared | None) -> Iterator[str]:
    head = f"{_SIGNS[change.kind]} {escape(format_path(change.path))}"
    if change.kind is ChangeKind.ORDER:
        names = change.moved()
        shown = ", ".join(escape(name) for name in names[:NAMES_MAX])
        more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
        yield f"{head}: {shown}{more} moved"
        return
    lines = _lines_within(change, declared)
    if lines is None:
        old = _shown(change.before, declared)
        new = _shown(change.after, declared)
        match change.kind:
            case ChangeKind.ADDED:
                yield f"{head}: {new}"
            case ChangeKind.REMOVED:
                yield f"{head}: was {old}"
            case _:
                yield f"{head}: {old} -> {new}"
        return
    before, after = lines
    blocks = differences(before, after)
    came = sum(block.after_end - block.after for block in blocks)
    went = sum(block.before_end - block.before for block in blocks)
    yield f"{head}: {came} {'line' if came == 1 else 'lines'} added, {went} removed"
    yield from (f"    {line}" for line in _bounded(before, after, blocks))


def _lines_within(change: Change, declared: Declared | None) -> tuple[list[str], list[str]] | None:
    """Return the lines of a value that has lines, before and after; None where it has none."""
    if declared is not None and declared.is_secret:
        return None
    before, after = _as_lines(change.before), _as_lines(change.after)
    if before is None or after is None or max(len(before), len(after)) < 2:
        return None
    return before, after


def _as_lines(value: Value) -> list[str] | None:
    if value is None:
        return []
    if isinstance(value, str):
        return value.split("\n") if value.rstrip("\n") != value or "\n" in value else [value]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return [str(each) for each in value]
    return None


def _bounded(before: list[str], after: list[str], blocks: list[Block]) -> Iterator[str]:
    left = LINES_MAX
    for place, block in enumerate(blocks):
        if left <= 0:
            yield f"... and {len(blocks) - place} more places"
            return
        yield f"@ line {block.before + 1}"
        went = (("-", before[at]) for at in range(block.before, block.before_end))
        came = (("+", after[at]) for at in range(block.after, block.after_end))
        yield from (f"{sign} {escape(line)}" for sign, line in islice(chain(went, came), left))
        count = block.before_end - block.before + block.after_end - block.after
        if count > left:
            yield f"... and {count - left} more lines here"
        left -= count


def _plain(change: Change, declared: Declared | None) -> dict[str, Any]:
    plain: dict[str, Any] = {"change": change.kind.value, "path": format_path(change.path)}
    if change.kind is ChangeKind.ORDER:
        return {**plain, "moved": change.moved(), "order": change.after}
    lines = _lines_within(change, declared)
    if lines is not None:
        before, after = lines
        blocks = differences(before, after)
        return {
            **plain,
            "lines_added": sum(block.after_end - block.after for block in blocks),
            "lines_removed": sum(block.before_end - block.before for block in blocks),
            "lines": list(_bounded(before, after, blocks)),
        }
    if change.kind is not ChangeKind.ADDED:
        plain["before"] = masked(change.before, declared)
    if change.kind is not ChangeKind.REMOVED:
        plain["after"] = masked(change.after, declared)
    return plain


def _shown(value: Value, declared: Declared | None) -> str:
    value = masked(value, declared)
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return MASK if value == MASK else escape(_cut(value)) if value else "''"
    if isinstance(value, dict) and list(value) == [FILE]:
        return f"the file {escape(_cut(str(value[FILE])))}"
    return escape(_cut(json.dumps(value, ensure_ascii=False)))


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}..."
