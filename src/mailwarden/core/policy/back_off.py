"""Sends less to who asks for it, and step by step more again.

Deferrals of 4yz name a limit: of connections, of messages in a connection, of messages in a time.
Each shrinks by itself at once, and recovers slowly (as TCP does, RFC 5681, 3.1). All numbers here
are our choice.
"""

import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from mailwarden.core.policy.mail_providers import (
    COMMON_SIGNS,
    OTHER_REASONS,
    TELL_TALES,
    Limit,
    Sign,
    find_provider,
)

REPLY_LENGTH_MAX: Final = 1000  # letters of a reply that are looked at

SHRINK: Final = 0.5
GROWTH: Final = 1.25
STEP_MIN: Final = 1.0
SETTLE_SECONDS: Final = 30.0  # in which more deferrals are about what was sent before
RAISE_SECONDS: Final = 60.0  # until the first step up; doubled by each shrinking
RAISE_SECONDS_MAX: Final = 960.0
UNSURE_MAX: Final = 3  # unsure signs in a row, without a delivery between them, are a sure one
LEAST: Final = 1.0  # connections, messages in a connection, messages a minute
MESSAGES_START: Final = 10.0  # when the first message in a connection is one too many
PER_MINUTE_START: Final = 60.0  # when nobody has measured how fast we were
PER_MINUTE_MAX: Final = 6000.0  # above it there is no limit

_STRIKES_MAX: Final = 5
_STATUS: Final = re.compile(r"\s*#?(4\.\d{1,3}\.\d{1,3})(?![\d.])")  # RFC 3463, 2
_MAILBOX_FULL: Final = "4.2.2"  # RFC 3463, 3.3: a slower pace is of no help
# RFC 3463: 4.2.1 "not accepting messages" (providers: too much for this mailbox), 4.3.1 "system
# full", 4.3.2 "not accepting network messages", 4.4.5 "congestion", 4.7.0 and 4.7.1 policy. All
# have other uses.
_UNSURE_STATUS: Final = ("4.2.1", "4.3.1", "4.3.2", "4.4.5", "4.7.0", "4.7.1")


class SlowDown(NamedTuple):
    """What a reply asks for."""

    provider: str  # who asks; "" is nobody that we know
    limit: Limit
    sign: str  # the words or the status that say so
    is_sure: bool


def read_reply(code: int, lines: Sequence[str], key: str = "") -> SlowDown | None:
    """Return what a reply of 4yz asks for; None if it is not about our pace.

    A reply of 5yz counts only if its words are sure. `key` is what the destination rolls up to.
    """
    if not 400 <= code <= 599:
        return None
    text = " ".join(lines[:20])[:REPLY_LENGTH_MAX].lower()
    match = _STATUS.match(text)
    status = match[1] if match else ""
    if status == _MAILBOX_FULL:
        return None
    found = _find(text, status, key)
    if found is None and status in _UNSURE_STATUS:
        provider = find_provider(key)
        found = SlowDown("" if provider is None else provider.name, Limit.RATE, status, False)
    if found is None or (code >= 500 and not found.is_sure):
        return None
    if any(reason in text for reason in OTHER_REASONS):
        return None
    if status.startswith("4.2."):  # RFC 3463, 3.3: about this mailbox, which alone may be busy
        return found._replace(is_sure=False)
    return found


def _find(text: str, status: str, key: str) -> SlowDown | None:
    """Return the first sign: of the provider, of everybody, of a provider that we did not know."""
    provider = find_provider(key)
    if provider is not None:
        sign = _first(provider.signs + COMMON_SIGNS, text, status)
        return None if sign is None else _asked(provider.name, sign)
    sign = _first(COMMON_SIGNS, text, status)
    if sign is not None and sign.is_sure:
        return _asked("", sign)
    for name, own in TELL_TALES:
        if own.is_in(text, status):
            return _asked(name, own)
    return None if sign is None else _asked("", sign)


def _first(signs: tuple[Sign, ...], text: str, status: str) -> Sign | None:
    for sign in signs:
        if sign.is_in(text, status):
            return sign
    return None


def _asked(provider: str, sign: Sign) -> SlowDown:
    return SlowDown(provider, sign.limit, sign.shown, sign.is_sure)


class Allowance(NamedTuple):
    """What may be done now."""

    connections: int
    messages: int  # in a connection
    per_minute: float  # messages; math.inf is as many as go


