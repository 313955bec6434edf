"""A target between load and sink, kept running while one or more loads pass through it."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.target import Running, Target, free_port
from mailwarden.app.bench.tools import LoadReport, Shipment, Sink, SinkReport, run_load
from mailwarden.app.bench.workplace import BenchError, Workplace

_DRAIN_SECONDS: Final = 180.0
_DRAIN_SECONDS_IF_SHORT: Final = 10.0  # when some were not accepted, the mark is never reached
_SETTLE_SECONDS: Final = 0.5  # removing queue files is part of the work
_LIMIT_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Passage:
    """One load that passed: what the load said, and what the sink said when all was there."""

    load: LoadReport
    arrived: SinkReport | None  # None: not all arrived

    @property
    def rate(self) -> float:
        """Messages a second, from the first connection to the last message in the sink."""
        if self.arrived is None:
            return 0.0
        return self.load.messages / (self.arrived.last - self.load.began)


class Relay:
    """A running target; the loads are sent one after the other."""

    def __init__(
        self,
        workplace: Workplace,
        profile: Profile,
        running: Running,
        sink: Sink,
        port: int,
        run: str,
    ) -> None:
        self.running = running
        self.port = port
        self.end: SinkReport | None = None  # known once the target has stopped
        self._workplace = workplace
        self._profile = profile
        self._sink = sink
        self._run = run
        self._sent = 0  # numbers are given away to that one
        self._expected = 0  # deliveries

    def send(
        self,
        messages: int,
        *,
        files: Path | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Passage:
        """Send `messages`, wait until all have arrived and the target has come to rest.

        With `on_progress` Ctrl-C stops the load early (see `run_load`); the passage is then of
        the messages that were sent.
        """
        shipment = Shipment(
            port=self.port,
            run=self._run,
            messages=messages,
            first=self._sent,
            files=files,
            limit_seconds=_LIMIT_SECONDS,
        )
        load = run_load(self._workplace, self._profile, shipment, on_progress)
        self._sent += messages
        self._expected += load.messages * self._profile.recipients
        complete = load.accepted == load.messages
        seconds = _DRAIN_SECONDS if complete else _DRAIN_SECONDS_IF_SHORT
        arrived = self._sink.wait_for(self._expected, seconds) if self._expected else None
        time.sleep(_SETTLE_SECONDS)
        return Passage(load, arrived)


@contextmanager
def relay_through(
    workplace: Workplace, target: Target, profile: Profile, messages: int
) -> Iterator[Relay]:
    """Start sink and `target`, stop both at the end; `messages` is the most that will be sent.

    Raises:
        BenchError: the target or a tool does not work at all.
    """
    run, port = secrets.token_hex(4), free_port()
    with Sink(workplace, run=run, messages=messages, recipients=profile.recipients) as sink:
        launch = target.prepare(port, sink.port)
        with Running(target, launch, port, workplace.state / "logs") as running:
            relay = Relay(workplace, profile, running, sink, port, run)
            yield relay
        relay.end = sink.finish()  # behind the stop of the target: nothing can come any more


def problems_of(relay: Relay, passages: Sequence[Passage], profile: Profile) -> tuple[str, ...]:
    """Return what was not accepted, lost, doubled or changed; the target has stopped by then."""
    found = [problem for passage in passages for problem in passage.load.problems()]
    if relay.end is None:
        raise BenchError("the sink has not been asked")
    expected = sum(passage.load.messages for passage in passages) * profile.recipients
    return (*found, *relay.end.problems(expected))
