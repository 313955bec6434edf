"""What was counted for TLS reports on disk: counted once and reported once, whatever breaks."""

from contextlib import suppress

import pytest

from mailwarden.core.policy.tls_report import (
    DAY_SECONDS,
    AppliedPolicy,
    DomainResults,
    PolicyType,
    ReportCollector,
)
from mailwarden.services.transport_security.report_store import ReportStore
from mailwarden.system.files.files import Files
from mailwarden.system.files.simulated import Faults, SimulatedDisk, Stopped

FOLDER = "/state/tls-reports"
POLICY = AppliedPolicy(PolicyType.NONE, "partner.example")
DAY = 20_000
NOW = float(DAY * DAY_SECONDS)


@pytest.fixture
def disk() -> SimulatedDisk:
    disk = SimulatedDisk()
    disk.make_directory("/state")
    return disk


def open_store(
    disk: Files, worker: int = 0, today: int = DAY
) -> tuple[ReportStore, ReportCollector]:
    store, collector = ReportStore(FOLDER, worker, disk), ReportCollector()
    assert store.load(collector, today) == 0
    return store, collector


def total(results: tuple[DomainResults, ...]) -> int:
    return sum(part.successes for domain in results for part in domain.policies)


def test_what_is_saved_comes_back_to_its_worker(disk: SimulatedDisk) -> None:
    for worker, count in ((0, 3), (1, 5)):
        store, collector = open_store(disk, worker)
        collector.add_success(POLICY, NOW, count)
        store.save(collector)
    assert total(open_store(disk, 0)[1].results(DAY)) == 3
    assert total(open_store(disk, 1)[1].results(DAY)) == 5


def test_nothing_is_written_without_need(disk: SimulatedDisk) -> None:
    store, collector = open_store(disk)
    collector.add_success(POLICY, NOW)
    store.save(collector)
    before = disk.size(f"{FOLDER}/open-{DAY}-0")
    disk.unlink(f"{FOLDER}/open-{DAY}-0")
    store.save(collector)
    assert disk.names(FOLDER) == []
    collector.add_success(POLICY, NOW)
    store.save(collector)
    assert disk.size(f"{FOLDER}/open-{DAY}-0") == before


def test_days_that_are_over_are_reported_together(disk: SimulatedDisk) -> None:
    for worker in range(3):
        store, collector = open_store(disk, worker)
        collector.add_success(POLICY, NOW, 10)
        collector.add_success(POLICY, NOW + DAY_SECONDS)
        store.close_days(collector, DAY + 1)
        assert collector.days() == (DAY + 1,)
    assert store.closed_days() == (DAY,)
    assert total(store.read_closed(DAY)) == 30
    batch = store.begin(DAY, "token", NOW)
    assert (total(batch.results), store.closed_days()) == (30, ())
    (again,) = store.batches()
    assert (again.day, again.token, again.begun_at) == (DAY, "token", NOW)
    assert again.results == batch.results
    batch.finish()
    assert store.batches() == []


def test_a_day_that_ended_while_the_gateway_was_down(disk: SimulatedDisk) -> None:
    store, collector = open_store(disk)
    collector.add_success(POLICY, NOW)
    store.save(collector)
    store, collector = open_store(disk, today=DAY + 1)
    assert (collector.days(), store.closed_days()) == ((), (DAY,))


def test_workers_that_are_no_more(disk: SimulatedDisk) -> None:
    store, collector = open_store(disk, 7)
    collector.add_success(POLICY, NOW, 4)
    store.save(collector)
    store, _ = open_store(disk)
    store.adopt(8)
    assert store.closed_days() == ()
    store.adopt(7)
    assert total(store.read_closed(DAY)) == 4


def test_a_day_closed_twice(disk: SimulatedDisk) -> None:
    """As when reports are sent before their time."""
    store, collector = open_store(disk)
    for count in (1, 2):
        collector.add_success(POLICY, NOW, count)
        store.close_days(collector, DAY + 1)
    assert total(store.read_closed(DAY)) == 3
    store.drop_closed(DAY)
    assert store.closed_days() == ()


def test_the_journal_is_kept(disk: SimulatedDisk) -> None:
    store, collector = open_store(disk)
    collector.add_success(POLICY, NOW)
    store.close_days(collector, DAY + 1)
    batch = store.begin(DAY, "token", NOW)
    batch.note_done("partner.example", "mailto:a@b.example")
    (batch,) = store.batches()
    assert batch.is_done("partner.example", "mailto:a@b.example")
    assert not batch.is_done("partner.example", "https://b.example/")
    assert not batch.is_done("other.example", "mailto:a@b.example")


def test_a_torn_journal(disk: SimulatedDisk) -> None:
    store, collector = open_store(disk)
    collector.add_success(POLICY, NOW)
    store.close_days(collector, DAY + 1)
    store.begin(DAY, "token", NOW)
    path = f"{FOLDER}/batch-{DAY}-token/journal"
    fd = disk.open(path, write=True)
    disk.pwritev(fd, [b'["a.example","mai'], disk.size(path))
    disk.close(fd)
    (batch,) = store.batches()
    batch.note_done("b.example", "https://b.example/")
    (batch,) = store.batches()
    assert batch.begun_at == NOW
    assert batch.is_done("b.example", "https://b.example/")


def test_damaged_lines_cost_no_more_than_themselves(disk: SimulatedDisk) -> None:
    store, collector = open_store(disk)
    collector.add_success(POLICY, NOW)
    store.save(collector)
    path = f"{FOLDER}/open-{DAY}-0"
    fd = disk.open(path, write=True)
    disk.pwritev(fd, [b"nonsense\n"], disk.size(path))
    disk.close(fd)
    fresh = ReportCollector()
    assert ReportStore(FOLDER, 0, disk).load(fresh, DAY) == 1
    assert total(fresh.results(DAY)) == 1


@pytest.mark.parametrize("stop_after", [False, True])
@pytest.mark.parametrize("step", range(16))
def test_a_kill_at_any_step_counts_nothing_twice(step: int, stop_after: bool) -> None:
    """What was saved is there after it, once: counted, closed, or in a batch."""
    disk = SimulatedDisk()
    disk.make_directory("/state")
    store, collector = open_store(disk)
    collector.add_success(POLICY, NOW, 100)
    store.save(collector)
    disk.faults = Faults(stop_at=disk.operations + step, stop_after=stop_after)
    with suppress(Stopped):
        store.close_days(collector, DAY + 1)
        store.begin(DAY, "token", NOW)
    disk.crash()
    store, collector = open_store(disk)
    everywhere = total(collector.results(DAY)) + total(store.read_closed(DAY))
    everywhere += sum(total(batch.results) for batch in store.batches())
    assert everywhere == 100
