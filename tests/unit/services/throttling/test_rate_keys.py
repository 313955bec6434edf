"""Who counts as the same, and who does not."""

import pytest

from mailwarden.services.throttling.rate_keys import (
    IPV4_BITS_GROUPED,
    harvest_key,
    host_key,
    owner_key,
    sender_key,
)

SAME = [
    ("192.0.2.1", "192.0.2.1", 32),
    ("192.0.2.25", "192.0.2.26", IPV4_BITS_GROUPED),
    ("192.0.2.25", "192.0.255.26", 16),
    ("192.0.2.25", "203.0.113.1", 0),
    ("192.0.2.25", "::ffff:192.0.2.25", 32),
    ("192.0.2.25", "::FFFF:c000:0219", 32),
    ("2001:db8:0:1::1", "2001:0DB8::1:ffff:0:0:9", 32),  # a /64, whatever is said of IPv4
    ("2001:db8::1", "2001:db8::2", 0),
    ("fe80::1%eth0", "fe80::1%eth1", 32),
]
DIFFERENT = [
    ("192.0.2.1", "192.0.2.2", 32),
    ("192.0.2.25", "192.0.3.25", IPV4_BITS_GROUPED),
    ("192.0.2.25", "192.0.2.26", 31),
    ("2001:db8:0:1::1", "2001:db8:0:2::1", 32),
    ("0.0.0.0", "::", 32),
    ("0.0.0.0", "::", 0),
    ("", "0.0.0.0", 32),
    ("mail.example", "other.example", 32),
    ("192.0.2.1\0", "192.0.2.1", 32),
    ("192.0.2.1 ", "192.0.2.1", 32),
]


@pytest.mark.parametrize(("one", "two", "bits"), SAME)
def test_row_33_hosts_of_a_network_share_a_key(one: str, two: str, bits: int) -> None:
    assert host_key(one, bits) == host_key(two, bits)


@pytest.mark.parametrize(("one", "two", "bits"), DIFFERENT)
def test_hosts_of_two_networks_do_not(one: str, two: str, bits: int) -> None:
    assert host_key(one, bits) != host_key(two, bits)


def test_a_network_is_not_its_first_host() -> None:
    assert host_key("192.0.2.0", 24) != host_key("192.0.2.0")


def test_other_significant_bits_for_ipv6() -> None:
    assert host_key("2001:db8::1", ipv6_bits=128) != host_key("2001:db8::2", ipv6_bits=128)
    assert host_key("2001:db8:0:1::", ipv6_bits=48) == host_key("2001:db8:0:2::", ipv6_bits=48)


@pytest.mark.parametrize(("ipv4", "ipv6"), [(-1, 64), (33, 64), (32, -1), (32, 129)])
def test_bits_that_no_address_has(ipv4: int, ipv6: int) -> None:
    with pytest.raises(ValueError, match="significant bits"):
        host_key("192.0.2.1", ipv4, ipv6)


def test_a_sender_is_the_same_in_any_case() -> None:
    assert sender_key("Ann@Partner.example") == sender_key("ann@partner.EXAMPLE")
    assert sender_key("ann@partner.example") != sender_key("bob@partner.example")


def test_the_null_sender_has_no_key() -> None:
    assert sender_key("") is None


def test_kinds_do_not_meet() -> None:
    text = "192.0.2.1"
    host = host_key(text)
    keys = {host, harvest_key(host), owner_key(text), sender_key(text), host_key("x" + text)}
    assert len(keys) == 5
