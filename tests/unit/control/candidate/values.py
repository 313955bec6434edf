"""Settings of the tests' own, and a configuration of the gateway with names in all places."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mailwarden.control.candidate.model import Model
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.setting import REQUIRED, setting
from mailwarden.stores.configuration.tree import Tree

GATEWAY = Model(GatewayConfig)


class Mode(Enum):
    OFF = "off"
    ON = "on"
    LOUD = "loud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Something with a secret."""

    name: str = setting(REQUIRED, "Name.")
    password: str = setting("", "Password.", secret=True)
    tokens: tuple[str, ...] = setting((), "Tokens.", secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """A whole configuration."""

    title: str = setting("", "Title.")
    text: str = setting("", "Text.", has_lines=True)
    size: int = setting(0, "Size.")
    share: float = setting(0, "Share.")
    is_on: bool = setting(False, "Switch.")
    mode: Mode = setting(Mode.OFF, "Mode.")
    accounts: tuple[Account, ...] = setting((), "Accounts.")
    owners: Mapping[str, Account] = setting(dict, "Owners.")
    friends: tuple[str, ...] = setting((), "Friends.", refers_to=("accounts",))


SMALL = Model(Small)


def gateway() -> Tree:
    """Return a configuration in which each kind of thing is named somewhere."""
    return {
        "hostname": "mail3.example.com",
        "interfaces": {
            "Outside": {"address": "203.0.113.5"},
            "Inside": {"address": "10.0.0.5"},
        },
        "interface_groups": {"All": ["Outside", "Inside"]},
        "listeners": [
            {
                "name": "In",
                "type": "public",
                "interface": "Outside",
                "certificate": "mx1",
                "accepted_domains": ["corp.example"],
                "call_ahead": "Store",
                "bounce_profile": "Slow",
                "policy": {"tls": "preferred"},
            },
            {
                "name": "Out",
                "type": "private",
                "interface": "Inside",
                "relay_hosts": ["10.0.0.0/8"],
            },
        ],
        "certificates": {"mx1": {"certificate": "/c.pem", "key": "/k.pem"}},
        "call_ahead_profiles": {"Store": {"servers": ["store.example"], "interface": "Inside"}},
        "destination_controls": (
            "[DEFAULT]\ncertificate = mx1\nbounce_profile = default\nmax_host_concurrency = 500\n"
            "max_messages_per_connection = 50\nlimit_type = host\nlimit_apply = system\n"
            "bounce_validation = 0\ntable_tls = off\nsend_tls_req_alert = 0\n\n"
            "[slow.example]\nBounce_Profile =Slow\n"
        ),
        "bounce_profiles": {"Slow": {"bounce_template": "Kind"}},
        "bounce_templates": {"Kind": {"en": {"subject": "Sorry", "text": "It came back."}}},
        "delivery": {
            "interface": "All",
            "certificate": "mx1",
            "alt_sources": [
                "# who leaves from where",
                "  @brand.example\t Outside ",
                "10.0.0.9 All",
            ],
        },
    }
