"""Who wants to hear of what."""

from mailwarden.core.mail.envelope import Notify
from mailwarden.mailflow.delivery.retry import (
    wants_delay_report,
    wants_failure_report,
    wants_success_report,
)


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
