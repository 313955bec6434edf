"""Where delivery would take a message: route, destination controls, hosts and TLS, no connection.

Each question is put to what delivery itself asks, in its order (delivery.py, smtp_queue.py,
opener.py).
"""

import socket
from collections.abc import Sequence
from time import perf_counter
from typing import Final, NamedTuple

from mailwarden.app.tracing.report import SHOWN_MAX, Destination, Endpoint, Fate
from mailwarden.core.mail.envelope import NULL_SENDER, Envelope, domain_of
from mailwarden.core.policy.bounce_profile import ResolvedProfile
from mailwarden.core.policy.destinations import NO_LIMIT, DestinationLimits
from mailwarden.core.policy.mail_providers import roll_up
from mailwarden.core.policy.transport_security import Security
from mailwarden.core.policy.unsubscribe import UnsubscribeAction
from mailwarden.mailflow.delivery import hosts
from mailwarden.mailflow.delivery.failure import Failure
from mailwarden.mailflow.delivery.gateways import Source
from mailwarden.mailflow.delivery.hosts import HostFinder, HostSearch
from mailwarden.mailflow.delivery.keys import key_of, wish_of
from mailwarden.mailflow.delivery.limit_groups import group_name
from mailwarden.mailflow.delivery.nexthop import HopKind
from mailwarden.mailflow.delivery.opener import ENDPOINTS_TRIED_MAX
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.queue import QueueKey
from mailwarden.mailflow.delivery.retry import wants_failure_report
from mailwarden.mailflow.delivery.settler import DROPPED_BY
from mailwarden.mailflow.delivery.tls_attempts import Asked, Attempt, Check, asked_tls, attempts
from mailwarden.mailflow.delivery.transport_security import (
    NOTHING_NEEDED,
    Need,
    TransportSecurity,
)
from mailwarden.system.clock.clock import Clock


