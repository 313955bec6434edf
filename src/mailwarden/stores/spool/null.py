"""A spool that takes everything and keeps nothing: for measuring what is around it."""

from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Entry, PutDone, State, Stored
from mailwarden.system.clock.clock import Clock


class NullSpool(MemorySpool):
    """Says that a message is durable at once, and has finished it at once: it is never taken."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock, hot_size_max_bytes=0)

    def put(self, message: Stored, state: State, done: PutDone) -> None:
        """Call `done` with an entry that is finished."""
        del state
        envelope = message.envelope
        size = len(message.header) + message.content.size
        self._synced += 1
        done(Entry(envelope.mid, State.FINISHED, envelope.received_at, size, 0), None)
