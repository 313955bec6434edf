"""Operations on many messages, as a worker answers them."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mailwarden.app import commands_queue
from mailwarden.app.commands import Commands
from mailwarden.mailflow.delivery.operator import Deed, Handled


class FakeOperator:
    """Takes three slices, the second of which divides a message."""

    def __init__(self) -> None:
        self.dividing = 0
        self.asked: list[Any] = []

    def run(self, *asked: Any) -> Any:
        self.asked.append(asked)
        handled = Handled()
        for _ in range(3):
            handled.looked_at += 10
            handled.messages += 1
            handled.recipients += 2
            yield handled
        self.dividing = 1
        asyncio.get_running_loop().call_later(0.02, self._divided)
        yield handled

    def _divided(self) -> None:
        self.dividing = 0

    async def wait_divided(self, limit: int) -> None:
        while self.dividing > limit:
            await asyncio.sleep(0.01)

    def restore(self, *asked: Any) -> Any:
        self.asked.append(asked)
        yield Handled()


async def ask(operator: FakeOperator, **request: Any) -> list[dict[str, Any]]:
    gateway: Any = SimpleNamespace(delivery=SimpleNamespace(operator=operator))
    return [answer async for answer in Commands(gateway).answers(request)]


async def test_the_last_word_comes_when_all_is_safe() -> None:
    operator = FakeOperator()
    (answer,) = await ask(operator, command="queue_delete", selection={"mids": [7]}, by="ann")
    assert answer == {
        "done": True,
        "looked_at": 30,
        "messages": 3,
        "recipients": 6,
        "unreadable": 0,
    }
    assert operator.dividing == 0
    ((deed, selection, by),) = operator.asked
    assert (deed, selection.mids, by) == (Deed.DELETE, frozenset({7}), "ann")


async def test_whoever_waits_hears_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_queue, "PROGRESS_SECONDS", 0)
    answers = await ask(FakeOperator(), command="queue_bounce")
    assert [(answer["done"], answer["looked_at"]) for answer in answers] == [
        (False, 10),
        (False, 20),
        (False, 30),
        (False, 30),
        (True, 30),
    ]


async def test_a_restore() -> None:
    operator = FakeOperator()
    await ask(operator, command="queue_restore", selection={"mids": [7]})
    ((selection, by),) = operator.asked
    assert (selection.mids, by) == (frozenset({7}), "unknown")


@pytest.mark.parametrize("selection", [["x"], {"all": True}, {"mids": "7"}])
async def test_a_selection_that_makes_no_sense_touches_nothing(selection: Any) -> None:
    operator = FakeOperator()
    (answer,) = await ask(operator, command="queue_delete", selection=selection)
    assert "not understood" in answer["error"]
    assert operator.asked == []


async def test_other_commands_are_answered_as_ever() -> None:
    (answer,) = await ask(FakeOperator(), command="dance")
    assert "does not know" in answer["error"]