def local_address(address: str, port: int) -> str:
    """Return the address of ours that the system would connect from; "" when it knows no way.

    Connecting a datagram socket sends nothing: it only asks the routing table (connect(2)).
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, port))
            return str(asking.getsockname()[0])
    except OSError:
        return ""


class DeliveryMeans(NamedTuple):
    """What the questions are put to."""

    plan: Plan
    finder: HostFinder
    security: TransportSecurity
    clock: Clock


class _Group(NamedTuple):
    """Recipients that share a queue and a domain, as in one unit of delivery."""

    key: QueueKey
    domain: str
    mailhost: str
    unsubscribed: str  # entry of the list that names them; "" is none


class Delivering:
    """Finds the destinations of messages."""

    def __init__(self, means: DeliveryMeans) -> None:
        self._means: Final = means
        self._plan: Final = means.plan

    async def destinations(self, envelope: Envelope, rids: Sequence[int]) -> list[Destination]:
        """Return where the recipients `rids` go, together where they share a queue."""
        started = perf_counter()
        source = self._plan.gateways.choose(envelope.gateway)
        groups: dict[_Group, list[int]] = {}
        for rid in rids:
            groups.setdefault(self._group(envelope, rid, source), []).append(rid)
        found: list[Destination] = []
        for group, members in list(groups.items())[:SHOWN_MAX]:
            found.append(await self._destination(envelope, group, members, started))
            started = perf_counter()
        return found

    def _group(self, envelope: Envelope, rid: int, source: Source) -> _Group:
        recipient = envelope.recipients[rid]
        domain = domain_of(recipient.address)
        listed = self._plan.unsubscribed
        entry = None if listed is None else listed.find(recipient.address)
        key = key_of(self._plan, domain, recipient.mailhost, wish_of(envelope), source)
        return _Group(key, domain, recipient.mailhost, entry or "")

    async def _destination(
        self, envelope: Envelope, group: _Group, rids: Sequence[int], started: float
    ) -> Destination:
        plan, key = self._plan, group.key
        limits = plan.destinations.find(group.domain)
        asked = asked_tls(key.wish, limits.tls, is_configured=key.hop.is_configured)
        search: HostSearch | None = None
        endpoints: list[Endpoint] = []
        needs_hosts = key.hop.kind in (HopKind.MX, HopKind.HOSTS, HopKind.NOWHERE)
        if needs_hosts and not group.unsubscribed:
            search = self._means.finder.search(key.hop, 0)
            endpoints = await self._endpoints(search, asked)
        profile = plan.profile(limits, envelope)
        fate, why = self._fate(envelope, group, rids, search, endpoints, profile)
        source = key.source
        local = self._local_address(endpoints, source)
        return Destination(
            recipients=tuple(envelope.recipients[rid].address for rid in rids[:SHOWN_MAX]),
            fate=fate,
            why=why,
            next_hop=key.hop.name or "nowhere",
            route=plan.routes.find_key(group.mailhost or group.domain),
            row=limits.row or "DEFAULT",
            counted_with=_counted_with(key, search),
            limits=tuple(_limits(limits)),
            tls=asked.tls.value,
            bounce_profile=profile.name,
            gateway=source.gateway or plan.settings.interface,
            interface=source.interface or plan.settings.interface,
            local_address=local,
            hello=plan.hello(local, source.interface),
            sender=plan.outgoing(envelope, limits, self._means.clock.time()).sender,
            hosts=tuple(endpoints),
            microseconds=(perf_counter() - started) * 1e6,
        )

    def _local_address(self, endpoints: Sequence[Endpoint], source: Source) -> str:
        """Return the address of ours that mail leaves from; "" where that does not matter."""
        try:
            for each in endpoints[:1]:
                chosen = self._plan.local_address(each.address, source.interface)
                return chosen or local_address(each.address, each.port)
        except ValueError:  # the interface speaks another version of IP: told as the fate
            return ""
        return ""

    # Hosts.

    async def _endpoints(self, search: HostSearch, asked: Asked) -> list[Endpoint]:
        await search.look_up()
        found: list[Endpoint] = []
        while group := await search.next_group():
            for endpoint in group:
                if len(found) >= ENDPOINTS_TRIED_MAX:
                    return found
                need = NOTHING_NEEDED
                if asked.wants_policies:
                    need = await self._means.security.find(endpoint)
                found.append(_endpoint(endpoint, search, asked, need))
        return found

    # What becomes of them.

    def _fate(
        self,
        envelope: Envelope,
        group: _Group,
        rids: Sequence[int],
        search: HostSearch | None,
        endpoints: Sequence[Endpoint],
        profile: ResolvedProfile,
    ) -> tuple[Fate, str]:
        if group.unsubscribed:
            return self._unsubscribed(envelope, rids, group.unsubscribed, profile)
        match group.key.hop.kind:
            case HopKind.DROP:
                return Fate.DROP, DROPPED_BY
            case HopKind.NULL:
                return Fate.LOCAL, "counted as delivered, and kept nowhere"
            case HopKind.MAILDIR:
                return Fate.LOCAL, f"written to {group.key.hop.path}"
        if not endpoints:
            assert search is not None  # there was something to look up
            return self._failed(envelope, rids, search.failure, profile)
        first = endpoints[0]
        listed = self._plan.unsubscribed
        entry = None if listed is None else listed.find_host(first.address)
        if entry is not None:
            return self._unsubscribed(envelope, rids, entry, profile)
        reachable = [each for each in endpoints if each.tls]
        if not reachable:
            return Fate.RETRY, f"{first.policy}: no connection may be made to any of its hosts"
        try:
            self._plan.local_address(reachable[0].address, group.key.source.interface)
        except ValueError as wrong:
            return Fate.RETRY, str(wrong)
        return Fate.CONNECT, f"to {reachable[0].host} [{reachable[0].address}] first"

    def _unsubscribed(
        self, envelope: Envelope, rids: Sequence[int], entry: str, profile: ResolvedProfile
    ) -> tuple[Fate, str]:
        why = f"delivery.unsubscribe lists {entry}"
        if self._plan.settings.unsubscribe_action is UnsubscribeAction.DROP:
            return Fate.DROP, why
        return Fate.BOUNCE, f"{why}; {_report(envelope, rids, profile)}"

    def _failed(
        self,
        envelope: Envelope,
        rids: Sequence[int],
        failure: Failure | None,
        profile: ResolvedProfile,
    ) -> tuple[Fate, str]:
        text = "no host was found" if failure is None else failure.text
        if failure is not None and failure.is_permanent:
            return Fate.BOUNCE, f"{text}; {_report(envelope, rids, profile)}"
        return Fate.RETRY, f"{text}; tried again after {profile.initial_retry_seconds:g} seconds"


def _endpoint(endpoint: hosts.Endpoint, search: HostSearch, asked: Asked, need: Need) -> Endpoint:
    policy = need.words()
    if need.security is Security.UNREACHABLE:
        policy = f"{policy}: {need.host.reason}"
    elif need.answer.failure is not None:
        policy = f"MTA-STS: {need.answer.reason}"
    return Endpoint(
        host=endpoint.host,
        address=endpoint.address,
        port=endpoint.port,
        preference=search.preferences.get(endpoint.host, 0),
        tls=tuple(map(_way, attempts(asked.tls, need.security))),
        policy=policy,
    )


def _way(attempt: Attempt) -> str:
    if not attempt.starttls:
        return "in the clear"
    what = {
        Check.NOTHING: "TLS, any certificate",
        Check.AUTHORITY: "TLS, a certificate from a known authority",
        Check.MX_NAME: "TLS, a certificate as MTA-STS wants it",
        Check.DANE: "TLS, a certificate as DANE wants it",
    }[attempt.check]
    return what if attempt.must_encrypt else f"{what}; or in the clear without STARTTLS"


def _counted_with(key: QueueKey, search: HostSearch | None) -> str:
    mx_hosts = () if search is None else search.mx_hosts
    name = group_name(key, mx_hosts)
    return roll_up(mx_hosts) or name if mx_hosts else name


def _limits(limits: DestinationLimits) -> list[tuple[str, str]]:
    shown = [
        ("max_host_concurrency", str(limits.max_host_concurrency)),
        ("max_messages_per_connection", str(limits.max_messages_per_connection)),
        ("limit_type", limits.limit_type.value),
        ("limit_apply", limits.limit_apply.value),
    ]
    if limits.recipient_limit != NO_LIMIT:
        many = f"{limits.recipient_limit} in {limits.recipient_minutes} minutes"
        shown.append(("recipient_limit", many))
    return [*shown, ("bounce_validation", "on" if limits.bounce_validation else "off")]


def _report(envelope: Envelope, rids: Sequence[int], profile: ResolvedProfile) -> str:
    """Return who hears that it failed."""
    if envelope.sender == NULL_SENDER:
        return "nobody is told: the sender is <>"
    if not profile.send_bounces:
        return f"nobody is told: send_bounces of the bounce profile {profile.name} is off"
    if not any(wants_failure_report(envelope.recipients[rid].notify) for rid in rids):
        return "nobody is told: the sender does not want to hear of it"
    return f"a bounce goes to <{profile.alternate_recipient or envelope.sender}>"
