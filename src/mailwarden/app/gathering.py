"""Asks all workers and puts their answers together.

A worker that does not answer is named: what it has must not look as if it were not there.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec

from mailwarden.app.channel import Packet
from mailwarden.app.process import NoAnswerError, WorkerProcess

# Commands with many answers of each worker: lists, and what may take long.
LISTING: Final = frozenset(
    {
        "queue_list",
        "queue_deleted",
        "queue_hosts",
        "queue_oldest",
        "queue_top_in",
        "queue_archive",
        "queue_count",
        "queue_delete",
        "queue_bounce",
        "queue_count_all",
        "queue_reset",
        "queue_restore",
        "tls_reports",
    }
)

# Commands that one worker answers for all, whichever it is.
FOR_ONE: Final = frozenset({"call_ahead_test", "dnslist_test", "originate", "tls_verify"})

Answer = dict[str, Any]


class _Destination(msgspec.Struct):
    name: str
    state: str
    waiting: int
    connections: int
    next_attempt_at: float | None = None
    last_error: str = ""


class _Status(msgspec.Struct):
    """What a worker says of itself, as far as it is put together with that of the others."""

    spool: dict[str, int]
    destinations: list[_Destination]
    counters: dict[str, int]
    rest: Answer = {}


class Gathering:
    """One request to every worker."""

    def __init__(self, workers: Sequence[WorkerProcess], request: Packet, seconds: float) -> None:
        """`seconds` is what a worker gets for one answer."""
        self._workers = tuple(workers)  # those of now: a dead one's successor was not asked
        self._request = request
        self._seconds = seconds

    async def answers(self, summary: Answer) -> AsyncIterator[Answer]:
        """Yield what is to be sent to the administrator; `summary` begins that of `status`."""
        command = self._request.get("command")
        if command in LISTING:
            async for answer in self._listing():
                yield answer
            return
        if command in FOR_ONE:
            async for answer in self._any():
                yield answer
            return
        gathered = await asyncio.gather(*(self._one(worker) for worker in self._workers))
        if command == "status":
            yield self._status(gathered, summary)
        else:
            yield {
                "workers": [answer for answer in gathered if isinstance(answer, dict)],
                "unanswered": [answer for answer in gathered if isinstance(answer, str)],
            }

    async def _listing(self) -> AsyncIterator[Answer]:
        missing = []
        for worker in self._workers:
            try:
                async with aclosing(worker.ask(self._request, self._seconds)) as answers:
                    async for answer in answers:
                        yield answer
            except NoAnswerError as error:
                missing.append(str(error))
        if missing:
            yield {"error": f"{_not_whole(self._request)}: {', '.join(missing)}"}

    async def _any(self) -> AsyncIterator[Answer]:
        """Yield the answers of the first worker that gives any."""
        missing = "there is no worker"
        for worker in self._workers:
            try:
                async with aclosing(worker.ask(self._request, self._seconds)) as answers:
                    async for answer in answers:
                        yield answer
                return
            except NoAnswerError as error:
                missing = str(error)
        yield {"error": missing}

    async def _one(self, worker: WorkerProcess) -> Answer | str:
        """Return the answer of one worker, or why there is none."""
        try:
            async with aclosing(worker.ask(self._request, self._seconds)) as answers:
                async for answer in answers:
                    return answer
        except NoAnswerError as error:
            return str(error)
        return f"worker {worker.index} had no answer"

    def _status(self, gathered: Sequence[Answer | str], summary: Answer) -> Answer:
        totals: Counter[str] = Counter()
        spool: Counter[str] = Counter()
        destinations: dict[str, Answer] = {}
        workers = []
        for worker, answer in zip(self._workers, gathered, strict=True):
            row: Answer = {"index": worker.index, "pid": worker.pid}
            told = None if isinstance(answer, str) else _read_status(answer)
            if told is None:
                row.update(state=worker.state, progress=worker.progress)
            else:
                for name, value in told.spool.items():
                    spool[name] = value if name == "bytes_free" else spool[name] + value
                _merge_destinations(destinations, told.destinations)
                totals.update(told.counters)
                row.update(told.rest, state="running")
            workers.append(row)
        waiting = sorted(destinations.values(), key=lambda row: -row["waiting"])
        return {
            **summary,
            "workers": workers,
            "totals": dict(totals),
            "spool": dict(spool),
            "destinations": waiting,
        }


def _not_whole(request: Packet) -> str:
    if request.get("command") in ("queue_list", "queue_deleted", "queue_hosts", "queue_top_in"):
        return "the list is not whole"
    return "not all mail was looked at"


def _read_status(answer: Answer) -> _Status | None:
    """Return what a worker says of itself; None when that is not what one says."""
    try:
        told = msgspec.convert(answer, _Status)
    except msgspec.ValidationError:
        return None
    told.rest = {name: answer[name] for name in answer if name not in ("spool", "destinations")}
    return told


def _merge_destinations(merged: dict[str, Answer], rows: list[_Destination]) -> None:
    """Add one worker's view of the destinations to that of the others."""
    for row in rows:
        known = merged.setdefault(
            row.name, {**msgspec.structs.asdict(row), "waiting": 0, "connections": 0}
        )
        known["waiting"] += row.waiting
        known["connections"] += row.connections
        if row.last_error:
            known["last_error"] = row.last_error
        if row.state == "down":
            known["state"] = "down"
        times = [at for at in (known["next_attempt_at"], row.next_attempt_at) if at]
        known["next_attempt_at"] = min(times) if times else None
