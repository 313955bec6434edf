"""`mailwarden queue rate`, `host-rate`, `work-queue` and `top-in`: what happens now."""

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mailwarden.control.answers.rates import (
    HEADS_EVERY,
    HOST_RATE,
    RATE,
    WORK_QUEUE,
    Answer,
    Column,
    Row,
    host_rate_row,
    merge_clients,
    rate_heads,
    rate_line,
    rate_row,
    work_queue_row,
)
from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.options import (
    Group,
    add_command,
    add_json,
    parse_count,
    parse_seconds,
)
from mailwarden.system.log.escape import escape

INTERVAL_SECONDS: Final = 15.0
TOP_CLIENTS: Final = 20

Look = Callable[[Row | None], Row]  # the row before, and the one of now


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

    return _repeat(arguments, RATE, lambda before: rate_row(ask(), before))


def show_host_rate(arguments: Namespace, ask: Callable[[], Iterable[Answer]]) -> int:
    """Show how mail to one destination goes."""

    return _repeat(arguments, HOST_RATE, lambda before: host_rate_row(ask(), before))


def show_work_queue(arguments: Namespace, ask: Callable[[], Answer]) -> int:
    """Show what waits for the work queue; with `--rate` again and again."""
    if arguments.rate:
        return _repeat(arguments, WORK_QUEUE, lambda before: work_queue_row(ask(), before))
    answer = ask()
    pending = (answer.get("gauges") or {}).get("received", 0)
    if arguments.json:
        print(json.dumps({"status": answer.get("work_queue"), "pending": pending}))
    else:
        print(f"Status: {escape(str(answer.get('work_queue', 'unknown')))}")
        print(f"Messages: {pending}")
    return ExitCode.DONE


def show_top_in(arguments: Namespace, pages: Iterable[Answer]) -> int:
    """Show who has the most connections."""
    rows = merge_clients(pages)
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
                    print("\n".join(rate_heads(columns)))
                print(rate_line(columns, row, at), flush=True)
            number += 1
            if arguments.count and number >= arguments.count:
                return ExitCode.DONE
            sleep(arguments.interval)
    except KeyboardInterrupt:
        return ExitCode.DONE
