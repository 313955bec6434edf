"""The destinations of mail, and what became of it, from what each worker says of them.

A row has `name`, `state` (up, down, unknown), `waiting` (messages), `connections`, `delivered`,
`hard_bounced` (recipients), `soft_bounced` (events), `last_activity` (seconds since the epoch; 0 is
never), `last_error` and `held_back`: a list of `why` mail waits that could go, and `until` when
(seconds since the epoch; 0 is not known). That of one destination has, moreover, `recipients`,
`unattempted`, `attempted`, `opening`, `oldest_at`, `oldest_mid`, `completed`, `dropped`, `deleted`,
`bounced_dns`, `bounced_5xx`, `bounced_expired`, `bounced_other`, `last_5xx`, `last_5xx_at`;
`shares`, under which name its limits count, and `shares_with`, which other destinations do so; and
`endpoints`: a list of `host`, `address`, `port`, `preference`, `tls` (who asks for TLS: DANE,
MTA-STS), `error` (why it is left alone), `seconds_left` (for how long).
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mailwarden.control.answers.table import count_of, human_time, render_table
from mailwarden.system.log.escape import escape

SHARERS_SHOWN_MAX: Final = 5

Row = dict[str, Any]
Pages = Iterable[Mapping[str, Any]]
_SUMS: Final = (
    "waiting", "connections", "delivered", "hard_bounced", "soft_bounced", "recipients",
    "unattempted", "attempted", "opening", "completed", "dropped", "deleted", "bounced_dns",
    "bounced_5xx", "bounced_expired", "bounced_other",
)  # fmt: skip
_STATES: Final = ("unknown", "up", "down")  # what one worker saw counts for all: the worst
_BOUNCED: Final = (
    ("bounced_dns", "DNS"),
    ("bounced_5xx", "5XX"),
    ("bounced_expired", "expired"),
    ("bounced_other", "other"),
)


def merge_hosts(pages: Pages) -> list[Row]:
    """Return one row for each destination, with what all workers say of it."""
    merged: dict[str, Row] = {}
    for page in pages:
        for row in page.get("hosts") or ():
            name = str(row.get("name"))
            known = merged.get(name)
            if known is None:
                merged[name] = dict(row)
            else:
                _merge(known, row)
    return list(merged.values())


def _merge(known: Row, row: Mapping[str, Any]) -> None:
    for name in _SUMS:
        if name in row or name in known:
            known[name] = known.get(name, 0) + row.get(name, 0)
    states = [str(state) for state in (known.get("state"), row.get("state")) if state in _STATES]
    known["state"] = max(states, key=_STATES.index, default="unknown")
    if row.get("last_activity", 0) > known.get("last_activity", 0):
        known["last_activity"] = row["last_activity"]
    if row.get("last_error") and not known.get("last_error"):
        known["last_error"] = row["last_error"]
    if row.get("last_5xx_at", 0) > known.get("last_5xx_at", 0):
        known["last_5xx_at"], known["last_5xx"] = row["last_5xx_at"], row.get("last_5xx")
    held = known.setdefault("held_back", [])
    held += [each for each in row.get("held_back") or () if each not in held]
    if row.get("shares"):
        known["shares"] = row["shares"]
        names = {*(known.get("shares_with") or ()), *(row.get("shares_with") or ())}
        known["shares_with"] = sorted(names)
    at = row.get("oldest_at") or 0
    if at and (not known.get("oldest_at") or at < known["oldest_at"]):
        known["oldest_at"], known["oldest_mid"] = at, row.get("oldest_mid")
    if len(row.get("endpoints") or ()) > len(known.get("endpoints") or ()):
        known["endpoints"] = row["endpoints"]


def render_host(row: Row, now: float) -> list[str]:
    """Return all that is known of a destination; `now` is in seconds since the epoch."""
    bounced = ", ".join(f"{row.get(name, 0)} {word}" for name, word in _BOUNCED)
    waiting = (
        f"Waiting: {count_of(row.get('recipients', 0), 'recipient')}, "
        f"{row.get('unattempted', 0)} unattempted, {row.get('attempted', 0)} attempted"
    )
    counted = (
        f"Since start: {row.get('completed', 0)} completed, {row.get('delivered', 0)} delivered, "
        f"{row.get('dropped', 0)} dropped, {row.get('deleted', 0)} deleted, "
        f"{row.get('soft_bounced', 0)} soft bounced, "
        f"{row.get('hard_bounced', 0)} hard bounced ({bounced})"
    )
    lines = [
        f"{escape(str(row.get('name', '')))}: {escape(str(row.get('state', '')))}",
        f"Status as of: {time.strftime('%a %b %e %H:%M:%S %Y', time.localtime(now))}",
        waiting,
        f"Connections: {row.get('connections', 0)}, {row.get('opening', 0)} of them being opened",
        counted,
    ]
    if row.get("shares"):
        lines.append(_sharing(row))
    lines += [f"Held back: {text}" for text in held_back(row, now)]
    if row.get("oldest_mid"):
        age = human_time(max(1, now - row["oldest_at"]))
        lines.append(f"Oldest message: MID {row['oldest_mid']}, {age} old")
    if row.get("last_activity"):
        lines.append(f"Last activity: {ago(row['last_activity'], now)}")
    if row.get("last_error"):
        lines.append(f"Last error: {escape(str(row['last_error']))}")
    if row.get("last_5xx"):
        since = ago(row.get("last_5xx_at"), now)
        lines.append(f"Last 5XX error: {escape(str(row['last_5xx']))} ({since})")
    endpoints = row.get("endpoints") or ()
    if endpoints:
        heads = ["Order", "Preference", "Host", "Address", "Port", "TLS by", "State"]
        table = [
            [
                place,
                endpoint.get("preference"),
                endpoint.get("host"),
                endpoint.get("address"),
                endpoint.get("port"),
                endpoint.get("tls"),
                _endpoint_state(endpoint),
            ]
            for place, endpoint in enumerate(endpoints, 1)
        ]
        lines += ["", *render_table(heads, table)]
    return lines


def _sharing(row: Row) -> str:
    names = row.get("shares_with") or []
    shown = ", ".join(escape(str(name)) for name in names[:SHARERS_SHOWN_MAX])
    more = f" and {len(names) - SHARERS_SHOWN_MAX} more" if len(names) > SHARERS_SHOWN_MAX else ""
    count = count_of(len(names), "other destination")
    return f"Shares limits of {escape(str(row['shares']))} with {count}: {shown}{more}"


def held_back(row: Row, now: float) -> Iterator[str]:
    """Yield why mail waits that could go, and until when."""
    for held in row.get("held_back") or ():
        until = held.get("until") or 0
        when = ""
        if until:
            clock = time.strftime("%H:%M:%S", time.localtime(math.ceil(until)))
            when = f", until {clock} (in {human_time(max(1, until - now))})"
        yield f"{escape(str(held.get('why', '')))}{when}"


def _endpoint_state(endpoint: Mapping[str, Any]) -> str:
    if not endpoint.get("error"):
        return "to be tried"
    left = endpoint.get("seconds_left")
    return f"left alone{f' for {human_time(left)}' if left else ''}: {endpoint['error']}"


def ago(at: float | None, now: float) -> str | None:
    """Return how long ago something was."""
    return f"{human_time(max(1, now - at))} ago" if at else None
