"""The machine's file system and the simulated one behave the same."""

import errno
from pathlib import Path
from random import Random

import pytest

from mailwarden.system.files.files import Files, SystemFiles, try_unlink, write_fully
from mailwarden.system.files.simulated import Faults, SimulatedDisk, Stopped


@pytest.fixture(params=["system", "simulated"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Files, str]:
    if request.param == "system":
        return SystemFiles(), str(tmp_path)
    disk = SimulatedDisk()
    disk.make_directory("/spool")
    return disk, "/spool"


def written(files: Files, path: str, data: bytes) -> int:
    fd = files.open(path, create=True)
    write_fully(files, fd, [data], 0)
    return fd


def test_write_and_read(place: tuple[Files, str]) -> None:
    files, root = place
    fd = written(files, f"{root}/a", b"hello")
    files.fdatasync(fd)
    assert files.pwritev(fd, [b"12", b"34"], 7) == 4
    assert files.pread(fd, 100, 0) == b"hello\0\x001234"
    assert files.pread(fd, 2, 1) == b"el"
    assert files.pread(fd, 2, 50) == b""
    files.truncate(fd, 3)
    assert files.size(f"{root}/a") == 3
    files.close(fd)
    with pytest.raises(OSError, match="descriptor"):
        files.pread(fd, 1, 0)


def test_more_buffers_than_one_call_takes(place: tuple[Files, str]) -> None:
    files, root = place
    buffers = [bytes([number % 256]) * 3 for number in range(3000)]
    fd = files.open(f"{root}/a", create=True)
    assert write_fully(files, fd, buffers, 0) == 9000
    assert files.pread(fd, 10_000, 0) == b"".join(buffers)


def test_names(place: tuple[Files, str]) -> None:
    files, root = place
    files.close(written(files, f"{root}/b", b"b"))
    files.close(written(files, f"{root}/a", b"a"))
    with pytest.raises(FileExistsError):
        files.open(f"{root}/a", create=True)
    files.rename(f"{root}/a", f"{root}/b")
    files.link(f"{root}/b", f"{root}/c")
    assert files.names(root) == ["b", "c"]
    files.unlink(f"{root}/b")
    fd = files.open(f"{root}/c")
    assert files.pread(fd, 9, 0) == b"a"
    files.make_directory(f"{root}/d")
    files.sync_directory(root)
    files.remove_directory(f"{root}/d")
    assert files.names(root) == ["c"]
    assert try_unlink(files, f"{root}/c")
    assert not try_unlink(files, f"{root}/c")
    with pytest.raises(FileNotFoundError):
        files.open(f"{root}/c")
    with pytest.raises(FileNotFoundError):
        files.size(f"{root}/c")


def test_a_lock_belongs_to_one(place: tuple[Files, str]) -> None:
    files, root = place
    first = written(files, f"{root}/lock", b"")
    second = files.open(f"{root}/lock", write=True)
    assert files.lock(first)
    assert not files.lock(second)
    files.unlock(first)
    assert files.lock(second, wait=True)
    files.close(second)
    assert files.lock(first)
    assert files.is_at(first, f"{root}/lock")
    files.unlink(f"{root}/lock")
    assert not files.is_at(first, f"{root}/lock")


def test_there_is_room(place: tuple[Files, str]) -> None:
    files, root = place
    assert files.bytes_free(root) > 0


def disk_with(data: bytes) -> tuple[SimulatedDisk, int]:
    disk = SimulatedDisk()
    fd = disk.open("/a", create=True)
    disk.sync_directory("/")
    disk.pwritev(fd, [data], 0)
    return disk, fd


def test_what_was_synced_survives_any_power_cut() -> None:
    for seed in range(50):
        disk, fd = disk_with(b"safe")
        disk.fdatasync(fd)
        disk.pwritev(fd, [b" or not"], 4)
        disk.power_cut(Random(seed))
        assert disk.content("/a")[:4] == b"safe"


def test_what_was_not_synced_may_be_lost_or_torn() -> None:
    seen = set()
    for seed in range(50):
        disk, _ = disk_with(b"x" * 2000)
        disk.power_cut(Random(seed))
        seen.add(disk.content("/a"))
    assert b"" in seen
    assert b"x" * 2000 in seen
    assert len(seen) > 4


def test_names_that_were_not_synced_may_be_lost() -> None:
    seen = set()
    for seed in range(50):
        disk, fd = disk_with(b"x")
        disk.fdatasync(fd)
        disk.open("/b", create=True)
        disk.unlink("/a")
        disk.power_cut(Random(seed))
        seen.add(tuple(disk.names("/")))
    assert seen == {(), ("a",), ("b",), ("a", "b")}


def test_a_kill_leaves_what_was_written() -> None:
    disk, fd = disk_with(b"x" * 10)
    disk.lock(fd)
    disk.crash()
    assert disk.content("/a") == b"x" * 10
    again = disk.open("/a", write=True)
    assert disk.lock(again)


@pytest.mark.parametrize(
    ("after", "torn", "left"),
    [(False, 0.0, b""), (False, 0.5, b"12345"), (True, 0.0, b"1234567890")],
)
def test_the_machine_stops_at_an_operation(after: bool, torn: float, left: bytes) -> None:
    disk = SimulatedDisk(Faults(stop_at=1, stop_after=after, torn=torn))
    fd = disk.open("/a", create=True)
    with pytest.raises(Stopped):
        disk.pwritev(fd, [b"1234567890"], 0)
    disk.crash()
    assert disk.content("/a") == left
    assert disk.trace == [("create", "/a"), ("write", "/a")]


def test_a_full_disk_takes_a_part_and_then_nothing() -> None:
    disk = SimulatedDisk(Faults(capacity=6))
    fd = disk.open("/a", create=True)
    assert disk.pwritev(fd, [b"1234", b"5678"], 0) == 6
    assert disk.bytes_free("/") == 0
    with pytest.raises(OSError, match="space") as caught:
        write_fully(disk, fd, [b"9"], 6)
    assert caught.value.errno == errno.ENOSPC
    assert disk.pwritev(fd, [b"xx"], 0) == 2


def test_a_read_only_disk() -> None:
    disk, _ = disk_with(b"x")
    disk.faults.read_only = True
    assert disk.pread(disk.open("/a"), 1, 0) == b"x"
    with pytest.raises(OSError, match="Read-only"):
        disk.open("/a", write=True)
    with pytest.raises(OSError, match="Read-only"):
        disk.unlink("/a")


def test_data_is_lost_when_its_sync_failed_even_if_the_next_succeeds() -> None:
    disk, fd = disk_with(b"x")
    disk.faults.errors.append(("sync", "a", errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        disk.fdatasync(fd)
    disk.faults.errors.clear()
    disk.fdatasync(fd)
    assert disk.content("/a") == b"x"
    disk.power_cut(Random(1))
    assert disk.content("/a") == b""


def test_a_read_fails_and_a_byte_flips() -> None:
    disk, fd = disk_with(b"abc")
    disk.flip("/a", 1)
    assert disk.pread(fd, 3, 0) == b"acc"
    disk.faults.errors.append(("read", "a", errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        disk.pread(fd, 3, 0)
