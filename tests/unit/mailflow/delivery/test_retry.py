"""When to try again, to give up, and to tell."""

from mailwarden.core.mail.envelope import Notify
from mailwarden.mailflow.delivery.retry import (
    is_expired,
    is_warning_due,
    retry_delay,
    wants_delay_report,
    wants_failure_report,
    wants_success_report,
)
from mailwarden.mailflow.delivery.settings import BounceProfile


def test_waits_double_up_to_the_longest() -> None:
    delays = [retry_delay(BounceProfile(), attempts) for attempts in range(1, 9)]
    assert delays == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_the_last_attempts() -> None:
    profile = BounceProfile(max_retries=2, initial_retry_seconds=60, max_retry_seconds=60)
    assert [retry_delay(profile, attempts) for attempts in (1, 2, 3)] == [60, 60, None]
    assert retry_delay(BounceProfile(max_retries=0), 1) is None


def test_ten_thousand_attempts_do_not_overflow() -> None:
    assert retry_delay(BounceProfile(max_retries=10_000), 10_000) == 3600


def test_expiry() -> None:
    profile = BounceProfile(max_queue_time_seconds=100)
    assert not is_expired(profile, 99.9)
    assert is_expired(profile, 100)


def test_warnings() -> None:
    profile = BounceProfile(send_delay_warnings=True, delay_interval_seconds=100, delay_count_max=2)
    assert not is_warning_due(profile, 0, 99)
    assert is_warning_due(profile, 0, 100)
    assert not is_warning_due(profile, 1, 199)
    assert is_warning_due(profile, 1, 200)
    assert not is_warning_due(profile, 2, 10_000)
    assert not is_warning_due(BounceProfile(), 0, 100_000)


def test_who_hears_of_what() -> None:
    table = {
        Notify.UNSPECIFIED: (True, True, False),
        Notify.NEVER: (False, False, False),
        Notify.SUCCESS: (False, False, True),
        Notify.FAILURE: (True, False, False),
        Notify.DELAY: (False, True, False),
        Notify.SUCCESS | Notify.FAILURE: (True, False, True),
    }
    for notify, (failure, delay, success) in table.items():
        assert wants_failure_report(notify) is failure
        assert wants_delay_report(notify) is delay
        assert wants_success_report(notify) is success
