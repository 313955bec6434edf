"""What the administrator sets of bounce verification (mailflow 7.6)."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core.patterns import parse_field_name
from mailwarden.core.setting import setting

VALUE_LENGTH_MAX: Final = 200
_VALUE: Final = re.compile(r"[ -~]*\Z")


class InvalidBounceAction(Enum):
    """What happens to a bounce that is not one of our mail."""

    REJECT = "reject"
    ADD_HEADER = "add_header"


def parse_field_value(text: str) -> str:
    """Return the value of a header field.

    Raises:
        ValueError: it is too long, or has other letters than ASCII ones.
    """
    value = text.strip()
    if len(value) > VALUE_LENGTH_MAX or not _VALUE.match(value):
        raise ValueError(f"takes up to {VALUE_LENGTH_MAX} plain ASCII letters")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceVerificationSettings:
    """How bounces are told from forged ones (mailflow 7.6). Without keys it is off."""

    enabled: bool = setting(
        True,
        "Tag senders and check bounces. When it is off, tags of mail that is under way are still "
        "taken off, but nothing is refused.",
    )
    keys_file: str = setting(
        "",
        "File of the keys, kept by `mailwarden bounce-keys`; empty is `bounce-keys` in the state "
        "directory.",
        is_path=True,
    )
    action: InvalidBounceAction = setting(
        InvalidBounceAction.REJECT,
        "What happens to an invalid bounce: it is refused, or gets a header field and goes on.",
    )
    header_name: str = setting(
        "X-Bounce-Verification", "Field that marks an invalid bounce.", parse=parse_field_name
    )
    header_value: str = setting("invalid", "Its value.", parse=parse_field_value)
    smart_exceptions: bool = setting(
        True,
        "Let answers of programs through, which go to untagged addresses with the null sender.",
    )
