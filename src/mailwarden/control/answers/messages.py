"""The messages in the running gateway, in words.

A message is a dict: `mid`, `state`, `received_at` and `next_attempt_at` (seconds since the
epoch), `size`, `hold`, `sender`, `subject`, `recipients`, `recipients_open` (how many are waiting),
`attempts`, `reason`; one that was deleted has `kept_until` (seconds since the epoch). That of
`show` has, moreover, `found`, `envelope` (a dict), `header` (text), and `recipients` as dicts of
`rid`, `address`, `state`, `attempts`, `next_attempt_at`, `reason`, `redirected_to`. Whatever is
missing is left out.
"""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.answers.table import human_size, human_time, render_table
from mailwarden.system.log.escape import escape

Message = Mapping[str, Any]
RECIPIENTS_SHOWN_MAX: Final = 3
SUBJECT_SHOWN_MAX: Final = 60
MESSAGE_HEADS: Final = (
    f"{'MID':>10}  {'State':<8}  {'Size':>6}  {'Age':>7}  {'Tries':>5}  {'Next':>7}  Mail"
)


def render_message(message: Message, now: float) -> list[str]:
    """Return the line or two that a list shows of a message."""
    at = message.get("next_attempt_at")
    line = (
        f"{message.get('mid', ''):>10}  {escape(str(message.get('state', ''))):<8}  "
        f"{human_size(message.get('size', 0)):>6}  {age_of(message, now):>7}  "
        f"{message.get('attempts', ''):>5}  {human_time(at - now) if at else '':>7}  "
        f"{parties_of(message)}"
    )
    why = f"held: {message['hold']}" if message.get("hold") else message.get("reason")
    return [line, f"{'':12}{escape(str(why))}"] if why else [line]


def parties_of(message: Message) -> str:
    """Return who writes to whom."""
    recipients = [escape(str(recipient)) for recipient in message.get("recipients") or ()]
    more = message.get("recipients_open", len(recipients)) - RECIPIENTS_SHOWN_MAX
    names = ", ".join(recipients[:RECIPIENTS_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
    subject = escape(str(message.get("subject") or ""))
    if len(subject) > SUBJECT_SHOWN_MAX:
        subject = f"{subject[: SUBJECT_SHOWN_MAX - 1]}…"
    shown = f"  {subject}" if subject else ""
    return f"<{escape(str(message.get('sender', '')))}> to {names or 'nobody known'}{shown}"


def render_whole(message: Message, now: float) -> list[str]:
    """Return all that is known of a message; `now` is in seconds since the epoch."""
    size, age = human_size(message.get("size", 0)), age_of(message, now)
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


def age_of(message: Message, now: float) -> str:
    """Return for how long it is here."""
    received = message.get("received_at")
    return human_time(max(1.0, now - received)) if received else ""
