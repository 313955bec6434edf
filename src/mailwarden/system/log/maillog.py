"""The mail log: one method for each event, in the exact line forms of mailflow 8.

Each event becomes a text line, a JSON line, or both, through one `LineSink` each. Old log parsers
match on the words and the spacing of the text lines: they are an interface.
"""

from mailwarden.system.log.delivery_events import DeliveryEvents
from mailwarden.system.log.emitter import LineSink
from mailwarden.system.log.settings import Level

__all__ = ["Level", "LineSink", "MailLog", "silent_log"]


class MailLog(DeliveryEvents):
    """Writes the events of the mail's way.

    `stamp` returns the time of now as `Tue Nov  9 10:15:02 2010`, `iso` the same for JSON: see
    `stamp.py` for both. A sink that is None gets nothing.
    """

    __slots__ = ()


def silent_log() -> MailLog:
    """Return a log that writes nothing; for measuring the rest."""
    return MailLog(None, None, None, level=Level.CRITICAL, stamp=str, iso=str)
