"""Totals of what delivery did since the process started."""

from typing import Final

Counters = dict[str, int]

NAMES: Final = (
    "delivered",  # recipients
    "bounced_hard",  # recipients
    "soft_bounced",  # events: a recipient may be delayed many times
    "dropped",  # recipients
    "global_unsubscribe_hits",  # recipients that were on the list
    "deleted",  # recipients, by an administrator
    "possible_deliveries",  # recipients; counted in `delivered` as well
    "messages_out",  # transactions in which a next hop took a message
    "connections_out",  # that came about
    "connections_failed",
    "tls_out",  # connections that were encrypted
    "tls_failed",
    "dane_verified",  # connections to hosts with TLSA records that were as these say
    "dane_failed",  # that were not, or were not made as nobody could say
    "mta_sts_verified",  # connections to hosts under a policy that met it
    "mta_sts_failed",  # that did not; in mode `testing` mail went all the same
    "recipient_limits_reached",  # of destinations, each counted once in its window
    "slow_downs",  # limits that went down because a provider asked for it
)


def new_counters() -> Counters:
    """Return all counters, at zero."""
    return dict.fromkeys(NAMES, 0)
