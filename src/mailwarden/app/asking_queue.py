"""`mailwarden queue`: what changes many messages at once, or lists them."""

import os
import pwd
import time
from argparse import Namespace

from mailwarden.app.asking import Answer, answers_of
from mailwarden.control.cli.queue import show_deleted
from mailwarden.control.cli.queue_operations import (
    Answers,
    run_operation,
    run_restore,
    selection_of,
)


def queue_operation(arguments: Namespace) -> int:
    """Delete or bounce what waits."""
    selection = selection_of(arguments)
    return run_operation(arguments, lambda command: _operate(arguments, command, selection))


def queue_restore(arguments: Namespace) -> int:
    """Bring back what was deleted."""
    selection: Answer = {"mids": arguments.mids} if arguments.mids else {}
    return run_restore(arguments, lambda command: _operate(arguments, command, selection))


def queue_deleted(arguments: Namespace) -> int:
    """List what was deleted and can be brought back."""
    pages = answers_of(arguments, {"command": "queue_deleted", "limit": arguments.limit})
    return show_deleted(arguments, pages, time.time())


def _operate(arguments: Namespace, command: str, selection: Answer) -> Answers:
    request = {"command": command, "selection": selection, "by": administrator()}
    return answers_of(arguments, request)


def administrator() -> str:
    """Return the name of whoever gives the command, for the log."""
    named = os.environ.get("SUDO_USER")
    if named and os.geteuid() == 0:
        return named
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"
