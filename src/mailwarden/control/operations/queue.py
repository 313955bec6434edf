"""Looking at the mail in the gateway, and changing it (admin 1.6.5, CLI-50, CLI-51)."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from mailwarden.control.answers.mbox import Mbox, mbox_line
from mailwarden.control.answers.messages import Message
from mailwarden.control.operations.asking import answers, first_of, of_workers
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.gateway import Answer

ARCHIVE_NAME: Final = "oldmessage_{mid}.mbox"

Tree = dict[str, Any]


class Selection(NamedTuple):
    """Which mail is meant; whatever is left empty is true of all. Names are in lower case."""

    hosts: tuple[str, ...] = ()  # domains of recipients; `.dom.example` is for those below it
    senders: tuple[str, ...] = ()  # addresses; `@dom.example` is for all of it, `<>` for bounces
    mids: tuple[int, ...] = ()

    def tree(self) -> Tree:
        """Return it as a request says it."""
        named = {"recipient_hosts": self.hosts, "senders": self.senders, "mids": self.mids}
        return {key: list(names) for key, names in named.items() if names}

    def words(self) -> str:
        """Return it in words, for the audit log."""
        shown = [f"host {', '.join(self.hosts)}"] * bool(self.hosts)
        shown += [f"sender {', '.join(self.senders)}"] * bool(self.senders)
        shown += [f"MID {', '.join(map(str, self.mids))}"] * bool(self.mids)
        return "; ".join(shown) or "all"


class Handled(NamedTuple):
    """How much was changed. `unreadable` are messages of which nobody knows if they were meant."""

    messages: int = 0
    recipients: int = 0
    unreadable: int = 0


class Listed(NamedTuple):
    """Messages; `is_more` tells that there are others beyond the limit."""

    messages: tuple[Message, ...]
    is_more: bool


class Archived(NamedTuple):
    """A message in a file."""

    path: Path
    size: int  # bytes of the message


async def delete(desk: Desk, selection: Selection) -> Handled:
    """Delete what waits for delivery; one that is named by its MID, wherever it waits.

    Raises:
        RefusedOperationError: it may not be done, or not to all. Besides: GatewayError.
    """
    command = "removemessage" if selection.mids else "deleterecipients"
    return await _operate(desk, command, "queue_delete", selection)


async def bounce(desk: Desk, selection: Selection) -> Handled:
    """Return what waits for delivery to its senders; raises as `delete`."""
    return await _operate(desk, "bouncerecipients", "queue_bounce", selection)


async def reset(desk: Desk) -> Handled:
    """Delete every message, wherever it waits; raises as `delete`, also while anything moves."""
    return await _operate(desk, "resetqueue", "queue_reset", Selection())


async def count(desk: Desk, command: str, *, everything: bool = False) -> Handled:
    """Return how much waits for delivery, or is there at all; for `command`, which changes it."""
    desk.require(command)
    wanted = "queue_count_all" if everything else "queue_count"
    return await _sum_of(desk, {"command": wanted, "selection": {}})


async def redirect(desk: Desk, relay: str) -> int:
    """Send what waits until now to `relay` instead; return the number of the redirect."""
    desk.require("redirectrecipients")
    answer = await first_of(desk, {"command": "queue_redirect", "to": relay, "selection": {}})
    number = int((answer.get("redirect") or {}).get("number") or 0)
    desk.record("redirectrecipients", f"redirect {number} to {relay}")
    return number


async def cancel_redirects(desk: Desk) -> list[int]:
    """End all redirects; return their numbers."""
    desk.require("redirectrecipients")
    answer = await first_of(desk, {"command": "queue_redirect_cancel"})
    cancelled = [int(number) for number in answer.get("cancelled") or ()]
    if cancelled:
        desk.record("redirectrecipients", f"cancelled {', '.join(map(str, cancelled))}")
    return cancelled


async def deliver_now(desk: Desk, domain: str = "") -> int:
    """Try what waits at once, that for `domain` or all; return how many deliveries these are."""
    desk.require("delivernow")
    try:
        rows = await of_workers(desk, {"command": "queue_retry", "domain": domain})
    finally:
        desk.record("delivernow", domain or "all")
    return sum(int(row.get("retried") or 0) + int(row.get("unseen") or 0) for row in rows)


async def messages(desk: Desk, selection: Selection, limit: int) -> Listed:
    """Return what waits, `limit` messages of each worker at most."""
    desk.require("showrecipients")
    request = {"command": "queue_list", "limit": limit, "selection": selection.tree()}
    found: list[Message] = []
    is_more = False
    async for page in answers(desk, request):
        found += page.get("messages") or ()
        is_more = is_more or bool(page.get("more"))
    return Listed(tuple(found), is_more)


async def show(desk: Desk, mid: int) -> Message:
    """Return all that is known of a message.

    Raises:
        RefusedOperationError: there is none.
    """
    desk.require("showmessage")
    return await _find(desk, mid)


async def oldest(desk: Desk, command: str = "oldmessage") -> Message | None:
    """Return the message that has waited for delivery for the longest time, for `command`."""
    desk.require(command)
    found = [
        answer["message"]
        async for answer in answers(desk, {"command": "queue_oldest"})
        if answer.get("message")
    ]
    return min(found, key=lambda message: float(message.get("received_at") or 0), default=None)


async def archive(desk: Desk, mid: int) -> Archived:
    """Write a message to a file of the administrators' folder, in the form of a mailbox.

    It stays in the queue. The file is there whole or not at all; one of the same name is replaced.

    Raises:
        RefusedOperationError: there is no such message, or the file cannot be written.
    """
    desk.require("archivemessage")
    message = await _find(desk, mid)
    sender, at = str(message.get("sender") or ""), float(message.get("received_at") or 0)
    path = desk.administration.files / ARCHIVE_NAME.format(mid=mid)
    pieces = answers(desk, {"command": "queue_archive", "mid": mid})
    try:
        size = await _write(path, Mbox(mbox_line(sender, at)), pieces)
    except OSError as error:
        raise RefusedOperationError(f"{path.name} cannot be written: {error.strerror}") from error
    if size is None:
        raise _no_message(mid)
    desk.record("archivemessage", f"MID {mid} in {path.name}")
    return Archived(path, size)


async def _write(path: Path, mbox: Mbox, pieces: AsyncIterator[Answer]) -> int | None:
    """Write what comes; return how many bytes of mail that are, or None where there is no end."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    size: int | None = None
    try:
        with os.fdopen(_open_private(fresh), "wb") as file:
            async for piece in pieces:
                if piece.get("data"):
                    file.write(mbox.feed(base64.b64decode(piece["data"])))
                if piece.get("done"):
                    size = int(piece.get("size") or 0)
                    file.write(mbox.end())
            file.flush()
            os.fsync(file.fileno())
        if size is not None:
            fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()
    return size


