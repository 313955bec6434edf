"""`mailwarden queue`: the messages in the running gateway."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mailwarden.control.answers.messages import (
    MESSAGE_HEADS,
    Message,
    age_of,
    parties_of,
    render_message,
    render_whole,
)
from mailwarden.control.answers.table import (
    count_of,
    human_size,
    human_time,
)
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.status import render_destinations, render_spool

_DELETED_HEADS: Final = f"{'MID':>10}  {'Size':>6}  {'Age':>7}  {'Kept for':>8}  Mail"


Pages = Iterable[Mapping[str, Any]]


def show_messages(arguments: Namespace, pages: Pages, now: float) -> int:
    """Show messages as they come; with `--json` a line each. `now` is in epoch seconds.

    A page has `messages`, and `more` where the limit left some out.
    """

    def render(message: Mapping[str, Any]) -> str:
        return "\n".join(render_message(message, now))

    return _show_pages(arguments, pages, MESSAGE_HEADS, render, none="no message is waiting")


def show_deleted(arguments: Namespace, pages: Pages, now: float) -> int:
    """Show deleted messages as they come; with `--json` a line each. `now` is in epoch seconds."""

    def render(message: Mapping[str, Any]) -> str:
        return _render_deleted(message, now)

    return _show_pages(arguments, pages, _DELETED_HEADS, render, none="no deleted message is kept")


def _show_pages(
    arguments: Namespace,
    pages: Pages,
    heads: str,
    render: Callable[[Mapping[str, Any]], str],
    *,
    none: str,
) -> int:
    count = 0
    more = False
    for page in pages:
        more = more or bool(page.get("more"))
        for message in page.get("messages", ()):
            if arguments.json:
                print(json.dumps(message))
            else:
                if count == 0:
                    print(heads)
                print(render(message))
            count += 1
    if not arguments.json:
        print(_count(count, more=more, none=none))
    return ExitCode.DONE


def _render_deleted(message: Message, now: float) -> str:
    until = message.get("kept_until")
    size, age = human_size(message.get("size", 0)), age_of(message, now)
    kept = human_time(until - now) if until else ""
    return f"{message.get('mid', ''):>10}  {size:>6}  {age:>7}  {kept:>8}  {parties_of(message)}"


def _count(shown: int, *, more: bool, none: str) -> str:
    if more:
        return f"{count_of(shown, 'message')} and more; --limit 0 shows all"
    return count_of(shown, "message") if shown else none


def show_message(arguments: Namespace, message: Message | None, now: float) -> int:
    """Show one message whole.

    Raises:
        CommandError: there is none.
    """
    if not message or message.get("found") is False:
        raise CommandError(
            f"there is no message {arguments.mid} in the queue",
            "mailwarden queue list shows what is waiting; the mail log knows what is finished",
        )
    text = (
        json.dumps(message, indent=2) if arguments.json else "\n".join(render_whole(message, now))
    )
    print(text)
    return ExitCode.DONE


def show_summary(arguments: Namespace, status: Mapping[str, Any], now: float) -> int:
    """Show how much is waiting and for whom, from the answer of `status`."""
    spool = status.get("spool") or {}
    destinations = status.get("destinations") or []
    if arguments.json:
        print(json.dumps({"spool": spool, "destinations": destinations}, indent=2))
        return ExitCode.DONE
    lines = [*render_spool(spool), "", *render_destinations(destinations, now)]
    print("\n".join(lines).strip("\n"))
    return ExitCode.DONE
