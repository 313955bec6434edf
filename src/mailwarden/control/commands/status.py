"""`status` and `resetcounters`."""

from typing import Final

from mailwarden.control.answers.system_status import render_system_status, system_state
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, RefusedError, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Confirm, Option
from mailwarden.control.operations import monitoring, queue
from mailwarden.control.operations.desk import RefusedOperationError

DETAIL: Final = Choice[bool](
    key="detail", prompt="How much?", place=Place.WORD, default=False, is_asked=False,
    options=(Option("detail", value=True),),
)  # fmt: skip


async def _status(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        answer = await monitoring.status(desk)
    try:
        with refused_as_told():
            oldest = await queue.oldest(desk, "status")
    except RefusedError as error:  # a worker that reads its spool: the rest is worth to be shown
        if not isinstance(error.__cause__, RefusedOperationError):
            raise
        oldest = None
    now = desk.administration.clock.time()
    at = float(oldest["received_at"]) if oldest else None
    lines = render_system_status(answer, now, at, is_detailed=scope[DETAIL])
    data = {**answer, "as_of": now, "system_status": system_state(answer), "oldest_at": at}
    return Shown("\n".join(lines), data)


async def _reset(scope: Settings) -> str:
    with refused_as_told():
        await monitoring.reset_counters(scope.draft.desk)
    return "The counters begin anew."


STATUS: Final[Command[SettingsDraft]] = Command(
    name="status", purpose="Show counters, gauges and the state of the system",
    where=Where.MACHINE, questions=(DETAIL,), act=_status,
)  # fmt: skip
RESETCOUNTERS: Final[Command[SettingsDraft]] = Command(
    name="resetcounters", purpose="Reset the counters that can be reset", where=Where.MACHINE,
    has_batch=False, act=_reset,
    confirm=Confirm(
        key="sure",
        prompt="Are you sure you want to reset the counters? Those of uptime and lifetime go on.",
    ),
)  # fmt: skip

COMMANDS: Final = (STATUS, RESETCOUNTERS)
