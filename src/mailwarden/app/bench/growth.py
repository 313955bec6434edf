"""Memory while very many messages pass: it must come to rest."""

import time
from collections.abc import Callable
from typing import Final

from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.relay import problems_of, relay_through
from mailwarden.app.bench.results import GrowthResult
from mailwarden.app.bench.workplace import Workplace

_PROFILE: Final = Profile(name="growth", size_bytes=4096, sessions=100, per_connection=100)
_LOOK_SECONDS: Final = 2.0


def measure_growth(
    workplace: Workplace, messages: int, on_look: Callable[[int, int], None]
) -> GrowthResult:
    """Send `messages`; `on_look` hears how many are accepted and the PSS in bytes."""
    seen: list[tuple[int, int]] = []
    looked_at = 0.0

    def look(accepted: int) -> None:
        nonlocal looked_at
        if time.monotonic() - looked_at >= _LOOK_SECONDS:
            looked_at = time.monotonic()
            seen.append((accepted, relay.running.memory()[0]))
            on_look(*seen[-1])

    gateway = Gateway(workplace, workers=2)
    with relay_through(workplace, gateway, _PROFILE, [messages]) as relay:
        passage = relay.send(messages, on_progress=look)
        seen.append((messages, relay.running.memory()[0]))
    return GrowthResult(
        messages=messages,
        seconds=messages / passage.rate if passage.rate else 0.0,
        pss=tuple(seen),
        problems=problems_of(relay, [passage], _PROFILE),
    )
