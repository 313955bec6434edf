"""Runs one command: finds who does it, and turns what goes wrong into a line and an exit code."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, cast

from mailwarden.control.answers.table import count_of
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.parser import AddArguments, build_parser
from mailwarden.control.config.problems import ConfigError

Handler = Callable[[Namespace], int]
INTERRUPTED: Final = 130  # as shells report SIGINT
_OWN: Final = {  # module and function of commands that need no gateway
    "bounce-keys": ("mailwarden.control.cli.bounce_keys", "run_bounce_keys"),
    "check": ("mailwarden.control.cli.check", "run_check"),
    "credentials": ("mailwarden.control.cli.credentials", "run_credentials"),
    "updates": ("mailwarden.control.cli.updates", "run_updates"),
    "version": ("mailwarden.control.cli.version", "run_version"),
}


def run(
    argv: Sequence[str],
    handlers: Mapping[str, Handler],
    add_bench_arguments: AddArguments | None = None,
) -> int:
    """Run the command in `argv` (without the program's name); return the exit code.

    `handlers` are found by command and action (`queue list`), else by command (`queue`). `check`,
    `credentials`, `bounce-keys`, `updates` and `version` are there already.
    """
    parser = build_parser(add_bench_arguments)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return ExitCode.USAGE
    try:
        return _guarded(arguments, handlers)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE


def _guarded(arguments: Namespace, handlers: Mapping[str, Handler]) -> int:
    try:
        code = _find(arguments, handlers)(arguments)
        sys.stdout.flush()
        return code
    except CommandError as error:
        _complain(error.what, error.advice)
        return error.code
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        _complain(f"the configuration has {count_of(len(error.problems), 'problem')}", "")
        return ExitCode.PROBLEM
    except KeyboardInterrupt:
        return INTERRUPTED


def _find(arguments: Namespace, handlers: Mapping[str, Handler]) -> Handler:
    names = [arguments.command]
    action = getattr(arguments, "action", None)
    if action:
        names.insert(0, f"{arguments.command} {action}")
    for name in names:
        if name in handlers:
            return handlers[name]
    return _own(arguments.command)


def _own(command: str) -> Handler:
    """Return the handler of a command that needs no gateway. Loads only what it needs."""
    if command not in _OWN:
        raise CommandError(f"`{command}` is not part of this program", "", ExitCode.USAGE)
    module, function = _OWN[command]
    return cast("Handler", getattr(import_module(module), function))


def _complain(what: str, advice: str) -> None:
    print(f"mailwarden: {what}", file=sys.stderr)
    if advice:
        print(f"  {advice}", file=sys.stderr)
