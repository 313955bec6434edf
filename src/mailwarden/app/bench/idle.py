"""Mail that flows while very many silent connections are held."""

from typing import Final

from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.measure import MemoryWatch
from mailwarden.app.bench.profile import PROFILES
from mailwarden.app.bench.relay import problems_of, relay_through
from mailwarden.app.bench.results import IdleResult
from mailwarden.app.bench.tools import IdleConnections
from mailwarden.app.bench.workplace import Workplace

_OPEN_SECONDS: Final = 120.0
_HOLD_SECONDS: Final = 1800


def measure_idle(workplace: Workplace, connections: int, messages: int) -> IdleResult:
    """Send `messages` without idle connections, then as many while `connections` are held."""
    profile, gateway = PROFILES[0], Gateway(workplace, workers=2)
    with relay_through(workplace, gateway, profile, 3 * messages) as relay:
        passages = [relay.send(messages)]  # buffers grow to what the load itself needs
        with MemoryWatch(relay.running) as before:
            passages.append(relay.send(messages))
        with IdleConnections(workplace, relay.port, connections, _HOLD_SECONDS) as idle:
            opened = idle.wait_open(_OPEN_SECONDS)
            with MemoryWatch(relay.running) as during:
                passages.append(relay.send(messages))
            still_open = idle.finish()
    problems = list(problems_of(relay, passages, profile))
    if opened != connections or still_open != connections:
        problems.append(f"{opened} of {connections} opened, {still_open} left at the end")
    return IdleResult(
        connections=connections,
        still_open=still_open,
        pss_without_bytes=before.pss_bytes,
        pss_with_bytes=during.pss_bytes,
        rate_without=passages[1].rate,
        rate_with=passages[2].rate,
        problems=tuple(problems),
    )
