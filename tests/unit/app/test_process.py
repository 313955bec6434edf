"""What the supervisor makes of a worker that dies, talks nonsense, or takes its time."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mailwarden.app.alert_relay import AlertRelay
from mailwarden.app.channel import Packet
from mailwarden.app.gathering import Gathering
from mailwarden.app.process import NoAnswerError, WorkerProcess
from tests.unit.app.peer import HeardLog, Peer, Peers, wait_until

SECONDS = 5.0
STATUS = {"spool": {"queued": 2}, "destinations": [], "counters": {"messages_in": 3}}


class Setup:
    """A worker's process, and its peer at the other end of the channel."""

    def __init__(self, index: int = 1) -> None:
        self.log = HeardLog()
        self.peers = Peers()
        self.alerts = AlertRelay()
        self.passed: list[Packet] = []
        self.alerts.begin(self.passed.append)
        self.refused: list[str] = []
        self.worker = WorkerProcess(
            index,
            2,
            "",
            self.log,
            self.alerts,
            self.refused.append,
            self.peers.launch,  # type: ignore[arg-type]
        )

    async def start(self, *, ready: bool = True) -> Peer:
        await self.worker.start()
        peer = self.peers.started[0]
        if ready:
            peer.say("ready")
            await wait_until(lambda: self.worker.is_ready)
        return peer

    async def ask(self, seconds: float = SECONDS) -> list[dict[str, Any]]:
        return [answer async for answer in self.worker.ask({"command": "x"}, seconds)]

    def gather(self, command: str, seconds: float = SECONDS) -> Gathering:
        return Gathering([self.worker], {"command": command}, seconds)  # type: ignore[list-item]


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    setup = Setup()
    yield setup
    if setup.peers.started:
        setup.peers.end_all()
        await setup.worker.wait()


async def everything(gathering: Gathering) -> list[dict[str, Any]]:
    return [answer async for answer in gathering.answers({"pid": 7})]


async def test_a_worker_that_starts_says_so_and_answers_nothing_yet(setup: Setup) -> None:
    peer = await setup.start(ready=False)
    peer.say("progress", text="reading the spool: 40%")
    await wait_until(lambda: setup.worker.progress)
    with pytest.raises(NoAnswerError, match="worker 1 is still starting"):
        await setup.ask()
    assert await everything(setup.gather("queue_list")) == [
        {"error": "the list is not whole: worker 1 is still starting"}
    ]
    (status,) = await everything(setup.gather("status"))
    assert status["workers"] == [
        {"index": 1, "pid": 1000, "state": "starting", "progress": "reading the spool: 40%"}
    ]
    assert peer.told("command") == []


async def test_a_worker_that_dies_while_starting_is_gone(setup: Setup) -> None:
    peer = await setup.start(ready=False)
    peer.end(70)
    assert await setup.worker.wait() == "exit status 70"
    assert setup.worker.is_gone
    assert not setup.worker.was_ready
    assert setup.worker.state == "restarting"
    with pytest.raises(NoAnswerError, match="worker 1 has ended and is being restarted"):
        await setup.ask()


async def test_a_worker_that_dies_while_it_answers_is_named(setup: Setup) -> None:
    peer = await setup.start()
    listing = asyncio.create_task(everything(setup.gather("queue_list")))
    showing = asyncio.create_task(everything(setup.gather("queue_show")))
    peer.answer(await peer.hears("command"), {"messages": [1]}, whole=False)
    await peer.hears("command", 2)
    await wait_until(lambda: setup.worker._answers[1].empty())
    peer.end(-11)
    assert await listing == [
        {"messages": [1]},
        {"error": "the list is not whole: worker 1 ended while it answered"},
    ]
    assert await showing == [
        {"workers": [], "unanswered": ["worker 1 ended while it answered"]},
    ]
    assert await setup.worker.wait() == "signal SIGSEGV"


async def test_two_questions_at_once_get_their_own_answers(setup: Setup) -> None:
    peer = await setup.start()
    first, second = asyncio.create_task(setup.ask()), asyncio.create_task(setup.ask())
    one, two = await peer.hears("command", 1), await peer.hears("command", 2)
    peer.answer(two, {"of": 2}, whole=False)
    peer.answer(one, {"of": 1})
    peer.answer(two, {"of": 2, "more": True})
    assert await first == [{"of": 1}]
    assert await second == [{"of": 2}, {"of": 2, "more": True}]


async def test_an_answer_that_comes_late_is_nobodys(setup: Setup) -> None:
    peer = await setup.start()
    with pytest.raises(NoAnswerError, match="worker 1 does not answer within 0 seconds"):
        await setup.ask(0.0)
    late = await peer.hears("command")
    (status,) = await everything(setup.gather("status", 0.0))
    assert status["workers"][0]["state"] == "not answering"
    asking = asyncio.create_task(setup.ask())
    question = await peer.hears("command", 3)
    peer.answer(late, {"late": True})
    peer.answer(question, {"late": False})
    assert await asking == [{"late": False}]


