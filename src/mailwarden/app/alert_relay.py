"""Alerts on their way from supervisor and workers to the management process, which mails them.

What the management process has not kept yet is held here, and goes to the next one when it dies:
an alert may come twice then, but none is lost. Whoever takes over a worker can raise as many as
they like: so many are under way at a time, the others are put together, and there is an end to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mailwarden.app.channel import Packet
from mailwarden.core.alerts import SYSTEM, WARNING
from mailwarden.services.alerts.alert import Alert, AlertClass, Severity, make_alert
from mailwarden.services.alerts.wire import build_packet

UNDER_WAY_MAX: Final = 100  # handed over and not kept yet
WAITING_MAX: Final = 400  # different ones
TIMES_MAX: Final = 1000  # that one is counted for, in a packet

Send = Callable[[Packet], None]
_Key = tuple[Severity, AlertClass, str]
_RANK: Final = {Severity.CRITICAL: 2, Severity.WARNING: 1, Severity.INFORMATION: 0}


@dataclass(slots=True)
class _Told:
    alert: Alert  # the last of them
    times: int = 1


class AlertRelay:
    """Implements `core.alerts.Alerts`, for the event loop of the supervisor."""

    def __init__(self) -> None:
        self._waiting: dict[_Key, _Told] = {}
        self._under_way: dict[int, _Told] = {}  # by number, in their order
        self._number = 0
        self._left_out = 0
        self._send: Send | None = None

    def alert(self, severity: str, about: str, text: str, key: str, /) -> None:
        """Raise an alert."""
        self.take(make_alert(severity, about, text, key))

    def take(self, alert: Alert) -> None:
        """Raise an alert, whoever it is of."""
        self._hold(_Told(alert))
        self._hand_over()

    def begin(self, send: Send) -> None:
        """Hand everything over to a management process, which gets packets by `send`."""
        self._send = send
        self._hand_over()

    def end(self) -> None:
        """The management process is gone: what it has not kept is for the next one."""
        self._send = None
        again, self._under_way = self._under_way, {}
        later, self._waiting = self._waiting, {}
        for told in (*again.values(), *later.values()):
            self._hold(told)

    def kept(self, number: int) -> None:
        """Hear that alerts up to `number` survive whatever happens to the management process."""
        for each in list(self._under_way):
            if each > number:
                break
            del self._under_way[each]
        self._hand_over()

    def _hold(self, told: _Told) -> None:
        key = (told.alert.severity, told.alert.about, told.alert.key)
        before = self._waiting.get(key)
        if before is not None:
            before.alert = told.alert
            before.times = min(TIMES_MAX, before.times + told.times)
        else:
            self._waiting[key] = told
            if len(self._waiting) > WAITING_MAX:
                del self._waiting[min(self._waiting, key=lambda key: _RANK[key[0]])]
                self._left_out += 1

    def _hand_over(self) -> None:
        while self._send is not None and len(self._under_way) < UNDER_WAY_MAX:
            if not self._waiting and self._left_out:
                text = f"{self._left_out} alerts were left out, as there were too many at a time"
                self._left_out = 0
                self._hold(_Told(make_alert(WARNING, SYSTEM, text, "alerts left out")))
            if not self._waiting:
                return
            told = self._waiting.pop(next(iter(self._waiting)))
            self._number += 1
            self._under_way[self._number] = told
            packet = {"number": self._number, "times": told.times, **build_packet(told.alert)}
            self._send({"do": "alert", **packet})
