"""Logging in, step by step, and what disturbs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.control.remote.log_in import NEW_PASSWORDS_MAX, Doors, LogIn, Question
from mailwarden.control.remote.session_host import Access, AccessEvent, Origin
from mailwarden.core.access.account import Change, Channel
from mailwarden.services.accounts.passwords import Passwords
from mailwarden.services.accounts.sign_in import SignInSettings
from mailwarden.services.accounts.store import AccountStoreError
from tests.unit.services.accounts.office import DESK, Office


class Desk:
    """One connection's log-in."""

    def __init__(self, office: Office) -> None:
        self.events: list[AccessEvent] = []
        self.said: list[str] = []
        passwords = Passwords(office.store, office.hasher, office.clock)
        doors = Doors(office.sign_in, passwords, lambda: office.settings.policy)
        origin = Origin(Channel.SSH, DESK)
        self.log_in = LogIn(doors, origin, self.events.append, self.said.append)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path / "accounts", SignInSettings())
    yield office
    office.close()


async def test_answers_out_of_turn_let_nobody_in(office: Office) -> None:
    desk = Desk(office)
    desk.log_in.begin()
    for answers in ([], ["ann secret", "ann secret"], ["a"] * 1000):
        assert await desk.log_in.answer("ann", answers) is False
    assert desk.log_in.admitted is None
    assert desk.log_in.failures == 3


async def test_a_change_is_of_the_user_who_gave_the_password(office: Office) -> None:
    desk = Desk(office)
    office.change("ann", change=Change.RESET)
    desk.log_in.begin()
    assert isinstance(await desk.log_in.answer("ann", ["ann secret"]), Question)
    assert await desk.log_in.answer("bob", ["a much better one"] * 2) is False
    assert desk.log_in.admitted is None
    assert office.account("bob").password_at == office.account("hal").password_at


async def test_a_new_password_is_asked_for_only_so_often(office: Office) -> None:
    desk = Desk(office)
    office.change("ann", change=Change.RESET)
    desk.log_in.begin()
    await desk.log_in.answer("ann", ["ann secret"])
    for _ in range(NEW_PASSWORDS_MAX):
        assert isinstance(await desk.log_in.answer("ann", ["short", "short"]), Question)
    assert await desk.log_in.answer("ann", ["a much better one"] * 2) is False
    assert office.account("ann").change is Change.RESET


async def test_a_change_that_is_not_due_is_refused(office: Office) -> None:
    desk = Desk(office)
    assert not await desk.log_in.change("ann", "ann secret", "a much better one")
    assert desk.log_in.admitted is None
    assert not await desk.log_in.change("ann", "wrong", "a much better one")
    assert await desk.log_in.by_password("ann", "ann secret")


async def test_without_accounts_nobody_gets_in(office: Office) -> None:
    desk = Desk(office)
    office.store.close()
    desk.log_in.begin()
    with pytest.raises(AccountStoreError):
        await desk.log_in.answer("ann", ["ann secret"])
    assert desk.log_in.admitted is None
    assert desk.events[0].access is Access.REFUSED


async def test_names_are_harmless_in_the_log(office: Office) -> None:
    desk = Desk(office)
    desk.log_in.begin()
    await desk.log_in.answer("\x1b[2J" + "x" * 10_000, ["wrong"])
    assert desk.events[0].user.startswith(r"\x1b[2Jxxx")
    assert len(desk.events[0].user) < 100
