"""What the sessions of a listener share: settings made ready for use, and the gateway's parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mailwarden.core.alerts import Alerts
from mailwarden.core.policy.aliases import AliasIndex
from mailwarden.core.policy.alt_sources import AltSourceIndex
from mailwarden.core.policy.domain_map import DomainMapIndex
from mailwarden.core.policy.exceptions import ExceptionIndex
from mailwarden.core.policy.rat import RatIndex
from mailwarden.mailflow.listener.access import (
    HostAccess,
    Networks,
    make_host_access,
    make_recipient_access,
)
from mailwarden.mailflow.listener.bounces import BounceVerification
from mailwarden.mailflow.listener.grants import Grant, Grants, ServerTls
from mailwarden.mailflow.listener.host_counts import Counting, counting_of
from mailwarden.mailflow.listener.hosts import REVERSE_SECONDS, DnsLists, Reputation
from mailwarden.mailflow.listener.pressure import Pressure
from mailwarden.mailflow.listener.settings import (
    InboundSettings,
    Listener,
    ReceivedHostname,
    effective_policy,
)
from mailwarden.services.call_ahead.asker import CallAhead
from mailwarden.services.throttling.gauges import SharedGauges
from mailwarden.services.throttling.rates import Rates
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import Spool
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.log.maillog import MailLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the gateway that sessions use; the same for all listeners of a worker."""

    spool: Spool
    identifiers: Identifiers
    log: MailLog
    clock: Clock
    gauges: SharedGauges
    resolver: Resolver
    dns_lists: DnsLists
    pressure: Pressure
    counters: dict[str, int]
    rates: Rates
    reputation: Reputation | None  # None: there are no scores
    alerts: Alerts
    offset_minutes: Callable[[], int]  # of the local time zone, east of UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerContext:
    """One listener under one configuration. Sessions keep the one that they began with."""

    settings: Listener
    inbound: InboundSettings
    interface: str
    address: str
    hostname: str
    hosts: HostAccess
    undecided: Grant  # before anything is known of a host
    uses_reputation: bool
    recipients: RatIndex
    domain_map: DomainMapIndex | None  # None is empty
    aliases: AliasIndex | None  # None is empty
    bounces: BounceVerification | None  # None without keys
    alt_sources: AltSourceIndex | None  # None is empty
    sender_exceptions: ExceptionIndex
    proxies: Networks
    xclients: Networks
    received_by: str | None  # name behind `by`; None when it is decided at delivery (2.3)
    inline_size_max_bytes: int  # larger content goes to disk while it comes
    verify: Callable[[str, str], bool] | None  # user, password; slow, for a thread
    reverse_seconds: float = REVERSE_SECONDS  # for a client's name; 0 looks up none
    call_ahead: CallAhead | None = None  # None asks nobody about recipients
    counting: Counting = Counting.NOTHING  # what the policies of all listeners need


def make_context(
    settings: Listener,
    inbound: InboundSettings,
    *,
    interface: tuple[str, str, str],
    tls: ServerTls | None,
    inline_size_max_bytes: int,
    verify: Callable[[str, str], bool] | None,
    call_ahead: CallAhead | None = None,
    bounces: BounceVerification | None = None,
    alt_sources: AltSourceIndex | None = None,
) -> ListenerContext:
    """Return the context of one listener; `interface` is its name, address and host name."""
    name, address, hostname = interface
    defaults = effective_policy(settings)
    grants = Grants(
        settings, inbound, defaults, hostname=hostname, tls=tls, has_users=verify is not None
    )
    hosts = HostAccess(make_host_access(settings), grants)
    return ListenerContext(
        settings=settings,
        inbound=inbound,
        interface=name,
        address=address,
        hostname=hostname,
        hosts=hosts,
        undecided=grants.of(defaults),
        uses_reputation=settings.finds_scores(),
        recipients=make_recipient_access(settings),
        domain_map=settings.domain_map.indexed(DomainMapIndex) if settings.domain_map else None,
        aliases=inbound.aliases.indexed(AliasIndex) if inbound.aliases else None,
        sender_exceptions=inbound.sender_exceptions.indexed(ExceptionIndex),
        bounces=bounces,
        alt_sources=alt_sources,
        proxies=Networks(settings.proxy_protocol_from),
        xclients=Networks(settings.xclient_from),
        received_by=None
        if inbound.received_hostname is ReceivedHostname.VIRTUAL_GATEWAY
        else hostname,
        inline_size_max_bytes=inline_size_max_bytes,
        verify=verify,
        call_ahead=call_ahead,
    )


Contexts = Mapping[str, ListenerContext]


def count_together(contexts: Contexts) -> dict[str, ListenerContext]:
    """Return `contexts` as they are beside one another: a host has one count for all (3.6)."""
    policies = [policy for context in contexts.values() for policy in context.hosts.policies]
    counting = counting_of(policies)
    return {name: replace(context, counting=counting) for name, context in contexts.items()}
