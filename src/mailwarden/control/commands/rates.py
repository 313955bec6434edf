"""`rate`, `hostrate`, `hoststatus`, `tophosts`, `topin`: where mail goes and comes from now."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from mailwarden.control.answers.hosts import render_host
from mailwarden.control.answers.rates import (
    HEADS_EVERY,
    HOST_RATE,
    RATE,
    Column,
    Row,
    host_rate_row,
    rate_heads,
    rate_line,
    rate_row,
)
from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import date_of, refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Number, Option, Text, read_name
from mailwarden.control.operations import monitoring
from mailwarden.system.log.escape import escape

INTERVAL_SECONDS: Final = 10
INTERVAL_SECONDS_MAX: Final = 3600
TOP_MAX: Final = 20
ROWS_KEPT_MAX: Final = 10_000  # for JSON

Look = Callable[[Row | None], Awaitable[Row]]  # gets the row before

HOST: Final = Text(
    key="host", prompt="Recipient host:", of=lambda text: read_name(text).lower(),
    place=Place.WORD, form="a recipient domain, or a host",
)  # fmt: skip
INTERVAL: Final = Number(
    key="interval", prompt="Enter the number of seconds between displays.", place=Place.WORD,
    default=INTERVAL_SECONDS, minimum=1, maximum=INTERVAL_SECONDS_MAX,
)  # fmt: skip
COUNT: Final = Number(
    key="count", prompt="How many lines?", doc="lines to show; 0 is until Ctrl-C", default=0,
    minimum=0, maximum=1_000_000, is_asked=False,
)  # fmt: skip
SORT: Final = Choice[str](
    key="sort", prompt="Sort results by:", place=Place.WORD, default="waiting",
    options=(
        Option("active", "waiting", "Active Messages"),
        Option("connections", "connections", "Connections Out"),
        Option("delivered", "delivered", "Delivered Recipients"),
        Option("hardbounced", "hard_bounced", "Hard Bounced Recipients"),
        Option("softbounced", "soft_bounced", "Soft Bounced Events"),
    ),
)  # fmt: skip
_TOP_HEADS: Final = (
    "#", "Recipient Host", "Active Messages", "Conn. Out", "Deliv. Recip.", "Soft Bounced",
    "Hard Bounced",
)  # fmt: skip
_CLIENT_HEADS: Final = ("#", "Remote Hostname", "Remote IP Addr.", "Listener", "Conn. In")


async def repeat(scope: Settings, columns: Sequence[Column], look: Look) -> Shown:
    """Show a row after each interval, until there are enough or Ctrl-C is pressed."""
    wanted, interval = scope[COUNT], scope[INTERVAL]
    clock = scope.draft.desk.administration.clock
    kept: deque[dict[str, Any]] = deque(maxlen=ROWS_KEPT_MAX)
    row: Row | None = None
    number = 0
    if not wanted:
        scope.say("Type Ctrl-C to return to the main prompt.\n")
    while True:
        with refused_as_told():
            row = await look(row)
        at = clock.time()
        if number % HEADS_EVERY == 0:
            scope.say("\n".join(rate_heads(columns)))
        scope.say(rate_line(columns, row, at))
        await scope.drain()
        kept.append({"at": at, **{column.name: row[column.name] for column in columns}})
        number += 1
        if wanted and number >= wanted:
            return Shown("", list(kept))
        await asyncio.sleep(interval)


async def _rate(scope: Settings) -> Shown:
    async def look(before: Row | None) -> Row:
        return rate_row(await monitoring.rate(scope.draft.desk, "rate"), before)

    return await repeat(scope, RATE, look)


async def _host_rate(scope: Settings) -> Shown:
    async def look(before: Row | None) -> Row:
        rows = await monitoring.hosts(scope.draft.desk, "hostrate", scope[HOST])
        return host_rate_row([{"hosts": rows}], before)

    return await repeat(scope, HOST_RATE, look)


async def _host_status(scope: Settings) -> Shown:
    desk, host = scope.draft.desk, scope[HOST]
    with refused_as_told():
        rows = await monitoring.hosts(desk, "hoststatus", host)
    if not rows:
        return Shown(f"Nothing is known of {escape(host)}: no mail went there.", [])
    now = desk.administration.clock.time()
    parts = ["\n".join(render_host(row, now)) for row in rows]
    return Shown("\n\n".join([f'Host mail status for: "{escape(host)}"', *parts]), rows)


async def _top_hosts(scope: Settings) -> Shown:
    desk, key = scope.draft.desk, scope[SORT]
    with refused_as_told():
        rows = await monitoring.hosts(desk, "tophosts")
    rows.sort(key=lambda row: (-row.get(key, 0), str(row.get("name"))))
    table = [
        [place, row.get("name"), *(row.get(name, 0) for name in (
            "waiting", "connections", "delivered", "soft_bounced", "hard_bounced"))]
        for place, row in enumerate(rows[:TOP_MAX], 1)
    ]  # fmt: skip
    title = f"Status as of: {date_of(desk.administration.clock.time())}"
    return _top(title, _TOP_HEADS, table, rows, "host")


async def _top_in(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        rows = await monitoring.clients(desk)
    table = [
        [place, row.get("name") or "unknown", row.get("address"), row.get("listener"),
         row.get("connections")]
        for place, row in enumerate(rows[:TOP_MAX], 1)
    ]  # fmt: skip
    title = f"Status as of: {date_of(desk.administration.clock.time())}"
    return _top(title, _CLIENT_HEADS, table, rows, "host")


def _top(
    title: str, heads: Sequence[str], table: list[list[Any]], rows: list[Row], noun: str
) -> Shown:
    lines = [title, "", *(render_table(heads, table) if table else [f"There is no {noun}."])]
    if len(rows) > len(table):
        lines.append(f"{count_of(len(table), noun)} of {len(rows)}")
    return Shown("\n".join(lines), rows)


RATE_COMMAND: Final[Command[SettingsDraft]] = Command(
    name="rate", purpose="Show again and again how much mail comes and goes",
    where=Where.MACHINE, questions=(INTERVAL, COUNT), act=_rate, ends_by_interrupt=True,
)  # fmt: skip
HOSTRATE: Final[Command[SettingsDraft]] = Command(
    name="hostrate", purpose="Show again and again how mail to one host goes",
    where=Where.MACHINE, questions=(HOST, INTERVAL, COUNT), act=_host_rate,
    ends_by_interrupt=True,
)  # fmt: skip
HOSTSTATUS: Final[Command[SettingsDraft]] = Command(
    name="hoststatus", purpose="Show all that is known of one destination",
    where=Where.MACHINE, questions=(HOST,), act=_host_status,
)  # fmt: skip
TOPHOSTS: Final[Command[SettingsDraft]] = Command(
    name="tophosts", purpose="Show the busiest destinations", where=Where.MACHINE,
    questions=(SORT,), act=_top_hosts,
)  # fmt: skip
TOPIN: Final[Command[SettingsDraft]] = Command(
    name="topin", purpose="Show the hosts with the most connections to the gateway",
    where=Where.MACHINE, act=_top_in,
)  # fmt: skip

COMMANDS: Final = (RATE_COMMAND, HOSTRATE, HOSTSTATUS, TOPHOSTS, TOPIN)
