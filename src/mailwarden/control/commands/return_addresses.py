"""`addressconfig`: who the gateway's own mail comes from (admin 8.5, SYS-35)."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mailwarden.control.commands.answered import put_answers
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.from_address import ask_from
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation
from mailwarden.core.mail.from_field import DAEMON, DAEMON_NAME
from mailwarden.system.log.escape import escape

SECTION: Final = "return_addresses"


class _Address(NamedTuple):
    operation: str
    setting: str
    words: str


ADDRESSES: Final = (
    _Address("AVFROM", "anti_virus", "anti-virus"),
    _Address("BOUNCEFROM", "bounces", "bounce"),
    _Address("NOTIFYFROM", "notifications", "notify"),
    _Address("QUARANTINEFROM", "quarantine", "quarantine"),
    _Address("OTHERFROM", "others", "all other messages"),
)


def _present(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(SECTION)


def _summary(scope: Settings) -> str:
    held = _present(scope)
    hostname = scope.draft.get("hostname") or scope.host.name()
    default = f'"{DAEMON_NAME}" <{DAEMON}@{hostname}>'
    return "\n".join(
        f"Current {each.words} from: {escape(str(held.get(each.setting) or default))}"
        for each in ADDRESSES
    )


def _operation(address: _Address) -> Operation[SettingsDraft]:
    question = ask_from(
        address.setting, present=_present,
        prompt=f'Please enter the "{address.words} from" address.',
    )  # fmt: skip

    def put(scope: Settings) -> str:
        put_answers(scope, (SECTION,), (question,), {address.setting: ""})
        return f'The "{address.words} from" address is set.'

    return Operation(
        name=address.operation, purpose=f"Edit the {address.words} from address.",
        questions=(question,), act=put,
    )  # fmt: skip


ADDRESSCONFIG: Final[Command[SettingsDraft]] = Command(
    name="addressconfig", purpose="Configure the From addresses of mail that the gateway writes",
    commit=Commit.NEEDED, has_batch=False,
    menu=Menu(summary=_summary, operations=tuple(map(_operation, ADDRESSES))),
)  # fmt: skip

COMMANDS: Final = (ADDRESSCONFIG,)
