"""`mailwarden status`: what the running gateway says of itself.

The gateway answers with a dict:

- `version`, `hostname`, `pid`, `uptime_seconds`, `state` (running, stopping), `work_queue`
  (running, paused), `delivery` (running, suspended), `redirects` (see `app/switches.py`),
  `waiting_for_start` (names of settings that a reload could not change), `features_dormant` (names
  of features that are switched off);
- `listeners`: a list of `name`, `type`, `address`, `port`, `tls`, `state` (running, suspended);
- `workers`: a list of `index`, `pid`, `state`, `progress` (while it starts), `connections`,
  `tls_connections`, `received`, `queued`, `held`, `memory_bytes`, `cpu_seconds`, `counters`;
- `totals`: the counters of all workers together since the start, by name;
- `counters`: the same as `reset` (since `reset_at`, in seconds since the epoch) and `lifetime`;
- `rates`: events an hour over `1-minute`, `5-minutes`, `15-minutes`, each by name;
- `gauges`: how many there are now, by name;
- `spool`: the fields of `Usage`;
- `destinations`: a list of `name`, `state`, `waiting`, `connections`, `next_attempt_at` (seconds
  since the epoch), `last_error`.

Whatever is missing is left out: an older or newer gateway may say less or more.
"""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mailwarden.control.answers.table import Number, count_of, human_size, human_time, render_table
from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.status_detail import render_detail
from mailwarden.system.log.escape import escape

DESTINATIONS_SHOWN_MAX: Final = 20
_CLEAR: Final = "\x1b[H\x1b[2J\x1b[3J"

Status = Mapping[str, Any]
Rows = Sequence[Status]


