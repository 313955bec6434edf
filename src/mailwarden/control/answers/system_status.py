"""What the gateway says of itself, as the administrators' CLI shows it (admin 1.6.5, CLI-52).

Made of the answer to `status`; what is missing in it is left out. Times are in GMT.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mailwarden.control.answers.rates import COMPLETED
from mailwarden.control.answers.table import date_of, human_size, human_time
from mailwarden.system.log.escape import escape

Status = Mapping[str, Any]

WINDOWS: Final = ("1-minute", "5-minutes", "15-minutes")
HEAD_WIDTH: Final = 31
NAME_WIDTH: Final = 35
FIGURE_WIDTH: Final = 16

Group = tuple[str, tuple[tuple[str, str], ...]]
BRIEF: Final[tuple[Group, ...]] = (
    ("Receiving", (("messages_in", "Messages Received"), ("recipients_in", "Recipients Received"))),
    (
        "Rejection",
        (("recipients_rejected", "Rejected Recipients"), ("dropped", "Dropped Recipients")),
    ),
    ("Queue", (("soft_bounced", "Soft Bounced Events"),)),
    ("Completion", (("completed", "Completed Recipients"),)),
)
_DETAIL: Final[tuple[Group, ...]] = (
    *BRIEF[:3],
    (
        "Completion",
        (
            ("bounced_hard", "Hard Bounced Recipients"),
            ("delivered", "Delivered Recipients"),
            ("deleted", "Deleted Recipients"),
            ("completed", "Completed Recipients"),
        ),
    ),
)


def system_state(status: Status) -> str:
    """Return what runs and what does not: `Online`, `Delivery suspended`, `Offline` ..."""
    listeners = status.get("listeners") or ()
    suspended = [str(row.get("name")) for row in listeners if row.get("state") == "suspended"]
    is_deaf = bool(listeners) and len(suspended) == len(listeners)
    is_mute = status.get("delivery") == "suspended"
    words = []
    if status.get("state") == "stopping":
        words.append("Stopping")
    elif is_deaf and is_mute:
        words.append("Offline")
    elif is_deaf:
        words.append("Receiving suspended")
    elif suspended:
        words.append(f"Receiving suspended ({', '.join(map(escape, suspended))})")
    if is_mute and not is_deaf:
        words.append("Delivery suspended")
    if status.get("work_queue") == "paused":
        words.append("Work queue paused")
    return ", ".join(words) or "Online"


def render_system_status(
    status: Status, now: float, oldest_at: float | None, *, is_detailed: bool
) -> list[str]:
    """Return the lines; `now`, and when the oldest message came, are seconds since the epoch."""
    lines = [
        *_head(status, now, oldest_at),
        *_counters(status, is_detailed=is_detailed),
        *(_rates(status) if is_detailed else ()),
        *_gauges(status),
    ]
    if is_detailed:
        lines += _states(status)
    return lines


def with_completed(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counters with those that are sums of others."""
    return {**counts, "completed": sum(counts.get(name, 0) for name in COMPLETED)}


def _head(status: Status, now: float, oldest_at: float | None) -> Iterator[str]:
    def line(name: str, value: str) -> str:
        return f"{name + ':':<{HEAD_WIDTH}}{value}"

    yield line("Status as of", date_of(now))
    uptime = status.get("uptime_seconds")
    if uptime is not None:
        yield line("Up since", f"{date_of(now - uptime)} ({human_time(max(1, uptime))})")
    reset_at = status.get("reset_at")
    yield line("Last counter reset", date_of(reset_at) if reset_at else "Never")
    yield line("System status", system_state(status))
    age = human_time(max(1, now - oldest_at)) if oldest_at else "No Messages"
    yield line("Oldest Message", age)
    waiting = status.get("waiting_for_start") or ()
    if waiting:
        yield line("In effect from the next start", ", ".join(map(escape, map(str, waiting))))
    redirects = status.get("redirects") or ()
    if redirects:
        shown = ", ".join(escape(str(row.get("to"))) for row in redirects)
        yield line("Queued mail is redirected to", shown)
    dormant = status.get("features_dormant") or ()
    if dormant:
        yield line("Features switched off", ", ".join(map(escape, map(str, dormant))))


def _row(name: str, values: Sequence[object], indent: int = 4) -> str:
    figures = "".join(f"{value!s:>{FIGURE_WIDTH}}" for value in values)
    return f"{' ' * indent}{name:<{NAME_WIDTH - indent}}{figures}"


def _counters(status: Status, *, is_detailed: bool) -> Iterator[str]:
    kept = status.get("counters") or {}
    spans = [
        with_completed(counts or {})
        for counts in (kept.get("reset"), status.get("totals"), kept.get("lifetime"))
    ]
    yield _row("Counters:", ("Reset", "Uptime", "Lifetime"), 0)
    groups = _DETAIL if is_detailed else BRIEF
    for title, rows in groups:
        yield f"  {title}"
        for key, name in rows:
            yield _row(name, [f"{span.get(key, 0):,}" for span in spans])
    if is_detailed:
        told = {key for _, rows in groups for key, _ in rows}
        others = sorted({key for span in spans for key in span} - told)
        yield from ["  Others"] * bool(others)
        for key in others:
            yield _row(_words(key), [f"{span.get(key, 0):,}" for span in spans])


def _rates(status: Status) -> Iterator[str]:
    rates = status.get("rates") or {}
    spans = [with_completed(rates.get(window) or {}) for window in WINDOWS]
    yield _row("Rates (Events Per Hour):", WINDOWS, 0)
    for title, rows in BRIEF:
        yield f"  {title}"
        for key, name in rows:
            yield _row(name, [f"{span.get(key, 0):,}" for span in spans])


def _gauges(status: Status) -> Iterator[str]:
    gauges, spool = status.get("gauges") or {}, status.get("spool") or {}
    workers = status.get("workers") or ()
    yield _row("Gauges:", ("Current",), 0)
    yield "  Connections"
    yield _row("Current Inbound Conn.", (gauges.get("connections_in", 0),))
    yield _row("Current Outbound Conn.", (gauges.get("connections_out", 0),))
    yield "  Queue"
    yield _row("Messages In Work Queue", (gauges.get("received", 0),))
    yield _row("Messages Queued For Delivery", (gauges.get("queued", 0),))
    yield _row("Messages Held", (gauges.get("held", 0),))
    for key, name in (("bytes_live", "Kilobytes Used"), ("bytes_free", "Kilobytes Free")):
        if key in spool:
            yield _row(name, (f"{spool[key] // 1024:,}",))
    yield "  System"
    yield _row("RAM Used", (human_size(sum(row.get("memory_bytes") or 0 for row in workers)),))
    cpu = sum(row.get("cpu_seconds") or 0 for row in workers)
    yield _row("CPU Time", (human_time(max(1, cpu)),))
    if "bytes_on_disk" in spool:
        yield _row("Disk Used By The Queue", (human_size(spool["bytes_on_disk"]),))


def _states(status: Status) -> Iterator[str]:
    listeners, workers = status.get("listeners") or (), status.get("workers") or ()
    yield from ["Listeners:"] * bool(listeners)
    for row in listeners:
        address = f"{escape(str(row.get('address')))}:{row.get('port')}"
        yield _row(escape(str(row.get("name"))), (address, escape(str(row.get("state")))), 2)
    yield from ["Workers:"] * bool(workers)
    for row in workers:
        name = f"Worker {row.get('index')}"
        yield _row(name, (f"process {row.get('pid')}", escape(str(row.get("state")))), 2)


def _words(key: str) -> str:
    return escape(key.replace("_", " ").capitalize())
