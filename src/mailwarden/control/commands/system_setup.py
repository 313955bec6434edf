"""`systemsetup`: the wizard of a fresh gateway (admin 2.3). Nothing changes before its end."""

from collections.abc import Iterator
from typing import Any, Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, RefusedError, Shown, Where
from mailwarden.control.dialogue.questions import (
    Number,
    Secret,
    Text,
    YesNo,
    read_list,
    write_list,
)
from mailwarden.control.operations import setup
from mailwarden.control.operations.dry_start import is_here
from mailwarden.control.operations.setup import InterfacePlan, SetupPlan
from mailwarden.core.access.roles import ADMIN
from mailwarden.core.hostport import parse_hostname
from mailwarden.core.management import MANAGEMENT, SSH_PORT
from mailwarden.core.patterns import parse_accepted, parse_ip_address, parse_mailbox, parse_name
from mailwarden.core.routes import RouteKind, parse_route
from mailwarden.mailflow.listener.tables import parse_relay_host
from mailwarden.system.clock.zone import parse_time_zone
from mailwarden.system.dns.servers import parse_server
from mailwarden.system.log.escape import escape

NONE: Final = "none"
REPLACES: Final = (
    "WARNING: The system setup wizard will completely replace the existing listeners with their "
    "host access and\nrecipient access tables, and the existing interfaces."
)
LICENCE: Final = (
    "Mailwarden is free software under the Apache License, version 2.0, without warranty of any "
    "kind.\nIt is not a validated cryptographic product."
)
UNCHANGED: Final = "Nothing was changed."


def _optional(text: str, parse: Any) -> str:  # noqa: ANN401  a parser
    return "" if text.strip().casefold() == NONE else str(parse(text))


def _address(text: str) -> str:
    """Return an address of this machine; raises ValueError."""
    address = parse_ip_address(text)
    if not is_here(address):
        raise ValueError(f"This machine has no address {address}")
    return address


def _server(text: str) -> str:
    parse_server(text)
    return text


def _route(text: str) -> str:
    """Return where mail goes, "" for MX; raises ValueError."""
    text = text.strip()
    if text.casefold() == NONE:
        return ""
    if parse_route(text).kind is not RouteKind.HOSTS:
        raise ValueError(f"{text[:80]!r} is not a host name or address")
    return text


def _check_password(scope: Settings, new: str) -> None:
    if faults := setup.password_faults(scope.draft.desk, new):
        raise ValueError(f"The password {'; it '.join(faults)}.")


def _present(*path: str) -> Any:  # noqa: ANN401  a default
    return lambda scope: scope.draft.get(*path) or ""


