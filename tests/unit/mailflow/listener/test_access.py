"""Host and recipient access of a listener."""

from dataclasses import replace

import pytest

from mailwarden.core.policy.hat_policy import Rule
from mailwarden.core.policy.host_forms import HostFacts
from mailwarden.core.policy.rat import RatAction
from mailwarden.mailflow.listener.access import (
    HostAccess,
    Networks,
    make_host_access,
    make_recipient_access,
)
from mailwarden.mailflow.listener.grants import Grants
from mailwarden.mailflow.listener.settings import (
    InboundSettings,
    Listener,
    ListenerType,
    effective_policy,
)
from mailwarden.mailflow.listener.tables import RECIPIENT_ACCESS


def listener(kind: ListenerType, *relay: str) -> Listener:
    return Listener(name="L", type=kind, interface="Data1", relay_hosts=relay)


def access_of(settings: Listener, hosts_max: int = 100) -> HostAccess:
    grants = Grants(
        settings,
        InboundSettings(),
        effective_policy(settings),
        hostname="gw1.corp.example",
        tls=None,
        has_users=False,
    )
    return HostAccess(make_host_access(settings), grants, hosts_max)


def decided(access: HostAccess, address: str) -> tuple[Rule, str | None, str]:
    found = access.decide(HostFacts(address))
    assert found.rule is found.match.rule is found.grant.policy.rule
    return found.rule, found.match.group, found.match.entry


def test_public_listener_accepts_everybody_and_relays_for_relay_hosts() -> None:
    access = access_of(listener(ListenerType.PUBLIC, "10.0.0.0/8"))
    assert decided(access, "192.0.2.25") == (Rule.ACCEPT, None, "ALL")
    assert decided(access, "10.2.3.4") == (Rule.RELAY, "RELAYLIST", "10.0.0.0/8")


def test_private_listener_refuses_all_but_relay_hosts() -> None:
    access = access_of(listener(ListenerType.PRIVATE, "10.0.0.5", "2001:db8::/32"))
    assert decided(access, "10.0.0.5")[0] is Rule.RELAY
    assert decided(access, "10.0.0.6") == (Rule.REJECT, None, "ALL")
    assert decided(access, "2001:db8::1")[0] is Rule.RELAY
    assert decided(access, "2001:db9::1")[0] is Rule.REJECT


def test_what_is_remembered_has_a_limit() -> None:
    access = access_of(listener(ListenerType.PUBLIC, "10.0.0.0/8"), hosts_max=3)
    for _ in range(2):
        for number in range(10):
            assert decided(access, f"10.0.0.{number}")[0] is Rule.RELAY
            assert decided(access, f"192.0.2.{number}")[0] is Rule.ACCEPT
            access.needs_of(f"10.0.0.{number}")


def test_most_specific_network_is_named() -> None:
    networks = Networks(["10.0.0.0/8", "10.2.0.0/16", "10.2.3.7"])
    assert networks.find("10.2.3.7") == "10.2.3.7"
    assert networks.find("10.2.3.8") == "10.2.0.0/16"
    assert networks.find("10.3.0.1") == "10.0.0.0/8"
    assert networks.find("11.0.0.1") is None
    assert networks.find("::ffff:10.3.0.1") == "10.0.0.0/8"
    assert networks.find("not an address") is None


ACCEPTED = [
    ("corp.example", "bob@corp.example", True),
    ("corp.example", "bob@CORP.example", True),
    ("corp.example", "bob@eu.corp.example", False),
    (".corp.example", "bob@eu.corp.example", True),
    (".corp.example", "bob@corp.example", False),
    ("bob@corp.example", "bob@corp.example", True),
    ("bob@corp.example", "ann@corp.example", False),
    ("ALL", "x@other.example", True),
    ("corp.example", "postmaster", True),
    ("corp.example", "x@other.example", False),
]


@pytest.mark.parametrize(("entry", "address", "expected"), ACCEPTED)
def test_accepted_domains(entry: str, address: str, expected: bool) -> None:
    settings = replace(listener(ListenerType.PUBLIC), accepted_domains=(entry,))
    action = make_recipient_access(settings).find(address).action
    assert (action is RatAction.ACCEPT) is expected


def test_recipient_access_is_in_order_and_rejects_the_rest() -> None:
    table = RECIPIENT_ACCESS.of("old@corp.example REJECT\ncorp.example ACCEPT\nann@ ACCEPT\n")
    index = make_recipient_access(replace(listener(ListenerType.PUBLIC), recipient_access=table))
    found = [
        index.find(address).action
        for address in ("old@corp.example", "bob@corp.example", "ann@x.example", "bob@x.example")
    ]
    accept, reject = RatAction.ACCEPT, RatAction.REJECT
    assert found == [reject, accept, accept, reject]


def test_what_is_wrong_with_recipient_access() -> None:
    settings = replace(
        listener(ListenerType.PUBLIC),
        accepted_domains=("corp.example",),
        recipient_access=RECIPIENT_ACCESS.of("corp.example ACCEPT\n"),
    )
    paths = [problem.path for problem in settings.problems()]
    assert paths == ["recipient_access"]
