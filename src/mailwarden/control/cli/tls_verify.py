"""`mailwarden tls-verify`: tries TLS with the hosts of a domain, and shows each step.

A step has `text` and `host` ("" where it is about none); the last one has `done`, `hosts` (how many
were spoken to) and `usable` (with how many mail would go as it has to be).
"""

import json
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.options import Group, add_command, add_json
from mailwarden.system.log.escape import escape

_MORE = (
    "The running gateway connects to each host as delivery does, from the same address and under "
    "the same settings: destination controls, DANE and MTA-STS. It speaks as far as TLS, sends no "
    "mail and counts nowhere. Ends with 1 when mail would go to none of the hosts."
)


def add_tls_verify(commands: Group) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "tls-verify",
        "Try TLS with the hosts that mail for a domain goes to, and explain each step.",
        _MORE,
        "mailwarden tls-verify partner.example",
        "mailwarden tls-verify partner.example mx1.partner.example",
    )
    parser.add_argument("domain", metavar="DOMAIN", help="recipient domain, or an address in it")
    parser.add_argument(
        "host",
        nargs="?",
        default="",
        metavar="HOST[:PORT]",
        help="only this host (default: all)",
    )
    add_json(parser)


def show_steps(arguments: Namespace, steps: Iterable[Mapping[str, Any]]) -> int:
    """Show the steps as they are taken; with `--json` a line each.

    Raises:
        CommandError: mail would go to none of the hosts.
    """
    host = ""
    for step in steps:
        if not step:
            continue
        if arguments.json:
            print(json.dumps(step), flush=True)
        elif step.get("text"):
            if step.get("host") and step["host"] != host:
                host = str(step["host"])
                print(escape(host))
            indent = "  " if step.get("host") else ""
            print(f"{indent}{escape(str(step['text']))}", flush=True)
        if step.get("done"):
            return _conclude(arguments, step)
    raise CommandError("the check was broken off", "ask again")


def _conclude(arguments: Namespace, step: Mapping[str, Any]) -> int:
    hosts, usable = step.get("hosts", 0), step.get("usable", 0)
    if not usable:
        raise CommandError(
            f"mail for {arguments.domain} would go to none of {hosts} hosts"
            if hosts
            else f"there is no host for {arguments.domain} to speak to"
        )
    if not arguments.json:
        print(f"mail for {escape(arguments.domain)} would go to {usable} of {hosts}")
    return ExitCode.DONE
