"""`mailwarden queue delete`, `bounce`, `redirect`, `restore`: the question before, the words after.

What a worker answers has `done` (False while it goes on), `looked_at`, `messages`, `recipients` and
`unreadable` (messages of which it is not known whether they were meant).
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mailwarden.control.answers.table import count_of, human_time, render_table
from mailwarden.control.cli.failure import CommandError, ExitCode

Answers = Iterable[Mapping[str, Any]]
Ask = Callable[[str], Answers]  # the command for the gateway: `queue_delete`
_DONE: Final = {
    "delete": "deleted",
    "bounce": "bounced",
    "reset": "deleted",
    "redirect": "redirected",
    "restore": "restored",
}
_AGAIN: Final = "It is all the mail that this gateway holds. Are you really sure? [N]> "
_NOTHING: Final = {"restored": "nothing is deleted"}
_NAMES: Final = ("messages", "recipients", "unreadable")


def selection_of(arguments: Namespace) -> dict[str, Any]:
    """Return what the options mean, as a request says it."""
    found: dict[str, Any] = {
        "recipient_hosts": arguments.recipient_host,
        "senders": arguments.sender,
        "recipients": arguments.recipient,
        "mids": [*arguments.mids, *arguments.mid],
        "older_than_seconds": arguments.older_than,
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def run_operation(
    arguments: Namespace,
    ask: Ask,
    *,
    read_answer: Callable[[str], str] = input,
    is_terminal: bool | None = None,
) -> int:
    """Delete or bounce: count, ask whether that is meant, and do it.

    Raises:
        CommandError: nothing was named, or nobody can be asked.
    """
    action = arguments.action
    _check_named(arguments)
    if arguments.dry_run:
        return _tell(arguments, _sum(ask("queue_count")), f"would be {_DONE[action]}")
    if not arguments.yes and not _is_meant(arguments, ask, read_answer, is_terminal):
        print("nothing was changed")
        return ExitCode.DONE
    total = _sum(_shown(ask(f"queue_{action}"), is_terminal))
    code = _tell(arguments, total, _DONE[action])
    if action == "delete" and total["messages"] and not arguments.json:
        print("`mailwarden queue deleted` lists them, `mailwarden queue restore` brings them back")
    return code


def run_reset(
    arguments: Namespace,
    ask: Ask,
    *,
    read_answer: Callable[[str], str] = input,
    is_terminal: bool | None = None,
) -> int:
    """Delete everything, after asking twice.

    Raises:
        CommandError: something is not suspended, or nobody can be asked.
    """
    if arguments.dry_run:
        return _tell_all(arguments, _sum(ask("queue_count_all")), "would be deleted")
    if not arguments.yes:
        if not (sys.stdin.isatty() if is_terminal is None else is_terminal):
            raise _no_terminal()
        counted = _sum(ask("queue_count_all"))
        question = (
            f"Are you sure you want to delete all {count_of(counted['messages'], 'message')} "
            f"({count_of(counted['recipients'], 'recipient')})? [N]> "
        )
        if not (_says_yes(question, read_answer) and _says_yes(_AGAIN, read_answer)):
            print("nothing was changed")
            return ExitCode.DONE
    total = _sum(_shown(ask("queue_reset"), is_terminal))
    code = _tell_all(arguments, total, "deleted")
    if total["messages"] and not arguments.json:
        print("`mailwarden queue restore --all` brings them back")
    return code


def _tell_all(arguments: Namespace, total: Mapping[str, int], what: str) -> int:
    if arguments.json:
        print(json.dumps(total))
    elif total["messages"]:
        recipients = count_of(total["recipients"], "recipient")
        print(f"{count_of(total['messages'], 'message')} {what} ({recipients})")
    else:
        print("the queue is empty")
    return ExitCode.DONE


def _no_terminal() -> CommandError:
    return CommandError(
        "there is no terminal to ask on",
        "--yes does it without a question, --dry-run counts",
        ExitCode.USAGE,
    )


def _says_yes(question: str, read_answer: Callable[[str], str]) -> bool:
    """Ask a person; no answer is No."""
    try:
        return read_answer(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def run_redirect(
    arguments: Namespace,
    ask: Ask,
    switch: Ask,
    *,
    read_answer: Callable[[str], str] = input,
    is_terminal: bool | None = None,
) -> int:
    """Redirect what waits, as `run_operation` deletes it; `switch` asks for the redirect itself.

    Raises:
        CommandError: as there.
    """
    _check_named(arguments)
    if arguments.dry_run:
        return _tell(arguments, _sum(ask("queue_count")), f"would be {_DONE['redirect']}")
    if not arguments.yes and not _is_meant(arguments, ask, read_answer, is_terminal):
        print("nothing was changed")
        return ExitCode.DONE
    redirect: Mapping[str, Any] = next(
        (answer["redirect"] for answer in switch("queue_redirect")), {}
    )
    if arguments.json:
        print(json.dumps(redirect))
        return ExitCode.DONE
    number = redirect.get("number")
    print(f"redirect {number}: what was received until now goes to {redirect.get('to')}")
    print(f"`mailwarden queue redirect --cancel {number}` takes it back")
    return ExitCode.DONE


def show_redirects(arguments: Namespace, status: Mapping[str, Any], now: float) -> int:
    """Show the redirects in the answer of `status`; `now` is in seconds since the epoch."""
    redirects = status.get("redirects") or []
    if arguments.json:
        print(json.dumps(redirects))
    elif redirects:
        heads = ["Number", "To", "Since", "By", "Mail"]
        rows = [
            [
                row.get("number"),
                row.get("to"),
                human_time(max(1, now - row["at"])) if row.get("at") else None,
                row.get("by") or None,
                _named(row.get("selection") or {}),
            ]
            for row in redirects
        ]
        print("\n".join(render_table(heads, rows)))
    else:
        print("no mail is redirected")
    return ExitCode.DONE


def show_cancelled(arguments: Namespace, answers: Answers) -> int:
    """Say which redirects were ended."""
    cancelled = [number for answer in answers for number in answer.get("cancelled") or ()]
    if arguments.json:
        print(json.dumps(cancelled))
    elif cancelled:
        print(f"redirect {', '.join(map(str, cancelled))} is cancelled")
    else:
        print("no mail is redirected")
    return ExitCode.DONE


def _named(selection: Mapping[str, Any]) -> str:
    """Return a selection in words."""
    words = {
        "mids": "MID",
        "recipient_hosts": "to",
        "recipients": "to",
        "senders": "from",
    }
    parts = [
        f"{word} {', '.join(map(str, selection[name]))}"
        for name, word in words.items()
        if selection.get(name)
    ]
    return "; ".join(parts) or "all"


def _check_named(arguments: Namespace) -> None:
    action = arguments.action
    if not selection_of(arguments) and not arguments.all:
        raise CommandError(
            f"say which mail to {action}",
            f"mailwarden queue {action} --help shows how; --all is everything that waits",
            ExitCode.USAGE,
        )
    if selection_of(arguments) and arguments.all:
        raise CommandError("--all is everything: it does not go with a filter", "", ExitCode.USAGE)


def run_restore(arguments: Namespace, ask: Ask) -> int:
    """Bring deleted mail back.

    Raises:
        CommandError: nothing was named, or what was named is not among what was deleted.
    """
    if bool(arguments.mids) is arguments.all:
        raise CommandError(
            "say which mail to restore: message ids, or --all",
            "mailwarden queue deleted lists what there is",
            ExitCode.USAGE,
        )
    total = _sum(ask("queue_restore"))
    if arguments.mids and not total["messages"]:
        mids = ", ".join(map(str, arguments.mids[:10]))
        raise CommandError(
            f"MID {mids} is not among what was deleted",
            "mailwarden queue deleted lists what there is",
        )
    return _tell(arguments, total, "restored")


def _is_meant(
    arguments: Namespace, ask: Ask, read_answer: Callable[[str], str], is_terminal: bool | None
) -> bool:
    """Ask the person whether that much is meant; no answer is No."""
    if not (sys.stdin.isatty() if is_terminal is None else is_terminal):
        raise _no_terminal()
    counted = _sum(ask("queue_count"))
    if not counted["messages"]:
        return True  # to be told so
    if arguments.action == "redirect":
        print(f"If {arguments.to} does not accept this mail, it is returned to its senders.")
    question = (
        f"Are you sure you want to {arguments.action} {count_of(counted['messages'], 'message')} "
        f"({count_of(counted['recipients'], 'recipient')})? [N]> "
    )
    return _says_yes(question, read_answer)


def _sum(answers: Answers) -> dict[str, int]:
    """Return what all workers have done, from the last word of each."""
    total = dict.fromkeys(_NAMES, 0)
    for answer in answers:
        if answer.get("done"):
            for name in _NAMES:
                total[name] += int(answer.get(name) or 0)
    return total


def _shown(answers: Answers, is_terminal: bool | None) -> Answers:
    """Yield `answers`; let whoever waits see how far it has come."""
    shows = sys.stderr.isatty() if is_terminal is None else is_terminal
    for answer in answers:
        if shows and not answer.get("done"):
            looked_at, messages = answer.get("looked_at", 0), answer.get("messages", 0)
            print(f"looked at {looked_at}, {messages} done", file=sys.stderr, flush=True)
        yield answer


def _tell(arguments: Namespace, total: Mapping[str, int], what: str) -> int:
    mids = () if what == "restored" else selection_of(arguments).get("mids") or ()
    if mids and not total["messages"]:
        raise CommandError(
            f"MID {', '.join(map(str, mids[:10]))} is not in a queue that can be changed",
            "mailwarden queue list shows what is waiting; what is being transmitted is left alone",
        )
    if arguments.json:
        print(json.dumps(total))
    elif total["messages"]:
        recipients = count_of(total["recipients"], "recipient")
        print(f"{count_of(total['messages'], 'message')} {what} ({recipients})")
    else:
        print(_NOTHING.get(what, "no such message is waiting for delivery"))
    if total["unreadable"]:
        raise CommandError(
            f"{count_of(total['unreadable'], 'message')} could not be read, and were left alone",
            "the mail log says why",
        )
    return ExitCode.DONE
