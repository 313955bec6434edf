"""What the sessions of a listener share: settings made ready for use, and the gateway's parts."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from mailwarden.core.policy.aliases import AliasIndex
from mailwarden.core.policy.aliases_text import parse_aliases
from mailwarden.core.policy.domain_map import DomainMapIndex, parse_domain_map
from mailwarden.core.policy.exceptions import ExceptionIndex, ExceptionTable, parse_exception
from mailwarden.core.policy.rat import RatIndex
from mailwarden.core.policy.sender_check import SenderRules
from mailwarden.core.smtp.rules import ConversationRules
from mailwarden.mailflow.listener.access import HostAccess, Networks, Rule, make_recipient_access
from mailwarden.mailflow.listener.pressure import Pressure
from mailwarden.mailflow.listener.settings import (
    InboundSettings,
    Listener,
    ListenerType,
    MailFlowPolicy,
    Need,
    ReceivedHostname,
)
from mailwarden.services.call_ahead.asker import CallAhead
from mailwarden.services.engines.reputation.service import ReputationService
from mailwarden.services.throttling.gauges import SharedGauges
from mailwarden.services.throttling.rates import Rates
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import Spool
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.log.maillog import MailLog

# Mailflow 3.4, last table: what a policy gets that leaves a value open (all unconfirmed).
PUBLIC_DEFAULTS: Final = {
    "max_message_size": 20 * 1024 * 1024,
    "max_concurrency": 10,
    "max_msgs_per_session": 10,
    "max_rcpts_per_msg": 50,
}
PRIVATE_DEFAULTS: Final = {
    "max_message_size": 100 * 1024 * 1024,
    "max_concurrency": 600,
    "max_msgs_per_session": 10_000,
    "max_rcpts_per_msg": 100_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a connected host may do, nothing left open."""

    max_message_size: int
    max_concurrency: int
    max_msgs_per_session: int
    max_rcpts_per_msg: int

    @classmethod
    def of(cls, policy: MailFlowPolicy, kind: ListenerType) -> "Limits":
        """Return the values of `policy`, and the defaults of `kind` where it has none."""
        defaults = PRIVATE_DEFAULTS if kind is ListenerType.PRIVATE else PUBLIC_DEFAULTS
        chosen = {
            name: value if (value := getattr(policy, name)) is not None else default
            for name, default in defaults.items()
        }
        return cls(**chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the gateway that sessions use; the same for all listeners of a worker."""

    spool: Spool
    identifiers: Identifiers
    log: MailLog
    clock: Clock
    gauges: SharedGauges
    resolver: Resolver
    pressure: Pressure
    counters: dict[str, int]
    rates: Rates
    reputation: ReputationService | None  # None: no listener asks
    offset_minutes: Callable[[], int]  # of the local time zone, east of UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerContext:
    """One listener under one configuration. Sessions keep the one that they began with."""

    settings: Listener
    inbound: InboundSettings
    limits: Limits
    rules: ConversationRules
    interface: str
    address: str
    hostname: str
    tls: ssl.SSLContext | None
    hosts: HostAccess
    recipients: RatIndex
    domain_map: DomainMapIndex | None  # None is empty
    aliases: AliasIndex | None  # None is empty
    sender_rules: SenderRules | None  # None asks nothing of senders
    sender_exceptions: ExceptionIndex
    proxies: Networks
    xclients: Networks
    received_by: str | None  # name behind `by`; None when it is decided at delivery (2.3)
    inline_size_max_bytes: int  # larger content goes to disk while it comes
    verify: Callable[[str, str], bool] | None  # user, password; slow, for a thread
    call_ahead: CallAhead | None = None  # None asks nobody about recipients

    def rules_for(self, rule: Rule, *, xclient: bool) -> ConversationRules:
        """Return the rules of a session whose host got `rule`."""
        if xclient and rule is not Rule.REJECT:
            return replace(self.rules, offers_xclient=True)
        return self.rules


def make_context(
    settings: Listener,
    inbound: InboundSettings,
    *,
    interface: tuple[str, str, str],
    tls: ssl.SSLContext | None,
    inline_size_max_bytes: int,
    verify: Callable[[str, str], bool] | None,
    call_ahead: CallAhead | None = None,
) -> ListenerContext:
    """Return the context of one listener; `interface` is its name, address and host name."""
    name, address, hostname = interface
    policy = settings.policy
    limits = Limits.of(policy, settings.type)
    rules = ConversationRules(
        hostname=hostname,
        smtp_banner_text=policy.smtp_banner_text,
        max_message_size=limits.max_message_size,
        max_rcpts_per_msg=limits.max_rcpts_per_msg,
        max_msgs_per_session=limits.max_msgs_per_session,
        max_header_size=inbound.max_header_size,
        max_header_lines=inbound.max_header_lines,
        max_bad_commands=inbound.max_bad_commands,
        bare_cr_lf=settings.bare_cr_lf,
        address_rules=settings.address_parser,
        default_domain=settings.default_domain,
        offers_starttls=policy.tls is not Need.OFF and tls is not None,
        requires_tls=policy.tls is Need.REQUIRED,
        offers_auth=policy.smtp_auth is not Need.OFF and verify is not None,
        requires_auth=policy.smtp_auth is Need.REQUIRED,
        requires_tls_for_auth=policy.require_tls_for_auth,
        enhanced_status_codes=settings.enhanced_status_codes,
    )
    return ListenerContext(
        settings=settings,
        inbound=inbound,
        limits=limits,
        rules=rules,
        interface=name,
        address=address,
        hostname=hostname,
        tls=tls,
        hosts=HostAccess(settings),
        recipients=make_recipient_access(settings),
        domain_map=DomainMapIndex(parse_domain_map("\n".join(settings.domain_map)).table)
        if settings.domain_map
        else None,
        aliases=AliasIndex(parse_aliases(inbound.aliases).table) if inbound.aliases else None,
        sender_rules=_sender_rules(policy),
        sender_exceptions=ExceptionIndex(
            ExceptionTable(tuple(parse_exception(line) for line in inbound.sender_exceptions))
        ),
        proxies=Networks(settings.proxy_protocol_from),
        xclients=Networks(settings.xclient_from),
        received_by=None
        if inbound.received_hostname is ReceivedHostname.VIRTUAL_GATEWAY
        else hostname,
        inline_size_max_bytes=inline_size_max_bytes,
        verify=verify,
        call_ahead=call_ahead,
    )


def _sender_rules(policy: MailFlowPolicy) -> SenderRules | None:
    if not (policy.envelope_sender_verification or policy.use_exception_table):
        return None
    return SenderRules(policy.envelope_sender_verification, policy.use_exception_table)


Contexts = Mapping[str, ListenerContext]
