"""`mailwarden config ...`: what is done with the store of versions itself."""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mailwarden.control.candidate import show
from mailwarden.control.candidate.diff import diff
from mailwarden.control.candidate.nodes import write_yaml
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.config.reader import parse_config, read_text
from mailwarden.control.config.tables import Tables
from mailwarden.control.operations.applied_file import file_tree
from mailwarden.control.operations.versions import MODEL, Versions
from mailwarden.stores.configuration.record import AuditRecord, Author, Version
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.stores.configuration.tree import Tree
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file
from mailwarden.system.log.escape import escape

RESTORE: Final = (
    "stop the gateway; `mailwarden config restore` goes back to the last version that is whole"
)


def run_look(arguments: Namespace, store: ConfigurationStore, path: Path) -> int:
    """Carry out an action that changes nothing; `path` is the gateway's own file."""
    looks: dict[str, Callable[[Namespace, ConfigurationStore, Path], int]] = {
        "export": _export,
        "diff": _diff,
        "history": _history,
        "audit": _audit,
        "verify": _verify,
    }
    return looks[arguments.action](arguments, store, path)


def show_changes(store: ConfigurationStore, tree: Tree, *, as_json: bool) -> None:
    """Show how `tree` differs from the version in force."""
    _show(_running(store), tree, as_json=as_json)


def tree_in(path: Path) -> Tree:
    """Return the tree of a configuration file.

    Raises:
        ConfigError: all that is wrong with it.
    """
    base, text, tables = path.absolute().parent, read_text(path), Tables()
    parse_config(text, str(path), base, look_at_files=False, tables=tables)
    return file_tree(text, base, tables.texts)


def _export(arguments: Namespace, store: ConfigurationStore, _path: Path) -> int:
    number = arguments.version
    text = write_yaml(_running(store) if number is None else store.read(number).tree)
    if arguments.output is None:
        sys.stdout.write(text)
        return ExitCode.DONE
    if arguments.output.exists() and not arguments.force:
        raise CommandError(f"{arguments.output} is there already", "--force replaces it")
    files = SystemFiles()
    try:
        files.close(replace_file(files, str(arguments.output.absolute()), [text.encode()]))
    except OSError as error:
        raise CommandError(f"{arguments.output} cannot be written: {error.strerror}") from error
    return ExitCode.DONE


def _diff(arguments: Namespace, store: ConfigurationStore, path: Path) -> int:
    match arguments.versions:
        case []:
            before, after = _running(store), tree_in(path)
        case [one]:
            before, after = store.read(one).tree, _running(store)
        case [one, other]:
            before, after = store.read(one).tree, store.read(other).tree
        case _:
            raise CommandError("at most two versions can be compared")
    _show(before, after, as_json=arguments.json)
    return ExitCode.DONE


def _show(before: Tree, after: Tree, *, as_json: bool) -> None:
    changes = diff(before, after, MODEL)
    if as_json:
        print(json.dumps(show.plain_changes(changes, MODEL), indent=2))
        return
    for line in show.text_lines(changes, MODEL):
        print(line)
    if not changes:
        print("no differences")


def _history(arguments: Namespace, store: ConfigurationStore, _path: Path) -> int:
    versions = store.history(arguments.limit)
    if arguments.json:
        print(json.dumps([_plain_version(each) for each in versions], indent=2))
        return ExitCode.DONE
    waiting = store.awaiting()
    for version in versions:
        marks = [escape(version.comment)] if version.comment else []
        if version.restores:
            marks.append(f"as version {version.restores}")
        if waiting is not None and waiting.number == version.number:
            marks.append("not confirmed yet")
        print(f"{version.number:6}  {_when(version.time)}  {_who(version.author)}"
              f"{'  ' if marks else ''}{', '.join(marks)}")  # fmt: skip
        if version.sections:
            print(f"        {escape(', '.join(version.sections)[:300])}")
    return ExitCode.DONE


def _audit(arguments: Namespace, store: ConfigurationStore, _path: Path) -> int:
    records = store.audit(arguments.limit)
    if arguments.json:
        print(json.dumps([_plain_record(each) for each in records], indent=2))
        return ExitCode.DONE
    for record in records:
        verdict = "" if record.was_allowed else "  (refused)"
        what = f"{escape(record.action)}: {escape(record.detail)}"
        print(f"{record.number:6}  {_when(record.time)}  {_who(record.author)}  {what}{verdict}")
    return ExitCode.DONE


def _verify(_arguments: Namespace, store: ConfigurationStore, _path: Path) -> int:
    broken = store.verify()
    if broken is not None:
        raise CommandError(
            f"the store is damaged: {broken}",
            RESTORE,
        )
    head = store.head()
    number = 0 if head is None else head.number
    print(f"all is as it was written; version {number} is in force\n{store.chain_hash()}")
    return ExitCode.DONE


def _running(store: ConfigurationStore) -> Tree:
    last = Versions(store).last()
    if last is None:
        raise CommandError("there is no version yet", "`mailwarden run` makes the first one")
    return last.tree


def _who(author: Author) -> str:
    where = f" from {author.address}" if author.address else ""
    return escape(f"{author.user or 'the gateway'} by {author.source.value}{where}")


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _plain_author(author: Author) -> dict[str, Any]:
    return {
        "user": author.user,
        "role": author.role,
        "source": author.source.value,
        "address": author.address,
    }


def _plain_version(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "time": version.time,
        **_plain_author(version.author),
        "comment": version.comment,
        "sections": list(version.sections),
        "changes": version.summary.split("\n") if version.summary else [],
        "restores": version.restores or None,
    }


def _plain_record(record: AuditRecord) -> dict[str, Any]:
    return {
        "number": record.number,
        "time": record.time,
        **_plain_author(record.author),
        "action": record.action,
        "detail": record.detail,
        "allowed": record.was_allowed,
    }
