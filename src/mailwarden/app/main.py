"""The command `mailwarden`: gives each command of the command line what it works with."""

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from mailwarden.app.control_socket import NotRunningError, ask
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.main import run

DEFAULT_STATE_DIRECTORY: Final = "/var/lib/mailwarden"  # as in control/config/model.py

Answer = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Run `mailwarden` with `argv`; return the exit status."""
    return run(sys.argv[1:] if argv is None else argv, HANDLERS, _add_bench_arguments)


def _run(arguments: Namespace) -> int:
    from mailwarden.app.start import run_gateway  # noqa: PLC0415  loads the whole gateway

    return run_gateway(arguments)


def _bench(arguments: Namespace) -> int:
    from mailwarden.app.bench import run_bench  # noqa: PLC0415  loads what only it needs

    return run_bench(arguments)


def _add_bench_arguments(parser: Any) -> None:  # noqa: ANN401  an ArgumentParser
    from mailwarden.app.bench.arguments import add_bench_arguments  # noqa: PLC0415  as above

    add_bench_arguments(parser)


def _state_directory(arguments: Namespace) -> Path:
    """Return where the running gateway keeps its control socket.

    A file with mistakes in it is read as far as that goes: whoever broke it while the gateway
    runs wants to see its status all the same.
    """
    import os  # noqa: PLC0415  not worth its time before a command needs it

    from mailwarden.app.state_directory import StateDirectory  # noqa: PLC0415  likewise
    from mailwarden.control.config.reader import ConfigError, load_config  # noqa: PLC0415  loads what only it needs

    path = find_config(arguments.config, os.environ)
    base = path.absolute().parent
    try:
        return StateDirectory.at(load_config(path, look_at_files=False), base).directory
    except ConfigError:
        named = _named_state_directory(path)
        if named is None:
            raise
        return base / named


def _named_state_directory(path: Path) -> str | None:
    """Return the state directory that a file with mistakes names all the same."""
    import yaml  # noqa: PLC0415  rarely needed

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    if not isinstance(tree, dict):
        return None
    named = tree.get("state_directory", DEFAULT_STATE_DIRECTORY)
    return named if isinstance(named, str) else None


def _ask(arguments: Namespace, command: str, **details: Any) -> Iterator[Answer]:  # noqa: ANN401  passed on as JSON
    """Yield what the running gateway answers.

    Raises:
        CommandError: none is running, or it does not understand.
    """
    directory = _state_directory(arguments)
    try:
        for answer in ask(directory, {"command": command, **details}):
            if "error" in answer:
                raise CommandError(str(answer["error"]))
            yield answer
    except NotRunningError as error:
        raise CommandError(
            str(error), "start it with `mailwarden run`", ExitCode.NOT_RUNNING
        ) from error


def _first(arguments: Namespace, command: str, **details: Any) -> Answer:  # noqa: ANN401  passed on as JSON
    return next(_ask(arguments, command, **details), {})


def _of_workers(arguments: Namespace, command: str, mid: int) -> Answer:
    """Return the answer of the worker that has message `mid`."""
    answers: list[Answer] = _first(arguments, command, mid=mid).get("workers", [])
    return next((answer for answer in answers if answer.get("found")), {"found": False})


def _status(arguments: Namespace) -> int:
    from mailwarden.control.cli.status import show_status  # noqa: PLC0415  loads what only it needs

    return show_status(arguments, lambda: _first(arguments, "status"))


def _reload(arguments: Namespace) -> int:
    problems = _first(arguments, "reload").get("problems", [])
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise CommandError("nothing was changed", "correct the file and reload again")
    print("reloaded")
    return ExitCode.DONE


def _queue_list(arguments: Namespace) -> int:
    from mailwarden.control.cli.queue import show_messages  # noqa: PLC0415  loads what only it needs

    pages = _ask(arguments, "queue_list", limit=arguments.limit)
    messages = (message for page in pages for message in page["messages"])
    return show_messages(arguments, messages, time.time())


def _queue_show(arguments: Namespace) -> int:
    from mailwarden.control.cli.queue import show_message  # noqa: PLC0415  loads what only it needs

    return show_message(arguments, _of_workers(arguments, "queue_show", arguments.mid), time.time())


def _queue_summary(arguments: Namespace) -> int:
    from mailwarden.control.cli.queue import show_summary  # noqa: PLC0415  loads what only it needs

    return show_summary(arguments, _first(arguments, "status"), time.time())


def _queue_pause(arguments: Namespace) -> int:
    _first(arguments, "pause")
    print("the work queue is paused; `mailwarden queue resume` lets it go on")
    return ExitCode.DONE


def _queue_resume(arguments: Namespace) -> int:
    _first(arguments, "resume")
    print("the work queue goes on")
    return ExitCode.DONE


def _queue_hold(arguments: Namespace) -> int:
    answer = _of_workers(arguments, "queue_hold", arguments.mid)
    _require_found(answer, arguments.mid)
    if not answer.get("held"):
        raise CommandError(f"message {arguments.mid} is held already")
    print(f"message {arguments.mid} is held; `mailwarden queue release {arguments.mid}` frees it")
    return ExitCode.DONE


def _queue_release(arguments: Namespace) -> int:
    answer = _of_workers(arguments, "queue_release", arguments.mid)
    _require_found(answer, arguments.mid)
    if not answer.get("released"):
        raise CommandError(f"message {arguments.mid} is not held")
    print(f"message {arguments.mid} goes on")
    return ExitCode.DONE


def _queue_retry(arguments: Namespace) -> int:
    domain = "" if arguments.domain == "all" else arguments.domain
    answers = _first(arguments, "queue_retry", domain=domain).get("workers", [])
    count = sum(answer.get("retried", 0) for answer in answers)
    print(f"{count} deliver{'y is' if count == 1 else 'ies are'} tried again now")
    return ExitCode.DONE


def _spool(arguments: Namespace) -> int:
    from mailwarden.control.cli.spool import run_spool  # noqa: PLC0415  loads the spool

    return run_spool(arguments, lambda: _state_directory(arguments) / "spool")


def _require_found(answer: Answer, mid: int) -> None:
    if not answer.get("found"):
        raise CommandError(
            f"there is no message {mid} in the queue",
            "mailwarden queue list shows what is waiting; the mail log knows what is finished",
        )


HANDLERS: dict[str, Callable[[Namespace], int]] = {
    "run": _run,
    "bench": _bench,
    "status": _status,
    "reload": _reload,
    "spool": _spool,
    "queue list": _queue_list,
    "queue show": _queue_show,
    "queue summary": _queue_summary,
    "queue pause": _queue_pause,
    "queue resume": _queue_resume,
    "queue hold": _queue_hold,
    "queue release": _queue_release,
    "queue retry": _queue_retry,
}
