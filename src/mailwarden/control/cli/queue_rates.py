"""`mailwarden queue rate`, `host-rate`, `work-queue` and `top-in`: what happens now.

The columns are those that administrators of the old product know: how many there are, and how many
came since the last line.
"""

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.options import (
    Group,
    add_command,
    add_json,
    parse_count,
    parse_seconds,
)
from mailwarden.control.cli.queue_hosts import merge_hosts
from mailwarden.control.cli.table import count_of, render_table
from mailwarden.system.log.escape import escape

INTERVAL_SECONDS: Final = 15.0
TOP_CLIENTS: Final = 20
HEADS_EVERY: Final = 20  # lines
_COMPLETED: Final = ("delivered", "bounced_hard", "dropped", "deleted")  # recipients

Answer = Mapping[str, Any]
Row = dict[str, Any]
Look = Callable[[Row | None], Row]  # the row before, and the one of now


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


def add_rates(actions: Group) -> None:
    """Add the commands to those of `queue`."""
    rate = add_command(
        actions,
        "rate",
        "Show again and again how much mail comes and goes.",
        "Until it is interrupted with Ctrl-C. Delta is since the line before.",
        "mailwarden queue rate --interval 5",
    )
    _add_interval(rate)
    host_rate = add_command(
        actions,
        "host-rate",
        "Show again and again how mail to one destination goes.",
        "Until it is interrupted with Ctrl-C: connections to it, recipients that wait, and how "
        "many were delivered and bounced since the line before.",
        "mailwarden queue host-rate corp.example --interval 5",
    )
    host_rate.add_argument("domain", metavar="DOMAIN", help="recipient domain, or host")
    _add_interval(host_rate)
    work_queue = add_command(
        actions,
        "work-queue",
        "Show whether the work queue runs, and how many messages wait for it.",
        "`queue pause` stops it, `queue resume` lets it go on.",
        "mailwarden queue work-queue",
        "mailwarden queue work-queue --rate",
    )
    work_queue.add_argument(
        "--rate", action="store_true", help="again and again, with what came and went in between"
    )
    _add_interval(work_queue)
    top_in = add_command(
        actions,
        "top-in",
        "Show the hosts with the most connections to the gateway now.",
        "With --json, each host is one line.",
        "mailwarden queue top-in",
    )
    top_in.add_argument(
        "--top",
        type=parse_count,
        default=TOP_CLIENTS,
        metavar="N",
        help=f"hosts shown; 0 is all (default: {TOP_CLIENTS})",
    )
    add_json(top_in)
    add_command(
        actions,
        "reset-counters",
        "Begin anew with the counters of `mailwarden status --detail` that can be reset.",
        "Those since the start and those of its lifetime go on.",
        "mailwarden queue reset-counters",
    )


def _add_interval(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--interval",
        type=parse_seconds,
        default=INTERVAL_SECONDS,
        metavar="SECONDS",
        help=f"time between two lines (default: {INTERVAL_SECONDS:g})",
    )
    parser.add_argument(
        "--count", type=parse_count, default=0, metavar="N", help="lines; 0 is without end"
    )
    add_json(parser)


def show_rate(arguments: Namespace, ask: Callable[[], Answer]) -> int:
    """Show how much comes and goes."""

    def look(before: Row | None) -> Row:
        answer = ask()
        gauges, totals = answer.get("gauges") or {}, answer.get("totals") or {}
        row: Row = {
            "connections_in": gauges.get("connections_in", 0),
            "connections_out": gauges.get("connections_out", 0),
            "received": totals.get("recipients_in", 0),
            "completed": sum(totals.get(name, 0) for name in _COMPLETED),
            "kilobytes_used": gauges.get("bytes_live", 0) // 1024,
        }
        return _with_deltas(row, before, "received", "completed")

    return _repeat(arguments, RATE, look)


def show_host_rate(arguments: Namespace, ask: Callable[[], Iterable[Answer]]) -> int:
    """Show how mail to one destination goes."""

    def look(before: Row | None) -> Row:
        hosts = merge_hosts(ask())
        row: Row = {"state": _state(hosts)}
        names = ("connections", "recipients", "delivered", "hard_bounced", "soft_bounced")
        row.update({name: sum(host.get(name, 0) for host in hosts) for name in names})
        return _with_deltas(row, before, *names[1:])

    return _repeat(arguments, HOST_RATE, look)


