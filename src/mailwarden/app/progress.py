"""How far a worker has come with reading its spool, told now and then."""

from collections.abc import Callable
from typing import Final

PROGRESS_SECONDS: Final = 2.0  # between two words

Progress = Callable[[str], None]


def told_now_and_then(
    progress: Progress, monotonic: Callable[[], float]
) -> Callable[[int, int, float], None]:
    """Return a progress function for the spool that passes on one in a few seconds."""
    told_at = monotonic()

    def told(messages: int, size: int, fraction: float) -> None:
        nonlocal told_at
        if monotonic() - told_at >= PROGRESS_SECONDS:
            told_at = monotonic()
            progress(
                f"reading the spool: {fraction:.0%}, {messages} messages, {size >> 20} MiB so far"
            )

    return told
