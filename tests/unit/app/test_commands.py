"""What a worker answers about its mail."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from mailwarden.app.commands import Commands
from mailwarden.app.commands_list import Pace
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.mailflow.delivery.deleted import Deleted
from mailwarden.mailflow.origination.letters import Letters
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import DamagedError, Entry, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.log.maillog import silent_log
from tests.unit.mailflow.origination.station import Numbers

pytestmark = pytest.mark.interpreted  # inherits from the spool in memory


class CountedSpool(MemorySpool):
    """Counts how often a message is read."""

    def __init__(self) -> None:
        super().__init__(SimulatedClock(), hot_size_max_bytes=0)
        self.loads = 0
        self.failure_to_load: Exception | None = None

    def load(self, entry: Entry) -> Stored:
        self.loads += 1
        if self.failure_to_load is not None:
            raise self.failure_to_load
        return super().load(entry)


@pytest.fixture
def spool() -> CountedSpool:
    spool = CountedSpool()
    for mid in (1, 2, 3):
        envelope = Envelope(
            mid=mid,
            icid=1,
            sender="ann@partner.example",
            recipients=(Recipient("bob@corp.example"),),
            received_at=spool._clock.time(),
        )
        content = InlineContent(b"Subject: x\r\n\r\nbody\r\n")
        spool.put(Stored(envelope, b"Received: y\r\n", content), State.RECEIVED, lambda *_: None)
    return spool


def ask(spool: CountedSpool, command: str, **more: Any) -> list[dict[str, Any]]:
    deleted = Deleted(spool, silent_log(), spool._clock, 86_400)
    deleted.find()
    delivery = SimpleNamespace(deleted=deleted, redirected=lambda *_: more.get("to", ""))
    gateway: Any = SimpleNamespace(spool=spool, delivery=delivery)
    return list(Commands(gateway).answer({"command": command, **more}))


def test_a_list_tells_of_a_damaged_message_once(spool: CountedSpool) -> None:
    spool.damaged.add(2)
    for loads in (3, 5, 7):
        (page,) = ask(spool, "queue_list", limit=1000)
        row = page["messages"][1]
        assert (row["mid"], row["state"], row["hold"]) == (2, "held", "damaged")
        assert "sender" not in row
        assert spool.loads == loads
    (shown,) = ask(spool, "queue_show", mid=2)
    assert shown["found"]
    assert shown["hold"] == "damaged"
    assert spool.loads == 7


def test_a_list_that_is_cut_says_how_many_more_there_are(spool: CountedSpool) -> None:
    pages = ask(spool, "queue_list", limit=2)
    assert [row["mid"] for row in pages[0]["messages"]] == [1, 2]
    assert pages[0]["more"]
    assert len(pages) == 1
    assert len(ask(spool, "queue_list", limit=0)) == 1
    assert len(ask(spool, "queue_list", limit=3)) == 1


def test_one_message(spool: CountedSpool) -> None:
    (shown,) = ask(spool, "queue_show", mid=1)
    assert shown["recipients"] == [{"rid": 0, "address": "bob@corp.example", "state": "waiting"}]
    assert shown["header"] == "Received: y\r\nSubject: x"
    (shown,) = ask(spool, "queue_show", mid=1, to="relay.example")
    assert shown["recipients"][0]["redirected_to"] == "relay.example"


def test_content_that_cannot_be_read_does_not_hide_the_rest(
    spool: CountedSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        size = 3

        def read(self, _size: int) -> bytes:
            raise DamagedError("large/1 is missing")

    stored = spool._messages[1]
    spool._messages[1] = stored._replace(content=Broken())  # type: ignore[arg-type]
    (shown,) = ask(spool, "queue_show", mid=1)
    assert shown["header"] == "Received: y\r\n"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"command": "queue_show"}, "not understood"),
        ({"command": "queue_show", "mid": "x"}, "not understood"),
        ({"command": "queue_list", "limit": ["x"]}, "not understood"),
        ({"command": "dance"}, "does not know the command 'dance'"),
    ],
)
def test_requests_that_make_no_sense(
    spool: CountedSpool, request_: dict[str, Any], error: str
) -> None:
    (answer,) = ask(spool, **request_)
    assert error in answer["error"]


def test_a_disk_that_cannot_be_read_costs_only_the_details(spool: CountedSpool) -> None:
    spool.failure_to_load = SpoolFailure("MID 1 cannot be read")
    (page,) = ask(spool, "queue_list")
    assert [row["mid"] for row in page["messages"]] == [1, 2, 3]


def test_a_message_that_a_stage_deferred_shows_why_and_until_when(spool: CountedSpool) -> None:
    at = spool._clock.time() + 60
    entry = spool.get(2)
    assert entry is not None
    spool.requeue(entry, at, "antivirus: no answer within 5 seconds")
    (page,) = ask(spool, "queue_list")
    (shown,) = ask(spool, "queue_show", mid=2)
    for row in (page["messages"][1], shown):
        assert row["reason"] == "antivirus: no answer within 5 seconds"
        assert (row["attempts"], row["next_attempt_at"]) == (1, at)
    spool.queue(entry)
    (page,) = ask(spool, "queue_list")
    assert page["messages"][1]["reason"] == ""


def test_what_was_deleted_is_listed_by_itself(spool: CountedSpool) -> None:
    spool.hold(spool.get(2), "deleted", "")
    (page,) = ask(spool, "queue_list", limit=2)
    assert [row["mid"] for row in page["messages"]] == [1, 3]
    (page,) = ask(spool, "queue_deleted", limit=1)
    (row,) = page["messages"]
    assert (row["mid"], row["state"], row["hold"]) == (2, "deleted", "")
    assert row["kept_until"] == spool._clock.time() + 86_400
    assert ask(spool, "queue_hold", mid=2) == [{"found": True, "held": False, "deleted": True}]
    assert ask(spool, "queue_release", mid=2) == [
        {"found": True, "released": False, "deleted": True}
    ]
    spool.hold(spool.get(3), "deleted", "")
    (page,) = ask(spool, "queue_deleted", limit=1)
    assert ([row["mid"] for row in page["messages"]], page["more"]) == ([2], True)


def test_a_list_of_what_is_meant(spool: CountedSpool) -> None:
    def mids(**selection: Any) -> list[int]:
        pages = ask(spool, "queue_list", selection=selection)
        return [row["mid"] for page in pages for row in page["messages"]]

    assert mids(mids=[3, 2, 99]) == [2, 3]
    assert mids(recipient_hosts=["corp.example"], mids=[1]) == [1]
    assert mids(senders=["@corp.example"]) == []
    assert mids(older_than_seconds=0) == [1, 2, 3]
    (answer,) = ask(spool, "queue_list", selection={"x": 1})
    assert "not understood" in answer["error"]


def test_the_oldest_waits_for_delivery(spool: CountedSpool) -> None:
    assert ask(spool, "queue_oldest") == []
    for mid in (3, 2):
        spool.queue(spool.get(mid))
    spool.get(3).received_at -= 5
    (answer,) = ask(spool, "queue_oldest")
    assert answer["message"]["mid"] == 3
    assert answer["message"]["subject"] == "x"


def test_a_message_is_handed_over_as_it_came(spool: CountedSpool) -> None:
    *parts, last = ask(spool, "queue_archive", mid=1, as_received=True)
    content = b"".join(base64.b64decode(part["data"]) for part in parts)
    assert content == b"Subject: x\r\n\r\nbody\r\n"
    assert last["size"] == len(content)


def test_a_message_is_archived_as_it_would_leave(spool: CountedSpool) -> None:
    first, last = ask(spool, "queue_archive", mid=1)[::2]
    parts = ask(spool, "queue_archive", mid=1)
    content = b"".join(base64.b64decode(part["data"]) for part in parts[:-1])
    assert content == b"Received: y\r\nSubject: x\r\n\r\nbody\r\n"
    assert (first["found"], last) == (True, {"found": True, "done": True, "size": len(content)})
    assert ask(spool, "queue_archive", mid=99) == [{"found": False}]
    spool.damaged.add(1)
    (answer,) = ask(spool, "queue_archive", mid=1)
    assert "checksum" in answer["error"]


async def test_pages_without_messages_are_told_now_and_then(spool: CountedSpool) -> None:
    for mid in range(4, 1004):
        envelope = Envelope(
            mid=mid,
            icid=1,
            sender="",
            recipients=(Recipient("bob@corp.example"),),
            received_at=spool._clock.time(),
        )
        spool.put(Stored(envelope, b"", InlineContent(b"")), State.RECEIVED, lambda *_: None)
    gateway: Any = SimpleNamespace(spool=spool)
    request = {"command": "queue_list", "selection": {"senders": ["nobody@x"]}}
    assert len(list(Commands(gateway).answer(request))) == 5
    assert [answer async for answer in Commands(gateway).answers(request)] == []
    times = iter([0.0, 0.1, 0.6, 0.6, 0.7])
    pace = Pace(0.5, lambda: next(times))
    assert [pace.is_told(answer) for answer in ({}, {"messages": []}, {})] == [False, True, False]


async def originate(spool: CountedSpool, **request: Any) -> dict[str, Any]:
    letters = Letters(spool, Numbers(), silent_log(), spool._clock)
    gateway: Any = SimpleNamespace(spool=spool, letters=letters)
    answers = Commands(gateway).answers({"command": "originate", **request})
    (answer,) = [each async for each in answers]
    return answer


async def test_a_letter_is_sent_once_it_is_durable(spool: CountedSpool) -> None:
    mail = "Subject: x\r\n\r\nHello.\r\n"
    assert await originate(spool, mail=mail, to=["a@b.example"], by="ann") == {"mid": 7013}
    entry = spool.get(7013)
    assert entry is not None
    assert spool.load(entry).content.read() == mail.encode()
    spool.failure = SpoolFailure("no room", full=True)
    answer = await originate(spool, mail=mail, to=["a@b.example"])
    assert answer == {"error": "the spool does not take it: no room"}


@pytest.mark.parametrize(
    "request_",
    [{}, {"mail": 1, "to": []}, {"mail": "x", "to": "a@b.example"}, {"mail": "\udcff", "to": [""]}],
)
async def test_what_is_no_letter_is_an_error(spool: CountedSpool, request_: Any) -> None:
    assert list(await originate(spool, **request_)) == ["error"]
