"""What a report to the sender goes by: the part of a bounce profile that is about reports."""

from collections.abc import Callable
from typing import Protocol

from mailwarden.core.mail.envelope import Envelope


class ReportProfile(Protocol):
    """The fields of a bounce profile (mailflow 7.5) that say whether and how reports are sent."""

    @property
    def send_bounces(self) -> bool:
        """Whether the sender hears of failures."""
        ...

    @property
    def dsn_format(self) -> bool:
        """Whether reports have the form of RFC 3464; plain text otherwise."""
        ...

    @property
    def bounce_subject(self) -> str:
        """Subject of reports about failures."""
        ...

    @property
    def delay_subject(self) -> str:
        """Subject of reports about delays."""
        ...

    @property
    def alternate_recipient(self) -> str:
        """Who gets reports about failures and delays instead of the sender; "" is nobody."""
        ...

    @property
    def copy_size_max_bytes(self) -> int:
        """Messages larger than this are returned as their header only."""
        ...

    @property
    def max_queue_time_seconds(self) -> float:
        """How long delivery is tried."""
        ...


# Gets the envelope and the address of the recipient, whose destination may have a profile of its
# own that wins over the message's (mailflow 1.2, step 9).
ChooseProfile = Callable[[Envelope, str], ReportProfile]
