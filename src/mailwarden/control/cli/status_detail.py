"""`mailwarden status --detail`: gauges, rates, and counters over three times."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.answers.table import human_time, render_table

Status = Mapping[str, Any]
WINDOWS: Final = ("1-minute", "5-minutes", "15-minutes")
_GAUGES: Final = {
    "connections_in": "current inbound connections",
    "connections_out": "current outbound connections",
    "received": "messages in work queue",
    "queued": "messages queued for delivery",
    "held": "messages held",
}


def render_detail(status: Status, now: float) -> list[list[str]]:
    """Return the tables; `now` is in seconds since the epoch."""
    return [_counters(status, now), _rates(status), _gauges(status)]


def _counters(status: Status, now: float) -> list[str]:
    kept = status.get("counters") or {}
    since_reset, lifetime = kept.get("reset") or {}, kept.get("lifetime") or {}
    uptime = status.get("totals") or {}
    names = sorted({*since_reset, *lifetime, *uptime})
    rows = [
        [_words(name), since_reset.get(name, 0), uptime.get(name, 0), lifetime.get(name, 0)]
        for name in names
    ]
    if not rows:
        return []
    lines = render_table(["Counters", "Reset", "Uptime", "Lifetime"], rows)
    if status.get("reset_at"):
        lines.append(f"Reset {human_time(max(1, now - status['reset_at']))} ago")
    return lines


def _rates(status: Status) -> list[str]:
    rates = status.get("rates") or {}
    names = sorted({name for window in WINDOWS for name in rates.get(window) or ()})
    rows = [
        [_words(name), *((rates.get(window) or {}).get(name, 0) for window in WINDOWS)]
        for name in names
    ]
    return render_table(["Rates (events an hour)", *WINDOWS], rows) if rows else []


def _gauges(status: Status) -> list[str]:
    gauges, spool = status.get("gauges") or {}, status.get("spool") or {}
    rows = [[words, gauges[name]] for name, words in _GAUGES.items() if name in gauges]
    for name, words in (("bytes_live", "kilobytes used"), ("bytes_free", "kilobytes free")):
        if name in spool:
            rows.append([words, spool[name] // 1024])
    return render_table(["Gauges", "Now"], rows) if rows else []


def _words(name: str) -> str:
    return name.replace("_", " ")
