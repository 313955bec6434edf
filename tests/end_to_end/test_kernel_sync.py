"""The kernel syncs files for the event loop, and says what went wrong."""

import asyncio
import os
from pathlib import Path

import pytest
import uvloop

from mailwarden.core.alerts import RecordedAlerts
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.stores.spool.segments import SegmentSpool
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.stores.spool.spool import Entry, Settlement, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.kernel_sync import SYNCS_MAX, KernelSync


def run(main) -> None:
    """Run a coroutine on the loop that the gateway uses."""
    uvloop.run(main)


def test_syncs_are_reported_one_by_one(tmp_path: Path) -> None:
    async def main() -> None:
        syncs = KernelSync(asyncio.get_running_loop())
        fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        heard: list[OSError | None] = []
        for _ in range(3 * SYNCS_MAX):  # more than it takes at a time
            os.write(fd, b"x" * 5000)
            syncs.fdatasync(fd, heard.append)
        while len(heard) < 3 * SYNCS_MAX:
            await asyncio.sleep(0.001)
        assert heard == [None] * (3 * SYNCS_MAX)
        syncs.close()
        os.close(fd)

    run(main())


def test_what_cannot_be_synced_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        syncs = KernelSync(asyncio.get_running_loop())
        reading, writing = os.pipe()
        heard: list[OSError | None] = []
        syncs.fdatasync(reading, heard.append)
        syncs.fdatasync(10_000, heard.append)
        while len(heard) < 2:
            await asyncio.sleep(0.001)
        assert all(isinstance(error, OSError) for error in heard)
        os.close(reading)
        os.close(writing)
        syncs.close()

    run(main())


def test_waiting_calls_back_without_the_loop(tmp_path: Path) -> None:
    async def main() -> None:
        syncs = KernelSync(asyncio.get_running_loop())
        fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        os.write(fd, b"x")
        heard: list[OSError | None] = []
        syncs.fdatasync(fd, heard.append)
        while not heard:
            syncs.wait()
        assert heard == [None]
        syncs.wait()  # nothing is under way
        syncs.close()
        os.close(fd)

    run(main())


def test_a_look_finds_what_is_over(tmp_path: Path) -> None:
    async def main() -> None:
        syncs = KernelSync(asyncio.get_running_loop())
        syncs.poll()  # nothing is under way
        fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        heard: list[OSError | None] = []
        for number in range(1, 4):
            os.write(fd, b"x")
            syncs.fdatasync(fd, heard.append)
            while len(heard) < number:
                syncs.poll()  # the loop does not turn
        await asyncio.sleep(0.01)  # now it does, and is told of nothing twice
        assert heard == [None] * 3
        syncs.close()
        os.close(fd)

    run(main())


def stored(mid: int) -> Stored:
    recipients = (Recipient("bob@corp.example"),)
    envelope = Envelope(
        mid=mid, icid=1, sender="a@b.example", recipients=recipients, received_at=1.0
    )
    return Stored(envelope, b"", InlineContent(b"Subject: %d\r\n\r\nbody\r\n" % mid))


def open_spool(folder: Path, *, syncs: KernelSync | None, alerts: RecordedAlerts) -> SegmentSpool:
    loop = asyncio.get_running_loop()
    spool = SegmentSpool(
        folder / "0",
        [],
        SpoolSettings(free_size_min_bytes=1024 * 1024),
        SystemFiles(),
        SystemClock(),
        loop,
        alerts,
        syncs=syncs,
    )
    spool.recover()
    return spool


@pytest.mark.parametrize("on_loop", [True, False])
def test_a_spool_keeps_what_it_said_it_kept(tmp_path: Path, on_loop: bool) -> None:
    async def main() -> None:
        syncs = KernelSync(asyncio.get_running_loop()) if on_loop else None
        alerts = RecordedAlerts()
        spool = open_spool(tmp_path, syncs=syncs, alerts=alerts)
        kept: list[Entry] = []

        def done(entry: Entry | None, failure: SpoolFailure | None) -> None:
            assert entry is not None, failure
            kept.append(entry)

        for mid in range(1, 501):
            spool.put(stored(mid), State.RECEIVED, done)
            if mid % 7 == 0:
                await asyncio.sleep(0)
        while len(kept) < 500:
            await asyncio.sleep(0.001)
        assert [entry.mid for entry in kept] == list(range(1, 501))
        usage = spool.usage()
        assert usage.messages_synced == 500
        assert usage.syncs < 500  # many messages share one
        for entry in kept[:499]:
            assert spool.settle(entry, (0,), Settlement.DELIVERED)
        spool.put(stored(501), State.RECEIVED, done)  # still under way when it is closed
        await spool.close()
        assert len(kept) == 501
        again = open_spool(tmp_path, syncs=syncs, alerts=alerts)
        assert sorted(entry.mid for entry in again.entries()) == [500, 501]
        await again.close()
        assert not alerts.told
        if syncs is not None:
            syncs.close()

    run(main())
