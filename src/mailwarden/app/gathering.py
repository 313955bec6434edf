"""Asks all workers and puts their answers together."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from mailwarden.app.channel import Packet

if TYPE_CHECKING:  # a supervisor gathers, and gathering asks the supervisor's workers
    from mailwarden.app.supervisor import Supervisor

LISTING = frozenset({"queue_list"})  # commands with many answers of each worker


class Gathering:
    """One request to every worker."""

    def __init__(self, supervisor: "Supervisor", request: Packet, seconds: float) -> None:
        self._supervisor = supervisor
        self._request = request
        self._seconds = seconds

    async def answers(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what is to be sent to the administrator."""
        if self._request.get("command") in LISTING:
            starting = []
            for worker in list(self._supervisor.workers):
                if not worker.is_ready:
                    starting.append(str(worker.index))
                    continue
                async for answer in worker.ask(self._request):
                    yield answer
            if starting:
                yield {"error": f"not listed: worker {', '.join(starting)} is still starting"}
            return
        gathered = await asyncio.gather(
            *(self._one(worker.index) for worker in self._supervisor.workers)
        )
        if self._request.get("command") == "status":
            yield self._status(gathered)
        else:
            yield {"workers": [answer for answer in gathered if answer is not None]}

    async def _one(self, index: int) -> dict[str, Any] | None:
        """Return the answer of one worker; None when it does not answer in time."""
        worker = next((w for w in self._supervisor.workers if w.index == index), None)
        if worker is None or not worker.is_ready:  # one that starts is busy reading its spool
            return None
        try:
            async with asyncio.timeout(self._seconds):
                async for answer in worker.ask(self._request):
                    return answer
        except TimeoutError:
            return None
        return None

    def _status(self, gathered: list[dict[str, Any] | None]) -> dict[str, Any]:
        status = self._supervisor.summary()
        totals: Counter[str] = Counter()
        spool: Counter[str] = Counter()
        destinations: dict[str, dict[str, Any]] = {}
        workers = []
        for worker, answer in zip(self._supervisor.workers, gathered, strict=False):
            row: dict[str, Any] = {"index": worker.index, "pid": worker.pid}
            if answer is None:
                row["state"] = "starting" if not worker.is_ready else "not answering"
                row["progress"] = worker.progress
            else:
                for name, value in answer.pop("spool").items():
                    spool[name] = value if name == "bytes_free" else spool[name] + value
                _merge_destinations(destinations, answer.pop("destinations"))
                totals.update(answer["counters"])
                row.update(answer, state="running")
            workers.append(row)
        waiting = sorted(destinations.values(), key=lambda row: -row["waiting"])
        return {
            **status,
            "workers": workers,
            "totals": dict(totals),
            "spool": dict(spool),
            "destinations": waiting,
        }


def _merge_destinations(merged: dict[str, dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Add one worker's view of the destinations to that of the others."""
    for row in rows:
        known = merged.setdefault(row["name"], dict(row, waiting=0, connections=0))
        known["waiting"] += row["waiting"]
        known["connections"] += row["connections"]
        if row.get("last_error"):
            known["last_error"] = row["last_error"]
        if row.get("state") == "down":
            known["state"] = "down"
        times = [t for t in (known.get("next_attempt_at"), row.get("next_attempt_at")) if t]
        known["next_attempt_at"] = min(times) if times else None
