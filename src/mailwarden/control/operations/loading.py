"""Loads an XML configuration file into a session's pending changes (admin 4.2, XML-24 to 36).

Nothing runs by it until it is committed. A section that the file has takes the place of the whole
section; what else the session had changed there is gone.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.candidate.diff import diff
from mailwarden.control.candidate.table_texts import take_in
from mailwarden.control.config.problems import ConfigError, LocatedProblem
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.exchange import SHOWN_AS, read_import
from mailwarden.control.operations.export_key import ExportKeyError, load_export_key
from mailwarden.control.operations.loaded_pairs import keep_pairs, open_pairs
from mailwarden.control.operations.missing_certificates import standing_in
from mailwarden.control.operations.reserved import check_reserved
from mailwarden.control.operations.versions import MODEL
from mailwarden.control.xml.faults import Fault, XmlError
from mailwarden.control.xml.load import Loaded, LoadOptions, load_configuration
from mailwarden.control.xml.migrate import REPORTED_MAX
from mailwarden.stores.configuration.tree import Tree
from mailwarden.system.log.escape import escape

PASTED: Final = "pasted text"
HOSTILE: Final = frozenset({Fault.ENTITY, Fault.SIZE, Fault.DEPTH, Fault.COUNT})


class Asked(NamedTuple):
    """How a file is to be loaded. `name` is for messages."""

    name: str
    convert: bool = False
    skip_hardware: bool = False
    passphrase: str = ""


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What came of a file: the changes that wait now, and what is to be told of it."""

    candidate: Candidate
    sections: tuple[str, ...]  # that are different now
    discarded: tuple[str, ...]  # in which other pending changes are gone
    skipped: tuple[str, ...]  # sections of the hardware
    warnings: tuple[str, ...]
    taken: tuple[str, ...]
    not_taken: tuple[str, ...]


async def load_file(desk: Desk, candidate: Candidate, content: bytes, asked: Asked) -> LoadedFile:
    """Return `candidate` with what a file says.

    Raises:
        RefusedOperationError: all that is wrong with it, line by line; nothing has changed.
    """
    desk.require("loadconfig")
    loaded = await _loaded(desk, candidate.tree, content, asked)
    # What the file says counts from what is in force, whatever this session has made of it.
    names = {section.name for section in loaded.sections}
    changed = {change.path[0] for change in candidate.changes(MODEL)}
    discarded = tuple(name for name in candidate.tree | candidate.base if name in names & changed)
    if discarded:
        loaded = await _loaded(desk, _back(candidate, discarded), content, asked)
    tree = _with_tables(desk, loaded)
    opened = await open_pairs(desk, loaded.pairs)
    check_reserved(desk, diff(candidate.base, candidate.load(tree, MODEL).tree, MODEL))
    _check_values(desk, tree, loaded, asked.name)
    kept = keep_pairs(desk, tree, opened)
    after = candidate.load(kept.tree, MODEL)
    desk.loaded |= frozenset(loaded.changed)
    warnings = [*map(str, loaded.warnings)]
    for warning in loaded.warnings:
        if not warning.line:  # of the file as a whole: what was ignored (XML-31)
            desk.administration.warn(f"{escape(asked.name)}: {warning.message}")
    warnings += kept.remarks
    desk.record("loadconfig", _detail(asked.name, loaded))
    return LoadedFile(
        candidate=after,
        sections=loaded.changed,
        discarded=discarded,
        skipped=loaded.skipped,
        warnings=tuple(warnings),
        taken=tuple(map(str, loaded.taken)),
        not_taken=_bounded(loaded.not_taken),
    )


async def _loaded(desk: Desk, base: Tree, content: bytes, asked: Asked) -> Loaded:
    administration = desk.administration
    try:
        options = LoadOptions(
            convert=asked.convert,
            skip_hardware=asked.skip_hardware,
            key_store=administration.key_store,
            node_key=load_export_key(administration.folder),
            passphrase=asked.passphrase or None,
        )
        # Others go on meanwhile: a large file takes seconds, a passphrase tenths of one.
        return await asyncio.to_thread(
            load_configuration, content, asked.name, base, administration.facts, options
        )
    except ExportKeyError as error:
        raise RefusedOperationError(str(error)) from error
    except XmlError as error:
        names = ", ".join(sorted(fault.value for fault in error.faults))
        # Not what the file says: it may be anything, and longer than a log.
        desk.record("loadconfig", f"{asked.name} refused: {names}", was_allowed=False)
        if error.faults & HOSTILE:
            desk.administration.warn(
                f"User {escape(desk.actor.user)} tried to load the configuration "
                f"{escape(asked.name)}, which is refused: {names}"
            )
        raise RefusedOperationError(_told(error)) from error


def _told(error: XmlError) -> str:
    """Return the words of the refusal; where the specification has them, these alone."""
    for problem in error.problems:
        if problem.fault is Fault.MODEL:
            return str(problem).removeprefix("Error: ")
    return str(error)


def _back(candidate: Candidate, names: Iterable[str]) -> Tree:
    """Return the candidate's tree with some sections as they are in force."""
    tree = dict(candidate.tree)
    for name in names:
        tree.pop(name, None)
        if name in candidate.base:
            tree[name] = candidate.base[name]
    return tree


def _with_tables(desk: Desk, loaded: Loaded) -> Tree:
    """Return the loaded tree with the texts of tables that stand in files of `/configuration`."""

    def text_of(name: str) -> str:
        try:
            return read_import(desk, name.removeprefix(f"{SHOWN_AS}/")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusedOperationError(f"{escape(name)} is not UTF-8") from error

    return take_in(loaded.tree, MODEL, text_of)


def _check_values(desk: Desk, tree: Tree, loaded: Loaded, name: str) -> None:
    try:
        desk.administration.build(standing_in(tree))
    except ConfigError as error:
        raise RefusedOperationError("\n".join(_placed(error.problems, loaded, name))) from error


def _placed(problems: Sequence[LocatedProblem], loaded: Loaded, name: str) -> list[str]:
    """Return the problems with the lines of the file where they stand."""
    placed = []
    for problem in problems:
        line = loaded.line_of(problem.path)
        where = replace(problem, file=escape(name), line=line, column=0)
        placed.append(str(where) if line else f"{problem.path}: {problem.message}")
    return placed


def _bounded(rows: Sequence[Any]) -> tuple[str, ...]:
    shown = [str(row) for row in rows[:REPORTED_MAX]]
    if len(rows) > REPORTED_MAX:
        shown.append(f"and {len(rows) - REPORTED_MAX} more elements are not taken over")
    return tuple(shown)


def _detail(name: str, loaded: Loaded) -> str:
    return f"{name}: {', '.join(loaded.changed) or 'nothing'} changed"
