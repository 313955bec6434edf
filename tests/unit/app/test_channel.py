"""The channel between supervisor and worker: packets, descriptors, the end of a peer."""

import asyncio
import os

from mailwarden.app.channel import Channel, Packet, make_pair


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


async def test_a_peer_that_goes_is_noticed_and_sending_is_harmless() -> None:
    ours, theirs = make_pair()
    end = End()
    channel = Channel(ours, end.on_packet, end.closed.set)
    theirs.close()
    await asyncio.wait_for(end.closed.wait(), 10)
    channel.send({"do": "stop"})
