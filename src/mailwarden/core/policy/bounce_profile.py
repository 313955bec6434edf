"""Bounce profiles: when delivery is tried again, and what the sender hears (mailflow 7.5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from mailwarden.core.patterns import parse_mailbox, parse_name
from mailwarden.core.policy.bounce_templates import is_language
from mailwarden.core.problem import Problem
from mailwarden.core.setting import Unit, setting

T = TypeVar("T")

DEFAULT_PROFILE: Final = "Default"
RETRIES_MAX: Final = 10_000
QUEUE_SECONDS_MAX: Final = 10 * 365 * 86_400.0
WARNINGS_MAX: Final = 1000
COPY_BYTES_MAX: Final = 16 * 1024 * 1024
SUBJECT_CHARACTERS_MAX: Final = 200
RETRY_SECONDS_MIN: Final = 0.1

_DOUBLINGS_MAX: Final = 64  # beyond it every wait is the longest one; keeps the number small
_GROWTH: Final = 2.0  # of the wait (unconfirmed)


def parse_subject(text: str) -> str:
    """Return a subject on one line.

    Raises:
        ValueError: it is too long.
    """
    subject = text.strip()
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        raise ValueError(f"is longer than {SUBJECT_CHARACTERS_MAX} letters")
    return subject


def parse_template(text: str) -> str:
    """Return the name of a template; `''` is the built-in one.

    Raises:
        ValueError: it is no name.
    """
    return parse_name(text) if text.strip() else ""


def parse_recipient(text: str) -> str:
    """Return an address; `''` is that of the sender.

    Raises:
        ValueError: it is none.
    """
    return parse_mailbox(text) if text.strip() else ""


def parse_language(text: str) -> str:
    """Return the tag of a language in lower case; `''` is that of the message.

    Raises:
        ValueError: it is none.
    """
    tag = text.strip().lower()
    if tag and not is_language(tag):
        raise ValueError("is the tag of a language, such as de or pt-br")
    return tag


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceProfile:
    """A profile as the administrator wrote it; None takes the value of Default."""

    max_retries: int | None = setting(
        None, "Attempts after the first one. Default: 100.", minimum=0, maximum=RETRIES_MAX
    )
    max_queue_time_seconds: float | None = setting(
        None,
        "How long a message may wait. Default: 3d.",
        minimum=1,
        maximum=QUEUE_SECONDS_MAX,
        unit=Unit.SECONDS,
    )
    initial_retry_seconds: float | None = setting(
        None,
        "Wait before the first retry; doubled each time. Default: 1m.",
        minimum=RETRY_SECONDS_MIN,
        maximum=QUEUE_SECONDS_MAX,
        unit=Unit.SECONDS,
    )
    max_retry_seconds: float | None = setting(
        None,
        "Longest wait between retries. Default: 1h.",
        minimum=RETRY_SECONDS_MIN,
        maximum=QUEUE_SECONDS_MAX,
        unit=Unit.SECONDS,
    )
    send_bounces: bool | None = setting(
        None, "Send a report when delivery fails for good. Default: on."
    )
    dsn_format: bool | None = setting(
        None, "Write reports in the form of RFC 3464; off is plain text. Default: on."
    )
    bounce_subject: str | None = setting(
        None,
        "Subject of bounces, with variables; '' is that of the template.",
        parse=parse_subject,
    )
    bounce_template: str | None = setting(
        None,
        "Template of bounces, one of `bounce_templates`; '' is the built-in one.",
        parse=parse_template,
        refers_to=("bounce_templates",),
    )
    send_delay_warnings: bool | None = setting(
        None, "Tell the sender when delivery is late. Default: off."
    )
    delay_subject: str | None = setting(
        None,
        "Subject of warnings, with variables; '' is that of the template.",
        parse=parse_subject,
    )
    delay_template: str | None = setting(
        None,
        "Template of warnings, one of `bounce_templates`; '' is the built-in one.",
        parse=parse_template,
        refers_to=("bounce_templates",),
    )
    delay_interval_seconds: float | None = setting(
        None,
        "Time in the queue before a warning, and between warnings. Default: 4h.",
        minimum=1,
        maximum=QUEUE_SECONDS_MAX,
        unit=Unit.SECONDS,
    )
    delay_count_max: int | None = setting(
        None, "Warnings for one recipient. Default: 1.", minimum=1, maximum=WARNINGS_MAX
    )
    alternate_recipient: str | None = setting(
        None,
        "Address that gets the reports; '' is the message's sender. Default: ''.",
        parse=parse_recipient,
    )
    language: str | None = setting(
        None,
        "Language of reports, such as de or pt-br; '' follows the message. Default: ''.",
        parse=parse_language,
    )
    copy_size_max_bytes: int | None = setting(
        None,
        "Larger messages are returned as their header only, cut at this size. Default: 10k.",
        minimum=0,
        maximum=COPY_BYTES_MAX,
        unit=Unit.BYTES,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedProfile:
    """A profile with nothing left open. The values here are those of Default as delivered."""

    name: str = DEFAULT_PROFILE
    max_retries: int = 100
    max_queue_time_seconds: float = 259_200.0
    initial_retry_seconds: float = 60.0
    max_retry_seconds: float = 3600.0
    send_bounces: bool = True
    dsn_format: bool = True
    bounce_subject: str = ""  # "" is that of the template
    bounce_template: str = ""  # "" is the built-in one
    send_delay_warnings: bool = False
    delay_subject: str = ""
    delay_template: str = ""
    delay_interval_seconds: float = 14_400.0  # unconfirmed
    delay_count_max: int = 1
    alternate_recipient: str = ""  # who gets the reports; "" is the original sender
    language: str = ""  # of the reports; "" follows the message
    copy_size_max_bytes: int = 10_240


class Profiles:
    """All profiles, resolved; a name that is not there stands for Default."""

    __slots__ = ("_default", "_profiles")

    def __init__(self, rows: Mapping[str, BounceProfile]) -> None:
        delivered = ResolvedProfile()
        own = rows.get(DEFAULT_PROFILE)
        self._default: Final = (
            delivered if own is None else resolve_profile(DEFAULT_PROFILE, own, delivered)
        )
        self._profiles: Final = {
            name: resolve_profile(name, row, self._default)
            for name, row in rows.items()
            if name != DEFAULT_PROFILE
        }

    def __len__(self) -> int:
        return 1 + len(self._profiles)

    def __iter__(self) -> Iterator[ResolvedProfile]:
        return iter((self._default, *self._profiles.values()))

    def find(self, name: str) -> ResolvedProfile:
        """Return the profile of that name; Default if it is gone or never was."""
        return self._profiles.get(name, self._default)

    def choose(self, destination: str, listener: str) -> ResolvedProfile:
        """Return the profile of a message: that of its destination wins over the listener's.

        `""` means that there is none. One that is gone counts as none.
        """
        for name in (destination, listener):
            profile = self._profiles.get(name)
            if profile is not None:
                return profile
            if name == DEFAULT_PROFILE:
                break
        return self._default

    def problems(self) -> Iterator[Problem]:
        """Yield what shows only when nothing is left open; paths begin with the name."""
        for profile in self:
            if profile.max_retry_seconds < profile.initial_retry_seconds:
                yield Problem(
                    f"{profile.name}.max_retry_seconds",
                    "must not be less than initial_retry_seconds, "
                    f"which is {profile.initial_retry_seconds:g} here",
                )


def resolve_profile(name: str, row: BounceProfile, default: ResolvedProfile) -> ResolvedProfile:
    """Return `row` with the values of `default` where it has none."""
    return ResolvedProfile(
        name=name,
        max_retries=_or(row.max_retries, default.max_retries),
        max_queue_time_seconds=_or(row.max_queue_time_seconds, default.max_queue_time_seconds),
        initial_retry_seconds=_or(row.initial_retry_seconds, default.initial_retry_seconds),
        max_retry_seconds=_or(row.max_retry_seconds, default.max_retry_seconds),
        send_bounces=_or(row.send_bounces, default.send_bounces),
        dsn_format=_or(row.dsn_format, default.dsn_format),
        bounce_subject=_or(row.bounce_subject, default.bounce_subject),
        bounce_template=_or(row.bounce_template, default.bounce_template),
        send_delay_warnings=_or(row.send_delay_warnings, default.send_delay_warnings),
        delay_subject=_or(row.delay_subject, default.delay_subject),
        delay_template=_or(row.delay_template, default.delay_template),
        delay_interval_seconds=_or(row.delay_interval_seconds, default.delay_interval_seconds),
        delay_count_max=_or(row.delay_count_max, default.delay_count_max),
        alternate_recipient=_or(row.alternate_recipient, default.alternate_recipient),
        language=_or(row.language, default.language),
        copy_size_max_bytes=_or(row.copy_size_max_bytes, default.copy_size_max_bytes),
    )


def retry_delay(profile: ResolvedProfile, attempts: int) -> float | None:
    """Return the seconds to wait after `attempts` failed ones; None when none may follow.

    None means that the message is given up at once, without waiting.
    """
    if attempts > profile.max_retries:
        return None
    doublings = max(0, min(attempts - 1, _DOUBLINGS_MAX))
    return min(profile.max_retry_seconds, profile.initial_retry_seconds * _GROWTH**doublings)


def is_expired(profile: ResolvedProfile, age: float) -> bool:
    """Whether a message that is `age` seconds old is given up instead of tried again.

    To be asked right before an attempt, not after one that failed.
    """
    return age >= profile.max_queue_time_seconds


def is_warning_due(profile: ResolvedProfile, warnings: int, age: float) -> bool:
    """Whether the sender hears of the delay, having heard `warnings` times before.

    To be asked after an attempt that failed for now.
    """
    return (
        profile.send_delay_warnings
        and warnings < profile.delay_count_max
        and age >= profile.delay_interval_seconds * (warnings + 1)
    )


class Ending(Enum):
    """What ends the attempts."""

    RETRIES = "retries"  # right after the last one
    TIME = "time"  # right before the next one


class Schedule(NamedTuple):
    """When delivery would be tried if it failed each time, in seconds after the first attempt."""

    attempts: tuple[float, ...]
    ends_at: float
    ending: Ending


def plan_attempts(profile: ResolvedProfile) -> Schedule:
    """Return all attempts that a profile allows."""
    attempts = [0.0]
    while True:
        delay = retry_delay(profile, len(attempts))
        if delay is None:
            return Schedule(tuple(attempts), attempts[-1], Ending.RETRIES)
        due = attempts[-1] + delay
        if is_expired(profile, due):
            return Schedule(tuple(attempts), due, Ending.TIME)
        attempts.append(due)


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