async def test_a_worker_without_an_answer_is_named(setup: Setup) -> None:
    peer = await setup.start()
    asking = asyncio.create_task(everything(setup.gather("queue_show")))
    peer.answer(await peer.hears("command"))
    assert await asking == [{"workers": [], "unanswered": ["worker 1 had no answer"]}]


@pytest.mark.parametrize(
    "rubbish",
    [
        b".{",
        b".[]",
        b".{}",
        b'.{"say":"dance"}',
        b'.{"say":"answer"}',
        b'.{"say":"answer","id":"1","data":{}}',
        b'.{"say":"answer","id":1,"data":[]}',
        b'.{"say":"progress","text":1}',
        b".\xff\xff",
    ],
)
async def test_a_worker_that_talks_nonsense_is_ended(setup: Setup, rubbish: bytes) -> None:
    peer = await setup.start()
    asking = asyncio.create_task(setup.ask())
    await peer.hears("command")
    peer.say_raw(rubbish)
    with pytest.raises(NoAnswerError, match="ended while it answered"):
        await asking
    assert await setup.worker.wait() == "signal SIGKILL"
    assert setup.log.said("Critical: Worker 1 (process 1000) says what makes no sense: it is ended")


@pytest.mark.parametrize(
    "answer", [{}, {"spool": []}, {**STATUS, "destinations": [{}]}, {"spool": {"queued": "x"}}]
)
async def test_a_status_that_makes_no_sense_is_none(setup: Setup, answer: dict[str, Any]) -> None:
    peer = await setup.start()
    asking = asyncio.create_task(everything(setup.gather("status")))
    peer.answer(await peer.hears("command"), answer)
    (status,) = await asking
    assert status["workers"][0]["state"] == "not answering"
    assert status["spool"] == {}


async def test_a_status_is_put_together(setup: Setup) -> None:
    peer = await setup.start()
    asking = asyncio.create_task(everything(setup.gather("status")))
    peer.answer(await peer.hears("command"), STATUS)
    (status,) = await asking
    assert status["pid"] == 7
    assert status["workers"][0]["state"] == "running"
    assert status["spool"] == {"queued": 2}
    assert status["totals"] == {"messages_in": 3}


async def test_files_that_a_worker_sends_are_closed(setup: Setup) -> None:
    peer = await setup.start()
    reading, writing = os.pipe()
    peer._channel.send({"say": "followed"}, [writing])
    os.close(writing)
    peer.say("progress", text="behind it")
    await wait_until(lambda: setup.worker.progress)
    assert os.read(reading, 1) == b""  # nobody has the other end any more
    os.close(reading)


async def test_one_is_told_when_a_configuration_is_followed_refused_or_can_be_neither(
    setup: Setup,
) -> None:
    peer = await setup.start()
    worker = setup.worker
    for ends in (
        lambda: peer.say("followed"),
        lambda: peer.say("refused", text="key.pem cannot be read"),
        lambda: peer.end(1),
    ):
        worker.configure({}, [])
        waiting = asyncio.create_task(worker.wait_followed())
        await peer.hears("configure")
        assert not waiting.done()
        ends()
        await asyncio.wait_for(waiting, SECONDS)
        await wait_until(lambda: not worker._follows)
    assert setup.refused == ["key.pem cannot be read"]
    worker.configure({}, [])
    await asyncio.wait_for(worker.wait_followed(), SECONDS)


async def test_a_worker_that_stays_although_its_channel_is_closed_is_ended(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailwarden.app.process.LEAVE_SECONDS", 0.0)
    peer = await setup.start()
    peer._channel.close()
    peer._raw.close()
    assert await asyncio.wait_for(setup.worker.wait(), SECONDS) == "signal SIGKILL"


@pytest.mark.parametrize(
    ("severity", "logged", "last"),
    [
        ("Critical", "Critical: Worker 1: no room", "no room"),
        ("Warning", "Warning: Worker 1: no room", ""),
        ("Information", "Info: Worker 1: no room", ""),
        ("nonsense", "Critical: Worker 1: no room", "no room"),
    ],
)
async def test_alerts_of_a_worker_are_logged_and_passed_on(
    setup: Setup, severity: str, logged: str, last: str
) -> None:
    peer = await setup.start()
    peer.say("alert", **{"severity": severity, "class": "Hardware", "text": "no room", "key": "k"})
    await wait_until(lambda: setup.passed)
    assert setup.log.lines[-1] == logged
    assert setup.worker.last_alert == last
    assert setup.passed[0]["class"] == "Hardware"
    assert setup.passed[0]["text"] == "no room\n(worker 1, process 1000)"
    assert setup.passed[0]["key"] == "k"


async def test_a_worker_that_talks_nonsense_is_told_of(setup: Setup) -> None:
    peer = await setup.start()
    peer.say("alert", text=" ")
    assert await setup.worker.wait() == "signal SIGKILL"
    assert [packet["key"] for packet in setup.passed] == ["worker 1 nonsense"]
