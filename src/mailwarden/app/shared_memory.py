"""Memory that all workers share: the supervisor makes it once, and hands it to each of them.

It outlives workers and reloads. What is in it was written by processes that parse what strangers
send: the supervisor itself reads none of it, but for its own bookkeeping of the board.
"""

import os
from typing import NamedTuple

from mailwarden.control.config.model import GatewayConfig
from mailwarden.services.engines.reputation.history_table import make_history
from mailwarden.services.throttling.board import make_board
from mailwarden.services.throttling.rate_table import make_rate_table
from mailwarden.services.throttling.spans import make_span_table


class SharedMemory(NamedTuple):
    """Descriptors, in the order in which they are handed over."""

    board: int  # how many there are of something at this moment
    rates: int  # how many there were within the hour
    history: int  # what was seen of hosts
    destinations: int  # recipients that destinations got

    def reopen(self) -> "SharedMemory":
        """Return descriptors of the same memory that share nothing else with these."""
        return SharedMemory(*(_reopen(each) for each in self))


def make_shared_memory(workers: int, config: GatewayConfig) -> SharedMemory:
    """Return fresh memory for so many workers, in which nothing was counted yet."""
    return SharedMemory(
        make_board(workers),
        make_rate_table(window_seconds=config.rates.reset_seconds),
        make_history(config.reputation.history.addresses_max),
        make_span_table(),
    )


def close_all(memory: SharedMemory) -> None:
    """Let go of the memory, which lives on as long as anybody else has it."""
    for each in memory:
        os.close(each)


def _reopen(descriptor: int) -> int:
    return os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
