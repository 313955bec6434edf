"""`workqueue`: what waits for the work queue, and whether it runs."""

from typing import Final

from mailwarden.control.answers.rates import WORK_QUEUE, Row, work_queue_row
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.rates import COUNT, INTERVAL, repeat
from mailwarden.control.commands.words import date_of, refused_as_told
from mailwarden.control.dialogue.declaration import Command, Menu, Operation, Shown, Where
from mailwarden.control.dialogue.questions import Confirm
from mailwarden.control.operations import mail_flow, monitoring


async def _status(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        answer = await monitoring.rate(desk, "workqueue")
    waiting = int((answer.get("gauges") or {}).get("received", 0))
    is_paused = answer.get("work_queue") == "paused"
    lines = [
        f"Status as of: {date_of(desk.administration.clock.time())}",
        f"Status:       {'Work queue paused' if is_paused else 'Operational'}",
        f"Messages:     {waiting}",
    ]
    return Shown("\n".join(lines), {"is_paused": is_paused, "messages": waiting})


async def _rate(scope: Settings) -> Shown:
    async def look(before: Row | None) -> Row:
        return work_queue_row(await monitoring.rate(scope.draft.desk, "workqueue"), before)

    return await repeat(scope, WORK_QUEUE, look)


async def _pause(scope: Settings) -> Shown:
    with refused_as_told():
        await mail_flow.pause_work_queue(scope.draft.desk)
    return await _status(scope)


async def _resume(scope: Settings) -> Shown:
    with refused_as_told():
        await mail_flow.resume_work_queue(scope.draft.desk)
    return await _status(scope)


WORKQUEUE: Final[Command[SettingsDraft]] = Command(
    name="workqueue", purpose="Show the work queue, or stop it", where=Where.MACHINE,
    menu=Menu(
        operations=(
            Operation(name="STATUS", purpose="Show whether it runs, and what waits.", act=_status),
            Operation(
                name="RATE", purpose="Show again and again what comes and goes.",
                questions=(INTERVAL, COUNT), act=_rate, ends_by_interrupt=True,
            ),
            Operation(
                name="PAUSE", purpose="Stop it; mail is taken and kept meanwhile.",
                permission="workqueue pause", act=_pause,
                confirm=Confirm(
                    key="sure", default=True,
                    prompt="Pause the work queue? This affects only messages that it has not "
                    "processed.",
                ),
            ),
            Operation(
                name="RESUME", purpose="Let it go on.", permission="workqueue resume",
                act=_resume,
            ),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (WORKQUEUE,)
