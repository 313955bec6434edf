"""Commands that ask the running gateway, or look at what it keeps, and show the answer."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from mailwarden.app.control_socket import NotRunningError, ask
from mailwarden.app.state_directory import StateDirectory
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.log_files import run_log, show_rollover
from mailwarden.control.cli.queue import show_message, show_summary
from mailwarden.control.cli.reputation import show_reputation
from mailwarden.control.cli.spool import run_spool
from mailwarden.control.cli.status import show_status
from mailwarden.control.config.model import DEFAULT_STATE_DIRECTORY
from mailwarden.control.config.reader import ConfigError, load_config, read_text
from mailwarden.control.config.tree import Scalar, Table, TreeError, parse_tree
from mailwarden.system.clock.zone import parse_time_zone, use_time_zone

Answer = dict[str, Any]


def status(arguments: Namespace) -> int:
    """Show what the gateway does."""
    return show_status(arguments, lambda: _first(arguments, {"command": "status"}))


def reload(arguments: Namespace) -> int:
    """Let the gateway read its configuration anew."""
    answer = _first(arguments, {"command": "reload"})
    problems = answer.get("problems", [])
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise CommandError("nothing was changed", "correct the file and reload again")
    print("\n".join(["reloaded", *answer.get("notes", [])]))
    return ExitCode.DONE


def queue_show(arguments: Namespace) -> int:
    """Show one message."""
    return show_message(arguments, of_workers(arguments, "queue_show"), time.time())


def queue_summary(arguments: Namespace) -> int:
    """Show how much waits, and for whom."""
    return show_summary(arguments, _first(arguments, {"command": "status"}), time.time())


def queue_pause(arguments: Namespace) -> int:
    """Stop the work queue."""
    _first(arguments, {"command": "pause"})
    print("the work queue is paused; `mailwarden queue resume` lets it go on")
    return ExitCode.DONE


def queue_resume(arguments: Namespace) -> int:
    """Let the work queue go on."""
    _first(arguments, {"command": "resume"})
    print("the work queue goes on")
    return ExitCode.DONE


def queue_hold(arguments: Namespace) -> int:
    """Park one message."""
    answer = _found(arguments, "queue_hold")
    if not answer.get("held"):
        _refuse_deleted(arguments, answer)
        raise CommandError(f"message {arguments.mid} is held already")
    print(f"message {arguments.mid} is held; `mailwarden queue release {arguments.mid}` frees it")
    return ExitCode.DONE


def queue_release(arguments: Namespace) -> int:
    """Let a parked message go on."""
    answer = _found(arguments, "queue_release")
    if not answer.get("released"):
        _refuse_deleted(arguments, answer)
        raise CommandError(f"message {arguments.mid} is not held")
    print(f"message {arguments.mid} goes on")
    return ExitCode.DONE


def queue_retry(arguments: Namespace) -> int:
    """Try deliveries now."""
    domain = "" if arguments.domain == "all" else arguments.domain
    gathered = _first(arguments, {"command": "queue_retry", "domain": domain})
    answers = gathered.get("workers", [])
    count = sum(answer.get("retried", 0) for answer in answers)
    print(f"{count} deliver{'y is' if count == 1 else 'ies are'} tried again now")
    unseen = sum(answer.get("unseen", 0) for answer in answers)
    if unseen:
        print(f"{unseen} more messages are being looked at: those for {domain} follow")
    missing = gathered.get("unanswered")
    if missing:
        raise CommandError(f"its mail was not tried: {', '.join(missing)}", "ask again later")
    return ExitCode.DONE


def reputation(arguments: Namespace) -> int:
    """Show what is known of a host or sender, after a reset where one is wanted."""
    request = {
        "command": "reputation",
        "address": arguments.address,
        "reset": arguments.reset,
        "forget": arguments.forget,
    }
    gathered = _first(arguments, request)
    answers = gathered.get("workers", [])
    missing = gathered.get("unanswered", [])
    for answer in answers:
        if "error" in answer:
            raise CommandError(str(answer["error"]))
    if missing and (not answers or arguments.forget):
        raise CommandError(f"not all could be asked: {', '.join(missing)}", "ask again later")
    return show_reputation(arguments, answers[0], time.time())


def log(arguments: Namespace) -> int:
    """Search or follow the log files, or begin new ones."""
    if arguments.action == "rollover":
        return show_rollover(arguments, lambda request: _first(arguments, request))
    path = find_config(arguments.config, os.environ)
    config = load_config(path, look_at_files=False)
    return run_log(arguments, StateDirectory.at(config, path.absolute().parent).logs)


def spool(arguments: Namespace) -> int:
    """Look into the spool's files, or mend them."""
    return run_spool(arguments, lambda: state_directory(arguments) / "spool")


