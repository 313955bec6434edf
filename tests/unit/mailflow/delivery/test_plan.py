"""Bounce profiles, addresses and names that the configuration gives."""

import pytest

from mailwarden.core.interface import Interface
from mailwarden.core.mail.envelope import Envelope
from mailwarden.core.policy.bounce_profile import BounceProfile, Profiles, ResolvedProfile
from mailwarden.core.policy.destinations import DestinationIndex, DestinationLimits, table_of
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.settings import DeliverySettings
from tests.unit.mailflow.delivery.office import contexts


def plan(**fields: object) -> Plan:
    known = {
        "settings": DeliverySettings(),
        "hostname": "gw1.corp.example",
        "routes": RouteTable({}),
        "destinations": DestinationIndex(table_of({})),
        "profiles": Profiles(
            {"Default": BounceProfile(max_retries=1), "vip": BounceProfile(max_retries=2)}
        ),
        "tls": contexts(),
        "interfaces": {
            "four": Interface(address="192.0.2.1", hostname="four.example"),
            "six": Interface(address="2001:db8::1"),
        },
    }
    return Plan(**{**known, **fields})


def envelope(profile: str) -> Envelope:
    return Envelope(
        mid=1, icid=1, sender="", recipients=(), received_at=0.0, bounce_profile=profile
    )


def test_the_profile_of_the_destination_comes_first() -> None:
    assert (
        plan().profile(DestinationLimits(bounce_profile="vip"), envelope("Default")).name == "vip"
    )
    assert plan().profile(DestinationLimits(), envelope("vip")).name == "vip"
    assert plan().profile(None, envelope("vip")).max_retries == 2


def test_a_profile_that_is_gone() -> None:
    profile = plan().profile(DestinationLimits(), envelope("gone"))
    assert (profile.name, profile.max_retries) == ("Default", 1)
    assert plan(profiles=Profiles({})).profile(None, envelope("gone")) == ResolvedProfile()


def test_bounds_over_all_profiles() -> None:
    profile = BounceProfile(max_queue_time_seconds=9, max_retry_seconds=9000)
    made = plan(profiles=Profiles({"a": profile}))
    assert (made.queue_seconds_min, made.retry_seconds_max) == (9, 9000)


def test_local_address() -> None:
    assert plan().local_address("198.51.100.1") is None
    chosen = plan(settings=DeliverySettings(interface="four"))
    assert chosen.local_address("198.51.100.1") == "192.0.2.1"
    with pytest.raises(ValueError, match="four"):
        chosen.local_address("2001:db8::9")


def test_hello() -> None:
    assert plan().hello("192.0.2.1") == "four.example"
    assert plan().hello("2001:db8::1") == "gw1.corp.example"
    assert plan().hello("192.0.2.77") == "gw1.corp.example"