def _open_private(path: Path) -> int:
    return os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )


async def _find(desk: Desk, mid: int) -> Message:
    gathered = await first_of(desk, {"command": "queue_show", "mid": mid})
    rows: list[Answer] = gathered.get("workers") or []
    for row in rows:
        if row.get("found"):
            return row
    missing = [str(row["error"]) for row in rows if "error" in row]
    missing += map(str, gathered.get("unanswered") or ())
    if missing:
        raise RefusedOperationError(
            f"It is not known whether MID {mid} is in the queue: {', '.join(missing)}"
        )
    raise _no_message(mid)


def _no_message(mid: int) -> RefusedOperationError:
    return RefusedOperationError(f"MID {mid} is not in the queue.")


async def _operate(desk: Desk, action: str, wanted: str, selection: Selection) -> Handled:
    desk.require(action)
    outcome = "not completed"
    try:
        handled = await _sum_of(desk, {"command": wanted, "selection": selection.tree()})
        outcome = f"{handled.messages} messages, {handled.recipients} recipients"
    finally:
        desk.record(action, f"{selection.words()}: {outcome}")
    return handled


async def _sum_of(desk: Desk, request: Answer) -> Handled:
    """Return what all workers have done, from the last word of each."""
    total = Handled()
    try:
        async for answer in answers(desk, request):
            if answer.get("done"):
                fresh = (int(answer.get(name) or 0) for name in Handled._fields)
                total = Handled(*(old + new for old, new in zip(total, fresh, strict=True)))
    except RefusedOperationError as error:
        if not total.messages:
            raise
        raise RefusedOperationError(f"{error}; done so far: {total.messages}") from error
    return total
