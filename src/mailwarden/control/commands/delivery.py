"""`deliveryconfig`: how the delivery client behaves (mailflow 7.3)."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.commands.answered import defaults_of, put_answers
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.naming import ask_name
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation
from mailwarden.control.dialogue.question import Question
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.mailflow.delivery.settings import DeliverySettings

SECTION: Final = "delivery"
AUTO: Final = "Auto"
ELSEWHERE: Final = ("certificate", "send_tls_alert", "unsubscribe_action", "ca_file")
ASKED: Final = ("interface", "possible_delivery", "max_connections")


def _present(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(SECTION)


INTERFACE: Final = ask_name(
    DeliverySettings, "interface", present=_present, empty_word=AUTO,
    prompt="Choose the interface, or group of them, that mail leaves from.",
)  # fmt: skip
POSSIBLE_DELIVERY: Final = ask_setting(
    DeliverySettings, "possible_delivery", present=_present,
    prompt='Enable "Possible Delivery": what breaks off behind the final dot counts as delivered?',
)  # fmt: skip
CONCURRENCY: Final = ask_setting(
    DeliverySettings, "max_connections", present=_present,
    prompt="Enter the system-wide maximum of outbound connections.",
)  # fmt: skip
# Times and the like: a batch line can set them, a dialogue does not ask for so many.
OTHERS: Final[tuple[Question[Any], ...]] = tuple(
    ask_setting(DeliverySettings, name, present=_present, is_asked=False)
    for name in defaults_of(DeliverySettings)
    if name not in (*ASKED, *ELSEWHERE)
)
QUESTIONS: Final = (INTERFACE, POSSIBLE_DELIVERY, CONCURRENCY, *OTHERS)


def _set_up(scope: Settings) -> str:
    put_answers(scope, (SECTION,), QUESTIONS, defaults_of(DeliverySettings))
    return "The settings of delivery are set."


def _summary(scope: Settings) -> str:
    held = {**defaults_of(DeliverySettings), **_present(scope)}
    possible = "enabled" if held["possible_delivery"] else "disabled"
    return "\n".join(
        (
            f"Default interface: {held['interface'] or AUTO}",
            f"Possible Delivery: {possible}",
            f"Outbound connections at the same time: {held['max_connections']}",
        )
    )


DELIVERYCONFIG: Final[Command[SettingsDraft]] = Command(
    name="deliveryconfig", purpose="Configure mail delivery", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="SETUP", purpose="Configure mail delivery.",
                  questions=QUESTIONS, act=_set_up),
    )),
)  # fmt: skip

COMMANDS: Final = (DELIVERYCONFIG,)