def show_status(
    arguments: Namespace,
    ask: Callable[[], Status],
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Show what `ask` returns; with `--watch` again and again, until interrupted."""
    while True:
        status = ask()
        if arguments.json:
            text = json.dumps(status, indent=None if arguments.watch else 2)
        else:
            text = "\n".join(render_status(status, now(), is_detailed=arguments.detail))
        if arguments.watch and not arguments.json and sys.stdout.isatty():
            text = _CLEAR + text
        print(text, flush=True)
        if not arguments.watch:
            return ExitCode.DONE
        try:
            sleep(arguments.interval)
        except KeyboardInterrupt:
            return ExitCode.DONE


def render_status(status: Status, now: float, *, is_detailed: bool = False) -> list[str]:
    """Return the lines for a person; `now` is in seconds since the epoch."""
    lines = [*_head(status), *_waiting_for_start(status.get("waiting_for_start") or ())]
    parts = (
        _listeners(status.get("listeners") or ()),
        _workers(status.get("workers") or ()),
        render_spool(status.get("spool") or {}),
        render_destinations(status.get("destinations") or (), now),
        *(render_detail(status, now) if is_detailed else (_totals(status.get("totals") or {}),)),
    )
    for part in parts:
        if part:
            lines += ["", *part]
    return lines


def render_spool(usage: Status) -> list[str]:
    """Return the lines about the spool."""
    if not usage:
        return []
    counts = [f"{usage[name]} {name}" for name in ("received", "queued", "held") if name in usage]
    if usage.get("deleted"):
        counts.append(f"{usage['deleted']} deleted")
    sizes = [
        f"{human_size(usage[name])} {words}"
        for name, words in (
            ("bytes_live", "of mail"),
            ("bytes_on_disk", "on disk"),
            ("bytes_hot", "in memory"),
            ("bytes_free", "free"),
        )
        if name in usage
    ]
    parts = ([f"{', '.join(counts)} messages"] if counts else []) + sizes
    return [f"Spool: {', '.join(parts)}"]


def render_destinations(rows: Rows, now: float) -> list[str]:
    """Return the table of the destinations that most mail waits for."""
    waiting = sorted(rows, key=lambda row: -(row.get("waiting") or 0))
    shown = [
        [
            row.get("name"),
            row.get("state"),
            row.get("waiting"),
            row.get("connections"),
            _until(row.get("next_attempt_at"), now),
            row.get("last_error") or None,
        ]
        for row in waiting[:DESTINATIONS_SHOWN_MAX]
    ]
    if not shown:
        return []
    heads = ["Destination", "State", "Waiting", "Connections", "Next try", "Last error"]
    more = len(waiting) - len(shown)
    return [*render_table(heads, shown), *([f"and {more} more"] if more > 0 else [])]


def _head(status: Status) -> list[str]:
    words = [f"Mailwarden {escape(str(status.get('version', '')))}".rstrip()]
    if status.get("hostname"):
        words.append(f"on {escape(str(status['hostname']))}")
    details = []
    if "state" in status:
        details.append(escape(str(status["state"])))
    if "uptime_seconds" in status:
        details.append(f"up for {human_time(max(1, status['uptime_seconds']))}")
    if "pid" in status:
        details.append(f"process {status['pid']}")
    if "work_queue" in status:
        details.append(f"work queue {escape(str(status['work_queue']))}")
    if status.get("delivery") == "suspended":
        details.append("delivery suspended")
    if status.get("redirects"):
        details.append(f"{count_of(len(status['redirects']), 'redirect')} of queued mail")
    if status.get("features_dormant"):
        details.append(f"{count_of(len(status['features_dormant']), 'feature')} switched off")
    return [f"{' '.join(words)}: {', '.join(details)}" if details else " ".join(words)]


def _waiting_for_start(names: Sequence[str]) -> list[str]:
    shown = ", ".join(escape(str(name)) for name in names)
    return [f"Changed in the file, but in effect only from the next start on: {shown}"] * bool(
        names
    )


def _listeners(rows: Rows) -> list[str]:
    shown = [
        [
            row.get("name"),
            row.get("type"),
            _address(row),
            row.get("tls"),
            row.get("state") if row.get("state") != "running" else None,
            row.get("connections"),
        ]
        for row in rows
    ]
    heads = ["Listener", "Type", "Address", "TLS", "State", "Connections"]
    if not any(row[4] for row in shown):
        shown, heads = [row[:4] + row[5:] for row in shown], heads[:4] + heads[5:]
    if not any("connections" in row for row in rows):
        shown, heads = [row[:-1] for row in shown], heads[:-1]
    return render_table(heads, shown) if shown else []


def _address(row: Status) -> str:
    address = str(row.get("address", ""))
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{row['port']}" if "port" in row else shown


def _workers(rows: Rows) -> list[str]:
    shown = [
        [
            row.get("index"),
            row.get("pid"),
            row.get("state") if _is_down(row) else row.get("progress") or row.get("state"),
            row.get("connections"),
            row.get("tls_connections"),
            row.get("received"),
            row.get("queued"),
            row.get("held"),
            _size(row.get("memory_bytes")),
            _time(row.get("cpu_seconds")),
        ]
        for row in rows
    ]
    heads = ["Worker", "Process", "State", "Connections", "TLS", "Received", "Queued", "Held",
             "Memory", "CPU"]  # fmt: skip
    return [*render_table(heads, shown), *_missing(rows)] if shown else []


def _is_down(row: Status) -> bool:
    return row.get("state") == "restarting"


def _missing(rows: Rows) -> list[str]:
    """Return why workers are down, and whose mail is not in the figures."""
    lines = [
        f"Worker {row.get('index')} {escape(str(row['progress']))}"
        for row in rows
        if _is_down(row) and row.get("progress")
    ]
    silent = [str(row.get("index")) for row in rows if row.get("state", "running") != "running"]
    if silent:
        lines.append(f"The figures below are without the mail of worker {', '.join(silent)}.")
    return lines


def _totals(totals: Status) -> list[str]:
    shown = [[name.replace("_", " "), totals[name]] for name in sorted(totals)]
    return render_table(["Since start", ""], shown) if shown else []


def _size(value: float | None) -> Number | None:
    return None if value is None else Number(human_size(value))


def _time(value: float | None) -> Number | None:
    return None if value is None else Number(human_time(max(1, value)))


def _until(at: float | None, now: float) -> str | None:
    return human_time(at - now) if at else None
