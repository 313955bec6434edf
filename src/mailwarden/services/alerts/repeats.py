"""How often people hear of the same thing (admin 8.5, SYS-32), without a clock of its own.

The first alert goes at once; from then on repeats are put together and told of at certain times:
with a first wait of 5 seconds after 5, 15, 35, 75 ... seconds, until the next time would lie beyond
the longest wait: then each time that has passed. Where nothing has come by one of these times, the
next alert goes at once, and the times are counted from there. What was quiet for the longest wait
is forgotten.

Texts may come from attackers. Of each severity and class only so many different things are told
apart; all others count as one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mailwarden.services.alerts.alert import Alert, AlertClass, Severity

DISTINCT_MAX: Final = 30  # of one severity and class

Key = tuple[Severity, AlertClass, str | None]  # None is of all others


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are to be told: the alert that came last, and how many nobody heard of.

    `first_at` and `last_at` (epoch seconds) are when the first and the last of them came. With
    `is_mixed` they are about different things.
    """

    alert: Alert
    repeats: int = 0  # that nobody was told of, `alert` included; 0 is an alert that goes at once
    first_at: float = 0.0
    last_at: float = 0.0
    is_mixed: bool = False


@dataclass(slots=True)
class Watched:
    """Something that people were told of. Times outside `notice` are monotonic seconds."""

    notice: Notice
    origin: float  # from which the times count
    offset: float  # of the next time, from there
    heard: float  # when it last came


def next_offset(offset: float, initial: float, longest: float) -> float:
    """Return the time that follows `offset`, which is 0 for the alert itself."""
    doubled = 2 * offset + initial
    if doubled <= longest or longest <= 0:
        return doubled
    return (offset // longest + 1) * longest


class Repeats:
    """Decides for each alert whether people are told now, later with others, or not at all.

    `initial_seconds` 0 is to tell of each at once.
    """

    def __init__(self, initial_seconds: float, longest_seconds: float) -> None:
        self._initial = initial_seconds
        self._longest = longest_seconds
        self._watched: dict[Key, Watched] = {}
        self._distinct: Counter[tuple[Severity, AlertClass]] = Counter()

    def apply(self, initial_seconds: float, longest_seconds: float) -> None:
        """Wait otherwise from now on; what waits keeps its time, unless nothing is to wait."""
        self._initial = initial_seconds
        self._longest = longest_seconds

    def take(self, alert: Alert, now: float, time: float) -> Notice | None:
        """Return what to tell of an alert at once, or None: `due` has it later.

        `now` is monotonic seconds, `time` seconds since the epoch.
        """
        if self._initial <= 0:
            return Notice(alert)
        key = self._key(alert)
        watched = self._watched.get(key)
        if watched is None or self._is_over(watched, now):
            if watched is not None:
                self._forget(key)
            self._watch(key, Watched(Notice(alert), now, self._next(0.0), now))
            return Notice(alert)
        watched.heard = now
        before = watched.notice
        if not before.repeats and now >= watched.origin + watched.offset:
            watched.origin = now - watched.offset
            watched.offset = self._next(watched.offset)
            watched.notice = Notice(alert)
            return watched.notice
        watched.notice = Notice(
            alert,
            before.repeats + 1,
            before.first_at if before.repeats else time,
            time,
            is_mixed=key[2] is None,
        )
        return None

    def due(self, now: float) -> Sequence[Notice]:
        """Return what to tell of repeats at `now`, and forget what was quiet for long."""
        notices: list[Notice] = []
        for key, watched in list(self._watched.items()):
            if self._initial > 0 and now < watched.origin + watched.offset:
                continue
            if watched.notice.repeats:
                notices.append(watched.notice)
                watched.notice = Notice(watched.notice.alert)
                self._step(watched, now)
            if self._initial <= 0 or self._is_over(watched, now):
                self._forget(key)
        return notices

    def next_due(self) -> float | None:
        """Return when `due` has something next (monotonic seconds); None is never."""
        times = [w.origin + w.offset for w in self._watched.values() if w.notice.repeats]
        if times and self._initial <= 0:
            return 0.0
        return min(times, default=None)

    @property
    def watched(self) -> Sequence[Watched]:
        """Everything that people were told of and that is not forgotten; not to be changed."""
        return list(self._watched.values())

    def restore(self, watched: Watched) -> None:
        """Go on with what another process watched."""
        alert = watched.notice.alert
        key: Key = (alert.severity, alert.about, alert.key)
        if watched.notice.is_mixed or self._is_full(key):
            key = (*key[:2], None)
        if key not in self._watched:
            self._watch(key, replace(watched))

    def _key(self, alert: Alert) -> Key:
        key: Key = (alert.severity, alert.about, alert.key)
        if key in self._watched or not self._is_full(key):
            return key
        return (*key[:2], None)

    def _is_over(self, watched: Watched, now: float) -> bool:
        quiet = now - watched.heard >= max(self._longest, self._initial)
        return quiet and not watched.notice.repeats and now >= watched.origin + watched.offset

    def _is_full(self, key: Key) -> bool:
        return self._distinct[key[:2]] >= DISTINCT_MAX

    def _watch(self, key: Key, watched: Watched) -> None:
        self._watched[key] = watched
        self._distinct[key[:2]] += key[2] is not None

    def _forget(self, key: Key) -> None:
        del self._watched[key]
        self._distinct[key[:2]] -= key[2] is not None

    def _step(self, watched: Watched, now: float) -> None:
        offset = self._next(watched.offset)
        if watched.origin + offset <= now:  # asleep for longer than a wait
            watched.origin = now - watched.offset
        watched.offset = offset

    def _next(self, offset: float) -> float:
        return next_offset(offset, self._initial, self._longest)
