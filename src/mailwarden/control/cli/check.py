"""`mailwarden check`: what is wrong with a configuration, or what it means."""

import json
import os
import sys
from argparse import Namespace
from typing import Final

from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.config.problems import ConfigError
from mailwarden.control.config.reader import demo_text
from mailwarden.control.config.schema import build_schema
from mailwarden.control.operations.check import Summary, check_file

SHOWN_MAX: Final = 20  # routes, and entries of one listener


def run_check(arguments: Namespace) -> int:
    """Check the file; write the schema or the example instead where asked for."""
    if arguments.schema:
        print(json.dumps(build_schema(), indent=2))
        return ExitCode.DONE
    if arguments.example:
        print(demo_text(), end="")
        return ExitCode.DONE
    path = find_config(arguments.file or arguments.config, os.environ)
    try:
        summary = check_file(path)
    except ConfigError as error:
        for problem in error.problems:
            print(problem)
        print(f"{count_of(len(error.problems), 'problem')} found", file=sys.stderr)
        return ExitCode.PROBLEM
    print(f"{path} is right.\n")
    print("\n".join(render_summary(summary)))
    return ExitCode.DONE


def render_summary(summary: Summary) -> list[str]:
    """Return the lines that say what the gateway would do."""
    workers = count_of(summary.workers, "worker") if summary.workers else "a worker a processor"
    lines = [f"{summary.hostname}, {workers}, state in {summary.state_directory}", ""]
    lines += render_table(
        ["Listener", "Type", "Address", "TLS", "AUTH", "Takes"],
        [
            [
                listener.name,
                listener.type,
                f"{listener.address}:{listener.port}"
                if ":" not in listener.address
                else f"[{listener.address}]:{listener.port}",
                listener.tls,
                listener.auth,
                _some(listener.takes),
            ]
            for listener in summary.listeners
        ],
    )
    if summary.routes:
        shown = [[f"{domain}", where] for domain, where in summary.routes[:SHOWN_MAX]]
        lines += ["", *render_table(["Mail for", "Goes to"], shown)]
        if len(summary.routes) > SHOWN_MAX:
            lines.append(f"and {len(summary.routes) - SHOWN_MAX} more")
    if summary.notes:
        lines += ["", *(f"Note: {note}" for note in summary.notes[:SHOWN_MAX])]
        if len(summary.notes) > SHOWN_MAX:
            lines.append(f"and {count_of(len(summary.notes) - SHOWN_MAX, 'note')} more")
    return lines


def _some(entries: tuple[str, ...]) -> str:
    more = len(entries) - SHOWN_MAX
    return ", ".join(entries[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
