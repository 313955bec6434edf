"""Administrators of a gateway, who come and go: for tests of the commands about them."""

import asyncio
import dataclasses

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.versions import MODEL
from mailwarden.control.remote.session_host import Origin
from mailwarden.core.access.account import Account, Channel
from mailwarden.core.access.password_hash import make_password_hash
from mailwarden.core.access.roles import Role
from mailwarden.services.accounts.answers import Admitted, Answer, Attempt
from tests.unit.control.commands.counter import CHEAP, Counter, run_line

HOME = "192.0.2.7"


def hire(counter: Counter, *users: tuple[str, Role]) -> None:
    """Commit users; the password of each, and of `admin`, is `<name> secret`."""
    desk = counter.desk()
    members = [{"name": name, "role": role.value} for name, role in users]
    if members:
        desk.candidate = desk.candidate.put(("administration", "users"), members, MODEL)
        assert run_line(desk, "commit hired").status == 0
    for name in ("admin", *(name for name, _ in users)):
        hashed = str(make_password_hash(f"{name} secret", b"0123456789abcdef", CHEAP))
        counter.administration.accounts.change(
            name, lambda each, hashed=hashed: dataclasses.replace(each, password=hashed)
        )


def try_to_log_in(
    counter: Counter, user: str, password: str = "", channel: Channel = Channel.SSH
) -> Answer:
    """Return what somebody hears; without a password it is the right one."""
    attempt = Attempt(user, password or f"{user} secret", channel, HOME)
    return asyncio.run(counter.administration.sign_in.by_password(attempt))


def come(counter: Counter, user: str = "admin", *, address: str = HOME) -> Desk:
    """Return the desk of a session in which somebody has logged in."""
    channel = Channel.SSH if address else Channel.CONSOLE
    admitted = try_to_log_in(counter, user, channel=channel)
    assert isinstance(admitted, Admitted), admitted
    origin = Origin(channel, address)
    seat = counter.sessions.enter(
        admitted, origin, lambda: 0, lambda _reason: counter.sessions.leave(seat)
    )
    desk = counter.desk(user, admitted.role, address)
    desk.session = seat.number
    return desk


def who_is_there(counter: Counter) -> list[int]:
    """Return the sessions that have not had to end, once somebody has looked (ROLE-07)."""
    counter.sessions.sweep(counter.administration.sign_in.still_holds)
    return [row.number for row in counter.sessions.rows()]


def account(counter: Counter, user: str) -> Account:
    """Return an account as it is now."""
    found = counter.administration.accounts.load(user)
    assert found is not None
    return found
