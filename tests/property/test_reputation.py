"""Reputation feeds and histories against naive ones, and whatever bytes come."""

import ipaddress
import math
import os

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.services.engines.reputation import history_file
from mailwarden.services.engines.reputation.feed import parse_feed
from mailwarden.services.engines.reputation.history_score import judge
from mailwarden.services.engines.reputation.history_table import (
    HistoryMemory,
    Traffic,
    make_history,
)
from mailwarden.services.engines.reputation.networks import pack_address
from mailwarden.services.engines.reputation.score import Score
from mailwarden.system.files.files import write_fully
from mailwarden.system.files.simulated import SimulatedDisk
from tests.fuzz.fuzz_reputation_feed import check_feed, one_input

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Few bits that differ, so that networks nest and addresses hit them.
FOUR = st.builds(
    lambda value, prefix: ipaddress.ip_network((0xC0000200 ^ value, prefix), strict=False),
    st.integers(0, 0xFF) | st.just(1 << 31),
    st.integers(22, 32) | st.integers(0, 32),
)
SIX = st.builds(
    lambda high, low, prefix: ipaddress.ip_network(
        (0x20010DB8 << 96 ^ high << 60 ^ low, prefix), strict=False
    ),
    st.integers(0, 0xFF),
    st.integers(0, 7) | st.integers(0, (1 << 60) - 1),
    st.integers(56, 68) | st.integers(120, 128) | st.integers(0, 128),
)
NETWORKS = st.lists(FOUR | SIX, max_size=40, unique=True)
TENTHS = st.integers(-100, 100)


def naive(listed: dict[Network, int], address: str) -> tuple[str, int] | None:
    """Return the longest of all prefixes that hold an address."""
    host = ipaddress.ip_address(address)
    found = [each for each in listed if each.version == host.version and host in each]
    if not found:
        return None
    longest = max(found, key=lambda each: each.prefixlen)
    return str(longest).removesuffix(f"/{longest.max_prefixlen}"), listed[longest]


@given(NETWORKS, st.data())
def test_the_longest_prefix_as_a_naive_search_finds_it(
    networks: list[Network], data: st.DataObject
) -> None:
    listed = {each: data.draw(TENTHS) for each in networks}
    text = "".join(f"{each} {tenths / 10}\n" for each, tenths in listed.items())
    imported = parse_feed(text.encode())
    assert imported.problems == ()
    assert len(imported.table) == len(listed)
    addresses = data.draw(st.lists((FOUR | SIX).map(lambda each: str(each.network_address))))
    ends = [str(end) for each in networks for end in (each.network_address, each[-1])]
    for address in addresses + ends:
        if ipaddress.ip_address(address).version == 6 and len(pack_address(address)) == 4:
            continue  # ::ffff:0:0/96 is IPv4 to us
        found = imported.table.find(pack_address(address))
        assert (found and (found.network, found.tenths)) == naive(listed, address)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    one_input(data)


WORDS = st.sampled_from(
    [b"192.0.2.0/24", b"::/0", b"2001:db8::1", b"::ffff:1.2.3.4/97", b"/", b"-4.5", b"10", b"\n",
     b"+", b"#", b" ", b"\t", b"\r\n", b"\xff", b"\0", b"1" * 1001, b"note"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=60))
def test_any_words(words: list[bytes]) -> None:
    check_feed(b"".join(words))
    check_feed(b" ".join(words))


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_none(text: str) -> None:
    packed = pack_address(text)
    assert len(packed) in (0, 4, 16)
    if packed and "%" not in text:
        host = ipaddress.ip_address(text)
        mapped = host.ipv4_mapped if host.version == 6 else None
        assert packed == (mapped or host).packed


@given(st.ip_addresses())
def test_addresses_as_another_library_reads_them(host: ipaddress.IPv4Address) -> None:
    packed = pack_address(str(host))
    assert packed == (host.packed if len(packed) == host.max_prefixlen // 8 else host.packed[12:])


COUNTS = st.floats(0, 1e9, allow_nan=False)
TRAFFIC = st.builds(Traffic, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)


@given(TRAFFIC, TRAFFIC)
def test_any_traffic_has_a_score_within_bounds(own: Traffic, network: Traffic) -> None:
    value, why = judge(own, network, 7.0, "N")
    assert value is None or -10.0 <= value <= 3.0
    assert why
    assert Score(value, "history", why).describe().isprintable()


@given(TRAFFIC, st.floats(0, 1e6))
def test_more_spam_never_raises_a_score(own: Traffic, more: float) -> None:
    before, _ = judge(own, own, 7.0, "N")
    worse = own._replace(spam=own.spam + more)
    after, _ = judge(worse, worse, 7.0, "N")
    if before is not None:
        assert after is not None
        assert after <= before


def make_memory() -> HistoryMemory:
    descriptor = make_history(1000)
    try:
        return HistoryMemory(descriptor, 1000.0)
    finally:
        os.close(descriptor)


@given(st.lists(st.tuples(st.integers(0, 9), TRAFFIC, st.floats(0, 500)), max_size=30))
def test_counts_as_a_naive_history_has_them(seen: list[tuple[int, Traffic, float]]) -> None:
    table = make_memory().addresses
    naive_counts: dict[int, list[float]] = {}
    now, last = 0.0, dict.fromkeys(range(10), 0)
    for number, traffic, seconds in seen:
        now += seconds
        left = math.exp(-(int(now) - last[number]) / 1000.0)
        counts = naive_counts.get(number, [0.0] * 5)
        naive_counts[number] = [
            min(1e9, a * left + b) for a, b in zip(counts, traffic, strict=True)
        ]
        last[number] = int(now)
        table.add(bytes(15) + bytes((number + 1,)), traffic, now)
    for number, counts in naive_counts.items():
        found = table.find(bytes(15) + bytes((number + 1,)), last[number])
        for a, b in zip(found, counts, strict=True):
            assert abs(a - b) <= 1e-3 + 1e-5 * b


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_as_a_saved_history(data: bytes, has_magic: bool) -> None:
    disk = SimulatedDisk()
    disk.make_directory("/state")
    fd = disk.open("/state/history", create=True)
    write_fully(disk, fd, [b"mwhist\x01\n" + data if has_magic else data], 0)
    disk.close(fd)
    memory = make_memory()
    try:
        history_file.load_history(disk, "/state/history", memory, 0.0, lambda: None)
    except history_file.HistoryFileError:
        assert list(memory.addresses.entries()) == []
