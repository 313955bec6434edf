"""What counts together as one destination: connections, recipients in a time, a provider's wishes.

Mostly that is one next hop. Domains without a row of their own in the destination controls share
with all others whose mail goes to the same provider (mailflow 7.2). Connections and recipients are
counted over all workers; what a provider asked for is what this worker heard.

Queues that may not go on wait here, first come, first served.
"""

import math
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol

from mailwarden.core.policy.back_off import Allowance, BackOff, read_reply
from mailwarden.core.policy.destinations import NO_LIMIT, DestinationLimits, LimitType
from mailwarden.mailflow.delivery.counters import Counters
from mailwarden.services.throttling.gauges import SharedGauges
from mailwarden.services.throttling.rates import COUNT_MAX
from mailwarden.services.throttling.spans import Spans, window_end
from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.maillog import MailLog

GAUGE: Final = "destination:"  # and what is counted together
WOKEN_AT_ONCE: Final = 16  # queues of one group, before others get their turn
STUCK_SECONDS: Final = 1.0  # until another try where the count cannot be had
PLACES_MAX: Final = 1000  # of one destination whose counts an operator can reset


class Waiter(Protocol):
    """A queue that waits for its group."""

    def go_on(self) -> None:
        """Try again; come back with `wait` if that is no use."""
        ...

    def give_way(self) -> bool:
        """End a connection without work, if there is one."""
        ...

    def messages(self) -> int:
        """Return how many messages were taken since the start."""
        ...

    def per_minute(self, now: float) -> float:
        """Return how many messages were taken in a minute, lately; 0 is not known."""
        ...


class HeldBack(NamedTuple):
    """Why mail waits that could go, for operators."""

    why: str
    until: float = 0.0  # seconds since the epoch; 0 is not known


class Tools(NamedTuple):
    """What all groups work with."""

    gauges: SharedGauges
    spans: Spans
    clock: Clock
    log: MailLog
    counters: Counters


