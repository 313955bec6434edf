"""`userconfig > POLICY`: when accounts are locked, and what is asked of passwords (admin 3.2)."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mailwarden.control.commands.draft import Settings
from mailwarden.control.dialogue.question import Question
from mailwarden.control.dialogue.questions import Number, Text, YesNo
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.core.access.password_policy import (
    EXPIRES_DAYS_WHEN_ON,
    FAILURES_WHEN_ON,
    REUSE_MAX,
    REUSE_WHEN_ON,
    PasswordPolicy,
    parse_message,
)

SECTION: Final = ("administration", "passwords")
_DEFAULTS: Final = PasswordPolicy()


def _present(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(*SECTION)


class Switched(NamedTuple):
    """A number that is 0 for off: whether it is on, and how much."""

    is_on: YesNo
    number: Number

    def answer(self, scope: Settings) -> int:
        """Return what the configuration gets."""
        return scope[self.number] if scope[self.is_on] else 0


def _switched(name: str, on_prompt: str, prompt: str, when_on: int, maximum: int) -> Switched:
    def present(scope: Settings) -> int:
        return int(_present(scope).get(name, getattr(_DEFAULTS, name)))

    is_on = YesNo(key=f"{name}_on", prompt=on_prompt, default_from=lambda scope: present(scope) > 0)
    number = Number(
        key=name, prompt=prompt, minimum=1, maximum=maximum,
        default_from=lambda scope: present(scope) or when_on, when=lambda scope: scope[is_on],
    )  # fmt: skip
    return Switched(is_on, number)


LOCK: Final = _switched(
    "lock_after_failures", "Do you want to lock accounts after failed logins?",
    "After how many failed logins?", FAILURES_WHEN_ON, 60,
)  # fmt: skip
EXPIRY: Final = _switched(
    "expires_days", "Do you want passwords to expire?", "After how many days?",
    EXPIRES_DAYS_WHEN_ON, 366,
)  # fmt: skip
REUSE: Final = _switched(
    "reuse_banned", "Do you want to ban the last passwords from being taken again?",
    "How many, with the present one?", REUSE_WHEN_ON, REUSE_MAX,
)  # fmt: skip
MESSAGE: Final = Text[str | None](
    key="locked_message", of=parse_message, none_word="none", form="7-bit ASCII, or none",
    prompt="Enter what a user hears whose account an administrator has locked.",
    default_from=lambda scope: _present(scope).get("locked_message") or None,
)  # fmt: skip
REMINDER: Final = ask_setting(
    PasswordPolicy, "reminder_days", present=_present, when=lambda scope: scope[EXPIRY.is_on]
)
_PLAIN: Final = {
    name: ask_setting(PasswordPolicy, name, present=_present)
    for name in (
        "change_after_reset", "length_min", "upper_and_lower", "digit", "special",
        "user_name_banned",
    )
}  # fmt: skip


def _set(scope: Settings) -> None:
    values: dict[str, Any] = {
        "lock_after_failures": LOCK.answer(scope),
        "locked_message": scope[MESSAGE] or "",
        "expires_days": EXPIRY.answer(scope),
        "reuse_banned": REUSE.answer(scope),
        **{name: scope[question] for name, question in _PLAIN.items()},
    }
    if scope.has(REMINDER):
        values["reminder_days"] = scope[REMINDER]
    scope.draft.put(*SECTION, value={**_present(scope), **values})


class _Policy(NamedTuple):
    questions: tuple[Question[Any], ...]
    act: Any


POLICY: Final = _Policy(
    (
        *LOCK, MESSAGE, _PLAIN["change_after_reset"], *EXPIRY, REMINDER, _PLAIN["length_min"],
        _PLAIN["upper_and_lower"], _PLAIN["digit"], _PLAIN["special"], *REUSE,
        _PLAIN["user_name_banned"],
    ),
    _set,
)  # fmt: skip
