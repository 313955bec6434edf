"""What a journal says: one record for each thing that happens to a message after it was put.

A record is a tuple whose first item is its kind; msgpack keeps it as an array. Text is kept as
bytes, because what peers say need not be UTF-8.
"""

from typing import Any, Final

from mailwarden.stores.spool.spool import Report

SETTLE: Final = 1  # mid, how, rids
RETRY: Final = 2  # mid, rids, attempts, next_attempt_at, warnings, reason, written_at
HOLD: Final = 3  # mid, name, reason
RELEASE: Final = 4  # mid, state
REQUEUE: Final = 5  # mid, attempts, at, written_at, reason
REPORT: Final = 6  # mid, kind, rids, reason, response, remote, attempts, at, dcid


def text(value: str) -> bytes:
    """Return `value` as bytes; whatever came from the network comes back the same."""
    return value.encode("utf-8", "surrogateescape")


def report_fields(report: Report) -> tuple[Any, ...]:
    """Return `report` as it stands in a record."""
    return (
        int(report.kind),
        report.rids,
        text(report.reason),
        text(report.response),
        text(report.remote),
        report.attempts,
        report.at,
        report.dcid,
    )
