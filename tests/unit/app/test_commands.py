"""What a worker answers about its mail."""

from types import SimpleNamespace
from typing import Any

import pytest

from mailwarden.app.commands import Commands
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.mailflow.delivery.deleted import Deleted
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import DamagedError, Entry, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.log.maillog import silent_log

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
    assert pages[1:] == [{"messages": [], "more": 1}]
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
    assert ask(spool, "queue_deleted", limit=1)[1:] == [{"messages": [], "more": 1}]
