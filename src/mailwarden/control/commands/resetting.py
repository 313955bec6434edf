"""`resetconfig`: back to the defaults (admin XML-26)."""

from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, RefusedError, Shown, Where
from mailwarden.control.dialogue.questions import YesNo
from mailwarden.control.operations import factory

SURE: Final = YesNo(
    key="sure", default=False,
    prompt="Are you sure you want to reset all configuration values, and remove all users but "
    "admin?",
)  # fmt: skip
REALLY: Final = YesNo(
    key="really", default=False, prompt="This takes effect at once. Do you really want it?",
)  # fmt: skip
DONE: Final = (
    "All settings have been restored to the factory default, but for the name of the machine, its "
    "interfaces and its folders."
)
UNCHANGED: Final = "Nothing was reset."


async def _reset(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        await factory.check_reset(desk)
    for question in (SURE, REALLY):
        if not await scope.ask(question):
            raise RefusedError(UNCHANGED)
    with refused_as_told():
        done = await factory.reset(desk)
    lines = [
        DONE,
        *done.notes,
        'Run "systemsetup" to set the gateway up, and "resume" to let mail in.',
    ]
    return Shown("\n".join(lines), {"version": done.version.number})


RESETCONFIG: Final[Command[SettingsDraft]] = Command(
    name="resetconfig", purpose="Restore the factory configuration defaults",
    where=Where.LOGIN_HOST, has_batch=False, act=_reset,
)  # fmt: skip

COMMANDS: Final = (RESETCONFIG,)
