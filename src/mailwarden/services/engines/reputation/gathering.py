"""Gathers what connections show of their hosts, so that the history is written to less often.

A host that sends a lot comes with one connection after the other. Counted one by one they cost
more than all else that is decided about a client; what is gathered of them within a second costs as
much as one. A worker that is killed loses that second.
"""

from collections.abc import Callable
from typing import Final

from mailwarden.services.engines.reputation.history_table import Traffic

GATHER_SECONDS: Final = 1.0
HOSTS_MAX: Final = 100  # that are written at once: a millisecond

Later = Callable[[float, Callable[[], None]], object]


class _Seen:
    __slots__ = ("bad_recipients", "messages", "recipients")

    def __init__(self, messages: int, recipients: int, bad_recipients: int) -> None:
        self.messages = messages
        self.recipients = recipients
        self.bad_recipients = bad_recipients


class Gathering:
    """What was seen since the last time it was handed over."""

    __slots__ = ("_by_host", "_is_due", "_later", "_record")

    def __init__(self, record: Callable[[str, Traffic], None], later: Later) -> None:
        """`record` takes what was seen of an address; `later` is `call_later` of the event loop."""
        self._record = record
        self._later = later
        self._by_host: dict[str, _Seen] = {}
        self._is_due = False

    def add(self, address: str, messages: int, recipients: int, bad_recipients: int) -> None:
        """Count what a connection of `address` showed."""
        seen = self._by_host.get(address)
        if seen is not None:
            seen.messages += messages
            seen.recipients += recipients
            seen.bad_recipients += bad_recipients
            return
        if len(self._by_host) >= HOSTS_MAX:
            self.hand_over()
        self._by_host[address] = _Seen(messages, recipients, bad_recipients)
        if not self._is_due:
            self._is_due = True
            self._later(GATHER_SECONDS, self._due)

    def hand_over(self) -> None:
        """Hand over all that was gathered."""
        by_host, self._by_host = self._by_host, {}
        for address, seen in by_host.items():
            traffic = Traffic(
                float(seen.messages), float(seen.recipients), float(seen.bad_recipients)
            )
            self._record(address, traffic)

    def _due(self) -> None:
        self._is_due = False
        self.hand_over()
