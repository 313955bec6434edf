"""Which queue mail belongs into, under one plan."""

from collections.abc import Iterable

from mailwarden.core.mail.envelope import Envelope
from mailwarden.mailflow.delivery.gateways import Source
from mailwarden.mailflow.delivery.nexthop import find_next_hop
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.queue import QueueKey, TlsWish
from mailwarden.mailflow.delivery.redirects import Redirect


def key_of(plan: Plan, domain: str, mailhost: str, wish: TlsWish, source: Source) -> QueueKey:
    """Return the key of mail for `domain` that leaves from `source`."""
    hop = find_next_hop(domain, mailhost, plan.routes, plan.port)
    return QueueKey(hop, plan.destinations.find(domain).row, wish, source)


def keys_of(plan: Plan, domain: str) -> list[QueueKey]:
    """Return the keys of all queues in which mail for `domain` may wait."""
    sources = plan.gateways.all()
    return [key_of(plan, domain, "", wish, source) for source in sources for wish in TlsWish]


def redirect_key(plan: Plan, redirect: Redirect, wish: TlsWish, source: Source) -> QueueKey:
    """Return the key of mail that `redirect` leads elsewhere."""
    return QueueKey(redirect.hop, plan.destinations.find(redirect.domain).row, wish, source)


def redirect_keys(plan: Plan, redirects: Iterable[Redirect]) -> set[QueueKey]:
    """Return the keys of all queues into which `redirects` lead."""
    sources = list(plan.gateways.all())
    return {
        redirect_key(plan, each, wish, source)
        for each in redirects
        for wish in TlsWish
        for source in sources
    }


def wish_of(envelope: Envelope) -> TlsWish:
    """Return what a message itself says of TLS."""
    if envelope.requiretls:
        return TlsWish.REQUIRED
    return TlsWish.OPTIONAL if envelope.tls_optional else TlsWish.NONE
