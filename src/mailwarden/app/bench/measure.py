"""One run of one target: clean, start, warm up, load, wait until all has arrived, stop, check."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.relay import problems_of, relay_through
from mailwarden.app.bench.statistics import messages_for
from mailwarden.app.bench.target import Running, Target
from mailwarden.app.bench.workplace import BenchError, Workplace

WARM_UP_MESSAGES: Final = 500
_MESSAGES_MIN: Final = 200
_MESSAGES_A_SESSION_MIN: Final = 5  # with fewer, start and end of the run are most of it
_SAMPLE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The figures of one run."""

    target: str
    profile: str
    round: int
    messages: int
    accept_rate: float = 0.0  # messages a second, until the last 250
    end_to_end_rate: float = 0.0  # messages a second, until the last one is in the sink
    p50_ms: float = 0.0  # from the end of data to the 250
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    transaction_p50_ms: float | None = None  # from MAIL to the 250; old files have it not
    transaction_p90_ms: float | None = None
    transaction_p99_ms: float | None = None
    transaction_max_ms: float | None = None
    cpu_per_1000: float = 0.0  # seconds of the target, for 1,000 messages
    load_cpu_per_1000: float = 0.0
    sink_cpu_per_1000: float = 0.0
    pss_bytes: int = 0  # highest seen; 0: not looked at, as looking takes time
    processes: int = 0
    redialled: int = 0  # connections that got no greeting within three seconds
    metered: str = ""
    problems: tuple[str, ...] = ()  # what was lost, doubled or changed: none may be


def run_once(
    workplace: Workplace,
    target: Target,
    profile: Profile,
    *,
    messages: int,
    number: int,
    samples_memory: bool,
    seconds: float | None = None,
    on_start: Callable[[Running], None] | None = None,
) -> Run:
    """Run `target` under `profile` and return the figures of `messages` after the warm-up.

    With `seconds` a slow target gets fewer of them: what lasts so long at the warm-up's rate.
    `on_start` may do something to the target before the first message.

    Raises:
        BenchError: the target or a tool does not work at all.
    """
    with relay_through(workplace, target, profile, WARM_UP_MESSAGES + messages) as relay:
        if on_start is not None:
            on_start(relay.running)
        warm = relay.send(WARM_UP_MESSAGES)
        if warm.arrived is None:
            raise BenchError(f"not all of the warm-up arrived {'; '.join(warm.load.problems())}")
        if seconds is not None:
            messages = messages_for(warm.rate, seconds, least_messages(profile), messages)
        cpu_before = relay.running.cpu_seconds()
        with MemoryWatch(relay.running, enabled=samples_memory) as memory:
            passage = relay.send(messages)
        cpu = relay.running.cpu_seconds() - cpu_before
    load, end = passage.load, relay.end
    sink_cpu = end.cpu_seconds - warm.arrived.cpu_seconds if end else 0.0
    return Run(
        target=target.name,
        profile=profile.name,
        round=number,
        messages=messages,
        accept_rate=load.rate,
        end_to_end_rate=passage.rate,
        p50_ms=load.p50_ms,
        p90_ms=load.p90_ms,
        p99_ms=load.p99_ms,
        max_ms=load.max_ms,
        transaction_p50_ms=load.transaction_p50_ms,
        transaction_p90_ms=load.transaction_p90_ms,
        transaction_p99_ms=load.transaction_p99_ms,
        transaction_max_ms=load.transaction_max_ms,
        cpu_per_1000=cpu / messages * 1000,
        load_cpu_per_1000=load.cpu_seconds / messages * 1000,
        sink_cpu_per_1000=sink_cpu / messages * 1000,
        pss_bytes=memory.pss_bytes,
        processes=memory.processes,
        redialled=load.redialled,
        metered=relay.running.how_metered,
        problems=problems_of(relay, [warm, passage], profile),
    )


def least_messages(profile: Profile) -> int:
    """Return how many messages a run needs for its figures to mean something."""
    return max(_MESSAGES_MIN, profile.sessions * _MESSAGES_A_SESSION_MIN)


class MemoryWatch:
    """Looks at a target's memory again and again, and keeps the highest figure."""

    def __init__(self, running: Running, *, enabled: bool = True) -> None:
        self._running = running
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True) if enabled else None
        self.pss_bytes = 0
        self.processes = 0

    def __enter__(self) -> Self:
        """Begin to look."""
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop looking."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while True:
            pss, processes = self._running.memory()
            if pss > self.pss_bytes:
                self.pss_bytes, self.processes = pss, processes
            if self._ended.wait(_SAMPLE_SECONDS):
                return
