"""What the logs say (admin 1.6.5): searching and following them, beside other work."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, TypeVar

from mailwarden.control.operations.asking import first_of
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.linear_pattern import Search
from mailwarden.control.operations.log_search import (
    MessageLines,
    Wanted,
    files_of,
    find_messages,
    log_names,
    matching,
)
from mailwarden.control.operations.log_tail import LogTail
from mailwarden.system.log.logs import MAIL_LOG, rotated_logs

POLL_SECONDS: Final = 0.25

T = TypeVar("T")
_END: Final = object()


def names(desk: Desk) -> list[str]:
    """Return the names of all logs; none where the folder cannot be read."""
    try:
        return list(log_names(desk.administration.logs))
    except OSError:
        return []


def written(desk: Desk) -> list[str]:
    """Return the names of the logs that are being written."""
    administration = desk.administration
    return [log.path.name for log in rotated_logs(administration.config.logs, administration.logs)]


async def roll_over(desk: Desk, log: str = "") -> list[str]:
    """Begin a new file of one log, or of all; return the names of those that have one.

    Raises:
        RefusedOperationError: none has.
    """
    desk.require("rollovernow")
    answer = await first_of(desk, {"command": "log_rollover", "log": log})
    moved = [str(name) for name in answer.get("rolled_over") or ()]
    desk.record("rollovernow", ", ".join(moved))
    return moved


async def grep(desk: Desk, log: str, search: Search, *, invert: bool) -> AsyncIterator[list[bytes]]:
    """Yield the lines that match, or that do not, of all files of a log; the oldest ones first.

    Raises:
        RefusedOperationError: there is no such log, or it cannot be read.
    """
    desk.require("grep")
    files = _files(desk, log)
    async for block in _beside(matching(files, search, invert=invert)):
        yield block


async def find_event(
    desk: Desk, wanted: Wanted, limit: int, *, only_current: bool
) -> dict[int, list[str]]:
    """Return what the mail log says of messages, the latest `limit` ones, by MID.

    Raises:
        RefusedOperationError: there is no mail log, or it cannot be read.
    """
    desk.require("findevent")
    files = files_of(desk.administration.logs, MAIL_LOG)
    if not files:
        raise RefusedOperationError(f"There is no {MAIL_LOG}.")
    found = MessageLines()
    async for _ in _beside(
        find_messages(files[-1:] if only_current else files, wanted, limit, found)
    ):
        pass
    return found.lines


async def tail(desk: Desk, log: str, count: int, *, follow: bool) -> AsyncIterator[list[bytes]]:
    """Yield the last `count` lines of a log, then what is added to it; raises as `grep`."""
    desk.require("tail")
    path = _files(desk, log)[-1]
    try:
        with LogTail(path) as tail:
            yield tail.last(count)
            while follow:
                lines = tail.fresh()
                if lines:
                    yield lines
                else:
                    await asyncio.sleep(POLL_SECONDS)
    except OSError as error:
        raise _unreadable(path, error) from error


def _files(desk: Desk, log: str) -> list[Path]:
    folder = desk.administration.logs
    try:
        name = log_names(folder).get(log)
    except OSError as error:
        raise _unreadable(folder, error) from error
    files = files_of(folder, name) if name else []
    if not files:
        raise RefusedOperationError(f"There is no log {log[:80]!r}.")
    return files


def _unreadable(path: Path, error: OSError) -> RefusedOperationError:
    return RefusedOperationError(f"{path.name} cannot be read: {error.strerror or error}")


async def _beside(work: Iterator[T]) -> AsyncIterator[T]:
    """Yield what `work` does, each step in a thread, so that other sessions go on."""
    try:
        while (step := await asyncio.to_thread(next, work, _END)) is not _END:
            yield step  # type: ignore[misc]  # what is not the end is a T
    except OSError as error:
        raise RefusedOperationError(f"The log cannot be read: {error.strerror or error}") from error
