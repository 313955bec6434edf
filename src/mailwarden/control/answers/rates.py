"""What happens now: rows of figures, one after the other, and how they differ.

The columns are those that administrators of the old product know: how many there are, and how many
came since the last line.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mailwarden.control.answers.hosts import merge_hosts

HEADS_EVERY: Final = 20  # lines
COMPLETED: Final = ("delivered", "bounced_hard", "dropped", "deleted")  # recipients

Answer = Mapping[str, Any]
Row = dict[str, Any]


class Column(NamedTuple):
    """One column: where it stands in a row, its two lines of heading, and how wide it is."""

    name: str
    head: str
    below: str
    width: int


RATE: Final = (
    Column("connections_in", "Connections", "In", 11),
    Column("connections_out", "", "Out", 6),
    Column("received", "Recipients", "Received", 12),
    Column("received_delta", "", "Delta", 8),
    Column("completed", "Recipients", "Completed", 12),
    Column("completed_delta", "", "Delta", 8),
    Column("kilobytes_used", "Queue", "K-Used", 9),
)
HOST_RATE: Final = (
    Column("state", "Host", "Status", 8),
    Column("connections", "CrtCncOut", "", 10),
    Column("recipients", "ActvRcp", "", 9),
    Column("recipients_delta", "ActvRcp", "Delta", 8),
    Column("delivered_delta", "DlvRcp", "Delta", 8),
    Column("hard_bounced_delta", "HrdBncRcp", "Delta", 10),
    Column("soft_bounced_delta", "SftBncEvt", "Delta", 10),
)
WORK_QUEUE: Final = (
    Column("pending", "Pending", "", 10),
    Column("in", "In", "", 8),
    Column("out", "Out", "", 8),
)


def rate_row(answer: Answer, before: Row | None) -> Row:
    """Return how much comes and goes, from the answer of `rate` and the row before it."""
    gauges, totals = answer.get("gauges") or {}, answer.get("totals") or {}
    row: Row = {
        "connections_in": gauges.get("connections_in", 0),
        "connections_out": gauges.get("connections_out", 0),
        "received": totals.get("recipients_in", 0),
        "completed": sum(totals.get(name, 0) for name in COMPLETED),
        "kilobytes_used": gauges.get("bytes_live", 0) // 1024,
    }
    return _with_deltas(row, before, "received", "completed")


def host_rate_row(pages: Iterable[Answer], before: Row | None) -> Row:
    """Return how mail to one destination goes, from what workers say of it."""
    hosts = merge_hosts(pages)
    row: Row = {"state": _state(hosts)}
    names = ("connections", "recipients", "delivered", "hard_bounced", "soft_bounced")
    row.update({name: sum(host.get(name, 0) for host in hosts) for name in names})
    return _with_deltas(row, before, *names[1:])


def work_queue_row(answer: Answer, before: Row | None) -> Row:
    """Return what came to the work queue and left it, from the answer of `rate`."""
    pending = (answer.get("gauges") or {}).get("received", 0)
    total = (answer.get("totals") or {}).get("messages_in", 0)
    came = max(0, total - before["total"]) if before else 0
    gone = max(0, before["pending"] + came - pending) if before else 0
    return {"pending": pending, "in": came, "out": gone, "total": total}


def merge_clients(pages: Iterable[Answer]) -> list[Row]:
    """Return who is connected, from what all workers say of it; the most connections first."""
    merged: dict[tuple[str, str], Row] = {}
    for page in pages:
        for client in page.get("clients") or ():
            key = (str(client.get("address")), str(client.get("listener")))
            known = merged.setdefault(key, {**client, "connections": 0, "messages": 0})
            known["connections"] += client.get("connections", 0)
            known["messages"] += client.get("messages", 0)
            known["name"] = known.get("name") or client.get("name")
    return sorted(merged.values(), key=lambda row: (-row["connections"], str(row["address"])))


def _state(hosts: Sequence[Row]) -> str:
    states = {str(host.get("state")) for host in hosts}
    return next((state for state in ("down", "up") if state in states), "unknown")


def _with_deltas(row: Row, before: Row | None, *names: str) -> Row:
    for name in names:
        row[f"{name}_delta"] = row[name] - before[name] if before else 0
    return row


def rate_heads(columns: Sequence[Column]) -> list[str]:
    """Return the two lines above the rows, or one."""
    head = "".join(f"{column.head:>{column.width}}" for column in columns)
    below = "".join(f"{column.below:>{column.width}}" for column in columns)
    lines = [f"{'Time':<8}{head}", f"{'':8}{below}".rstrip()]
    return [line for line in lines if line]


def rate_line(columns: Sequence[Column], row: Row, at: float) -> str:
    """Return a row as a line; `at` is in seconds since the epoch."""
    cells = "".join(f"{row[column.name]!s:>{column.width}}" for column in columns)
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}{cells}"
