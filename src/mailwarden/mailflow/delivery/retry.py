"""When to try again, when to give up, when to tell the sender (mailflow 7.5)."""

from typing import Final

from mailwarden.core.mail.envelope import Notify
from mailwarden.mailflow.delivery.settings import BounceProfile

_DOUBLINGS_MAX: Final = 64  # beyond it every wait is the longest one; keeps the number small


def retry_delay(profile: BounceProfile, attempts: int) -> float | None:
    """Return the seconds to wait after `attempts` failed ones; None when none may follow.

    The wait doubles each time, up to the longest.
    """
    if attempts > profile.max_retries:
        return None
    doublings = min(attempts - 1, _DOUBLINGS_MAX)
    return min(profile.max_retry_seconds, profile.initial_retry_seconds * 2.0**doublings)


def is_expired(profile: BounceProfile, age: float) -> bool:
    """Whether a message that has waited `age` seconds is given up instead of tried again."""
    return age >= profile.max_queue_time_seconds


def is_warning_due(profile: BounceProfile, warnings: int, age: float) -> bool:
    """Whether the sender hears of the delay, having heard `warnings` times before."""
    return (
        profile.send_delay_warnings
        and warnings < profile.delay_count_max
        and age >= profile.delay_interval_seconds * (warnings + 1)
    )


def wants_failure_report(notify: Notify) -> bool:
    """Whether the sender wants to hear of a failure (RFC 3461, 4.1)."""
    return not notify or bool(notify & Notify.FAILURE)


def wants_delay_report(notify: Notify) -> bool:
    """Whether the sender wants to hear of a delay."""
    return not notify or bool(notify & Notify.DELAY)


def wants_success_report(notify: Notify) -> bool:
    """Whether the sender wants to hear of the delivery."""
    return bool(notify & Notify.SUCCESS)
