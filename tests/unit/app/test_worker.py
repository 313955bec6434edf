"""A worker's packets: what comes while it is starting is not forgotten, what fails is told."""

import asyncio
import gc
import os
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app import worker as worker_module
from mailwarden.app.accepted import Accepted
from mailwarden.app.channel import Packet, make_pair
from mailwarden.app.shared_memory import SharedMemory
from mailwarden.app.worker import Worker
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config


class FakeGateway:
    """Remembers what it was told; refuses configurations when it is to."""

    def __init__(self, _post: object, config: GatewayConfig, **_: object) -> None:
        self.configs = [config]
        self.switched: list[dict[str, Any]] = []
        self.looks_for_garbage = gc.isenabled()
        self.refuses = False
        self.applied = 0

    async def start(self, _sockets: object) -> None:
        return None

    async def apply(self, config: GatewayConfig, *_: object) -> None:
        if self.refuses:
            raise OSError("key.pem cannot be read")
        self.configs.append(config)
        self.applied += 1

    def switch(self, switches: dict[str, Any]) -> None:
        self.switched.append(switches)


def configure(**switches: Any) -> tuple[Packet, list[int]]:
    """Return the packet with which a supervisor hands over a configuration."""
    config = parse_config(demo_text(), "x", Path("/tmp"), look_at_files=False)
    text = Accepted(config, demo_text(), {}).to_memory()
    packet = {
        "do": "configure",
        "name": "x",
        "base": "/tmp",
        "listeners": [],
        "switches": switches,
        "state": ["/tmp", "/tmp"],
    }
    return packet, [text, *[os.memfd_create(name) for name in SharedMemory._fields]]


@pytest.fixture
async def started(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_module, "Gateway", FakeGateway)
    monkeypatch.setattr(worker_module.gc, "freeze", lambda: None)
    ours, theirs = make_pair()
    worker = Worker(0, 1, theirs)
    sent: list[Packet] = []
    monkeypatch.setattr(worker._channel, "send", lambda packet, *_: sent.append(packet))
    following = asyncio.create_task(worker._follow_configuration())
    yield worker, sent
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    worker._channel.close()
    ours.close()


async def wait_sent(sent: list[Packet], what: str) -> Packet:
    while not any(packet["say"] == what for packet in sent):
        await asyncio.sleep(0)
    return next(packet for packet in sent if packet["say"] == what)


async def test_a_pause_that_comes_while_a_worker_starts_holds(started) -> None:
    worker, sent = started
    worker._packet(*configure())  # with the switches as they were then
    worker._packet({"do": "switches", "switches": {"work_queue_paused": True}}, [])
    await wait_sent(sent, "ready")
    assert worker._gateway.switched == [{"work_queue_paused": True}]


async def test_no_garbage_is_looked_for_while_the_spool_is_read(started) -> None:
    worker, sent = started
    worker._packet(*configure())
    await wait_sent(sent, "ready")
    assert not worker._gateway.looks_for_garbage
    assert gc.isenabled()


async def test_a_configuration_that_cannot_be_used_is_refused_not_died_of(started) -> None:
    worker, sent = started
    worker._packet(*configure())
    await wait_sent(sent, "ready")
    worker._gateway.refuses = True
    worker._packet(*configure())
    assert (await wait_sent(sent, "refused"))["text"] == "key.pem cannot be read"
    worker._gateway.refuses = False
    worker._packet(*configure())
    while not worker._gateway.applied:
        await asyncio.sleep(0)


async def test_key_05_a_worker_works_without_what_is_switched_off(started) -> None:
    worker, sent = started
    worker._packet(*configure(features_dormant=["mta_sts"]))
    await wait_sent(sent, "ready")
    worker._packet(*configure())
    worker._packet(*configure(features_dormant=["dane"]))
    while worker._gateway.applied < 2:
        await asyncio.sleep(0)
    deliveries = [config.delivery for config in worker._gateway.configs]
    assert [each.mta_sts.enabled for each in deliveries] == [False, True, True]
    assert [each.dane.enabled for each in deliveries] == [True, True, False]


class FakeCommands:
    """Answers in two pages, or with a fault."""

    async def answers(self, request: dict[str, Any]):
        yield {"page": 1}
        if request["command"] == "fault":
            raise RuntimeError("a fault of ours")
        yield {"page": 2}


async def test_a_list_goes_page_by_page_with_other_work_in_between(started) -> None:
    worker, sent = started
    worker._commands = FakeCommands()
    worker._packet({"do": "command", "id": 3, "request": {"command": "list"}}, [])
    assert sent == []
    await asyncio.sleep(0)
    assert sent == [{"say": "answer", "id": 3, "data": {"page": 1}}]
    await wait_sent(sent, "answered")
    assert [packet.get("data") for packet in sent] == [{"page": 1}, {"page": 2}, None]


async def test_a_fault_in_an_answer_is_told_and_ends_nothing(started) -> None:
    worker, sent = started
    worker._commands = FakeCommands()
    worker._packet({"do": "command", "id": 3, "request": {"command": "fault"}}, [])
    await wait_sent(sent, "answered")
    assert [packet["say"] for packet in sent] == ["answer", "alert", "answer", "answered"]
    assert sent[2]["data"] == {"error": "the gateway has a fault: RuntimeError: a fault of ours"}


async def test_a_question_before_there_is_a_gateway_is_not_left_open(started) -> None:
    worker, sent = started
    worker._packet({"do": "command", "id": 3, "request": {"command": "list"}}, [])
    assert await wait_sent(sent, "answered") == {"say": "answered", "id": 3}


async def test_a_packet_that_says_nothing_is_passed_over(started) -> None:
    worker, sent = started
    worker._packet({}, [])
    assert sent == []
