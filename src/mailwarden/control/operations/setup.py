"""The first set-up: a whole configuration from a few answers, put in force at once (admin 2.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.config.problems import ConfigError
from mailwarden.control.operations.accounts import change_own_password
from mailwarden.control.operations.commit import Done, commit
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.dry_start import start_problems
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.password_policy import password_problems
from mailwarden.core.access.roles import ADMIN
from mailwarden.core.problem import Problem
from mailwarden.stores.configuration.tree import Tree, Value

INCOMING: Final = "IncomingMail"
OUTGOING: Final = "OutgoingMail"
COMMENT: Final = "systemsetup"


@dataclass(frozen=True, kw_only=True)
class InterfacePlan:
    """An interface, and what is done on it. `domains` have the host that takes their mail.

    A host of "" is that of the domain's MX records; `ssh_port` 0 is no SSH.
    """

    name: str
    address: str
    hostname: str = ""
    ssh_port: int = 0
    domains: dict[str, str] = field(default_factory=dict)
    relay_hosts: tuple[str, ...] = ()
    port: int = 25


@dataclass(frozen=True, kw_only=True)
class SetupPlan:
    """All answers of the wizard. `new_password` of "" leaves that of `admin`."""

    hostname: str
    time_zone: str = ""
    alert_address: str = ""
    autosupport_address: str = ""
    dns_servers: tuple[str, ...] = ()
    interfaces: tuple[InterfacePlan, ...] = ()
    old_password: str = ""
    new_password: str = ""


def check_setup(desk: Desk) -> None:
    """Look whether the wizard may be run; raises RefusedOperationError."""
    desk.require("systemsetup")
    if desk.pending_changes():
        raise RefusedOperationError(
            'There are changes that are not committed. Run "commit" or "clearchanges" first.'
        )


def password_faults(desk: Desk, new: str) -> list[str]:
    """Return what speaks against a new password of `admin`, as sentences' ends."""
    policy = desk.administration.config.administration.passwords
    is_fips = desk.administration.facts.fips
    return [*password_problems(policy, ADMIN, new, is_fips=is_fips)]


async def install(desk: Desk, plan: SetupPlan) -> Done:
    """Put a plan in force, and then the password.

    Raises:
        RefusedOperationError: something is wrong with it; nothing has changed.
    """
    check_setup(desk)
    before = Candidate.of(desk.administration.versions.last())
    desk.candidate = before.load(planned_tree(before.tree, plan), MODEL)
    try:
        if problems := [*_problems(desk)]:
            raise RefusedOperationError("\n".join(f"{e.path}: {e.message}" for e in problems))
        # The password first: it may be refused, and a commit cannot be taken back unseen.
        if plan.new_password:
            await change_own_password(desk, plan.old_password, plan.new_password)
        done = await _committed(desk, plan)
    except BaseException:
        desk.candidate = before
        raise
    desk.record("systemsetup", f"version {done.version.number}")
    return done


async def _committed(desk: Desk, plan: SetupPlan) -> Done:
    try:
        return await commit(desk, COMMENT)
    except RefusedOperationError as error:
        if not plan.new_password:
            raise
        raise RefusedOperationError(f"{error}\nThe password of {ADMIN} is changed.") from error


def planned_tree(tree: Tree, plan: SetupPlan) -> Tree:
    """Return `tree` with what a plan says; listeners and interfaces are those of the plan alone."""
    routes = {
        domain: host
        for interface in plan.interfaces
        for domain, host in interface.domains.items()
        if host
    }
    made: Tree = {
        **tree,
        "hostname": plan.hostname,
        "time_zone": plan.time_zone,
        "interfaces": {each.name: _interface(each) for each in plan.interfaces},
        "listeners": [*_listeners(plan.interfaces)],
        "dns": _dns(tree.get("dns"), plan),
        "smtp_routes": _merged(tree.get("smtp_routes"), **routes),
        "alerts": _alerts(tree.get("alerts"), plan),
    }
    made.pop("interface_groups", None)  # of interfaces that are gone
    delivery = made.get("delivery")
    if isinstance(delivery, dict):
        made["delivery"] = {name: delivery[name] for name in delivery if name != "interface"}
    return made


def _interface(plan: InterfacePlan) -> Value:
    block: Tree = {"address": plan.address, "ssh_port": plan.ssh_port}
    if plan.hostname:
        block["hostname"] = plan.hostname
    return block


def _listeners(interfaces: Sequence[InterfacePlan]) -> Iterator[Value]:
    """Yield the listeners: one for both ways of mail, where they share an address and port."""
    incoming = [each for each in interfaces if each.domains]
    outgoing = [each for each in interfaces if each.relay_hosts and not each.domains]
    for number, each in enumerate(incoming, start=1):
        listener: Tree = {
            "name": INCOMING if number == 1 else f"{INCOMING}{number}",
            "type": "public",
            "interface": each.name,
            "port": each.port,
            "accepted_domains": list(each.domains),
        }
        if each.relay_hosts:
            listener["relay_hosts"] = list(each.relay_hosts)
        yield listener
    for number, each in enumerate(outgoing, start=1):
        yield {
            "name": OUTGOING if number == 1 else f"{OUTGOING}{number}",
            "type": "private",
            "interface": each.name,
            "port": each.port,
            "relay_hosts": list(each.relay_hosts),
        }


def _dns(before: Value, plan: SetupPlan) -> Value:
    block = _merged(before, servers=list(plan.dns_servers), interface="")
    assert isinstance(block, dict)
    if plan.dns_servers:  # the two cannot be there together
        block.pop("trusted_servers", None)
    return block


def _alerts(before: Value, plan: SetupPlan) -> Value:
    block = _merged(before, autosupport_address=plan.autosupport_address)
    assert isinstance(block, dict)
    if plan.alert_address:
        recipients = block.get("recipients")
        known = recipients if isinstance(recipients, dict) else {}
        block["recipients"] = {**known, plan.alert_address: known.get(plan.alert_address, {})}
    return block


def _merged(before: Value, **settings: Value) -> Value:
    return {**(before if isinstance(before, dict) else {}), **settings}


def _problems(desk: Desk) -> Iterator[Problem]:
    """Yield what the plan would break of the network."""
    try:
        after = desk.administration.build(desk.candidate.tree)
    except ConfigError as error:
        yield from (Problem(each.path, each.message) for each in error.problems)
        return
    yield from start_problems(desk, after)
