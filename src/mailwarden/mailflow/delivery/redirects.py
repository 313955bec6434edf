"""Mail in the queue that an administrator sends to another host (mailflow 7.3, redirectrecipients).

A redirect is a rule, not a change of a million messages: it holds for what was received before it
was made, wherever that waits, and can be taken back.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mailwarden.core.mail.envelope import Envelope
from mailwarden.core.routes import RouteHost, RouteKind, parse_route
from mailwarden.mailflow.delivery.nexthop import HopKind, NextHop, hosts_name
from mailwarden.mailflow.delivery.selection import Selection, read_selection
from mailwarden.stores.spool.spool import Entry

REDIRECTS_MAX: Final = 100  # at the same time
TO_LENGTH_MAX: Final = 300
NEVER: Final = float("-inf")


class Redirect(NamedTuple):
    """Whose mail goes where instead."""

    number: int
    to: str  # as the administrator wrote it
    hosts: tuple[RouteHost, ...]
    selection: Selection  # `received_before` bounds it

    @property
    def hop(self) -> NextHop:
        """The next hop that it leads to."""
        name = hosts_name(self.hosts)
        return NextHop(HopKind.HOSTS, name, "", self.hosts, "", True)

    @property
    def domain(self) -> str:
        """The name by which destination controls know the host."""
        return self.hosts[0].host


class Redirects:
    """All redirects; of two that fit, the later one counts."""

    __slots__ = ("_latest_first", "received_before")

    def __init__(self, redirects: Sequence[Redirect] = ()) -> None:
        self._latest_first: Final = tuple(reversed(redirects))
        times = [redirect.selection.received_before for redirect in redirects]
        # What was received later than this need not be looked at.
        self.received_before: Final = max(times, default=NEVER)

    def __iter__(self) -> Iterator[Redirect]:
        return reversed(self._latest_first)

    def find(self, entry: Entry, envelope: Envelope, rid: int) -> Redirect | None:
        """Return the redirect that holds for a recipient."""
        if entry.received_at > self.received_before:
            return None
        for redirect in self._latest_first:
            selection = redirect.selection
            if selection.wants(entry) and selection.wanted(envelope, (rid,)):
                return redirect
        return None


def parse_relay(text: str) -> tuple[RouteHost, ...]:
    """Return the host that `HOST[:PORT]` names.

    Raises:
        ValueError: it names none; the message says what would be right.
    """
    route = parse_route(text)
    if route.kind is not RouteKind.HOSTS or len(route.hosts) != 1 or len(text) > TO_LENGTH_MAX:
        raise ValueError(f"{text[:40]!r} is not one host; write relay.example or 10.0.0.9:2525")
    return route.hosts


def read_redirect(tree: Mapping[str, Any]) -> Redirect:
    """Return the redirect that `tree`, as it is kept between two starts, tells of.

    Raises:
        ValueError: it makes no sense.
    """
    number, to = tree.get("number"), tree.get("to")
    before, names = tree.get("received_before"), tree.get("selection")
    if not isinstance(number, int) or not isinstance(to, str) or not isinstance(names, dict):
        raise ValueError("a redirect has number, to and selection")
    if not isinstance(before, int | float):
        raise ValueError("a redirect is bounded by a time")
    selection = read_selection(names, 0.0)._replace(received_before=float(before))
    return Redirect(number, to, parse_relay(to), selection)
