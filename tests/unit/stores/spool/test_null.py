"""The null spool accepts and forgets."""

from mailwarden.stores.spool.null import NullSpool
from mailwarden.stores.spool.spool import Entry, SpoolFailure, State
from tests.unit.stores.spool.harness import message


def test_it_says_yes_and_keeps_nothing() -> None:
    spool = NullSpool()
    taken: list[Entry] = []
    results: list[tuple[Entry | None, SpoolFailure | None]] = []
    spool.take_received(taken.append)
    spool.put(message(1), State.RECEIVED, lambda *result: results.append(result))
    ((entry, failure),) = results
    assert entry is not None
    assert (entry.mid, entry.state, failure) == (1, State.FINISHED, None)
    assert taken == []
    assert list(spool.entries()) == []
    assert spool.usage().messages_synced == 1
