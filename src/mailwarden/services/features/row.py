"""A switch as people see it."""

from typing import Final, NamedTuple

from mailwarden.services.features.expiry import days_left
from mailwarden.services.features.key import Key

PERPETUAL: Final = "Perpetual"


class Row(NamedTuple):
    """One line of a list."""

    name: str
    title: str
    status: str  # `Active`, `Dormant` or `Unknown`
    since: float  # in seconds since the epoch; 0 is from the start
    by: str
    expires: str  # `Perpetual`, or the last day
    days_left: int | None  # 0 is that it is over; None is that it never will be
    note: str


def row_of(key: Key, title: str, status: str, since: float, by: str, now: float) -> Row:
    """Return a switch with what there is to say of it at `now`; both times are since the epoch."""
    ends_at = key.ends_at()
    return Row(
        name=key.feature,
        title=title,
        status=status,
        since=since,
        by=by,
        expires=PERPETUAL if key.expires is None else key.expires.isoformat(),
        days_left=None if ends_at is None else days_left(ends_at, now),
        note=key.note,
    )
