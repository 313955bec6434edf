"""`who`, `whoami` and `last` (admin 1.6.2)."""

from typing import Any, Final

from mailwarden.control.answers.table import human_time, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import date_of, refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.operations import logins
from mailwarden.control.operations.logins import Login
from mailwarden.control.operations.presence import PresentSession

HERE: Final = "this machine"


def _who(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        rows = logins.present(desk)
    heads = ("Username", "Login Time", "Idle Time", "Remote Host", "What", "Changes")
    shown = [
        (
            each.user,
            date_of(each.since),
            _idle(each),
            _where(each),
            each.origin.channel.value,
            each.pending_changes,
        )
        for each in rows
    ]
    return Shown("\n".join(render_table(heads, shown)), [_session(each) for each in rows])


def _idle(row: PresentSession) -> str:
    if row.detached_seconds is not None:
        return f"cut off {human_time(row.detached_seconds)}"
    return "0s" if row.idle_seconds < 1 else human_time(row.idle_seconds)


def _where(row: PresentSession) -> str:
    return row.origin.address or row.origin.device or HERE


def _session(row: PresentSession) -> dict[str, Any]:
    return {
        "number": row.number,
        "user": row.user,
        "channel": row.origin.channel.value,
        "address": row.origin.address,
        "device": row.origin.device,
        "since": row.since,
        "idle_seconds": row.idle_seconds,
        "pending_changes": row.pending_changes,
        "detached_seconds": row.detached_seconds,
    }


def _who_am_i(scope: Settings) -> Shown:
    with refused_as_told():
        found = logins.myself(scope.draft.desk)
    lines = [f"Username: {found.user}", f"Full Name: {found.full_name}", f"Role: {found.role}"]
    if not found.is_local:
        lines.append("You are known to another server.")
    return Shown("\n".join(lines), found._asdict())


def _last(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        found = logins.recent(desk)
    now = desk.administration.clock.time()
    heads = ("Username", "Remote Host", "Login Time", "Logout Time", "Total Time")
    rows = [
        (each.user, each.address or HERE, date_of(each.since), *_end(each, now)) for each in found
    ]
    return Shown("\n".join(render_table(heads, rows)), [each._asdict() for each in found])


def _end(login: Login, now: float) -> tuple[str, str]:
    if login.is_present:
        return "still logged in", human_time(now - login.since)
    if login.until is None:
        return "not recorded", ""
    return date_of(login.until), human_time(login.until - login.since)


WHO: Final[Command[SettingsDraft]] = Command(
    name="who", purpose="List who is logged in", where=Where.LOGIN_HOST, act=_who,
)  # fmt: skip
WHOAMI: Final[Command[SettingsDraft]] = Command(
    name="whoami", purpose="Show your user name, full name and role", act=_who_am_i,
)  # fmt: skip
LAST: Final[Command[SettingsDraft]] = Command(
    name="last", purpose="List who has logged in recently", where=Where.LOGIN_HOST, act=_last,
)  # fmt: skip

COMMANDS: Final = (WHO, WHOAMI, LAST)
