"""Of what a sender wants to hear (RFC 3461, 4.1)."""

from mailwarden.core.mail.envelope import Notify


def wants_failure_report(notify: Notify) -> bool:
    """Whether the sender wants to hear of a failure (RFC 3461, 4.1)."""
    return not notify or bool(notify & Notify.FAILURE)


def wants_delay_report(notify: Notify) -> bool:
    """Whether the sender wants to hear of a delay."""
    return not notify or bool(notify & Notify.DELAY)


def wants_success_report(notify: Notify) -> bool:
    """Whether the sender wants to hear of the delivery."""
    return bool(notify & Notify.SUCCESS)
