"""Policies over a restart, shared between workers, and fetched anew before they expire."""

import errno
from contextlib import suppress

from mailwarden.services.transport_security.cache import REFRESH_SECONDS, PolicyCache, PolicyFile
from mailwarden.services.transport_security.fetcher import FakePolicyFetcher, FetchError
from mailwarden.services.transport_security.policies import PolicySource
from mailwarden.services.transport_security.policy_keeper import PolicyKeeper
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.files.simulated import Faults, SimulatedDisk
from mailwarden.system.log.maillog import Level, MailLog

POLICY = b"version: STSv1\nmode: enforce\nmx: mx.partner.example\nmax_age: 604800\n"
ZONE = {"_mta-sts.partner.example": {"TXT": ["v=STSv1; id=1"]}}


class Lines(list[str]):
    def write(self, line: str) -> None:
        self.append(line)


class Worker:
    def __init__(self, disk: SimulatedDisk, clock: SimulatedClock) -> None:
        self.lines = Lines()
        log = MailLog(self.lines, None, None, level=Level.INFO, stamp=lambda: "now", iso=str)
        self.fetcher = FakePolicyFetcher({"partner.example": POLICY})
        with suppress(FileExistsError):  # of another worker
            disk.make_directory("/state")
        cache = PolicyCache(clock)
        self.source = PolicySource(cache, FakeResolver(ZONE), self.fetcher, clock)
        file = PolicyFile("/state/policies", disk)
        self.keeper = PolicyKeeper(cache, file, self.source, log, is_refreshing=True)


async def test_what_one_fetched_the_others_know() -> None:
    disk, clock = SimulatedDisk(), SimulatedClock()
    first, second = Worker(disk, clock), Worker(disk, clock)
    await first.source.find("partner.example")
    first.keeper.save()
    second.keeper.load()
    second.fetcher.files = {}
    answer = await second.source.find("partner.example")
    assert answer.policy is not None
    assert second.fetcher.asked == []
    first.keeper.close()
    second.keeper.close()


async def test_a_refresh_that_fails_is_told() -> None:
    """RFC 8461, 3.3."""
    worker = Worker(SimulatedDisk(), clock := SimulatedClock())
    await worker.source.find("partner.example")
    worker.fetcher.files = {"partner.example": FetchError("the server answers 500")}
    await worker.keeper.refresh()
    assert worker.lines == []  # it is not yet due
    clock.advance(REFRESH_SECONDS)
    await worker.keeper.refresh()
    (line,) = worker.lines
    assert line.endswith(
        "MTA-STS policy of partner.example could not be fetched anew: the server answers 500; "
        "it stays in use until 2010-11-16 10:15 UTC"
    )


async def test_a_disk_that_takes_nothing_is_told_once() -> None:
    disk = SimulatedDisk()
    worker = Worker(disk, SimulatedClock())
    await worker.source.find("partner.example")
    disk.faults = Faults(errors=[("write", ".new", errno.ENOSPC)])
    for _ in range(3):
        worker.keeper.save()
    assert len(worker.lines) == 1
    assert "MTA-STS policies cannot be kept" in worker.lines[0]
    disk.faults = Faults()
    worker.keeper.save()
    assert disk.size("/state/policies")
