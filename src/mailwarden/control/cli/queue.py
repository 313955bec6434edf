"""`mailwarden queue`: the messages in the running gateway.

A message is a dict: `mid`, `state`, `received_at` and `next_attempt_at` (seconds since the
epoch), `size`, `hold`, `sender`, `subject`, `recipients`, `recipients_open` (how many are waiting),
`attempts`, `reason`; one that was deleted has `kept_until` (seconds since the epoch). That of
`show` has, moreover, `found`, `envelope` (a dict), `header` (text), and `recipients` as dicts of
`rid`, `address`, `state`, `attempts`, `next_attempt_at`, `reason`, `redirected_to`. Whatever is
missing is left out.
"""

import json
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.status import render_destinations, render_spool
from mailwarden.control.cli.table import (
    count_of,
    human_size,
    human_time,
    render_table,
)
from mailwarden.system.log.escape import escape

Message = Mapping[str, Any]
RECIPIENTS_SHOWN_MAX: Final = 3
SUBJECT_SHOWN_MAX: Final = 60
_HEADS: Final = (
    f"{'MID':>10}  {'State':<8}  {'Size':>6}  {'Age':>7}  {'Tries':>5}  {'Next':>7}  Mail"
)

_DELETED_HEADS: Final = f"{'MID':>10}  {'Size':>6}  {'Age':>7}  {'Kept for':>8}  Mail"


Pages = Iterable[Mapping[str, Any]]


def show_messages(arguments: Namespace, pages: Pages, now: float) -> int:
    """Show messages as they come; with `--json` a line each. `now` is in epoch seconds.

    A page has `messages`, and `more` where the limit left some out.
    """

    def render(message: Mapping[str, Any]) -> str:
        return "\n".join(render_message(message, now))

    return _show_pages(arguments, pages, _HEADS, render, none="no message is waiting")


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
    size, age = human_size(message.get("size", 0)), _age(message, now)
    kept = human_time(until - now) if until else ""
    return f"{message.get('mid', ''):>10}  {size:>6}  {age:>7}  {kept:>8}  {_mail(message)}"


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
    text = json.dumps(message, indent=2) if arguments.json else "\n".join(_whole(message, now))
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


def render_message(message: Message, now: float) -> list[str]:
    """Return the line or two that a list shows of a message."""
    at = message.get("next_attempt_at")
    line = (
        f"{message.get('mid', ''):>10}  {escape(str(message.get('state', ''))):<8}  "
        f"{human_size(message.get('size', 0)):>6}  {_age(message, now):>7}  "
        f"{message.get('attempts', ''):>5}  {human_time(at - now) if at else '':>7}  "
        f"{_mail(message)}"
    )
    why = f"held: {message['hold']}" if message.get("hold") else message.get("reason")
    return [line, f"{'':12}{escape(str(why))}"] if why else [line]


def _mail(message: Message) -> str:
    """Return who writes to whom."""
    recipients = [escape(str(recipient)) for recipient in message.get("recipients") or ()]
    more = message.get("recipients_open", len(recipients)) - RECIPIENTS_SHOWN_MAX
    names = ", ".join(recipients[:RECIPIENTS_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
    subject = escape(str(message.get("subject") or ""))
    if len(subject) > SUBJECT_SHOWN_MAX:
        subject = f"{subject[: SUBJECT_SHOWN_MAX - 1]}…"
    shown = f"  {subject}" if subject else ""
    return f"<{escape(str(message.get('sender', '')))}> to {names or 'nobody known'}{shown}"


def _whole(message: Message, now: float) -> list[str]:
    size, age = human_size(message.get("size", 0)), _age(message, now)
    state = escape(str(message.get("state", "")))
    lines = [f"MID {message.get('mid', '')}, {state}, {size} bytes, {age} old"]
    if message.get("kept_until"):
        left = human_time(message["kept_until"] - now)
        lines.append(f"Deleted: gone for good in {left}; mailwarden queue restore brings it back")
    elif message.get("hold"):
        lines.append(f"Held: {escape(str(message['hold']))}")
    elif message.get("reason") and message.get("state") == "received":
        at = message.get("next_attempt_at")
        again = f"; tried again {_when(at - now)}" if at else ""
        lines.append(f"Deferred: {escape(str(message['reason']))}{again}")
    lines.append(f"Sender: <{escape(str(message.get('sender', '')))}>")
    for name, value in (message.get("envelope") or {}).items():
        if value:
            lines.append(
                f"{escape(str(name)).replace('_', ' ').capitalize()}: {escape(str(value))}"
            )
    rows = [_recipient(row, now) for row in message.get("recipients") or ()]
    if rows:
        heads = ["RID", "Recipient", "State", "Tries", "Next try", "Reason"]
        lines += ["", *render_table(heads, rows)]
    if message.get("header"):
        header = str(message["header"]).replace("\r\n", "\n").split("\n")
        lines += ["", *(escape(line.replace("\t", " ")) for line in header)]
    return lines


def _recipient(row: Message | str, now: float) -> list[Any]:
    if not isinstance(row, Mapping):
        return [None, row, None, None, None, None]
    at = row.get("next_attempt_at")
    return [
        row.get("rid"),
        row.get("address"),
        row.get("state"),
        row.get("attempts"),
        human_time(at - now) if at else None,
        _why(row),
    ]


def _why(row: Message) -> str | None:
    reason = row.get("reason") or None
    to = row.get("redirected_to")
    if not to:
        return reason
    return f"redirected to {to}; {reason}" if reason else f"redirected to {to}"


def _when(seconds: float) -> str:
    return "now" if seconds < 1 else f"in {human_time(seconds)}"


def _age(message: Message, now: float) -> str:
    received = message.get("received_at")
    return human_time(max(1.0, now - received)) if received else ""
