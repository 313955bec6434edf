"""What administrators do to messages, as the log and the spool see it."""

from types import SimpleNamespace
from typing import Any

import pytest

from mailwarden.app.commands import Commands
from mailwarden.app.wiring import Gateway
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.mailflow.delivery.delivery import Retried
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Held, State, Stored
from mailwarden.system.clock.clock import SimulatedClock


class Parts:
    """The parts of a gateway that these commands use."""

    hold = Gateway.hold
    release = Gateway.release

    def __init__(self) -> None:
        self._clock = SimulatedClock()
        self.spool = MemorySpool(self._clock)
        self.said: list[tuple[Any, ...]] = []
        self.log = SimpleNamespace(
            held=lambda *said: self.said.append(said),
            released=lambda *said, seconds: self.said.append((*said, seconds)),
        )
        self.retried: list[str | None] = []
        self.delivery = SimpleNamespace(retry_now=self._retry_now)

    def _retry_now(self, domain: str | None) -> Retried:
        self.retried.append(domain)
        return Retried(3, 4)

    def put(self, mid: int) -> None:
        envelope = Envelope(
            mid=mid,
            icid=1,
            sender="ann@corp.example",
            recipients=(Recipient("bob@corp.example"),),
            received_at=self._clock.time(),
        )
        stored = Stored(envelope, b"", InlineContent(b"Subject: x\r\n\r\n"))
        self.spool.put(stored, State.QUEUED, lambda *_: None)

    def pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds)


def ask(parts: Parts, command: str, **arguments: Any) -> Any:
    (answer,) = Commands(parts).answer({"command": command, **arguments})
    return answer


def test_a_release_says_how_long_it_was_held() -> None:
    parts = Parts()
    parts.put(7)
    assert ask(parts, "queue_hold", mid=7) == {"found": True, "held": True}
    parts.pass_time(842)
    assert ask(parts, "queue_release", mid=7) == {"found": True, "released": True}
    assert parts.said[-1] == (7, "operator", 842)
    assert ask(parts, "queue_release", mid=7) == {"found": True, "released": False}


@pytest.mark.parametrize("at", [0.0, 1e12])
def test_a_hold_of_unknown_age_or_from_before_the_clock_was_set_back(at: float) -> None:
    parts = Parts()
    parts.put(7)
    ask(parts, "queue_hold", mid=7)
    parts.spool.get(7).pause = Held("operator", at)
    ask(parts, "queue_release", mid=7)
    assert parts.said[-1] == (7, "operator", 0)


def test_a_retry_says_what_it_still_looks_at() -> None:
    parts = Parts()
    assert ask(parts, "queue_retry", domain="corp.example") == {"retried": 3, "unseen": 4}
    assert ask(parts, "queue_retry", domain="") == {"retried": 3, "unseen": 4}
    assert parts.retried == ["corp.example", None]
