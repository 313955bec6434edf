"""`suspend`, `resume` and the others of their kind; `shutdown` and `reboot`."""

from collections.abc import Sequence
from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.several import Several
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Confirm, Number
from mailwarden.control.operations import mail_flow
from mailwarden.control.operations.mail_flow import GRACE_SECONDS, GRACE_SECONDS_MAX
from mailwarden.system.log.escape import escape

_LISTENER: Final = "listener "


def _names(scope: Settings) -> list[str]:
    return [each.name for each in scope.draft.desk.administration.config.listeners]


def _listeners(verb: str) -> Several:
    return Several(
        key="listeners", place=Place.WORD, default=(), names_from=_names,
        form="names of listeners",
        prompt=f"Choose the listener(s) you wish to {verb}.\n"
        "Separate multiple entries with commas.",
    )  # fmt: skip


SUSPENDED: Final = _listeners("suspend")
RESUMED: Final = _listeners("resume")
GRACE: Final = Number(
    key="grace", prompt="Enter the number of seconds to wait before abruptly closing connections.",
    default=GRACE_SECONDS, minimum=0, maximum=GRACE_SECONDS_MAX, place=Place.WORD,
)  # fmt: skip


async def _suspend(scope: Settings) -> Shown:
    return await _stop(scope, "suspend", delivery=True, listeners=None)


async def _offline(scope: Settings) -> Shown:
    shown = await _stop(scope, "offline", delivery=True, listeners=None)
    return Shown(f"{shown.text}\nThe gateway is offline.", shown.data)


async def _suspend_listener(scope: Settings) -> Shown:
    return await _stop(scope, "suspendlistener", listeners=scope[SUSPENDED] or None)


async def _suspend_delivery(scope: Settings) -> Shown:
    return await _stop(scope, "suspenddel", delivery=True)


async def _stop(
    scope: Settings, command: str, *, delivery: bool = False, listeners: Sequence[str] | None = ()
) -> Shown:
    with refused_as_told():
        changed = await mail_flow.suspend(
            scope.draft.desk,
            command,
            delivery=delivery,
            listeners=listeners,
            grace_seconds=scope[GRACE],
        )
    return _told(changed, "suspended")


async def _resume(scope: Settings) -> Shown:
    return await _go_on(scope, "resume", delivery=True, listeners=None)


async def _resume_listener(scope: Settings) -> Shown:
    return await _go_on(scope, "resumelistener", listeners=scope[RESUMED] or None)


async def _resume_delivery(scope: Settings) -> Shown:
    return await _go_on(scope, "resumedel", delivery=True)


async def _go_on(
    scope: Settings, command: str, *, delivery: bool = False, listeners: Sequence[str] | None = ()
) -> Shown:
    with refused_as_told():
        changed = await mail_flow.resume(
            scope.draft.desk, command, delivery=delivery, listeners=listeners
        )
    return _told(changed, "resumed")


async def _shut_down(scope: Settings) -> Shown:
    seconds = scope[GRACE]
    with refused_as_told():
        await mail_flow.shut_down(scope.draft.desk, seconds)
    return Shown("The gateway is shutting down.", {"grace_seconds": seconds})


async def _reboot(scope: Settings) -> Shown:
    seconds = scope[GRACE]
    with refused_as_told():
        await mail_flow.restart(scope.draft.desk, seconds)
    return Shown("The gateway is starting again.", {"grace_seconds": seconds})


def _told(changed: Sequence[str], done: str) -> Shown:
    lines = [
        f"Receiving {done} for {escape(what.removeprefix(_LISTENER))}."
        if what.startswith(_LISTENER)
        else f"Mail {escape(what)} {done}."
        for what in changed
    ]
    return Shown("\n".join(lines) or f"All of it was {done} already.", {"changed": list(changed)})


SUSPEND: Final[Command[SettingsDraft]] = Command(
    name="suspend", purpose="Suspend receiving and delivery", where=Where.MACHINE,
    questions=(GRACE,), act=_suspend,
)  # fmt: skip
RESUME: Final[Command[SettingsDraft]] = Command(
    name="resume", purpose="Resume receiving and delivery", where=Where.MACHINE, act=_resume,
)  # fmt: skip
SUSPENDLISTENER: Final[Command[SettingsDraft]] = Command(
    name="suspendlistener", purpose="Suspend receiving", where=Where.MACHINE,
    questions=(SUSPENDED, GRACE), act=_suspend_listener,
)  # fmt: skip
RESUMELISTENER: Final[Command[SettingsDraft]] = Command(
    name="resumelistener", purpose="Resume receiving", where=Where.MACHINE,
    questions=(RESUMED,), act=_resume_listener,
)  # fmt: skip
SUSPENDDEL: Final[Command[SettingsDraft]] = Command(
    name="suspenddel", purpose="Suspend delivery", where=Where.MACHINE, questions=(GRACE,),
    act=_suspend_delivery,
)  # fmt: skip
RESUMEDEL: Final[Command[SettingsDraft]] = Command(
    name="resumedel", purpose="Resume delivery", where=Where.MACHINE, act=_resume_delivery,
)  # fmt: skip
OFFLINE: Final[Command[SettingsDraft]] = Command(
    name="offline", purpose="Suspend receiving and delivery, as before maintenance",
    where=Where.MACHINE, questions=(GRACE,), act=_offline,
)  # fmt: skip
SHUTDOWN: Final[Command[SettingsDraft]] = Command(
    name="shutdown", purpose="End the gateway", where=Where.MACHINE, questions=(GRACE,),
    act=_shut_down,
    confirm=Confirm(
        key="sure",
        prompt="The gateway ends, and is started again only from its machine. Are you sure?",
    ),
)  # fmt: skip
REBOOT: Final[Command[SettingsDraft]] = Command(
    name="reboot", purpose="End the gateway and start it again", where=Where.MACHINE,
    questions=(GRACE,), act=_reboot,
    confirm=Confirm(
        key="sure", default=True, prompt="All sessions end. Are you sure you want to restart?"
    ),
)  # fmt: skip

COMMANDS: Final = (
    SUSPEND, RESUME, SUSPENDLISTENER, RESUMELISTENER, SUSPENDDEL, RESUMEDEL, OFFLINE, SHUTDOWN,
    REBOOT,
)  # fmt: skip