CONTINUE: Final = YesNo(key="continue", prompt="Are you sure you wish to continue?", default=False)
ACCEPT: Final = YesNo(
    key="accept", prompt="Do you accept the above license agreement?", default=False,
)  # fmt: skip
CHANGE_PASSWORD: Final = YesNo(
    key="change_password", prompt="Do you want to change the password of admin?", default=True,
)  # fmt: skip
OLD: Final = Secret(key="old", prompt="Old password:")
NEW: Final = Secret(key="new", prompt="New password:", is_new=True, check=_check_password)
HOSTNAME: Final = Text(
    key="hostname", of=parse_hostname, default_from=lambda scope: scope.draft.get("hostname"),
    prompt='Please create a fully-qualified hostname for this machine\n(Ex: "mail3.example.com"):',
)  # fmt: skip
TIME_ZONE: Final = Text(
    key="time_zone", of=lambda text: _optional(text, parse_time_zone),
    as_text=lambda zone: zone or NONE, default_from=_present("time_zone"),
    prompt=f'Enter the time zone, as "Europe/Berlin" or "GMT+05:30", or "{NONE}" for that of the '
    "machine:",
)  # fmt: skip
ALERTS: Final = Text(
    key="alerts", of=parse_mailbox, prompt="Enter the email address where alerts are sent:",
)  # fmt: skip
AUTOSUPPORT: Final = Text(
    key="autosupport", of=lambda text: _optional(text, parse_mailbox),
    as_text=lambda address: address or NONE, default_from=_present("alerts", "autosupport_address"),
    prompt=f'Enter the email address that gets AutoSupport reports and all alerts, or "{NONE}":',
)  # fmt: skip
OWN_DNS: Final = YesNo(
    key="own_dns", default=False,
    prompt="Do you want the gateway to use DNS servers of your own, instead of those of the "
    "machine?",
)  # fmt: skip
SERVERS: Final = Text(
    key="servers", of=read_list(_server), as_text=write_list,
    prompt="Please enter the IP addresses of your DNS servers. Separate them with commas.",
)  # fmt: skip
NAME: Final = Text(
    key="interface", of=parse_name, default=MANAGEMENT,
    prompt='Please enter a nickname for the IP interface (Ex: "Data1"):',
)  # fmt: skip
ADDRESS: Final = Text(
    key="address", of=_address, prompt="Enter the IP address of this interface:",
)  # fmt: skip
INTERFACE_NAME: Final = Text(
    key="interface_hostname", of=parse_hostname,
    prompt="Enter the fully-qualified hostname of this interface:",
    default_from=lambda scope: scope[HOSTNAME],
)  # fmt: skip
SSH: Final = YesNo(
    key="ssh", prompt="Do you want to enable SSH on this interface?",
    default_from=lambda scope: scope[NAME] == MANAGEMENT,
)  # fmt: skip
SSH_PORT_ASKED: Final = Number(
    key="ssh_port", prompt="Which port do you want to use for SSH?", default=SSH_PORT, minimum=1,
    maximum=65535,
)  # fmt: skip
ACCEPTS: Final = YesNo(
    key="accepts", prompt="Do you want to accept mail on this interface?", default=True,
)  # fmt: skip
DOMAINS: Final = Text(
    key="domains", of=read_list(parse_accepted), as_text=write_list,
    prompt="Enter the domain names or specific email addresses you want to accept mail for.\n"
    "Separate multiple addresses with commas.",
)  # fmt: skip
RELAYS: Final = YesNo(
    key="relays", prompt="Do you want to relay mail on this interface?", default=False,
)  # fmt: skip
RELAY_HOSTS: Final = Text(
    key="relay_hosts", of=read_list(parse_relay_host), as_text=write_list,
    prompt="Please specify the systems allowed to relay email through the gateway.\n"
    "IP addresses and CIDR address blocks are allowed. Separate multiple entries with commas.",
)  # fmt: skip
PORT: Final = Number(
    key="port", prompt="Which port is mail taken on?", default=25, minimum=1, maximum=65535,
)  # fmt: skip
ANOTHER: Final = YesNo(
    key="another", prompt="Do you want to configure another interface?", default=False,
)  # fmt: skip
INSTALL: Final = YesNo(
    key="install", prompt="Would you like to install this configuration?", default=True,
)  # fmt: skip


