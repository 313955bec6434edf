"""Alternate hosts, routes, literals and domains lead to a next hop."""

import pytest

from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.nexthop import HopKind, find_next_hop

ROUTES = RouteTable(
    {
        "corp.example": "mail1.int.example, mail2.int.example:26/pri=5",
        ".corp.example": "USEDNS",
        "trap.example": "/dev/null",
        "box.example": "maildir:/var/mail/box",
        "null.example": "null:",
        "198.51.100.7": "relay.int.example",
    }
)
CASES = [
    ("corp.example", "", HopKind.HOSTS, "mail1.int.example,mail2.int.example:26"),
    ("eu.corp.example", "", HopKind.MX, "eu.corp.example"),
    ("partner.example", "", HopKind.MX, "partner.example"),
    ("trap.example", "", HopKind.DROP, "/dev/null"),
    ("box.example", "", HopKind.MAILDIR, "maildir:/var/mail/box"),
    ("null.example", "", HopKind.NULL, "null:"),
    ("[192.0.2.1]", "", HopKind.HOSTS, "192.0.2.1"),
    ("[IPv6:2001:db8::1]", "", HopKind.HOSTS, "2001:db8::1"),
    ("[198.51.100.7]", "", HopKind.HOSTS, "relay.int.example"),
    ("[nonsense]", "", HopKind.NOWHERE, "[nonsense]"),
    ("", "", HopKind.NOWHERE, ""),
    ("no such.example", "", HopKind.NOWHERE, "no such.example"),
    ("müller.example", "", HopKind.MX, "xn--mller-kva.example"),
    ("partner.example", " mail.int.example ", HopKind.MX, "mail.int.example"),
    ("corp.example", "192.0.2.9", HopKind.HOSTS, "192.0.2.9"),
    # SMTP routes apply to the alternate host.
    ("partner.example", "corp.example", HopKind.HOSTS, "mail1.int.example,mail2.int.example:26"),
]


@pytest.mark.parametrize(("domain", "mailhost", "kind", "name"), CASES)
def test_next_hop(domain: str, mailhost: str, kind: HopKind, name: str) -> None:
    hop = find_next_hop(domain, mailhost, ROUTES)
    assert (hop.kind, hop.name) == (kind, name)


def test_what_an_administrator_named_is_never_final() -> None:
    assert not find_next_hop("partner.example", "", ROUTES).is_configured
    assert not find_next_hop("[192.0.2.1]", "", ROUTES).is_configured
    assert find_next_hop("partner.example", "x.example", ROUTES).is_configured
    assert find_next_hop("corp.example", "", ROUTES).is_configured


def test_many_hosts_have_a_short_name() -> None:
    routes = RouteTable({"ALL": ", ".join(f"h{number}.example" for number in range(9))})
    assert find_next_hop("x.example", "", routes).name == "h0.example,h1.example,h2.example,+6"
