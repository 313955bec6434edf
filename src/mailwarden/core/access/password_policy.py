"""What the administrator asks of passwords and accounts (admin 3.2).

The policy holds for local users, when a password is set; what was set before stays (PWD-03).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailwarden.core.access.password import normal_form, password_fault
from mailwarden.core.problem import Problem
from mailwarden.core.setting import setting

# What a dialogue offers when the administrator switches something on.
FAILURES_WHEN_ON: Final = 5
EXPIRES_DAYS_WHEN_ON: Final = 90
REMINDER_DAYS_WHEN_ON: Final = 14
REUSE_WHEN_ON: Final = 3

LENGTH_MIN_FIPS: Final = 12
REUSE_MAX: Final = 15
MESSAGE_LENGTH_MAX: Final = 1000
FORBIDDEN: Final = "ironport"  # the factory password of the old product: everybody knows it

# Signs that people write for letters, each with the letter that it looks like.
_LOOKALIKES: Final = str.maketrans("@4831l|!0$5+79", "aabeiiiiossttg")


def parse_message(text: str) -> str:
    """Return a message to locked users, 7-bit ASCII that a terminal may show.

    Raises:
        ValueError: it is none.
    """
    message = text.strip()
    if len(message) > MESSAGE_LENGTH_MAX:
        raise ValueError(f"the message is longer than {MESSAGE_LENGTH_MAX} letters")
    if not message.isascii() or not message.isprintable():
        raise ValueError("the message may have 7-bit ASCII letters in it, on one line")
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """Local User Account & Password Settings."""

    lock_after_failures: int = setting(
        0, "Wrong passwords in a row that lock an account; 0 locks none.", minimum=0, maximum=60
    )
    locked_message: str = setting(
        "",
        "What a user hears whose account an administrator locked, if the password was right.",
        parse=parse_message,
    )
    change_after_reset: bool = setting(
        False, "Whether a password that an administrator set has to be changed at the next login."
    )
    expires_days: int = setting(
        0, "Days that a password is good for; 0 is for ever.", minimum=0, maximum=366
    )
    reminder_days: int = setting(
        REMINDER_DAYS_WHEN_ON,
        "Days before its end that a user is reminded to change the password; 0 reminds of none.",
        minimum=0,
        maximum=366,
    )
    length_min: int = setting(
        8, "Letters that a password has at least; in FIPS mode 12 or more.", minimum=6, maximum=128
    )
    upper_and_lower: bool = setting(
        False, "Whether a password needs an upper case and a lower case letter."
    )
    digit: bool = setting(False, "Whether a password needs a digit.")
    special: bool = setting(
        False, "Whether a password needs a sign that is neither letter nor digit."
    )
    reuse_banned: int = setting(
        0,
        "Last passwords, with the present one, that may not be taken again; 0 allows all.",
        minimum=0,
        maximum=REUSE_MAX,
    )
    user_name_banned: bool = setting(
        True,
        "Whether a password may not be the user's name, nor a variant of it: backwards, in other "
        "letters (`@dm1n`), with digits or signs around it.",
    )

    def problems(self) -> Iterator[Problem]:
        """Yield what no password could satisfy, or no reminder."""
        if self.expires_days and self.reminder_days > self.expires_days:
            yield Problem("reminder_days", f"may be at most expires_days, {self.expires_days}")


def password_problems(
    policy: PasswordPolicy, user: str, password: str, *, is_fips: bool = False
) -> Iterator[str]:
    """Yield everything that keeps `password` from being the user's, but for its re-use.

    Each ends the sentence `The password ...`.
    """
    if fault := password_fault(normal_form(password)):
        yield fault
        return
    length_min = max(policy.length_min, LENGTH_MIN_FIPS) if is_fips else policy.length_min
    if len(password) < length_min:
        yield f"needs {length_min} letters or more"
    if policy.upper_and_lower:
        if not any(c.isupper() for c in password):
            yield "needs an upper case letter"
        if not any(c.islower() for c in password):
            yield "needs a lower case letter"
    if policy.digit and not any(c.isdigit() for c in password):
        yield "needs a digit"
    if policy.special and all(c.isalnum() or c.isspace() for c in password):
        yield "needs a sign that is neither letter nor digit"
    if is_variant(password, FORBIDDEN):
        yield f"may not be {FORBIDDEN}, which everybody knows, nor a variant of it"
    if policy.user_name_banned and is_variant(password, user):
        yield "may not be the user's name, nor a variant of it"


def is_variant(password: str, name: str) -> bool:
    """Whether `password` is `name` in other letters, backwards, or with digits or signs around."""
    wanted = _plain(name)
    if not wanted:
        return False
    # What is no letter may stand for one, or just stand around the name, on either side.
    around = "".join({c for c in password if not c.isalpha()})
    forms = (password, password.strip(around), password.lstrip(around), password.rstrip(around))
    return any(_plain(form) in (wanted, wanted[::-1]) for form in forms)


def _plain(text: str) -> str:
    folded = text.casefold().translate(_LOOKALIKES)
    return "".join(c for c in folded if c.isalnum())