class LimitGroup:
    """One destination, as far as limits go.

    `is_limited` tells the hot path whether it has to ask here for each message.
    """

    __slots__ = (
        "_delivered",
        "_ending",
        "_exhausted",
        "_open_at",
        "_places",
        "_tokens",
        "_tokens_at",
        "_tools",
        "_waiting",
        "back_off",
        "is_by_address",
        "is_limited",
        "limits",
        "members",
        "name",
        "provider",
    )

    def __init__(self, name: str, limits: DestinationLimits, tools: Tools) -> None:
        self.name: Final = name
        self.limits: Final = limits
        self.members: Final[set[Waiter]] = set()  # with connections
        self.back_off: BackOff | None = None
        self.is_by_address: Final = limits.limit_type is LimitType.MXIP
        self.is_limited = limits.recipient_limit != NO_LIMIT
        self.provider = name  # as whose its replies are read
        self._tools: Final = tools
        self._exhausted: Final[
            dict[str, float]
        ] = {}  # until when (monotonic), by what counts together
        self._tokens = 0.0  # messages that may go now, where there is a rate
        self._tokens_at = 0.0
        self._waiting: Final[dict[Waiter, None]] = {}
        self._open_at = math.inf  # nobody who waits need try before (monotonic)
        self._ending: Final[set[int]] = set()  # DCIDs of connections that make room
        self._places: Final[set[str]] = set()  # at which recipients were counted
        self._delivered = 0

    # Connections.

    def place(self, address: str, gateway: str) -> str:
        """Return under which name a connection, or its recipients, are counted."""
        return self.limits.counter_key(destination=self.name, address=address, gateway=gateway)

    def has_room(self, gateway: str) -> bool:
        """Whether a try to open a connection makes sense, as far as that is known beforehand."""
        if self.is_by_address:
            return True
        count = self._tools.gauges.value(GAUGE + self.place("", gateway))
        return count < self._connections_max()

    def enter(self, place: str) -> bool:
        """Count a connection at `place`; whoever got True calls `leave`."""
        return self._tools.gauges.try_acquire(GAUGE + place, self._connections_max())

    def leave(self, place: str, dcid: int = 0) -> None:
        """Count a connection no more."""
        self._tools.gauges.release(GAUGE + place)
        self._ending.discard(dcid)

    def is_crowded(self, place: str, dcid: int) -> bool:
        """Whether connection `dcid` at `place` has to go, after the limit went down."""
        if self.back_off is None:
            return False
        count = self._tools.gauges.value(GAUGE + place) - len(self._ending)
        if count <= self._connections_max():
            return False
        self._ending.add(dcid)
        return True

    def messages_max(self) -> int:
        """Return how many messages may go over one connection."""
        if self.back_off is None:
            return self.limits.max_messages_per_connection
        return self._allowance(self.back_off).messages

    def _connections_max(self) -> int:
        if self.back_off is None:
            return self.limits.max_host_concurrency
        return self._allowance(self.back_off).connections

    def _allowance(self, back_off: BackOff) -> Allowance:
        limits = self.limits
        return back_off.allowance(
            self._tools.clock.monotonic(),
            limits.max_host_concurrency,
            limits.max_messages_per_connection,
        )

    # Messages and recipients.

    def wait_seconds(self, address: str, gateway: str) -> float:
        """Return how long nothing may go; 0 is that something may."""
        now = self._tools.clock.monotonic()
        seconds = self._token_seconds(now) if self.back_off is not None else 0.0
        limits = self.limits
        if limits.recipient_limit == NO_LIMIT:
            return seconds
        place = self.place(address, gateway)
        until = self._exhausted.get(place, 0.0)
        if until <= now:
            wall = self._tools.clock.time()
            rates = self._tools.spans.of(limits.recipient_minutes)
            if rates.peek(self._key(place), wall) < limits.recipient_limit:
                self._exhausted.pop(place, None)
                return seconds
            until = now + self._rest_of_window(wall)
            self._exhausted[place] = until
        return max(seconds, until - now)

    def permit(self, address: str, gateway: str, wanted: int) -> int:
        """Return how many of `wanted` recipients of a message may go now, and count them."""
        now = self._tools.clock.monotonic()
        if self.back_off is not None and self._token_seconds(now) > 0:
            return 0
        limits = self.limits
        allowed = wanted
        if limits.recipient_limit != NO_LIMIT:
            allowed = self._take(self.place(address, gateway), wanted, now)
        if allowed and self.back_off is not None:
            self._tokens -= 1.0
        return allowed

    def _take(self, place: str, wanted: int, now: float) -> int:
        if self._exhausted.get(place, 0.0) > now:
            return 0
        limits, wall = self.limits, self._tools.clock.time()
        if len(self._places) < PLACES_MAX:
            self._places.add(place)
        rates, key = self._tools.spans.of(limits.recipient_minutes), self._key(place)
        taken = rates.take(key, wanted, limits.recipient_limit, wall)
        if taken.allowed < wanted:
            is_full = taken.count >= limits.recipient_limit
            seconds = self._rest_of_window(wall) if is_full else STUCK_SECONDS
            self._exhausted[place] = now + seconds
            if is_full and rates.tell(key, wall):
                self._tools.counters["recipient_limits_reached"] += 1
                self._tools.log.info(
                    f"Destination {place}: {self._limit_words()} is reached; more recipients wait "
                    f"for {seconds:.0f} seconds"
                )
        return taken.allowed

    def give_back(self, address: str, gateway: str, count: int) -> None:
        """Take back what `permit` counted, as it was not sent."""
        if self.limits.recipient_limit != NO_LIMIT:
            rates = self._tools.spans.of(self.limits.recipient_minutes)
            key = self._key(self.place(address, gateway))
            rates.give_back(key, count, self._tools.clock.time())

    def _key(self, place: str) -> bytes:
        return f"{self.limits.recipient_minutes} {place}".encode("utf-8", "surrogatepass")

    def _rest_of_window(self, wall: float) -> float:
        return window_end(wall, self.limits.recipient_minutes) - wall

    def _limit_words(self) -> str:
        limits = self.limits
        minutes = (
            "a minute" if limits.recipient_minutes == 1 else f"{limits.recipient_minutes} minutes"
        )
        return f"the limit of {limits.recipient_limit} recipients in {minutes}"

    def _token_seconds(self, now: float) -> float:
        """Return how long the rate that a provider wants lets no message go."""
        assert self.back_off is not None  # asked by callers, who know
        rate = self._allowance(self.back_off).per_minute
        if math.isinf(rate):
            self._tokens, self._tokens_at = 1.0, now
            return 0.0
        a_second = rate / 60.0
        grown = self._tokens + max(0.0, now - self._tokens_at) * a_second
        self._tokens, self._tokens_at = min(max(1.0, a_second), grown), now
        return max(0.0, (1.0 - self._tokens) / a_second) if self._tokens < 0.999 else 0.0

    # What providers ask for.

    def hear(self, code: str, lines: Sequence[str], place: str, messages: int) -> None:
        """Take a reply that was no success; `messages` had gone over that connection before."""
        if not code.startswith(("4", "5")) or code == "000":
            return
        sign = read_reply(int(code), lines, self.provider)
        if sign is None:
            return
        now = self._tools.clock.monotonic()
        if self.back_off is None:
            self.back_off = BackOff(self.name)
            self._delivered = self._messages()
            self._tokens, self._tokens_at = 0.0, now
            self.is_limited = True
        self._note_deliveries(self.back_off)
        changed = self.back_off.slow_down(
            sign,
            now,
            connections=self._tools.gauges.value(GAUGE + place),
            messages=messages,
            per_minute=sum(member.per_minute(now) for member in self.members),
        )
        if changed:
            self._tools.counters["slow_downs"] += 1
            self._tools.log.info(self.back_off.explain(now))

    def _note_deliveries(self, back_off: BackOff) -> None:
        """Let signs that may mean anything count anew once mail was taken."""
        delivered = self._messages()
        if delivered != self._delivered:
            self._delivered = delivered
            back_off.delivered()

    def _messages(self) -> int:
        return sum(member.messages() for member in self.members)

    def sweep(self, now: float) -> None:
        """Forget what is over."""
        for place in [place for place, until in self._exhausted.items() if until <= now]:
            del self._exhausted[place]
        back_off, limits = self.back_off, self.limits
        if back_off is not None:
            self._note_deliveries(back_off)
            if back_off.is_over(
                now, limits.max_host_concurrency, limits.max_messages_per_connection
            ):
                self._forget_back_off()

    def take_over(self, other: "LimitGroup") -> None:
        """Go on for a group that had other limits, with what its provider asked for."""
        self.back_off = other.back_off
        self.is_limited = self.is_limited or self.back_off is not None
        self._delivered, self._tokens_at = self._messages(), self._tools.clock.monotonic()

    def _forget_back_off(self) -> None:
        self.back_off = None
        self.is_limited = self.limits.recipient_limit != NO_LIMIT

    # Waiting.

    @property
    def has_waiting(self) -> bool:
        """Whether anybody waits here."""
        return bool(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing here to be remembered."""
        return not (self.members or self._waiting or self._exhausted or self.back_off)

    def wait(self, waiter: Waiter, seconds: float) -> None:
        """Let `waiter` wait, at least so long; 0 is until a place is free."""
        self._open_at = min(self._open_at, self._tools.clock.monotonic() + seconds)
        self._waiting[waiter] = None
        if not seconds:
            for member in self.members:
                if member is not waiter and member.give_way():
                    break

    def wait_no_more(self, waiter: Waiter) -> None:
        """Forget that `waiter` waits."""
        self._waiting.pop(waiter, None)

    def serve(self, now: float, limit: int = WOKEN_AT_ONCE) -> None:
        """Let those who wait try again, some at a time."""
        if now < self._open_at:
            return
        woken = list(islice(self._waiting, limit))
        for waiter in woken:
            del self._waiting[waiter]
        self._open_at = now if self._waiting else math.inf  # those who come back lower it
        for waiter in woken:
            waiter.go_on()

    # What operators do.

    def reset(self) -> None:
        """Forget what was counted and asked for: all that waits may try at once."""
        self._forget_back_off()
        limits = self.limits
        if limits.recipient_limit != NO_LIMIT:
            rates = self._tools.spans.of(limits.recipient_minutes)
            for place in self._places:
                rates.give_back(self._key(place), COUNT_MAX, self._tools.clock.time())
        self._exhausted.clear()
        self._open_at = 0.0

    def held_back(self) -> list[HeldBack]:
        """Return why mail waits that could go."""
        now, wall = self._tools.clock.monotonic(), self._tools.clock.time()
        found = []
        if self.back_off is not None:
            text = self.back_off.explain(now)
            if text:
                found.append(HeldBack(text))
        for place, until in self._exhausted.items():
            if until > now:
                whose = f" for {place}" if place != self.name else ""
                found.append(
                    HeldBack(f"{self._limit_words()}{whose} is reached", wall + until - now)
                )
        if self._waiting and not found:
            found.append(HeldBack(f"all connections are in use, {self._connections_max()} at most"))
        return found
