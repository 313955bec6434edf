"""The watch over sessions: it looks again and again, whatever the accounts are like."""

import asyncio

import pytest

from mailwarden.control.remote import session_watch
from mailwarden.control.remote.session_watch import watch_sessions
from mailwarden.control.remote.sessions import IDLE
from mailwarden.services.accounts.answers import Admitted
from mailwarden.services.accounts.store import AccountStoreError
from tests.unit.control.remote.test_sessions import Room


async def test_it_goes_on_when_the_accounts_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_watch, "SWEEP_SECONDS", 0.0)
    room, told = Room(), list[AccountStoreError]()
    seat = room.enter("ann")
    seat.wait(begins=True)

    def broken(_admitted: Admitted) -> bool:
        raise AccountStoreError("the disk is full")

    watch = asyncio.create_task(watch_sessions(room.sessions, broken, lambda: 60.0, told.append))
    while len(told) < 2:
        await asyncio.sleep(0)
    assert room.ended == []
    room.clock.advance(60)
    while not room.ended:
        await asyncio.sleep(0)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert room.ended == [("ann", IDLE)]
