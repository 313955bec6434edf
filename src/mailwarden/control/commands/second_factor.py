"""`secondfactor`: one-time codes beside one's password."""

from typing import Final

from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Menu, Operation, Shown
from mailwarden.control.dialogue.questions import Text, read_text
from mailwarden.control.operations import accounts

CODE: Final = Text(
    key="code", prompt="Enter the code that the app shows.", of=read_text, form="a one-time code",
)  # fmt: skip
PROOF: Final = Text(
    key="code", prompt="Enter a code, or one of the recovery codes.", of=read_text,
    form="a one-time code or a recovery code",
)  # fmt: skip


async def _enrol(scope: Settings) -> Shown:
    desk = scope.draft.desk
    with refused_as_told():
        begun = accounts.begin_own_codes(desk)
    scope.say("Add this to an authenticator app, as the address of a QR code or by typing the key:")
    scope.say(f"  {begun.uri}\n  Key: {begun.secret}")
    code = await scope.ask(CODE)
    with refused_as_told():
        recovery = accounts.confirm_own_codes(desk, code)
    lines = [
        "From now on you are asked for a code beside your password.",
        "Each of these codes lets you in once without the app. They are not shown again:",
        *(f"  {each}" for each in recovery),
    ]
    return Shown("\n".join(lines), {"enrolled": True, "recovery_codes": list(recovery)})


def _remove(scope: Settings) -> str:
    with refused_as_told():
        accounts.remove_own_codes(scope.draft.desk, scope[PROOF])
    return "You are asked for no code any more. Your other sessions end within a minute."


def _status(scope: Settings) -> Shown:
    with refused_as_told():
        is_on = accounts.has_own_codes(scope.draft.desk)
    text = "You are asked for a code beside your password." if is_on else "No codes are set up."
    return Shown(text, {"enrolled": is_on})


def _has_codes(scope: Settings) -> bool:
    desk = scope.draft.desk
    return desk.actor.is_local and accounts.has_own_codes(desk)


SECONDFACTOR: Final[Command[SettingsDraft]] = Command(
    name="secondfactor", purpose="Set up one-time codes beside your password",
    menu=Menu(
        operations=(
            Operation(name="ENROL", purpose="Set up an authenticator app.", act=_enrol,
                      when=lambda scope: not _has_codes(scope)),
            Operation(name="REMOVE", purpose="Do without codes.", questions=(PROOF,), act=_remove,
                      when=_has_codes),
            Operation(name="STATUS", purpose="Show whether you are asked for codes.", act=_status),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (SECONDFACTOR,)
