"""The channel between supervisor and worker: packets, descriptors, the end of a peer."""

import asyncio
import os

import pytest

from mailwarden.app.channel import PIECE_BYTES, Channel, Packet, make_pair


class End:
    """One end of a channel that remembers what came."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.descriptors: list[int] = []
        self.closed = asyncio.Event()
        self.arrived = asyncio.Event()

    def on_packet(self, packet: Packet, descriptors: list[int]) -> None:
        self.packets.append(packet)
        self.descriptors += descriptors
        self.arrived.set()


async def test_packets_arrive_whole_and_in_order() -> None:
    ours, theirs = make_pair()
    left, right = End(), End()
    sender = Channel(ours, left.on_packet, left.closed.set)
    receiver = Channel(theirs, right.on_packet, right.closed.set)
    for number in range(200):
        sender.send({"n": number, "padding": "x" * 10_000})
    while len(right.packets) < 200:
        right.arrived.clear()
        await asyncio.wait_for(right.arrived.wait(), 10)
    assert [packet["n"] for packet in right.packets] == list(range(200))
    sender.close()
    receiver.close()


async def test_descriptors_travel_with_their_packet() -> None:
    ours, theirs = make_pair()
    left, right = End(), End()
    sender = Channel(ours, left.on_packet, left.closed.set)
    receiver = Channel(theirs, right.on_packet, right.closed.set)
    reading, writing = os.pipe()
    sender.send({"do": "configure"}, [writing])
    await asyncio.wait_for(right.arrived.wait(), 10)
    os.close(writing)
    os.write(right.descriptors[0], b"through")
    assert os.read(reading, 100) == b"through"
    os.close(right.descriptors[0])
    os.close(reading)
    sender.close()
    receiver.close()


async def test_descriptors_may_be_closed_before_the_peer_takes_them() -> None:
    ours, theirs = make_pair()
    left, right = End(), End()
    sender = Channel(ours, left.on_packet, left.closed.set)
    receiver = Channel(theirs, right.on_packet, right.closed.set)
    for _ in range(100):
        sender.send({"padding": "x" * 50_000})  # more than the kernel takes
    reading, writing = os.pipe()
    sender.send({"do": "configure"}, [writing])
    os.close(writing)
    others = [os.memfd_create("another"), os.memfd_create("another")]  # one has its number now
    while len(right.packets) < 101:
        right.arrived.clear()
        await asyncio.wait_for(right.arrived.wait(), 10)
    os.write(right.descriptors[0], b"through")
    assert os.read(reading, 100) == b"through"
    for descriptor in (reading, right.descriptors[0], *others):
        os.close(descriptor)
    sender.close()
    receiver.close()


async def test_descriptors_that_nobody_takes_are_let_go() -> None:
    ours, theirs = make_pair()
    end = End()
    sender = Channel(ours, end.on_packet, end.closed.set)
    for _ in range(100):
        sender.send({"padding": "x" * 50_000})
    reading, writing = os.pipe()
    sender.send({"do": "configure"}, [writing])
    os.close(writing)
    sender.close()
    assert os.read(reading, 1) == b""  # its last writing end is closed
    os.close(reading)
    theirs.close()


async def test_a_peer_that_goes_is_noticed_and_sending_is_harmless() -> None:
    ours, theirs = make_pair()
    end = End()
    channel = Channel(ours, end.on_packet, end.closed.set)
    theirs.close()
    await asyncio.wait_for(end.closed.wait(), 10)
    channel.send({"do": "stop"})


class Pair:
    """Two ends that talk to each other."""

    def __init__(self) -> None:
        ours, self.theirs = make_pair()
        self.left, self.right = End(), End()
        self.sender = Channel(ours, self.left.on_packet, self.left.closed.set)
        self.receiver = Channel(self.theirs, self.right.on_packet, self.right.closed.set)

    async def received(self, count: int = 1) -> list[Packet]:
        while len(self.right.packets) < count:
            self.right.arrived.clear()
            await asyncio.wait_for(self.right.arrived.wait(), 10)
        return self.right.packets

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()


@pytest.mark.parametrize("size", [0, PIECE_BYTES - 10, PIECE_BYTES, 20 * PIECE_BYTES + 1])
async def test_a_packet_may_be_larger_than_the_kernel_takes_at_once(size: int) -> None:
    pair = Pair()
    reading, writing = os.pipe()
    pair.sender.send({"text": "x" * size}, [writing])
    pair.sender.send({"text": "next"})
    assert await pair.received(2) == [{"text": "x" * size}, {"text": "next"}]
    assert len(pair.right.descriptors) == 1
    for descriptor in (reading, writing, *pair.right.descriptors):
        os.close(descriptor)
    pair.close()


async def test_text_of_a_peer_that_is_no_utf_8_arrives_readable() -> None:
    pair = Pair()
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    pair.sender.send({"rows": [{"sender": name, "count": 1}], name: None})
    assert await pair.received() == [
        {"rows": [{"sender": "caf\\xe9", "count": 1}], "caf\\xe9": None}
    ]
    pair.close()


@pytest.mark.parametrize(
    "data", [b".", b".{", b"+", b"?[1]", b".[1]", b".\xff", b'."\xff"', b".{1:2}"]
)
async def test_rubbish_is_an_empty_packet_and_what_follows_is_read(data: bytes) -> None:
    ours, theirs = make_pair()
    end = End()
    channel = Channel(theirs, end.on_packet, end.closed.set)
    ours.send(data)
    if data == b"+":
        ours.send(b".]")
    ours.send(b'.{"say":"ready"}')
    while len(end.packets) < 2:
        end.arrived.clear()
        await asyncio.wait_for(end.arrived.wait(), 10)
    assert end.packets == [{}, {"say": "ready"}]
    channel.close()
    ours.close()


async def test_a_packet_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailwarden.app.channel.PACKET_BYTES_MAX", 10)
    ours, theirs = make_pair()
    end = End()
    channel = Channel(theirs, end.on_packet, end.closed.set)
    ours.send(b"+" + b" " * 11)
    await asyncio.wait_for(end.arrived.wait(), 10)
    assert end.packets == [{}]
    channel.close()
    ours.close()


async def test_one_can_wait_until_the_peer_has_taken_everything() -> None:
    pair = Pair()
    await pair.sender.drain()
    pair.sender.send({"text": "x" * 100 * PIECE_BYTES})
    assert pair.sender._unsent
    await asyncio.wait_for(pair.sender.drain(), 10)
    assert not pair.sender._unsent
    await pair.received()
    pair.sender.send({"text": "x" * 100 * PIECE_BYTES})
    pair.receiver.close()
    await asyncio.wait_for(pair.sender.drain(), 10)
    pair.close()
