"""The network access list."""

import pytest

from mailwarden.core.access.access_list import (
    AccessList,
    AccessMode,
    NetworkAccess,
    Origin,
    parse_header_name,
    parse_source,
    parse_sources,
    shut_out,
)

SOURCES = [
    (" 10.1.2.3 ", "10.1.2.3"),
    ("10.1.2.3-10.1.2.9", "10.1.2.3-10.1.2.9"),
    ("10.1.2.3 - 10.1.2.9", "10.1.2.3-10.1.2.9"),
    ("10.1.2.3-9", "10.1.2.3-10.1.2.9"),
    ("10.1.2.3-3", "10.1.2.3"),
    ("10.1.2.0/24", "10.1.2.0/24"),
    ("2001:DB8::1", "2001:db8::1"),
    ("2001:db8::1-2001:db8::f", "2001:db8::1-2001:db8::f"),
    ("2001:db8::/32", "2001:db8::/32"),
    ("::ffff:10.1.2.3", "10.1.2.3"),
]


@pytest.mark.parametrize(("text", "kept"), SOURCES)
def test_acc_03_entries(text: str, kept: str) -> None:
    assert parse_source(text) == kept
    assert parse_source(kept) == kept


@pytest.mark.parametrize(
    "text",
    ["", "host.example", "10.1.2", "10.1.2.9-3", "10.1.2.9-10.1.2.3", "10.1.2.3-2001:db8::1",
     "10.1.2.3/24", "10.1.2.3-", "-10.1.2.3", "10.1.2.0/33", "fe80::1%eth0", "1-2-3", "x" * 10**5],
)  # fmt: skip
def test_acc_03_what_is_no_entry(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_source(text)
    assert len(str(caught.value)) < 300


def test_acc_03_lists_with_commas() -> None:
    assert parse_sources("10.0.0.1, 10.0.0.2,,10.0.0.1 ,") == ("10.0.0.1", "10.0.0.2")
    with pytest.raises(ValueError, match="up to"):
        parse_sources("10.0.0.1," * 10_001)


def settings(mode: AccessMode) -> NetworkAccess:
    return NetworkAccess(
        mode=mode, addresses=("10.0.0.0/24", "2001:db8::/64"), proxies=("192.0.2.1-192.0.2.2",)
    )


DIRECT = Origin("10.0.0.5")
STRANGER = Origin("198.51.100.7")
BEHIND = Origin("192.0.2.1", ["10.0.0.5"])
LYING = Origin("192.0.2.1", ["10.0.0.5, 198.51.100.7"])  # the client wrote the first one itself
CHAIN = Origin("192.0.2.1", ["198.51.100.7, 10.0.0.5", "192.0.2.2"])
FAKE = Origin("198.51.100.7", ["10.0.0.5"])  # says what only a proxy may say
SSH_FROM_PROXY = Origin("192.0.2.1")
MODES = [
    (AccessMode.ANY, [DIRECT, STRANGER, BEHIND, LYING, CHAIN, FAKE, SSH_FROM_PROXY]),
    (AccessMode.DIRECT, [DIRECT]),
    (AccessMode.PROXY, [BEHIND, CHAIN]),
    (AccessMode.DIRECT_OR_PROXY, [DIRECT, BEHIND, CHAIN]),
]


@pytest.mark.parametrize(("mode", "allowed"), MODES)
def test_acc_02_modes(mode: AccessMode, allowed: list[Origin]) -> None:
    access = AccessList(settings(mode))
    for origin in (DIRECT, STRANGER, BEHIND, LYING, CHAIN, FAKE, SSH_FROM_PROXY):
        assert access.decide(origin).is_allowed is (origin in allowed), origin


def test_whose_address_counts() -> None:
    access = AccessList(settings(AccessMode.DIRECT_OR_PROXY))
    assert access.decide(CHAIN).client == "10.0.0.5"
    assert access.decide(LYING).client == "198.51.100.7"
    assert access.decide(FAKE).client == "198.51.100.7"
    any_one = AccessList(settings(AccessMode.ANY))
    assert any_one.decide(BEHIND).client == "192.0.2.1"


HEADERS = [[""], ["unknown"], ["10.0.0.5:80"], [","], ["10.0.0.5,"], ["10.0.0.5\0"],
           ["192.0.2.2"] * 40, ["1" * 5000 + ",10.0.0.5"], ["x, 10.0.0.5, y"]]  # fmt: skip


@pytest.mark.parametrize("forwarded", HEADERS, ids=range(len(HEADERS)))
def test_headers_that_name_nobody(forwarded: list[str]) -> None:
    for mode in (AccessMode.PROXY, AccessMode.DIRECT_OR_PROXY):
        assert not AccessList(settings(mode)).decide(Origin("192.0.2.1", forwarded)).is_allowed


def test_a_proxy_in_the_list_lets_nobody_in_that_is_not() -> None:
    both = NetworkAccess(
        mode=AccessMode.DIRECT_OR_PROXY, addresses=("192.0.2.1",), proxies=("192.0.2.1",)
    )
    access = AccessList(both)
    assert access.decide(Origin("192.0.2.1")).is_allowed
    assert not access.decide(Origin("192.0.2.1", ["198.51.100.7"])).is_allowed


def test_addresses_of_every_form_are_found() -> None:
    access = AccessList(
        NetworkAccess(
            mode=AccessMode.DIRECT,
            addresses=("10.0.0.4-10.0.0.6", "10.0.0.0/30", "10.0.0.9", "10.0.0.0/31"),
        )
    )
    found = [n for n in range(12) if access.decide(Origin(f"10.0.0.{n}")).is_allowed]
    assert found == [0, 1, 2, 3, 4, 5, 6, 9]
    assert access.decide(Origin("::ffff:10.0.0.9")).is_allowed
    assert not access.decide(Origin("::a00:9")).is_allowed
    assert not access.decide(Origin("nonsense")).is_allowed


def test_acc_04_who_would_be_shut_out() -> None:
    assert shut_out(settings(AccessMode.DIRECT), DIRECT) == ""
    assert shut_out(settings(AccessMode.DIRECT), STRANGER) == (
        "your connection from 198.51.100.7 would be refused: not in the list"
    )
    assert "through a proxy" in shut_out(settings(AccessMode.PROXY), DIRECT)


def test_lists_that_would_shut_everybody_out() -> None:
    assert list(NetworkAccess().problems()) == []
    empty = NetworkAccess(mode=AccessMode.PROXY)
    assert [each.path for each in empty.problems()] == ["addresses", "proxies"]


def test_names_of_headers() -> None:
    assert parse_header_name("X-Real-IP:") == "x-real-ip"
    assert NetworkAccess().header == "x-forwarded-for"
    with pytest.raises(ValueError):
        parse_header_name("a b")
