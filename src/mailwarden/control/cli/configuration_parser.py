"""The options of `mailwarden config ...`."""

import argparse
from pathlib import Path
from typing import Final

from mailwarden.control.cli.options import Group, add_command, add_json, parse_count

VERSIONS_SHOWN: Final = 20


def add_configuration(commands: Group) -> None:
    """Add the command and its actions."""
    config = add_command(
        commands,
        "config",
        "Export, compare, apply and take back versions of the configuration.",
        "The gateway works by versions: the file makes them when it is reloaded, administrators "
        "when they commit.",
        "mailwarden config diff",
        "mailwarden config export --output mailwarden.yaml",
        "mailwarden config apply mailwarden.yaml --comment 'release 12'",
        "mailwarden config rollback 41",
    )
    actions = config.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    _add_looks(actions)
    _add_changes(actions)


def _add_looks(actions: Group) -> None:
    export = add_command(
        actions,
        "export",
        "Write a version as a configuration file.",
        "Secrets are in it, as the file has to work; it is written for its owner only.",
        "mailwarden config export",
        "mailwarden config export --version 41 --output old.yaml",
    )
    export.add_argument("--version", type=parse_version, metavar="N", help="default: in force")
    export.add_argument("--output", type=Path, metavar="FILE", help="default: the terminal")
    export.add_argument("--force", action="store_true", help="replace a file that is there")
    diff = add_command(
        actions,
        "diff",
        "Show how two versions differ, setting by setting.",
        "With none: how the file differs from the version in force. With one: how that differs "
        "from the one in force.",
        "mailwarden config diff",
        "mailwarden config diff 41 43",
    )
    add_json(diff)
    diff.add_argument("versions", nargs="*", type=parse_version, metavar="N", help="versions")
    history = add_command(
        actions,
        "history",
        "List the versions: who made them, when and why.",
        "",
        "mailwarden config history --limit 100",
    )
    add_json(history)
    history.add_argument(
        "--limit", type=parse_count, default=VERSIONS_SHOWN, metavar="N", help="how many"
    )
    audit = add_command(
        actions,
        "audit",
        "List what administrators did besides, and what they were refused.",
        "",
        "mailwarden config audit",
    )
    add_json(audit)
    audit.add_argument(
        "--limit", type=parse_count, default=VERSIONS_SHOWN, metavar="N", help="how many"
    )
    add_command(
        actions,
        "verify",
        "Check that versions and audit log are as they were written.",
        "Prints the hash that stands for all of them; kept elsewhere, it shows later that nothing "
        "was cut off.",
        "mailwarden config verify",
    )


def _add_changes(actions: Group) -> None:
    apply = add_command(
        actions,
        "apply",
        "Make a file the gateway's configuration.",
        "Without a name that is the gateway's own file, of which only what was edited is applied: "
        "as `mailwarden reload` does. A file that is named is applied as a whole.",
        "mailwarden config apply",
        "mailwarden config apply new.yaml --dry-run",
    )
    apply.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a file to apply whole")
    apply.add_argument(
        "--overwrite", action="store_true", help="apply the gateway's own file as a whole too"
    )
    apply.add_argument("--comment", default="", metavar="TEXT", help="why, for the history")
    apply.add_argument("--dry-run", action="store_true", help="show what would change, no more")
    rollback = add_command(
        actions,
        "rollback",
        "Go back to an earlier version, as a new one.",
        "",
        "mailwarden config rollback 41 --comment 'the new route was wrong'",
    )
    rollback.add_argument("version", type=parse_version, metavar="N", help="the version")
    rollback.add_argument("--comment", default="", metavar="TEXT", help="why, for the history")
    restore = add_command(
        actions,
        "restore",
        "Start a damaged store anew from the last version that is whole.",
        "No gateway may be running. What is damaged is kept aside.",
        "mailwarden config restore",
    )
    restore.add_argument("--yes", action="store_true", help="do not ask")


def parse_version(text: str) -> int:
    """Return the number of a version. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10 and int(text)):
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is no version; `mailwarden config history` has their numbers"
        )
    return int(text)
