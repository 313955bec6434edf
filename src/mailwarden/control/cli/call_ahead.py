"""`mailwarden call-ahead`: tries a profile, and lets the gateway forget what it knows."""

import json
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from mailwarden.control.answers.call_ahead import found_lines
from mailwarden.control.answers.table import count_of
from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.options import Group, add_command, add_json, parse_address

Answers = Iterable[Mapping[str, Any]]


def add_call_ahead(commands: Group) -> None:
    """Add `call-ahead` and what it can do."""
    parser = add_command(
        commands,
        "call-ahead",
        "Try SMTP call-ahead profiles, and forget what was learnt by them.",
        "",
        "mailwarden call-ahead test Inside bob@corp.example",
        "mailwarden call-ahead flush",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    test = add_command(
        actions,
        "test",
        "Ask the server of a profile about a recipient, as a listener would.",
        "What is remembered does not count, and nothing is remembered.",
        "mailwarden call-ahead test Inside bob@corp.example",
    )
    test.add_argument("profile", metavar="PROFILE", help="name in `call_ahead_profiles`")
    test.add_argument("address", type=parse_address, metavar="ADDRESS", help="recipient")
    add_json(test)
    flush = add_command(
        actions,
        "flush",
        "Forget all answers, so that servers are asked again.",
        "Servers that failed are tried again as well.",
        "mailwarden call-ahead flush Inside",
    )
    flush.add_argument(
        "profile", nargs="?", default="", metavar="PROFILE", help="name (default: all profiles)"
    )


def show_test(arguments: Namespace, answer: Mapping[str, Any]) -> int:
    """Say what came of a question."""
    if arguments.json:
        print(json.dumps(answer))
        return ExitCode.DONE
    print("\n".join(found_lines(answer)))
    return ExitCode.DONE


def show_flushed(gathered: Mapping[str, Any]) -> int:
    """Say how much was forgotten."""
    count = sum(int(each.get("flushed") or 0) for each in gathered.get("workers") or ())
    print(f"{count_of(count, 'answer')} forgotten")
    return ExitCode.DONE