async def _set_up(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        setup.check_setup(desk)
    scope.say(REPLACES)
    await _agreed(scope, CONTINUE)
    scope.say(f"\n{LICENCE}")
    await _agreed(scope, ACCEPT)
    plan = await _plan(scope)
    scope.say("")
    for line in _summary(plan):
        scope.say(line)
    await _agreed(scope, INSTALL)
    with refused_as_told():
        done = await setup.install(desk, plan)
    lines = [
        "Congratulations! System setup is complete.",
        f"Version {done.version.number} is in force.",
        *done.notes,
    ]
    return Shown("\n".join(lines), {"version": done.version.number})


async def _agreed(scope: Settings, question: YesNo) -> None:
    if not await scope.ask(question):
        raise RefusedError(UNCHANGED)


async def _plan(scope: Settings) -> SetupPlan:
    old = new = ""
    actor = scope.draft.desk.actor
    if actor.user == ADMIN and actor.is_local and await scope.ask(CHANGE_PASSWORD):
        if not actor.is_trusted:
            old = await scope.ask(OLD)
        new = await scope.ask(NEW)
    hostname = await scope.ask(HOSTNAME)
    time_zone = await scope.ask(TIME_ZONE)
    alerts = await scope.ask(ALERTS)
    autosupport = await scope.ask(AUTOSUPPORT)
    servers: tuple[str, ...] = ()
    if await scope.ask(OWN_DNS):
        servers = await scope.ask(SERVERS)
    interfaces = [await _interface(scope, ())]
    while await scope.ask(ANOTHER):
        interfaces.append(await _interface(scope, tuple(each.name for each in interfaces)))
    return SetupPlan(
        hostname=hostname,
        time_zone=time_zone,
        alert_address=alerts,
        autosupport_address=autosupport,
        dns_servers=servers,
        interfaces=tuple(interfaces),
        old_password=old,
        new_password=new,
    )


async def _interface(scope: Settings, taken: tuple[str, ...]) -> InterfacePlan:
    scope.say("")
    inner = scope.inner()
    name = await inner.ask(_named(taken))
    inner.put(NAME, name)
    address = await inner.ask(ADDRESS)
    hostname = await inner.ask(INTERFACE_NAME)
    ssh_port = await inner.ask(SSH_PORT_ASKED) if await inner.ask(SSH) else 0
    domains: dict[str, str] = {}
    if await inner.ask(ACCEPTS):
        accepted = await inner.ask(DOMAINS)
        for number, domain in enumerate(accepted):
            domains[domain] = await inner.ask(_host_of(number, domain))
    relay_hosts: tuple[str, ...] = ()
    if await inner.ask(RELAYS):
        relay_hosts = await inner.ask(RELAY_HOSTS)
    port = await inner.ask(PORT) if domains or relay_hosts else 0
    return InterfacePlan(
        name=name,
        address=address,
        hostname="" if hostname == scope[HOSTNAME] else hostname,
        ssh_port=ssh_port,
        domains=domains,
        relay_hosts=relay_hosts,
        port=port,
    )


def _named(taken: tuple[str, ...]) -> Text[str]:
    def of(text: str) -> str:
        name = parse_name(text)
        if name in taken:
            raise ValueError(f"There is an interface {name} already")
        return name

    if not taken:
        return NAME
    return Text(key=f"interface_{len(taken)}", of=of, prompt=NAME.prompt, form="a name")


def _host_of(number: int, domain: str) -> Text[str]:
    return Text(
        key=f"host_{number}", of=_route, as_text=lambda host: host or NONE, default="",
        prompt=f"Enter the host that takes mail for {escape(domain)}, or \"{NONE}\" for its MX "
        "hosts.",
    )  # fmt: skip


def _summary(plan: SetupPlan) -> Iterator[str]:
    """Yield what is going to be installed, in the form of the product."""
    yield f"Hostname: {plan.hostname}"
    yield f"Time zone: {plan.time_zone or 'that of the machine'}"
    yield f"System alerts: {plan.alert_address}"
    yield f"AutoSupport: {plan.autosupport_address or NONE}"
    yield f"DNS servers: {write_list(plan.dns_servers) or 'those of the machine'}"
    if plan.new_password:
        yield f"Password of {ADMIN}: changed"
    for each in plan.interfaces:
        yield f"Interface {each.name}: {each.address}, {each.hostname or plan.hostname}"
        yield f"  SSH: {f'port {each.ssh_port}' if each.ssh_port else 'off'}"
        for domain, host in each.domains.items():
            yield f"  Accepts mail for {domain}: delivered to {host or 'its MX hosts'}"
        if each.relay_hosts:
            yield f"  Relays mail of: {write_list(each.relay_hosts)}"
        if each.port:
            yield f"  Mail port: {each.port}"


SYSTEMSETUP: Final[Command[SettingsDraft]] = Command(
    name="systemsetup", purpose="First time system setup", where=Where.MACHINE, has_batch=False,
    act=_set_up,
)  # fmt: skip

COMMANDS: Final = (SYSTEMSETUP,)
