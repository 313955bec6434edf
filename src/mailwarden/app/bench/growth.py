"""Memory while very many messages pass: it must come to rest.

Ctrl-C stops it early: what is under way is finished, and the result is of what was sent.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.relay import Relay, problems_of, relay_through
from mailwarden.app.bench.results import GrowthResult
from mailwarden.app.bench.workplace import BenchError, Workplace

_PROFILE: Final = Profile(name="growth", size_bytes=4096, sessions=100, per_connection=100)
_SAMPLES: Final = 200  # looking costs time: no more often than this in all
_WORKERS: Final = 2
_DISK_BLOCK_BYTES: Final = 512  # stat(2), st_blocks


def measure_growth(
    workplace: Workplace, messages: int, on_look: Callable[[int, int, int], None]
) -> GrowthResult:
    """Send `messages`; `on_look` hears how many are accepted, the PSS and the spool in bytes.

    Raises:
        BenchError: nothing was accepted, or nothing works at all.
    """
    gateway = Gateway(workplace, _WORKERS)
    with relay_through(workplace, gateway, _PROFILE, messages) as relay:
        watch = _Watch(relay, gateway, max(messages // _SAMPLES, 1), on_look)
        passage = relay.send(messages, on_progress=watch.progress)
        sent = passage.load.messages
        if not passage.load.accepted:
            raise BenchError("no message was accepted")
        watch.look(passage.load.accepted)
    return GrowthResult(
        messages=sent,
        wanted=messages,
        seconds=sent / passage.rate if passage.rate else 0.0,
        pss=tuple(watch.seen),
        spool_peak_bytes=watch.spool_peak_bytes,
        log_bytes=_size_on_disk(gateway.state / "log"),
        problems=problems_of(relay, [passage], _PROFILE),
    )


class _Watch:
    """Looks at memory and disk whenever so many more messages are accepted."""

    def __init__(
        self,
        relay: Relay,
        gateway: Gateway,
        step: int,
        on_look: Callable[[int, int, int], None],
    ) -> None:
        self._relay = relay
        self._spool = gateway.state / "spool"
        self._step = step
        self._on_look = on_look
        self._next = step
        self.seen: list[tuple[int, int]] = []  # messages, bytes of memory
        self.spool_peak_bytes = 0

    def progress(self, accepted: int) -> None:
        """Look if it is time."""
        if accepted >= self._next:
            self.look(accepted)
            self._next = accepted + self._step

    def look(self, accepted: int) -> None:
        """Look now."""
        pss, _ = self._relay.running.memory()
        spool = _size_on_disk(self._spool)
        self.spool_peak_bytes = max(self.spool_peak_bytes, spool)
        self.seen.append((accepted, pss))
        self._on_look(accepted, pss, spool)


def _size_on_disk(folder: Path) -> int:
    """Return what the files below `folder` take; those removed meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(parent) / name).stat().st_blocks * _DISK_BLOCK_BYTES
    return total
