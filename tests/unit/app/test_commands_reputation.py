"""What a worker says of a host or sender, and what a reset leaves of it."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from mailwarden.app.commands import Commands
from mailwarden.services.engines.reputation.history_table import Traffic
from mailwarden.services.engines.reputation.score import Score
from mailwarden.services.throttling.rate_keys import harvest_key, host_key, sender_key
from mailwarden.services.throttling.rates import UNLIMITED, LocalRates

pytestmark = pytest.mark.interpreted  # inherits
HOST = "198.51.100.7"


class Counted(LocalRates):
    def window_end(self, now: float) -> float:
        return now // 3600 * 3600 + 3600


class Known:
    """A reputation of hosts that were seen."""

    is_keeper = True

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    async def score(self, address: str) -> Score:
        return Score(-4.5, "own", f"own lists {address}")

    async def explain(self, address: str) -> list[Score]:
        return [await self.score(address), Score(None, "history", "nothing", word="odd")]

    def recall(self, address: str) -> tuple[Traffic, Traffic]:
        return Traffic(messages=len(address)), Traffic(messages=100)

    def forget(self, address: str) -> None:
        self.forgotten.append(address)


class Parts:
    def __init__(self) -> None:
        self.rates = Counted()
        self.reputation = Known()
        self.said: list[str] = []
        self.log = SimpleNamespace(info=self.said.append)

    def take(self, key: bytes | None, amount: int) -> None:
        assert key is not None
        self.rates.take(key, amount, UNLIMITED, time.time())


def ask(parts: Parts, address: object, **more: Any) -> Any:
    async def collect() -> list[dict[str, Any]]:
        request = {"command": "reputation", "address": address, **more}
        return [answer async for answer in Commands(parts).answers(request)]

    (answer,) = asyncio.run(collect())
    return answer


def test_all_that_is_known_of_a_host() -> None:
    parts = Parts()
    parts.take(host_key(HOST), 3)
    parts.take(harvest_key(host_key(HOST, 24)), 2)
    answer = ask(parts, HOST)
    assert answer["counts"] == [
        {"of": HOST, "recipients": 3, "invalid": 0},
        {"of": "198.51.100.0/24", "recipients": 0, "invalid": 2},
    ]
    assert answer["score"]["value"] == -4.5
    assert answer["providers"][1]["logged"] == "odd"
    assert answer["seen"]["messages"] == len(HOST)
    assert answer["network"] == "198.51.100.0/24"
    assert 0 < answer["resets_at"] - time.time() <= 3600
    assert parts.said == []


def test_a_reset_reaches_the_networks_that_it_is_counted_with() -> None:
    parts = Parts()
    for key in (host_key(HOST), host_key(HOST, 24), host_key("198.51.100.8")):
        parts.take(key, 3)
        parts.take(harvest_key(key), 3)
    assert ask(parts, HOST, reset=True)["counts"] == [{"of": HOST, "recipients": 0, "invalid": 0}]
    assert ask(parts, "198.51.100.8")["counts"][0]["recipients"] == 3
    assert parts.said == [f"Reputation: counts of {HOST} were reset by an administrator"]


def test_what_was_seen_is_forgotten_when_asked_for() -> None:
    parts = Parts()
    ask(parts, HOST, forget=True)
    assert parts.reputation.forgotten == [HOST]
    assert "was forgotten by an administrator" in parts.said[0]


def test_a_sender() -> None:
    parts = Parts()
    parts.take(sender_key("ann@partner.example"), 5)
    answer = ask(parts, "ann@partner.example", forget=True)
    assert answer["counts"] == [{"of": "ann@partner.example", "recipients": 5, "invalid": 0}]
    assert "score" not in answer
    assert parts.reputation.forgotten == []


@pytest.mark.parametrize(
    ("address", "name"),
    [("2001:db8::25", "2001:db8::/64"), ("::ffff:198.51.100.7", "::ffff:198.51.100.7")],
)
def test_other_forms_of_addresses(address: str, name: str) -> None:
    parts = Parts()
    parts.take(host_key(address), 4)
    assert ask(parts, address)["counts"] == [{"of": name, "recipients": 4, "invalid": 0}]


@pytest.mark.parametrize("address", ["nonsense", 7, None, ""])
def test_what_is_no_address(address: object) -> None:
    assert "request not understood" in ask(Parts(), address)["error"]
