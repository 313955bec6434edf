"""The pages of `docs/reference`, written from settings and commands."""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from mailwarden.control.candidate.nodes import write_yaml
from mailwarden.control.cli.parser import AddArguments, build_parser
from mailwarden.control.commands.catalog import CATALOG
from mailwarden.control.config.reference import settings_reference
from mailwarden.control.config.schema import build_schema
from mailwarden.control.dialogue.manual import commands_markdown, help_data
from mailwarden.core.access.commands import lowest_level
from mailwarden.core.access.permissions import Level
from mailwarden.stores.configuration.tree import Value

_INTRODUCTION: Final = """\
# Commands

All commands of `mailwarden`. This page is generated from the program; `mailwarden COMMAND --help`
says the same. `--config FILE` may stand before or behind any command.

## Exit codes

| Code | Meaning |
|---|---|
| 0 | done |
| 1 | a problem was found: in the configuration, a message or the spool |
| 2 | the command was not understood |
| 3 | no gateway is running |

"""


CLI_INTRODUCTION: Final = """\
# Commands of the CLI

All commands of the [command line for administrators](../guide/console.md). This page is generated
from the program; `help COMMAND` says the same. [commands.yaml](commands.yaml) has it as data.

Words in `<>` are answers; what is in `[]` may be left out. `--json` in front of a command is for
programs.

"""
CLI_TABLE_HEAD: Final = """\
# All commands of the CLI, generated from the program. `commit`: Y needs a commit, - does not.
# `where`, in a cluster: A any mode, C cluster mode, M machine mode, L the host of the log-in.
# `who`: the lowest role whose use of it takes effect.
"""
WHO: Final = {
    Level.GUEST: "Guest",
    Level.READ_ONLY: "Read-Only Operator",
    Level.OPERATOR: "Operator",
    Level.ADMINISTRATOR: "Administrator",
    Level.ADMIN_USER: "admin",
}


def reference_pages(add_bench_arguments: AddArguments | None = None) -> Mapping[str, str]:
    """Return the content of each file in `docs/reference`, by its name."""
    return {
        "settings.md": settings_reference(),
        "commands.md": commands_reference(build_parser(add_bench_arguments)),
        "cli.md": CLI_INTRODUCTION + commands_markdown(CATALOG),
        "commands.yaml": CLI_TABLE_HEAD + write_yaml({"commands": cli_table()}),
        "mailwarden.schema.json": json.dumps(build_schema(), indent=2) + "\n",
    }


def cli_table() -> list[Value]:
    """Return the commands of the CLI as data, in order of their names (admin CLI-40)."""
    rows: list[Value] = []
    for command in sorted(CATALOG.commands, key=lambda each: each.name):
        row = help_data(command, lambda _: True)
        row["who"] = WHO[lowest_level(command.right)]
        rows.append(cast("Value", row))
    return rows


def commands_reference(parser: argparse.ArgumentParser) -> str:
    """Return the page about the commands of `parser`."""
    return _INTRODUCTION + "\n".join("\n".join(_command(found)) for found in walk(parser))


def walk(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield `parser` and the parsers of all its commands and their actions, in order."""
    yield parser
    for action in _actions(parser):
        if isinstance(action.choices, Mapping):
            for inner in action.choices.values():
                yield from walk(inner)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the lines about one command."""
    yield f"## `{parser.prog}`\n"
    yield f"{parser.description}\n"
    yield f"    {_usage(parser)}\n"
    rows = [_row(action) for action in _actions(parser) if not isinstance(action.choices, Mapping)]
    if rows:
        yield "| Argument | Meaning |\n|---|---|"
        yield "\n".join(rows) + "\n"
    examples = [line[2:] for line in (parser.epilog or "").splitlines() if line[:12] == _EXAMPLE]
    if examples:
        yield f"Example{'s' if len(examples) > 1 else ''}:\n"
        yield "".join(f"    {example}\n" for example in examples)


_EXAMPLE: Final = "  mailwarden"


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments, but for --help and, behind the program's own, --config."""
    actions: list[argparse.Action] = parser._actions  # noqa: SLF001  argparse has no public list
    left_out = {"help", "config"} if " " in parser.prog else {"help"}
    return [action for action in actions if action.dest not in left_out]


def _usage(parser: argparse.ArgumentParser) -> str:
    """Return the command in one line; argparse's own depends on the width of the terminal."""
    return " ".join([parser.prog, *(_part(action) for action in _actions(parser))])


def _part(action: argparse.Action) -> str:
    name = _name(action)
    if action.option_strings:
        return name if action.required else f"[{name}]"
    match action.nargs:
        case "?":
            return f"[{name}]"
        case "*":
            return f"[{name} ...]"
        case argparse.PARSER:
            return f"{name} ..."
    return name


def _name(action: argparse.Action) -> str:
    value: Any = action.metavar
    if not action.option_strings:
        return str(value or action.dest)
    option = action.option_strings[-1]
    return option if action.nargs == 0 else f"{option} {value or action.dest.upper()}"


def _row(action: argparse.Action) -> str:
    return f"| `{_name(action)}` | {(action.help or '').replace('|', chr(92) + '|')} |"
