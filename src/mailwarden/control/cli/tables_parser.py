"""The options of `mailwarden table ...`."""

import argparse
from pathlib import Path
from typing import Final

from mailwarden.control.cli.options import Group, add_command, add_json

PRESETS: Final = ("none", "setup", "conservative", "moderate", "aggressive")
_NAME: Final = "name of the table, as in `mailwarden table list`: aliases, In/host_access"


def add_table(commands: Group) -> None:
    """Add the command and its actions."""
    table = add_command(
        commands,
        "table",
        "Show, check, export and import tables as text.",
        "A table is called by its setting; one of a listener has the listener's name in front.",
        "mailwarden table list",
        "mailwarden table export In/host_access hat.txt",
        "mailwarden table import In/host_access hat.txt --diff",
        "mailwarden table undo In/host_access",
    )
    actions = table.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    listing = add_command(
        actions, "list", "List the tables, and where each stands.", "", "mailwarden table list"
    )
    add_json(listing)
    listing.add_argument("--all", action="store_true", help="also those that are not set")
    show = add_command(
        actions,
        "show",
        "Show a table, what is odd about it, and the versions before it.",
        "",
        "mailwarden table show aliases",
    )
    _add_name(show)
    export = add_command(
        actions,
        "export",
        "Write a table's text to a file, or to the terminal.",
        "It is the text as it stands in the configuration, comments included.",
        "mailwarden table export In/host_access hat.txt",
    )
    _add_name(export)
    export.add_argument("file", nargs="?", type=Path, metavar="FILE", help="where it goes")
    export.add_argument("--force", action="store_true", help="replace a file that is there")
    check = add_command(
        actions,
        "check",
        "Check a table's text.",
        "Shows every mistake with its line. Needs neither a gateway nor a configuration.",
        "mailwarden table check host_access hat.txt",
    )
    _add_name(check)
    _add_file(check)
    _add_changes(actions)
    example = add_command(
        actions,
        "example",
        "Show a table to begin with.",
        "For host_access, --preset says how much a host's reputation counts.",
        "mailwarden table example host_access --preset conservative",
    )
    _add_name(example)
    example.add_argument("--preset", choices=PRESETS, help="which of the predefined tables")


def _add_changes(actions: Group) -> None:
    importing = add_command(
        actions,
        "import",
        "Put a text in place of a table, and let the running gateway work by it.",
        "The table has to stand in a file of its own: `host_access: {file: hat.txt}`. With any "
        "mistake in the text nothing changes. The text before is kept for `undo`.",
        "mailwarden table import In/host_access hat.txt --dry-run --diff",
        "mailwarden table import aliases - < aliases.txt",
    )
    _add_name(importing)
    _add_file(importing)
    undo = add_command(
        actions,
        "undo",
        "Take the last import of a table back.",
        "Again for the one before; twenty are kept.",
        "mailwarden table undo In/host_access",
        "mailwarden table undo In/host_access --steps 2 --dry-run --diff",
    )
    _add_name(undo)
    undo.add_argument(
        "--steps", type=_steps, default=1, metavar="N", help="how many imports (default: 1)"
    )
    for parser in (importing, undo):
        parser.add_argument("--diff", action="store_true", help="show what changes, line by line")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=_NAME)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the text; - is standard input")


def _steps(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:4]) < 1000):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of imports")
    return int(text)
