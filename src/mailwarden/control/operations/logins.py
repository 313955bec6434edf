"""Who is logged in, and who was lately (admin 1.6.2)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.presence import PresentSession
from mailwarden.core.access.roles import role_name
from mailwarden.core.access.users import ADMIN_USER
from mailwarden.stores.configuration.record import AuditRecord

# How the audit log names what sessions do.
LOGGED_IN: Final = "logged in"
LOGGED_OUT: Final = "logged out"
ENDED: Final = "ended"

LOGINS_MAX: Final = 100  # that are listed
RECORDS_MAX: Final = 5000  # of the audit log that are looked at for them
_PAGE: Final = 500

_Way = tuple[str, str]  # user and address


class Login(NamedTuple):
    """A login; times count from the epoch. Without `until` nothing was recorded of its end."""

    user: str
    address: str
    since: float
    until: float | None
    is_present: bool


class OneSelf(NamedTuple):
    """What an administrator is told of the own session."""

    user: str
    full_name: str
    role: str
    address: str
    is_local: bool


def present(desk: Desk) -> list[PresentSession]:
    """Return the living sessions, the oldest first."""
    desk.require("who")
    return list(desk.administration.presence.rows())


def myself(desk: Desk) -> OneSelf:
    """Return who the administrator is to the gateway."""
    desk.require("whoami")
    actor = desk.actor
    users = (*desk.administration.config.administration.users, ADMIN_USER)
    names = (user.full_name for user in users if user.name == actor.user)
    full_name = next(names, "") if actor.is_local else ""
    return OneSelf(
        actor.user, full_name, role_name(actor.rights.role), actor.address, actor.is_local
    )


def recent(desk: Desk, limit: int = LOGINS_MAX) -> list[Login]:
    """Return the last logins, the newest first.

    Where somebody is logged in several times from one place, the log does not say which of these
    sessions has ended: that which began last is taken.
    """
    desk.require("last")
    living: dict[_Way, int] = {}
    for row in desk.administration.presence.rows():
        way = (row.user, row.origin.address)
        living[way] = living.get(way, 0) + 1
    ends: dict[_Way, list[float]] = {}
    found: list[Login] = []
    for record in _records(desk):
        way = (record.author.user, record.author.address)
        if _is_end(record):
            ends.setdefault(way, []).append(record.time)
        elif record.action == LOGGED_IN:
            found.append(_login(way, record.time, ends, living))
            if len(found) >= limit:
                break
    return found


def _login(
    way: _Way, since: float, ends: dict[_Way, list[float]], living: dict[_Way, int]
) -> Login:
    """Return a login; its end, or its place among the living sessions, is used up."""
    held = ends.get(way)
    if held:
        # Ends are met newest first: the earliest one after this login is the last that was met.
        return Login(*way, since, held.pop(), is_present=False)
    if living.get(way):
        living[way] -= 1
        return Login(*way, since, None, is_present=True)
    return Login(*way, since, None, is_present=False)


def _is_end(record: AuditRecord) -> bool:
    # Over the network a session that was ended is followed by the end of its connection.
    if record.action == LOGGED_OUT:
        return True
    return record.action == ENDED and not record.author.address


def _records(desk: Desk) -> Iterator[AuditRecord]:
    store, before, seen = desk.administration.versions.store, 0, 0
    while seen < RECORDS_MAX:
        page = store.audit(_PAGE, before)
        if not page:
            return
        yield from page
        seen += len(page)
        before = page[-1].number
