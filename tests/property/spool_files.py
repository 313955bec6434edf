"""Spools made of any bytes, with and without right checksums, and what may come of reading them."""

from pathlib import Path

from hypothesis import strategies as st

from mailwarden.stores.spool.journal import build_frames, build_journal_header
from mailwarden.stores.spool.record import (
    Draft,
    SegmentHeader,
    build_record,
    build_seal,
    build_segment_header,
)
from mailwarden.stores.spool.repair import repair_part
from mailwarden.stores.spool.spool import DamagedError, Settlement, SpoolFailure
from mailwarden.stores.spool.tools import Inspection
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.simulated import SimulatedDisk
from tests.unit.stores.spool.driver import Driver

HEADER = SegmentHeader(0, 1, 0x1234)
NONCE = HEADER.nonce
SEGMENT = "/spool/0/0000000000000001.seg"
JOURNAL = "/spool/0/0000000000000001.state"


def disk_with(segment: bytes, journal: bytes) -> SimulatedDisk:
    """Return a disk with one part that holds these two files."""
    disk = SimulatedDisk()
    for path in ("/spool", "/spool/0", "/spool/0/large"):
        disk.make_directory(path)
    for path, data in ((SEGMENT, segment), (JOURNAL, journal)):
        fd = disk.open(path, create=True)
        disk.pwritev(fd, [data], 0)
    disk.crash()
    return disk


def use(disk: SimulatedDisk) -> None:
    """Read the spool and do everything with what is in it. Named errors are all right."""
    inspection = Inspection(disk, SimulatedClock(), Path("/spool"), verify=True)
    for listed in inspection.messages():
        try:
            inspection.show(listed.mid)
            b"".join(inspection.export_unchecked(listed.mid) or ())
            b"".join(inspection.export(listed.mid) or ())
        except (DamagedError, SpoolFailure):
            continue
    driver = Driver(disk)
    driver.spool.recover()
    for entry in driver.spool.entries():
        count = entry.pending + len(entry.settled or ())
        rids = list(entry.open_rids(min(count, 1000)))
        try:
            stored = driver.spool.load(entry)
            assert b"".join(stored.content.chunks()) == stored.content.read()
        except DamagedError:
            assert entry.hold == "damaged"
        driver.spool.settle(entry, rids, Settlement.DELIVERED)
    driver.run()
    driver.advance(1.0)
    driver.advance(1.0)
    disk.crash()
    repair_part(disk, SimulatedClock(), Path("/spool/0"))
    again = Driver(disk)
    again.spool.recover()
    assert again.alerts == []


def segment_of(records: list[Draft], *, sealed: bool) -> bytes:
    data = build_segment_header(HEADER)
    for draft in records:
        data += build_record(draft, NONCE, len(data)) + draft.content
    return data + (build_seal(NONCE, len(data)) if sealed else b"")


def journal_of(records: list[tuple[object, ...]]) -> bytes:
    header = build_journal_header(HEADER)
    return header + (build_frames(records, NONCE, len(header)) if records else b"")


small = st.integers(0, 5)
numbers = st.one_of(small, st.integers(-(2**63), 2**64 - 1))
floats = st.floats()
rids = st.lists(numbers, max_size=4).map(tuple)
text = st.binary(max_size=10)
report = st.tuples(numbers, rids, text, text, text, numbers, floats, numbers)
progress = st.tuples(numbers, numbers, floats, numbers, text)
journal_records = st.lists(
    st.one_of(
        st.tuples(st.just(1), small, numbers, rids),
        st.tuples(st.just(2), small, rids, numbers, floats, numbers, text, floats),
        st.tuples(st.just(3), small, text, text),
        st.tuples(st.just(4), small, numbers),
        st.tuples(st.just(5), small, numbers, floats, floats, text),
        st.tuples(st.just(6), small, report),
        st.tuples(st.just(7), small, numbers, rids),
        st.tuples(
            st.just(8),
            small,
            numbers,
            text,
            numbers,
            floats,
            floats,
            rids,
            st.lists(progress, max_size=2),
            st.lists(report, max_size=2),
        ),
        st.tuples(st.sampled_from((9, 12)), small),
        st.tuples(st.sampled_from((10, 11)), st.one_of(st.integers(0, 2000), numbers)),
    ),
    max_size=8,
)
