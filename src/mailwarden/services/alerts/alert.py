"""An alert as a value: whatever it was raised with, it is bounded and harmless from here on."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core import alerts

TEXT_LENGTH_MAX: Final = 4000  # letters; the rest is cut
LINES_MAX: Final = 60
SHORT_LENGTH_MAX: Final = 150  # of what a subject says
KEY_LENGTH_MAX: Final = 200

# What a terminal, a mail program or a header acts on instead of showing it: controls, halves of
# surrogate pairs, line ends other than LF, marks that turn the direction of writing, noncharacters.
_UNFIT: Final = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_MORE: Final = "..."


class Severity(Enum):
    """How bad it is."""

    CRITICAL = alerts.CRITICAL
    WARNING = alerts.WARNING
    INFORMATION = alerts.INFORMATION


class AlertClass(Enum):
    """What it is about (SYS-30)."""

    SYSTEM = alerts.SYSTEM
    HARDWARE = alerts.HARDWARE
    UPDATER = alerts.UPDATER
    OUTBREAK_FILTERS = alerts.OUTBREAK_FILTERS
    ANTI_VIRUS = alerts.ANTI_VIRUS
    ANTI_SPAM = alerts.ANTI_SPAM
    HARVEST_ATTACKS = alerts.HARVEST_ATTACKS


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Lines of `text` end with LF; alerts of the same `key` are about the same thing."""

    severity: Severity
    about: AlertClass
    text: str
    key: str

    @property
    def short_text(self) -> str:
        """The first line, as a subject can hold it."""
        return cut(self.text.partition("\n")[0], SHORT_LENGTH_MAX)


def make_alert(severity: object, about: object, text: object, key: object = "") -> Alert:
    """Return an alert made of anything; never raises.

    An unknown severity counts as Critical, an unknown class as System: an alert with a mistake in
    it is better than none.
    """
    words = clean_text(text) or "Something happened that nobody found words for"
    return Alert(
        _SEVERITIES.get(severity if isinstance(severity, str) else "", Severity.CRITICAL),
        _CLASSES.get(about if isinstance(about, str) else "", AlertClass.SYSTEM),
        words,
        clean_line(key, KEY_LENGTH_MAX) or clean_line(words, KEY_LENGTH_MAX),
    )


def clean_text(text: object, length_max: int = TEXT_LENGTH_MAX, lines_max: int = LINES_MAX) -> str:
    """Return `text` as lines that can be shown, cut; "" if it is none."""
    if not isinstance(text, str):
        return ""
    start = text[: length_max + 1].replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    lines = [line.rstrip() for line in _UNFIT.sub("?", start).strip().split("\n")]
    whole = "\n".join(lines if len(lines) <= lines_max else [*lines[:lines_max], _MORE])
    return cut(whole, length_max) if len(text) <= length_max else cut(f"{whole}{_MORE}", length_max)


def clean_line(text: object, length_max: int) -> str:
    """Return `text` as one line that can be shown, cut; "" if it is none."""
    return cut(" ".join(clean_text(text, length_max).split("\n")), length_max)


def cut(text: str, length_max: int) -> str:
    """Return `text`, its end left out where it is longer."""
    return text if len(text) <= length_max else f"{text[: length_max - len(_MORE)]}{_MORE}"


_SEVERITIES: Final = {severity.value: severity for severity in Severity}
_CLASSES: Final = {about.value: about for about in AlertClass}