def answers_of(arguments: Namespace, request: Answer) -> Iterator[Answer]:
    """Yield what the running gateway answers.

    Raises:
        CommandError: none is running, or it cannot do what was asked.
    """
    try:
        for answer in ask(state_directory(arguments), request):
            if "error" in answer:
                raise CommandError(str(answer["error"]))
            yield answer
    except NotRunningError as error:
        raise CommandError(
            str(error),
            "start it with `mailwarden run`; one that was started with another `state_directory` "
            "than the file has now is found with the old one",
            ExitCode.NOT_RUNNING,
        ) from error


def _first(arguments: Namespace, request: Answer) -> Answer:
    return next(answers_of(arguments, request), {})


def of_workers(arguments: Namespace, command: str) -> Answer:
    """Return the answer of the worker that has the message `arguments.mid`.

    Raises:
        CommandError: a worker that may have it could not be asked.
    """
    gathered = _first(arguments, {"command": command, "mid": arguments.mid})
    answers = cast("list[Answer]", gathered.get("workers", []))
    missing = [str(answer["error"]) for answer in answers if "error" in answer]
    missing += gathered.get("unanswered", [])
    found = next((answer for answer in answers if answer.get("found")), None)
    if found is None and missing:
        raise CommandError(
            f"it is not known whether message {arguments.mid} is in the queue: "
            f"{', '.join(missing)}",
            "ask again later; mailwarden spool show looks into the files",
        )
    return found or {"found": False}


def _found(arguments: Namespace, command: str) -> Answer:
    answer = of_workers(arguments, command)
    if not answer["found"]:
        raise CommandError(
            f"there is no message {arguments.mid} in the queue",
            "mailwarden queue list shows what is waiting; the mail log knows what is finished",
        )
    return answer


def _refuse_deleted(arguments: Namespace, answer: Answer) -> None:
    if answer.get("deleted"):
        raise CommandError(
            f"message {arguments.mid} was deleted",
            f"mailwarden queue restore {arguments.mid} brings it back",
        )


def state_directory(arguments: Namespace) -> Path:
    """Return where the gateway keeps its state, and show times in its zone from now on.

    Only these are read of the file: whoever broke it while the gateway runs wants to see its status
    all the same, and whoever has tables of 400,000 lines does not wait for them.
    """
    path = find_config(arguments.config, os.environ)
    base = path.absolute().parent
    named = _named_settings(path)
    if named is None:
        config = load_config(path, look_at_files=False)
        use_time_zone(config.time_zone)
        return StateDirectory.at(config, base).directory
    with suppress(ValueError):
        use_time_zone(parse_time_zone(named["time_zone"]) if named["time_zone"] else "")
    return (base / named["state_directory"]).resolve()


def named_state_directory(path: Path) -> str | None:
    """Return the state directory that a file names, be it with mistakes; None where none can."""
    named = _named_settings(path)
    return None if named is None else named["state_directory"]


def _named_settings(path: Path) -> dict[str, str] | None:
    """Return what a file says of the state directory and the time zone; None where it cannot."""
    try:
        tree = parse_tree(read_text(path), lambda *_: None)
    except (ConfigError, TreeError):
        return None
    if not isinstance(tree, Table):
        return None
    named = {"state_directory": DEFAULT_STATE_DIRECTORY, "time_zone": ""}
    for name in named:
        node = tree.entries.get(name, (None, None))[1]
        if node is None:
            continue
        if not isinstance(node, Scalar) or node.is_nothing or not node.text.strip():
            if name == "time_zone":
                continue  # it matters less than the rest
            return None
        named[name] = node.text.strip()
    return named
