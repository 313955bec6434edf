"""What is known of destinations, for operators (mailflow 7.3, `hoststatus` and `tophosts`)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from mailwarden.mailflow.delivery.queue import DestinationQueue, Item, Unit, stands_in
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.mailflow.delivery.tally import HostStatus, Tally
from mailwarden.mailflow.delivery.wheel import Wheel

PAGE_ROWS: Final = 500
SHARERS_MAX: Final = 1000  # that are named

Row = dict[str, Any]


class HostView:
    """Looks at the queues of one worker; `queues` returns those of now, `names` those of a domain.

    Times are in seconds since the epoch, 0 is never.
    """

    def __init__(
        self,
        shared: Shared,
        wheel: Wheel,
        queues: Callable[[], list[DestinationQueue]],
        names: Callable[[str], Sequence[str]],
    ) -> None:
        self._shared: Final = shared
        self._wheel: Final = wheel
        self._queues: Final = queues
        self._names: Final = names

    def rows(self) -> Iterator[list[Row]]:
        """Yield a row for each destination that is known, page by page, in no order."""
        found: dict[str, list[DestinationQueue]] = {}
        tallies: dict[str, Tally] = {}
        for tally in self._shared.tallies.all():
            tallies[tally.name] = tally
        for queue in self._queues():
            found.setdefault(queue.name, []).append(queue)
            tallies[queue.name] = queue.tally
        page: list[Row] = []
        for name, tally in tallies.items():
            page.append(self._row(tally, found.get(name, ())))
            if len(page) == PAGE_ROWS:
                yield page
                page = []
        if page:
            yield page

    def details(self, domain: str) -> Iterator[Row]:
        """Yield at the end all that is known of where mail for `domain` goes.

        Empty rows before that let others have their turn.
        """
        for name in self._names(domain):
            queues = [queue for queue in self._queues() if queue.name == name]
            tally = queues[0].tally if queues else self._shared.tallies.find(name)
            if tally is None:
                continue
            row = self._row(tally, queues)
            row.update(self._tallied(tally, queues))
            row.update(self._shared_limits(tally))
            row["opening"] = sum(queue.opening for queue in queues)
            row.update(recipients=0, unattempted=0, attempted=0, oldest_at=0.0, oldest_mid=0)
            for items in self._items(queues):
                _count(row, items)
                yield {}
            yield row

    def _items(self, queues: list[DestinationQueue]) -> Iterator[list[Item]]:
        for queue in queues:
            yield [item for item in queue.standing() if stands_in(item, queue)]
        wanted = set(queues)
        if any(queue.waiting for queue in queues):
            yield from self._wheel.waiting_for(wanted)

    def _row(self, tally: Tally, queues: Iterable[DestinationQueue]) -> Row:
        group = self._shared.groups.find(tally.shares)
        return {
            "name": tally.name,
            "state": _shown(tally.status),
            "waiting": sum(queue.ready + queue.waiting for queue in queues),
            "connections": sum(queue.connections for queue in queues),
            "delivered": tally.delivered,
            "hard_bounced": tally.hard_bounced,
            "soft_bounced": tally.soft_bounced,
            "last_activity": tally.last_activity,
            "last_error": tally.last_error,
            "held_back": []
            if group is None
            else [{"why": held.why, "until": held.until} for held in group.held_back()],
        }

    def _shared_limits(self, tally: Tally) -> Row:
        """Return with whom a destination shares its limits."""
        others = [
            other.name
            for other in self._shared.tallies.all()
            if other.shares == tally.shares and other.name != tally.name
        ]
        if not tally.shares or not others:
            return {}
        return {"shares": tally.shares, "shares_with": others[:SHARERS_MAX]}

    def _tallied(self, tally: Tally, queues: Sequence[DestinationQueue]) -> Row:
        interfaces = {queue.key.source.interface for queue in queues} or {""}
        states, security = self._shared.states, self._shared.security
        return {
            "completed": tally.completed,
            "dropped": tally.dropped,
            "deleted": tally.deleted,
            "bounced_dns": tally.bounced_dns,
            "bounced_5xx": tally.bounced_5xx,
            "bounced_expired": tally.bounced_expired,
            "bounced_other": tally.bounced_other,
            "last_5xx": tally.last_5xx,
            "last_5xx_at": tally.last_5xx_at,
            "endpoints": [
                {
                    "host": endpoint.host,
                    "address": endpoint.address,
                    "port": endpoint.port,
                    "preference": tally.preferences.get(endpoint.host),
                    "error": next(
                        filter(None, (states.error(endpoint, each) for each in interfaces)), ""
                    ),
                    "seconds_left": max(states.seconds_left(endpoint, each) for each in interfaces),
                    "tls": security.describe(endpoint) if security is not None else "",
                }
                for endpoint in tally.endpoints
            ],
        }


def _shown(status: HostStatus) -> str:
    return str(status.value)


def _count(row: Row, items: Iterable[Item]) -> None:
    """Add what is still to be delivered of `items` to the gauges."""
    for item in items:
        if isinstance(item, Unit):
            entry, recipients = item.entry, len(item.open_rids())
        else:
            entry, recipients = item, item.pending
        if not recipients:
            continue
        row["recipients"] += recipients
        row["attempted" if entry.progress is not None else "unattempted"] += recipients
        if not row["oldest_mid"] or entry.received_at < row["oldest_at"]:
            row["oldest_at"], row["oldest_mid"] = entry.received_at, entry.mid
