"""Who writes to the journals: the event loop at once, or the keeper behind what it has to do."""

from mailwarden.stores.spool.spool import Entry, Progress
from tests.unit.stores.spool.bench import Bench
from tests.unit.stores.spool.driver import GATHERED_SECONDS


def retry(bench: Bench, entry: Entry, attempts: int) -> None:
    """Record another attempt; only the event loop works then, not the keeper."""
    bench.spool.retry(entry, [0], Progress(attempts, bench.clock.time() + 60))
    bench.clock.advance(GATHERED_SECONDS)
    bench.driver.loop.run_callbacks()


def attempts(bench: Bench) -> int:
    progress = bench.get(1).progress
    return progress[0].attempts if progress else 0


def busy_bench() -> tuple[Bench, Entry]:
    """Return a spool whose keeper has a journal open and something to sync in a while."""
    bench = Bench()
    entry = bench.put(1)
    retry(bench, entry, 1)
    bench.driver.run()
    return bench, entry


def test_the_first_record_wakes_the_keeper() -> None:
    bench = Bench()
    entry = bench.put(1)
    retry(bench, entry, 1)
    bench.restart()
    assert attempts(bench) == 0


def test_the_event_loop_writes_while_the_keeper_is_up() -> None:
    bench, entry = busy_bench()
    retry(bench, entry, 2)
    retry(bench, entry, 3)
    bench.restart()
    assert attempts(bench) == 3


def test_what_the_event_loop_wrote_is_synced_with_the_rest() -> None:
    bench, entry = busy_bench()
    retry(bench, entry, 2)
    bench.driver.advance(bench.settings.sync_interval_seconds)
    bench.restart(power_cut=True)
    assert attempts(bench) == 2


def test_nothing_is_written_in_front_of_what_was_handed_over() -> None:
    bench, entry = busy_bench()
    done: list[bool] = []
    bench.spool.in_background(lambda: done.append(True))
    retry(bench, entry, 2)
    retry(bench, entry, 3)
    assert done == []
    bench.driver.run()
    retry(bench, entry, 4)
    assert done == [True]
    bench.restart()
    assert attempts(bench) == 4


def test_what_waits_behind_the_keeper_is_lost_by_a_kill() -> None:
    bench, entry = busy_bench()
    bench.spool.in_background(lambda: None)
    retry(bench, entry, 2)
    bench.restart()
    assert attempts(bench) == 1