class BackOff:
    """What one destination, or all that roll up to one key, is spared.

    Times are seconds of one clock that never goes back. Several workers agree when each is told
    of every sign: the same calls give the same limits.
    """

    __slots__ = ("_connections", "_messages", "_name", "_per_minute", "_provider", "_unsure")

    def __init__(self, name: str) -> None:
        self._name: Final = name
        self._provider = ""
        self._unsure = 0
        self._connections: Final = _Dial()
        self._messages: Final = _Dial()
        self._per_minute: Final = _Dial()

    def slow_down(
        self,
        sign: SlowDown,
        now: float,
        *,
        connections: int = 0,
        messages: int = 0,
        per_minute: float = 0.0,
    ) -> bool:
        """Take a sign; return whether a limit changed, which is worth a line in the log.

        `connections` were open then, `messages` were taken in this connection before,
        `per_minute` is how fast we were; 0 is not known.
        """
        self._provider = sign.provider or self._provider
        if not sign.is_sure:
            self._unsure += 1
            if self._unsure < UNSURE_MAX:
                return False
            self._unsure = 0
        match sign.limit:
            case Limit.CONNECTIONS:
                return self._fewer_connections(sign, now, connections, per_minute)
            case Limit.MESSAGES:
                # The peer has told exactly how many it takes.
                taken = float(messages) if messages > 0 else MESSAGES_START
                return self._messages.shrink(taken, now, sign.sign)
            case Limit.RATE:
                return self._slow_rate(sign, now, per_minute)

    def delivered(self) -> None:
        """Take note that a message was delivered."""
        self._unsure = 0

    def allowance(self, now: float, connections: int, messages: int) -> Allowance:
        """Return what may be done of what the destination controls allow."""
        return Allowance(
            int(min(connections, self._connections.read(now, connections))),
            int(min(messages, self._messages.read(now, messages))),
            self._per_minute.read(now, PER_MINUTE_MAX),
        )

    def is_over(self, now: float, connections: int, messages: int) -> bool:
        """Whether nothing is held back any more, so that this object can be forgotten."""
        self.allowance(now, connections, messages)
        dials = (self._connections, self._messages, self._per_minute)
        return not self._unsure and all(dial.value == math.inf for dial in dials)

    def explain(self, now: float) -> str:
        """Return a line for the operator; "" if nothing is held back."""
        parts = [
            dial.explain(now, label)
            for dial, label in (
                (self._connections, "connections"),
                (self._messages, "messages per connection"),
                (self._per_minute, "messages per minute"),
            )
            if dial.value != math.inf
        ]
        if not parts:
            return ""
        who = self._provider or self._name
        whose = f" for {self._name}" if self._name != who else ""
        return f"{who} asks to slow down{whose}: {'; '.join(parts)}"

    def _fewer_connections(
        self, sign: SlowDown, now: float, connections: int, per_minute: float
    ) -> bool:
        dial = self._connections
        is_last = connections == 1 or dial.value <= LEAST
        is_new = not dial.is_settling(now)
        is_less = dial.shrink((connections or 2) * SHRINK, now, sign.sign)
        if is_last and is_new:  # even one at a time is too many: they come too fast
            return self._slow_rate(sign, now, per_minute) or is_less
        return is_less

    def _slow_rate(self, sign: SlowDown, now: float, per_minute: float) -> bool:
        fast = per_minute if per_minute > 0 else PER_MINUTE_START
        return self._per_minute.shrink(fast * SHRINK, now, sign.sign)


class _Dial:
    """One limit, between LEAST and none at all."""

    __slots__ = ("_at", "_count", "_raise_at", "_settled_at", "_sign", "_strikes", "value")

    def __init__(self) -> None:
        self.value = math.inf
        self._strikes = 0
        self._count = 0
        self._at = self._raise_at = 0.0
        self._settled_at = -math.inf
        self._sign = ""

    def is_settling(self, now: float) -> bool:
        """Whether a sign is still about what was sent before the last step down."""
        return now < self._settled_at

    def shrink(self, target: float, now: float, sign: str) -> bool:
        """Go down to `target`, or else by half if that is no way down; return whether we did."""
        self._count += 1
        self._at = now
        self._sign = sign
        if self.is_settling(now):
            self._raise_at = max(self._raise_at, now + self._interval())
            return False
        before = self.value
        self.value = max(LEAST, target if target < before else before * SHRINK)
        self._strikes = min(self._strikes + 1, _STRIKES_MAX)
        self._settled_at = now + SETTLE_SECONDS
        self._raise_at = now + self._interval()
        return self.value < before

    def read(self, now: float, most: float) -> float:
        """Return the limit, raised as often as was due; `most` and more is none."""
        while self.value < most and now >= self._raise_at:
            self.value = max(self.value + STEP_MIN, self.value * GROWTH)
            self._strikes = max(1, self._strikes - 1)
            self._raise_at += self._interval()
        if self.value >= most and not self.is_settling(now):
            self._open()
        return self.value

    def explain(self, now: float, label: str) -> str:
        """Return what holds, why and until when."""
        times = "once" if self._count == 1 else f"{self._count} times"
        ago, left = max(0.0, now - self._at), max(0.0, self._raise_at - now)
        return (
            f"{label} {self.value:.4g} ({self._sign!r} {times}, last {ago:.0f} s ago, "
            f"more in {left:.0f} s)"
        )

    def _open(self) -> None:
        self.value = math.inf
        self._strikes = self._count = 0

    def _interval(self) -> float:
        return min(RAISE_SECONDS * 2.0 ** max(0, self._strikes - 1), RAISE_SECONDS_MAX)
