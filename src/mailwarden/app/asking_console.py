"""`mailwarden cli` and `mailwarden console`: the administrators' command line on the machine."""

import os
import socket
import sys
from argparse import Namespace
from typing import Final

from mailwarden.app.asking import state_directory
from mailwarden.app.control_socket import why_not
from mailwarden.control.cli.console_parser import command_line
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.remote.console_client import BrokenOffError, run_client
from mailwarden.control.remote.console_frames import CONSOLE_FOLDER, SOCKET_NAME, Hello, Mode
from mailwarden.control.remote.tty_mode import name_of, size_of
from mailwarden.system.net.unix_socket import connect_unix

_INPUT: Final = 0
_OUTPUT: Final = 1
_START: Final = "start it with `mailwarden run`"


def cli(arguments: Namespace) -> int:
    """Run a session, or one command, of a user whom the operating system vouches for."""
    line = command_line(arguments.words, is_json=arguments.json)
    if line is None and arguments.json:
        raise CommandError("--json needs a command", "", ExitCode.USAGE)
    return _run(arguments, Mode.TRUSTED, user=arguments.user, line=line, may_suspend=True)


def console(arguments: Namespace) -> int:
    """Ask who is there and run a session."""
    if not _is_terminal():
        raise CommandError(
            "the console needs a terminal", "mailwarden cli reads scripts", ExitCode.USAGE
        )
    # No Ctrl-Z: whoever has started this may have left a shell behind it.
    return _run(arguments, Mode.LOGIN, may_suspend=False)


def _run(
    arguments: Namespace, mode: Mode, *, user: str = "", line: str | None = None, may_suspend: bool
) -> int:
    size = size_of(_OUTPUT)
    hello = Hello(
        mode=mode,
        user=user,
        line=line,
        device=name_of(_INPUT),
        is_terminal=_is_terminal(),
        columns=size.columns,
        lines=size.lines,
    )
    sys.stdout.flush()
    try:
        return run_client(_connect(arguments), hello, may_suspend=may_suspend)
    except BrokenOffError as error:
        reason = str(error)
        raise CommandError(
            f"the gateway broke the session off{f': {reason}' if reason else ''}",
            "",
            ExitCode.NOT_RUNNING,
        ) from error
    except UnicodeEncodeError as error:
        raise CommandError("the command is no UTF-8", "", ExitCode.USAGE) from error


def _connect(arguments: Namespace) -> socket.socket:
    directory = state_directory(arguments)
    try:
        return connect_unix(directory / CONSOLE_FOLDER, SOCKET_NAME)
    except OSError as error:
        raise CommandError(why_not(directory, error), _START, ExitCode.NOT_RUNNING) from error


def _is_terminal() -> bool:
    return os.isatty(_INPUT) and os.isatty(_OUTPUT)
