"""`mailwarden queue`: what changes many messages at once, or lists them."""

import os
import pwd
import time
from argparse import Namespace

from mailwarden.app.asking import Answer, answers_of, of_workers, queue_resume
from mailwarden.control.answers.mbox import Mbox, mbox_line
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.queue import show_deleted, show_message, show_messages
from mailwarden.control.cli.queue_archive import write_archive
from mailwarden.control.cli.queue_hosts import show_host, show_hosts
from mailwarden.control.cli.queue_operations import (
    Answers,
    run_operation,
    run_redirect,
    run_reset,
    run_restore,
    selection_of,
    show_cancelled,
    show_redirects,
)
from mailwarden.mailflow.delivery.redirects import parse_relay


def queue_list(arguments: Namespace) -> int:
    """List the messages that wait."""
    request = {
        "command": "queue_list",
        "limit": arguments.limit,
        "selection": selection_of(arguments),
    }
    return show_messages(arguments, answers_of(arguments, request), time.time())


def queue_oldest(arguments: Namespace) -> int:
    """Show what has waited the longest."""
    answers = answers_of(arguments, {"command": "queue_oldest"})
    found = [answer["message"] for answer in answers if answer.get("message")]
    if not found:
        print("null" if arguments.json else "no message is waiting for delivery")
        return ExitCode.DONE
    oldest = min(found, key=lambda message: float(message.get("received_at") or 0))
    return show_message(arguments, oldest, time.time())


def queue_hosts(arguments: Namespace) -> int:
    """Show the destinations, or one of them."""
    request: Answer = {"command": "queue_hosts"}
    if arguments.domain is None:
        return show_hosts(arguments, answers_of(arguments, request), time.time())
    request["domain"] = arguments.domain
    return show_host(arguments, answers_of(arguments, request), time.time())


def queue_archive(arguments: Namespace) -> int:
    """Write a message to a file."""
    request = {"command": "queue_archive", "mid": arguments.mid}
    if not arguments.mbox:
        return write_archive(arguments, answers_of(arguments, request))
    shown = of_workers(arguments, "queue_show")
    line = mbox_line(str(shown.get("sender") or ""), float(shown.get("received_at") or 0))
    return write_archive(arguments, answers_of(arguments, request), Mbox(line))


def queue_operation(arguments: Namespace) -> int:
    """Delete or bounce what waits."""
    selection = selection_of(arguments)
    return run_operation(arguments, lambda command: _operate(arguments, command, selection))


def queue_reset(arguments: Namespace) -> int:
    """Delete everything."""
    return run_reset(arguments, lambda command: _operate(arguments, command, {}))


def queue_restore(arguments: Namespace) -> int:
    """Bring back what was deleted."""
    selection: Answer = {"mids": arguments.mids} if arguments.mids else {}
    return run_restore(arguments, lambda command: _operate(arguments, command, selection))


def queue_deleted(arguments: Namespace) -> int:
    """List what was deleted and can be brought back."""
    pages = answers_of(arguments, {"command": "queue_deleted", "limit": arguments.limit})
    return show_deleted(arguments, pages, time.time())


def queue_redirect(arguments: Namespace) -> int:
    """Send what waits elsewhere, end that, or list what is redirected."""
    if arguments.cancel is not None:
        request = {"command": "queue_redirect_cancel", "by": administrator()}
        if arguments.cancel != "all":
            request["number"] = arguments.cancel
        return show_cancelled(arguments, answers_of(arguments, request))
    selection = selection_of(arguments)
    if arguments.to is None:
        if selection or arguments.all:
            raise CommandError("say where it goes: --to HOST[:PORT]", "", ExitCode.USAGE)
        status = next(iter(answers_of(arguments, {"command": "status"})), {})
        return show_redirects(arguments, status, time.time())
    try:
        parse_relay(arguments.to)
    except ValueError as error:
        raise CommandError(str(error), "", ExitCode.USAGE) from error
    return run_redirect(
        arguments,
        lambda command: _operate(arguments, command, selection),
        lambda command: answers_of(
            arguments,
            {
                "command": command,
                "to": arguments.to,
                "selection": selection,
                "by": administrator(),
            },
        ),
    )


def queue_suspend(arguments: Namespace) -> int:
    """Stop delivery or listeners."""
    return _switch(arguments, "queue_suspend", "suspended")


def queue_go_on(arguments: Namespace) -> int:
    """Let the work queue, delivery or listeners go on."""
    if arguments.what == "work-queue":
        _check_listener(arguments)
        return queue_resume(arguments)
    return _switch(arguments, "queue_resume", "resumed")


def _switch(arguments: Namespace, command: str, done: str) -> int:
    _check_listener(arguments)
    request: Answer = {"command": command, "by": administrator()}
    if command == "queue_suspend":
        request["grace_seconds"] = arguments.seconds
    if arguments.what != "listener":
        request["delivery"] = True
    if arguments.listener:
        request["listener"] = arguments.listener
    elif arguments.what != "delivery":
        request["all_listeners"] = True
    answer = next(iter(answers_of(arguments, request)), {})
    changed = answer.get("changed") or []
    print(f"{', '.join(changed)} {done}" if changed else f"{done} already")
    return ExitCode.DONE


def _check_listener(arguments: Namespace) -> None:
    if arguments.listener and arguments.what != "listener":
        raise CommandError(
            f"{arguments.what} has no part called {arguments.listener}",
            f"for a listener write `listener {arguments.listener}`",
            ExitCode.USAGE,
        )


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
