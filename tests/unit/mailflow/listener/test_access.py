"""Host and recipient access of a listener."""

from dataclasses import replace

import pytest

from mailwarden.core.policy.rat import RatAction
from mailwarden.mailflow.listener.access import (
    Access,
    HostAccess,
    Networks,
    Rule,
    make_recipient_access,
)
from mailwarden.mailflow.listener.settings import Listener, ListenerType


def listener(kind: ListenerType, *relay: str) -> Listener:
    return Listener(name="L", type=kind, interface="Data1", relay_hosts=relay)


def test_public_listener_accepts_everybody_and_relays_for_relay_hosts() -> None:
    access = HostAccess(listener(ListenerType.PUBLIC, "10.0.0.0/8"))
    assert access.decide("192.0.2.25") == Access(Rule.ACCEPT, "None", "ALL")
    assert access.decide("10.2.3.4") == Access(Rule.RELAY, "RELAYLIST", "10.0.0.0/8")


def test_private_listener_refuses_all_but_relay_hosts() -> None:
    access = HostAccess(listener(ListenerType.PRIVATE, "10.0.0.5", "2001:db8::/32"))
    assert access.decide("10.0.0.5").rule is Rule.RELAY
    assert access.decide("10.0.0.6").rule is Rule.REJECT
    assert access.decide("2001:db8::1").rule is Rule.RELAY
    assert access.decide("2001:db9::1").rule is Rule.REJECT


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
    lines = ("old@corp.example REJECT", "corp.example ACCEPT", "ann@ ACCEPT")
    index = make_recipient_access(replace(listener(ListenerType.PUBLIC), recipient_access=lines))
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
        recipient_access=("ALL REJECT", "corp.example ACCEPT"),
    )
    paths = [problem.path for problem in settings.problems()]
    assert paths == ["recipient_access", "recipient_access[0]"]
