"""Bounce profiles: when delivery is tried again, and what the sender hears (mailflow 7.5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from mailwarden.core.patterns import parse_mailbox, parse_name
from mailwarden.core.policy.bounce_templates import is_language
from mailwarden.core.problem import Problem

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceProfileRow:
    """A profile as the administrator wrote it; None takes the value of Default."""

    max_retries: int | None = None  # attempts after the first one
    max_queue_time_seconds: float | None = None
    initial_retry_seconds: float | None = None
    max_retry_seconds: float | None = None
    send_bounces: bool | None = None
    dsn_format: bool | None = None
    bounce_subject: str | None = None
    bounce_template: str | None = None
    send_delay_warnings: bool | None = None
    delay_subject: str | None = None
    delay_template: str | None = None
    delay_interval_seconds: float | None = None
    delay_count_max: int | None = None
    alternate_recipient: str | None = None
    language: str | None = None
    sign_reports: bool | None = None
    copy_size_max_bytes: int | None = None

    def problems(self) -> Iterator[Problem]:
        """Yield every value out of bounds."""
        yield from _bounds("max_retries", self.max_retries, 0, RETRIES_MAX)
        yield from _bounds(
            "max_queue_time_seconds", self.max_queue_time_seconds, 1, QUEUE_SECONDS_MAX
        )
        for name, seconds in (
            ("initial_retry_seconds", self.initial_retry_seconds),
            ("max_retry_seconds", self.max_retry_seconds),
        ):
            yield from _bounds(name, seconds, RETRY_SECONDS_MIN, QUEUE_SECONDS_MAX)
        yield from _bounds(
            "delay_interval_seconds", self.delay_interval_seconds, 1, QUEUE_SECONDS_MAX
        )
        yield from _bounds("delay_count_max", self.delay_count_max, 1, WARNINGS_MAX)
        yield from _bounds("copy_size_max_bytes", self.copy_size_max_bytes, 0, COPY_BYTES_MAX)
        for name, subject in (
            ("bounce_subject", self.bounce_subject),
            ("delay_subject", self.delay_subject),
        ):
            if subject and (len(subject) > SUBJECT_CHARACTERS_MAX or not subject.isprintable()):
                yield Problem(name, f"takes one line of {SUBJECT_CHARACTERS_MAX} letters at most")
        for name, template in (
            ("bounce_template", self.bounce_template),
            ("delay_template", self.delay_template),
        ):
            if template:
                yield from _refused(name, template)
        if self.language and not is_language(self.language):
            yield Problem("language", "is the tag of a language in lower case, such as de or pt-br")
        if self.alternate_recipient:
            try:
                parse_mailbox(self.alternate_recipient)
            except ValueError as error:
                yield Problem("alternate_recipient", str(error))


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
    sign_reports: bool = False  # with DKIM (unconfirmed)
    copy_size_max_bytes: int = 10_240


class Profiles:
    """All profiles, resolved; a name that is not there stands for Default."""

    __slots__ = ("_default", "_profiles")

    def __init__(self, rows: Mapping[str, BounceProfileRow]) -> None:
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
        for profile in (self._default, *self._profiles.values()):
            if profile.max_retry_seconds < profile.initial_retry_seconds:
                yield Problem(
                    f"{profile.name}.max_retry_seconds",
                    "must not be less than initial_retry_seconds, "
                    f"which is {profile.initial_retry_seconds:g} here",
                )


def resolve_profile(name: str, row: BounceProfileRow, default: ResolvedProfile) -> ResolvedProfile:
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
        sign_reports=_or(row.sign_reports, default.sign_reports),
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


def _bounds(name: str, value: float | None, least: float, most: float) -> Iterator[Problem]:
    if value is not None and not least <= value <= most:
        yield Problem(name, f"must be from {least:g} to {most:g}")


def _refused(path: str, name: str) -> Iterator[Problem]:
    try:
        parse_name(name)
    except ValueError as error:
        yield Problem(path, str(error))
