"""`mailwarden table ...`: tables as text, out of the gateway and into it."""

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from mailwarden.control.answers.table import count_of, human_size, human_time, render_table
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.config.problems import ConfigError, LocatedProblem
from mailwarden.control.operations.private_file import replace
from mailwarden.control.operations.table_history import (
    MODE_KEPT,
    MODE_NEW,
    Reload,
    Step,
    TableHistory,
)
from mailwarden.control.operations.tables import (
    NamedTable,
    Replacement,
    Stands,
    UnknownTableError,
    check_text,
    find_form,
    find_table,
    named_tables,
    plan_replacement,
    read_table,
)
from mailwarden.core.policy.hat_predefined import Preset, public_table
from mailwarden.core.policy.hat_text import build_hat

STANDARD_INPUT: Final = "-"
WARNINGS_SHOWN_MAX: Final = 20
_UNUSABLE: Final = "the gateway cannot work by it"


def run_table(arguments: Namespace, path: Path, state: Callable[[], Path], reload: Reload) -> int:
    """Do one of the actions on tables.

    `path` is the configuration file, `state` finds the state directory, `reload` lets the gateway
    read its files anew and returns why it does not work by them; nothing where none is running.
    """
    act = _ACTIONS[arguments.action]
    try:
        return act(arguments, path, state, reload)
    except ConfigError as error:
        _stop_on(list(map(str, error.problems)), count_of(len(error.problems), "problem"))
    except UnknownTableError as error:
        raise CommandError(str(error), "mailwarden table list shows all", ExitCode.USAGE) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from error
    return ExitCode.PROBLEM


def _list(arguments: Namespace, path: Path, *_: object) -> int:
    tables = named_tables(path)
    if arguments.json:
        print(json.dumps([_described(path, table) for table in tables], indent=2))
        return ExitCode.DONE
    shown = [each for each in tables if arguments.all or each.stands is not Stands.NOWHERE]
    rows = [_row(path, each) for each in shown]
    print("\n".join(render_table(["Table", "Lines", "Stands in"], rows)))
    hidden = len(tables) - len(shown)
    if hidden:
        print(f"{count_of(hidden, 'table')} not set; --all shows them as well")
    return ExitCode.DONE


def _described(path: Path, table: NamedTable) -> dict[str, Any]:
    lines, problems = _lines(path, table)
    return {
        "name": table.name,
        "kind": table.form.name,
        "stands": table.stands.value,
        "where": _where(path, table),
        "lines": lines,
        "problems": problems,
    }


def _lines(path: Path, table: NamedTable) -> tuple[int | None, int]:
    """Return how many lines a table has, where that can be told, and how many problems."""
    try:
        lines = len(read_table(path, table).text.splitlines())
    except ConfigError as error:
        return None, len(error.problems)
    return None if table.stands is Stands.NOWHERE else lines, 0


def _row(path: Path, table: NamedTable) -> list[Any]:
    """Return what the list shows; the place is as seen from the folder of the configuration."""
    if table.stands is Stands.NOWHERE:
        return [table.name, None, _where(path, table)]
    lines, problems = _lines(path, table)
    place = os.path.relpath(_where(path.absolute(), table), path.absolute().parent)
    trouble = f" ({count_of(problems, 'problem')})" if problems else ""
    return [table.name, lines, f"{place}{trouble}"]


def _where(path: Path, table: NamedTable) -> str:
    match table.stands:
        case Stands.FILE:
            return table.file
        case Stands.INLINE:
            return f"{path}:{table.place.line}"
        case Stands.NOWHERE:
            return "not set"


def _show(arguments: Namespace, path: Path, state: Callable[[], Path], _reload: Reload) -> int:
    table = find_table(named_tables(path), arguments.name)
    read = read_table(path, table)
    print(f"{table.name}: {table.form.name}, {_where(path, table)}")
    steps = TableHistory(state(), table.name).steps()
    if steps:
        print(f"{count_of(len(steps), 'earlier version')} kept for `mailwarden table undo`:")
        print("\n".join(f"  {_step(step)}" for step in steps))
    for warning in read.read.warnings[:WARNINGS_SHOWN_MAX]:
        print(f"warning: {warning.path}: {warning.message}")
    print()
    print(read.text, end="")
    return ExitCode.DONE


def _export(arguments: Namespace, path: Path, *_: object) -> int:
    read = read_table(path, find_table(named_tables(path), arguments.name))
    if arguments.file is None:
        print(read.text, end="")
        return ExitCode.DONE
    if arguments.file.exists() and not arguments.force:
        raise CommandError(f"{arguments.file} is there already", "--force replaces it")
    content = read.text.encode()
    replace(arguments.file, content, mode_new=MODE_NEW, mode_kept=MODE_KEPT)
    print(f"{arguments.file}: {count_of(len(read.text.splitlines()), 'line')}")
    return ExitCode.DONE


