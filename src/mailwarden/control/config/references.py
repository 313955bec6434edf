"""What is wrong between the parts of a configuration: names, ports, TLS, AUTH, limits."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from mailwarden.control.config.build import nearest
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import Findings, join
from mailwarden.control.config.tables import line_of
from mailwarden.core.management import clashes, management_paths
from mailwarden.core.patterns import DEFAULT
from mailwarden.core.policy.alt_sources import parse_alt_sources
from mailwarden.core.policy.bounce_profile import DEFAULT_PROFILE, Profiles
from mailwarden.core.policy.bounce_templates import BounceTemplate
from mailwarden.core.policy.destinations_text import find_value
from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.core.policy.hat_policy import EffectivePolicy, HatPolicy, Rule, resolve
from mailwarden.core.problem import Problem
from mailwarden.core.routes import RouteKind, parse_route
from mailwarden.mailflow.listener.settings import Listener, ListenerType, effective_policy
from mailwarden.mailflow.workqueue.settings import MailPolicy

DEFAULT_POLICY: Final = "DEFAULT"
NAMES_SHOWN_MAX: Final = 10


def reference_problems(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    """Yield all that is wrong between the parts of `config`.

    Parts with a problem of their own hold defaults here: `findings` knows which.
    """
    yield from _listeners(config, findings)
    yield from _management(config, findings)
    for index, listener in enumerate(config.listeners):
        path = join("listeners", index)
        for problem in _listener(config, listener, findings, path):
            yield problem.under(path)
    yield from _call_ahead(config, findings)
    yield from _dns(config, findings)
    yield from _delivery(config, findings)
    yield from _bounces(config, findings)
    yield from _routes(config)
    yield from _updates(config, findings)
    yield from _policies("mail_policies.incoming", config.mail_policies.incoming)
    yield from _policies("mail_policies.outgoing", config.mail_policies.outgoing)


def _unknown(
    path: str, name: str, table: str, known: Mapping[str, object], findings: Findings
) -> Iterator[Problem]:
    """Yield the problem that `name` is not in the table, unless the table itself is wrong."""
    if name not in known and not findings.is_wrong(table):
        names = ", ".join(islice(known, NAMES_SHOWN_MAX)) or "none is defined"
        hint = nearest(name, known) or f"; known: {names}"
        yield Problem(path, f"{name[:80]!r} is not in `{table}`{hint}")


def _listeners(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    names: dict[str, int] = {}
    ports: dict[tuple[str, int], Listener] = {}
    for index, listener in enumerate(config.listeners):
        path = join("listeners", index)
        if listener.name in names:
            first = join("listeners", names[listener.name])
            yield Problem(f"{path}.name", f"{listener.name!r} is the name of {first} already")
        names.setdefault(listener.name, index)
        if any(findings.is_wrong(f"{path}.{part}") for part in ("port", "interface")):
            continue
        interface = config.interfaces.get(listener.interface)
        if interface is None or not interface.address:
            continue
        other = ports.setdefault((interface.address, listener.port), listener)
        if other is not listener:
            where = f"port {listener.port} of {interface.address}"
            yield Problem(f"{path}.port", f"{where} is taken by the listener {other.name!r}")


def _management(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    """Yield ports for administrators that something else has."""
    if findings.has_wrong("interfaces") or findings.has_wrong("listeners"):
        return
    listeners = {
        (config.interfaces[listener.interface].address, listener.port): listener.name
        for listener in config.listeners
        if listener.interface in config.interfaces
    }
    for path, taker in clashes(management_paths(config.interfaces), listeners):
        where = f"{join('interfaces', path.interface)}.{path.service.setting}"
        yield Problem(where, f"port {path.port} of {path.address} is taken by {taker}")


def _listener(
    config: GatewayConfig, listener: Listener, findings: Findings, path: str
) -> Iterator[Problem]:
    name = listener.interface
    yield from _unknown("interface", name, "interfaces", config.interfaces, findings)
    if listener.certificate:
        known = config.certificates
        yield from _unknown("certificate", listener.certificate, "certificates", known, findings)
    yield from _bounce_profile(config, "bounce_profile", listener.bounce_profile, findings)
    if listener.call_ahead:
        profiles, table = config.call_ahead_profiles, "call_ahead_profiles"
        yield from _unknown("call_ahead", listener.call_ahead, table, profiles, findings)
    yield from _tls(config, listener)
    yield from _auth(listener, has_users=_has_users(config, findings))
    decisive = ("type", "recipient_access", "host_access")
    if not any(findings.has_wrong(f"{path}.{name}") for name in decisive):
        yield from _purpose(listener)
    limit = config.inbound.max_connections
    if listener.max_connections > limit and findings.is_set(f"{path}.max_connections"):
        yield Problem(
            "max_connections",
            f"is {listener.max_connections}, but all listeners together may have only "
            f"inbound.max_connections ({limit})",
        )


class _Policy(NamedTuple):
    """A policy of a listener, as it is written and as it comes out."""

    path: str  # of its setting
    prefix: str  # of messages about it; "" is the default policy parameters
    given: frozenset[str] | None  # the parameters that are its own; None is all
    effective: EffectivePolicy

    def sets(self, parameter: str) -> bool:
        """Whether it has `parameter` by itself; else there is nothing to say about it here."""
        return self.given is None or parameter in self.given


def _policies_of(listener: Listener) -> Iterator[_Policy]:
    """Yield the default policy parameters, then each policy of the table that lets mail in."""
    defaults = effective_policy(listener)
    yield _Policy("policy", "", None, defaults)
    if not listener.host_access:
        return
    table = listener.host_access.table
    written = (*table.policies, *(each.access for each in table.entries), table.last.access)
    for access in dict.fromkeys(each for each in written if isinstance(each, HatPolicy)):
        if access.rule in (Rule.ACCEPT, Rule.RELAY):
            name = f"${access.name}" if access.name else f"an entry with {access.rule.value}"
            given = frozenset(key for key, _ in access.parameters)
            yield _Policy("host_access", f"{name}: ", given, resolve(access, defaults))


def _problem(policy: _Policy, parameter: str, message: str) -> Problem:
    if policy.prefix:
        return Problem(policy.path, f"{policy.prefix}{parameter} {message}")
    return Problem(f"{policy.path}.{parameter}", message)


def _tls(config: GatewayConfig, listener: Listener) -> Iterator[Problem]:
    policies = list(_policies_of(listener))
    if not listener.certificate:
        why = ["implicit_tls is on"] if listener.implicit_tls else []
        why += [
            f"{policy.prefix}tls is {policy.effective.tls.value}"
            for policy in policies
            if policy.effective.tls is not Demand.OFF
        ]
        if why:
            names = ", ".join(islice(config.certificates, NAMES_SHOWN_MAX))
            known = f"known: {names}" if names else "define one under `certificates`"
            yield Problem("certificate", f"is needed because {why[0]}; {known}")
    files = config.certificates.get(listener.certificate)
    parameter = "verify_client_cert"
    for policy in policies:
        if not (policy.effective.verify_client_cert and policy.sets(parameter)):
            continue
        if not listener.implicit_tls and policy.effective.tls is Demand.OFF:
            yield _problem(policy, parameter, "needs tls preferred or required")
        if files is not None and not files.client_ca:
            where = join("certificates", listener.certificate)
            yield _problem(policy, parameter, f"needs {where}.client_ca to check against")


def _has_users(config: GatewayConfig, findings: Findings) -> bool:
    return bool(config.inbound.credentials) or findings.is_wrong("inbound.credentials")


def _auth(listener: Listener, *, has_users: bool) -> Iterator[Problem]:
    for policy in _policies_of(listener):
        effective = policy.effective
        if effective.smtp_auth is Demand.OFF or not policy.sets("smtp_auth"):
            continue
        if not has_users:
            yield _problem(
                policy,
                "smtp_auth",
                f"is {effective.smtp_auth.value}, but inbound.credentials names no file of users",
            )
        encrypted = listener.implicit_tls or effective.tls is not Demand.OFF
        if effective.require_tls_for_auth and not encrypted:
            yield _problem(
                policy,
                "smtp_auth",
                "is never offered: require_tls_for_auth is on and tls is off; set tls to required",
            )


def _purpose(listener: Listener) -> Iterator[Problem]:
    """Yield what makes a listener refuse everybody, or a table that it does not look at."""
    policies = [policy.effective for policy in _policies_of(listener)]
    relays = bool(listener.relay_hosts) or any(each.rule is Rule.RELAY for each in policies)
    if listener.type is ListenerType.PUBLIC:
        has_users = any(each.smtp_auth is not Demand.OFF for each in policies)
        if not (relays or has_users or listener.accepted_domains or listener.recipient_access):
            yield Problem(
                "accepted_domains", "is empty, so that a public listener refuses every recipient"
            )
    if listener.type is ListenerType.PRIVATE:
        if not (listener.relay_hosts or listener.host_access):
            yield Problem(
                "relay_hosts",
                "is empty, so that a private listener refuses every host; for users with "
                "passwords take a public one with smtp_auth required",
            )
        for name in ("accepted_domains", "recipient_access", "call_ahead"):
            if getattr(listener, name):
                yield Problem(name, "means nothing to a private listener: it takes all recipients")


def _bounce_profile(
    config: GatewayConfig, path: str, name: str, findings: Findings
) -> Iterator[Problem]:
    known = {DEFAULT_PROFILE: None, **config.bounce_profiles}
    yield from _unknown(path, name, "bounce_profiles", known, findings)


def _call_ahead(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    for name, profile in config.call_ahead_profiles.items():
        if profile.interface:
            path = f"{join('call_ahead_profiles', name)}.interface"
            known = config.interfaces
            yield from _unknown(path, profile.interface, "interfaces", known, findings)


def _updates(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    name = config.updates.interface
    if name:
        yield from _unknown("updates.interface", name, "interfaces", config.interfaces, findings)


def _dns(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    name = config.dns.interface
    if name:
        yield from _unknown("dns.interface", name, "interfaces", config.interfaces, findings)


def _delivery(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    yield from _gateways(config, findings)
    certificate = config.delivery.certificate
    if certificate:
        known_files = config.certificates
        yield from _unknown(
            "delivery.certificate", certificate, "certificates", known_files, findings
        )
    for domain, destination in config.destinations.items():
        profile = destination.bounce_profile
        if profile is not None:
            path = f"{join('destinations', domain)}.bounce_profile"
            yield from _bounce_profile(config, path, profile, findings)
    if config.destination_controls:
        yield from _destination_controls(config, findings)


def _destination_controls(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    """Yield names in the text of the destination controls that nothing has."""
    path = "destination_controls"
    if config.destinations:
        yield Problem(path, "`destinations` say the same: keep one of them")
    text, table = config.destination_controls.text, config.destination_controls.table
    if table.certificate:
        known = config.certificates
        for problem in _unknown(path, table.certificate, "certificates", known, findings):
            yield replace(problem, line=find_value(text, DEFAULT, "certificate"))
    for name, row in ((DEFAULT, table.default), *table.rows):
        if row.bounce_profile is None:
            continue
        for problem in _bounce_profile(config, path, row.bounce_profile, findings):
            yield replace(problem, line=find_value(text, name, "bounce_profile"))


def _gateways(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    """Yield names that are neither an interface nor a group of them, or both."""
    groups = config.interface_groups
    is_known = not (findings.has_wrong("interfaces") or findings.has_wrong("interface_groups"))
    for group, members in groups.items():
        path = join("interface_groups", group)
        if group in config.interfaces:
            yield Problem(path, "is the name of an interface already; take another")
        if not members and not findings.has_wrong(path):
            yield Problem(path, "has no interface in it")
        for index, member in enumerate(members):
            yield from _unknown(
                join(path, index), member, "interfaces", config.interfaces, findings
            )
    if not is_known:
        return
    known = {**config.interfaces, **groups}
    name = config.delivery.interface
    if name:
        yield from _unknown("delivery.interface", name, "interfaces", known, findings)
    for problem in parse_alt_sources(config.delivery.alt_sources.text, known.keys()).problems:
        yield Problem("delivery.alt_sources", problem.message, line_of(problem))


def _bounces(config: GatewayConfig, findings: Findings) -> Iterator[Problem]:
    """Yield what is wrong between bounce profiles, and with templates as wholes."""
    for name, profile in config.bounce_profiles.items():
        for field in ("bounce_template", "delay_template"):
            template = getattr(profile, field)
            if template:
                path = f"{join('bounce_profiles', name)}.{field}"
                known = config.bounce_templates
                yield from _unknown(path, template, "bounce_templates", known, findings)
    if not findings.has_wrong("bounce_profiles"):
        for problem in Profiles(config.bounce_profiles).problems():
            yield problem.under("bounce_profiles")
    for name, languages in config.bounce_templates.items():
        path = join("bounce_templates", name)
        if not findings.has_wrong(path):
            for problem in BounceTemplate(tuple(languages.items())).problems():
                yield problem.under(path)


def _routes(config: GatewayConfig) -> Iterator[Problem]:
    """Yield routes that lead back into the gateway, where mail would go round in circles."""
    own: dict[tuple[str, int], str] = {}
    for listener in config.listeners:
        interface = config.interfaces.get(listener.interface)
        if interface is not None:
            own.setdefault((interface.address, listener.port), listener.name)
    for domain, value in config.smtp_routes.items():
        route = parse_route(value)
        if route.kind is not RouteKind.HOSTS:
            continue
        for host in route.hosts:
            name = own.get((host.host, host.port)) if host.is_address else None
            if name is not None:
                yield Problem(
                    join("smtp_routes", domain),
                    f"{host.host}:{host.port} is the gateway's own listener {name!r}: mail would "
                    "go round in circles",
                )


def _policies(path: str, policies: tuple[MailPolicy, ...]) -> Iterator[Problem]:
    names: dict[str, int] = {}
    for index, policy in enumerate(policies):
        where = f"{join(path, index)}.name"
        if policy.name == DEFAULT_POLICY:
            yield Problem(where, f"{DEFAULT_POLICY} is the policy of all other mail; take another")
        if policy.name in names:
            yield Problem(where, f"{policy.name!r} is the name of policy {names[policy.name]} too")
        names.setdefault(policy.name, index)