def show_work_queue(arguments: Namespace, ask: Callable[[], Answer]) -> int:
    """Show what waits for the work queue; with `--rate` again and again."""
    if arguments.rate:
        return _repeat(arguments, WORK_QUEUE, lambda before: _work_queue_row(ask(), before))
    answer = ask()
    pending = (answer.get("gauges") or {}).get("received", 0)
    if arguments.json:
        print(json.dumps({"status": answer.get("work_queue"), "pending": pending}))
    else:
        print(f"Status: {escape(str(answer.get('work_queue', 'unknown')))}")
        print(f"Messages: {pending}")
    return ExitCode.DONE


def _work_queue_row(answer: Answer, before: Row | None) -> Row:
    pending = (answer.get("gauges") or {}).get("received", 0)
    total = (answer.get("totals") or {}).get("messages_in", 0)
    came = max(0, total - before["total"]) if before else 0
    gone = max(0, before["pending"] + came - pending) if before else 0
    return {"pending": pending, "in": came, "out": gone, "total": total}


def show_top_in(arguments: Namespace, pages: Iterable[Answer]) -> int:
    """Show who has the most connections."""
    merged: dict[tuple[str, str], Row] = {}
    for page in pages:
        for client in page.get("clients") or ():
            key = (str(client.get("address")), str(client.get("listener")))
            known = merged.setdefault(key, {**client, "connections": 0, "messages": 0})
            known["connections"] += client.get("connections", 0)
            known["messages"] += client.get("messages", 0)
            known["name"] = known.get("name") or client.get("name")
    rows = sorted(merged.values(), key=lambda row: (-row["connections"], str(row["address"])))
    shown = rows[: arguments.top] if arguments.top else rows
    if arguments.json:
        for row in shown:
            print(json.dumps(row))
        return ExitCode.DONE
    if not shown:
        print("no host is connected")
        return ExitCode.DONE
    heads = ["Host", "Address", "Listener", "Connections", "Messages"]
    table = [
        [row.get("name") or "unknown", row["address"], row["listener"], row["connections"],
         row["messages"]]
        for row in shown
    ]  # fmt: skip
    print("\n".join(render_table(heads, table)))
    if len(rows) > len(shown):
        print(f"{count_of(len(shown), 'host')} of {len(rows)}; --top 0 shows all")
    return ExitCode.DONE


def _state(hosts: Sequence[Row]) -> str:
    states = {str(host.get("state")) for host in hosts}
    return next((state for state in ("down", "up") if state in states), "unknown")


def _with_deltas(row: Row, before: Row | None, *names: str) -> Row:
    for name in names:
        row[f"{name}_delta"] = row[name] - before[name] if before else 0
    return row


def _repeat(
    arguments: Namespace,
    columns: Sequence[Column],
    look: Look,
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Print a row after each interval, until there are enough or it is interrupted."""
    row: Row | None = None
    number = 0
    try:
        while True:
            row = look(row)
            at = now()
            if arguments.json:
                shown = {column.name: row[column.name] for column in columns}
                print(json.dumps({"at": at, **shown}), flush=True)
            else:
                if number % HEADS_EVERY == 0:
                    print("\n".join(_heads(columns)))
                print(_line(columns, row, at), flush=True)
            number += 1
            if arguments.count and number >= arguments.count:
                return ExitCode.DONE
            sleep(arguments.interval)
    except KeyboardInterrupt:
        return ExitCode.DONE


def _heads(columns: Sequence[Column]) -> list[str]:
    head = "".join(f"{column.head:>{column.width}}" for column in columns)
    below = "".join(f"{column.below:>{column.width}}" for column in columns)
    lines = [f"{'Time':<8}{head}", f"{'':8}{below}".rstrip()]
    return [line for line in lines if line]


def _line(columns: Sequence[Column], row: Row, at: float) -> str:
    cells = "".join(f"{row[column.name]!s:>{column.width}}" for column in columns)
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}{cells}"