def _check(arguments: Namespace, *_: object) -> int:
    about = find_form(arguments.name)
    assert about.table is not None
    content, source = _content(arguments.file)
    _warn(check_text(about.table, content, source))
    print(f"{source} can be imported as {about.table.name}")
    return ExitCode.DONE


def _import(arguments: Namespace, path: Path, state: Callable[[], Path], reload: Reload) -> int:
    table = _in_file(path, arguments.name)
    replacement = plan_replacement(path, table, *_content(arguments.file))
    _warn(replacement.warnings)
    if not replacement.is_change:
        print(f"{table.name} has this text already; nothing was changed")
        return ExitCode.DONE
    _tell(arguments, replacement)
    if arguments.dry_run:
        print("nothing was changed, as --dry-run was given")
        return ExitCode.DONE
    _stop_on(TableHistory(state(), table.name).put(replacement, reload), _UNUSABLE)
    print(f"imported into {table.file}")
    print(f"`mailwarden table undo {table.name}` takes it back")
    return ExitCode.DONE


def _undo(arguments: Namespace, path: Path, state: Callable[[], Path], reload: Reload) -> int:
    table = _in_file(path, arguments.name)
    history = TableHistory(state(), table.name)
    steps = history.steps()
    if len(steps) < arguments.steps:
        raise CommandError(
            f"{table.name} has {count_of(len(steps), 'earlier version')} to go back to"
        )
    step = steps[arguments.steps - 1]
    replacement = plan_replacement(path, table, step.path.read_bytes(), str(step.path))
    _tell(arguments, replacement)
    if arguments.dry_run:
        print("nothing was changed, as --dry-run was given")
        return ExitCode.DONE
    _stop_on(history.bring_back(replacement, steps[: arguments.steps], reload), _UNUSABLE)
    print(f"{table.name} is as it was before {_time(step)}; what was undone is in {history.undone}")
    return ExitCode.DONE


def _example(arguments: Namespace, *_: object) -> int:
    about = find_form(arguments.name)
    assert about.table is not None
    if arguments.name.rpartition("/")[2] == "host_access":
        print(build_hat(public_table(Preset(arguments.preset or Preset.SETUP.value))), end="")
        return ExitCode.DONE
    if arguments.preset:
        raise CommandError("only host_access has presets", code=ExitCode.USAGE)
    print("\n".join(about.examples))
    return ExitCode.DONE


_ACTIONS: Final[dict[str, Callable[[Namespace, Path, Callable[[], Path], Reload], int]]] = {
    "list": _list,
    "show": _show,
    "export": _export,
    "check": _check,
    "import": _import,
    "undo": _undo,
    "example": _example,
}


def _in_file(path: Path, name: str) -> NamedTable:
    """Return the table called `name`. Raises CommandError unless it stands in a file of its own."""
    table = find_table(named_tables(path), name)
    if table.stands is Stands.FILE:
        return table
    short = table.name.rpartition("/")[2]
    file = f"{table.name.replace('/', '-')}.txt"
    line = f"{short}: {{file: {file}}}"
    if table.stands is Stands.INLINE:
        what = f"{table.name} stands in the configuration file itself, at {_where(path, table)}"
        raise CommandError(
            what,
            f"move it once: mailwarden table export {table.name} {path.parent / file}, then put "
            f"`{line}` in its place and reload",
        )
    where = table.path.rpartition(".")[0]
    raise CommandError(
        f"{table.name} is not set",
        f"put the table into {path.parent / file}, and `{line}` under `{where}` in {path}",
    )


def _content(file: Path) -> tuple[bytes, str]:
    """Return the bytes of a file, and its name in messages."""
    if str(file) == STANDARD_INPUT:
        return sys.stdin.buffer.read(), "standard input"
    return file.read_bytes(), str(file)


def _warn(warnings: Sequence[LocatedProblem]) -> None:
    for warning in warnings[:WARNINGS_SHOWN_MAX]:
        print(f"warning: {warning}")
    if len(warnings) > WARNINGS_SHOWN_MAX:
        print(f"and {count_of(len(warnings) - WARNINGS_SHOWN_MAX, 'warning')} more")


def _tell(arguments: Namespace, replacement: Replacement) -> None:
    if arguments.diff:
        print("\n".join(replacement.diff()))
    new, gone = replacement.counts()
    lines = count_of(len(replacement.after.splitlines()), "line")
    print(f"{replacement.table.name}: {new} new, {gone} removed, {lines} in all")


def _stop_on(problems: Sequence[str], what: str) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise CommandError(f"nothing was changed: {what}")


def _step(step: Step) -> str:
    ago = human_time(max(0.0, time.time() - step.replaced_at))
    return f"replaced {_time(step)}, {ago} ago ({human_size(step.size)})"


def _time(step: Step) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(step.replaced_at))
