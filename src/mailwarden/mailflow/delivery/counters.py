"""Totals of what delivery did since the process started."""

from typing import Final

Counters = dict[str, int]

NAMES: Final = (
    "delivered",  # recipients
    "bounced_hard",  # recipients
    "soft_bounced",  # events: a recipient may be delayed many times
    "dropped",  # recipients
    "deleted",  # recipients, by an administrator
    "possible_deliveries",  # recipients; counted in `delivered` as well
    "messages_out",  # transactions in which a next hop took a message
    "connections_out",  # that came about
    "connections_failed",
    "tls_out",  # connections that were encrypted
    "tls_failed",
)


def new_counters() -> Counters:
    """Return all counters, at zero."""
    return dict.fromkeys(NAMES, 0)
