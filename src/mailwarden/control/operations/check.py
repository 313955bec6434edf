"""Checks a configuration file, and says what the gateway would do with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import load_config
from mailwarden.control.config.tables import Tables
from mailwarden.core.routes import RouteKind, parse_route
from mailwarden.mailflow.listener.settings import Listener, ListenerType
from mailwarden.services.engines.reputation.settings import Provider, ReputationSettings


@dataclass(frozen=True, slots=True)
class ListenerSummary:
    """What one listener does."""

    name: str
    type: str
    address: str
    port: int
    tls: str  # off, preferred, required or implicit
    auth: str  # off, preferred or required
    takes: tuple[str, ...]  # domains that it takes mail for, or hosts that it takes mail from


@dataclass(frozen=True, slots=True)
class Summary:
    """What the gateway would do."""

    hostname: str
    state_directory: str
    workers: int  # 0 is one for each processor
    listeners: tuple[ListenerSummary, ...]
    routes: tuple[tuple[str, str], ...]  # domain and where its mail goes
    certificates: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what is right, but may not be what was meant


def check_file(path: Path) -> Summary:
    """Return what the gateway would do with the configuration in `path`.

    Raises:
        ConfigError: all that is wrong with it.
    """
    tables = Tables()
    config = load_config(path, tables=tables)
    return summarise(config, tuple(map(str, tables.warnings)))


def summarise(config: GatewayConfig, warnings: tuple[str, ...] = ()) -> Summary:
    """Return what a gateway does with `config`."""
    return Summary(
        hostname=config.hostname,
        state_directory=config.state_directory,
        workers=config.workers,
        listeners=tuple(
            ListenerSummary(
                name=listener.name,
                type=listener.type.value,
                address=config.interfaces[listener.interface].address,
                port=listener.port,
                tls="implicit" if listener.implicit_tls else listener.policy.tls.value,
                auth=listener.policy.smtp_auth.value,
                takes=(
                    *listener.accepted_domains,
                    *_recipients(listener),
                    *listener.relay_hosts,
                ),
            )
            for listener in config.listeners
        ),
        routes=tuple((domain, _where(value)) for domain, value in config.smtp_routes.items()),
        certificates=tuple(config.certificates),
        notes=(*warnings, *_notes(config)),
    )


def _notes(config: GatewayConfig) -> Iterator[str]:
    if not config.listeners:
        yield "no mail is taken: there are no `listeners`"
    if config.delivery.dane.enabled and not config.dns.trusted_servers:
        yield "DANE is off: `dns.trusted_servers` names no server that checks DNSSEC"
    yield from _never_asked(config.reputation)
    for listener in config.listeners:
        if listener.type in (ListenerType.BLACKHOLE, ListenerType.BLACKHOLE_NON_QUEUEING):
            for name in ("accepted_domains", "recipient_access", "call_ahead"):
                if getattr(listener, name):
                    yield (
                        f"`{name}` of {listener.name} means nothing: a blackhole takes all "
                        "recipients"
                    )


def _never_asked(reputation: ReputationSettings) -> Iterator[str]:
    for provider, listed in (
        (Provider.FEEDS, reputation.feeds),
        (Provider.DNS_LISTS, reputation.dns_lists),
    ):
        if listed and provider not in reputation.order:
            name = provider.value
            yield f"`reputation.{name}` are never asked: `reputation.order` does not name {name}"


def _recipients(listener: Listener) -> tuple[str, ...]:
    table = listener.recipient_access
    return tuple(f"{entry.form} {entry.action.value}" for entry in table.table.entries)


def _where(value: str) -> str:
    route = parse_route(value)
    match route.kind:
        case RouteKind.HOSTS:
            return ", ".join(f"{host.host}:{host.port}" for host in route.hosts)
        case RouteKind.USEDNS:
            return "its MX hosts"
        case RouteKind.DROP:
            return "nowhere: it is dropped"
        case RouteKind.MAILDIR:
            return f"the Maildir {route.path}"
        case RouteKind.NULL:
            return "nowhere: it is counted"
