"""The destination controls: how each destination is treated (mailflow 7.2)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from mailwarden.mailflow.delivery.settings import Destination, DestinationTls

DEFAULT_ROW: Final = "DEFAULT"


class Limits(NamedTuple):
    """A row with nothing left open."""

    row: str = ""  # its name; "" is DEFAULT
    connections: int = 500
    messages: int = 50  # of a connection
    tls: DestinationTls = DestinationTls.NONE
    bounce_profile: str = ""  # "" leaves the message's own


class DestinationTable:
    """All rows; the most specific one wins: exact, then the longest partial, then DEFAULT."""

    __slots__ = ("_default", "_rows")

    def __init__(self, rows: Mapping[str, Destination]) -> None:
        default = rows.get(DEFAULT_ROW)
        # A bounce profile in the DEFAULT row is not applied (mailflow 7.2).
        self._default: Final = (
            Limits()
            if default is None
            else _limits("", default, Limits())._replace(bounce_profile="")
        )
        self._rows: Final = {
            name.lower(): _limits(name.lower(), row, self._default)
            for name, row in rows.items()
            if name != DEFAULT_ROW
        }

    def find(self, domain: str) -> Limits:
        """Return the limits for mail to `domain`, in lower case."""
        if not self._rows:
            return self._default
        limits = self._rows.get(domain)
        dot = domain.find(".", 1)  # `.dom.example` is for sub-domains, not for itself
        while limits is None and dot >= 0:
            limits = self._rows.get(domain[dot:])
            dot = domain.find(".", dot + 1)
        return limits or self._default


def _limits(name: str, row: Destination, default: Limits) -> Limits:
    return Limits(
        name,
        row.max_host_concurrency or default.connections,
        row.max_messages_per_connection or default.messages,
        row.tls or default.tls,
        row.bounce_profile or "",
    )
