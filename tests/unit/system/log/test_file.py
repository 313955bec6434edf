"""Batches of whole lines, also when the disk is full."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailwarden.system.log.file import BATCH_CHARACTERS, LogFile


class Timer:
    """Calls back when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.delays: list[float] = []

    def later(self, delay: float, callback: Callable[[], None]) -> None:
        self.delays.append(delay)
        self.waiting.append(callback)

    def fire(self) -> None:
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


class Disk:
    """os.write with a limited amount of room, counting the calls."""

    def __init__(self) -> None:
        self.room = 1 << 60
        self.calls = 0

    def write(self, fd: int, data: bytes) -> int:
        self.calls += 1
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(fd, data[: self.room])
        self.room -= written
        return written


class Setup:
    """A log file with its surroundings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.timer = Timer()
        self.disk = Disk()
        self.alerts: list[str] = []
        self.file = LogFile(
            path, later=self.timer.later, alert=self.alerts.append, os_write=self.disk.write
        )

    def text(self) -> str:
        return self.path.read_text()


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path / "mail.log")


def test_lines_go_out_together_when_the_timer_fires(setup: Setup) -> None:
    setup.file.write("one")
    setup.file.write("two")
    assert setup.timer.delays == [0.05]
    assert setup.text() == ""
    setup.timer.fire()
    assert setup.text() == "one\ntwo\n"
    assert setup.disk.calls == 1
    setup.file.write("three")
    assert len(setup.timer.waiting) == 1
    setup.file.flush()
    setup.timer.fire()
    assert setup.text() == "one\ntwo\nthree\n"
    assert setup.disk.calls == 2


def test_much_does_not_wait_for_the_timer(setup: Setup) -> None:
    line = "x" * 1023
    for _ in range(BATCH_CHARACTERS // len(line) + 1):
        setup.file.write(line)
    assert setup.disk.calls == 1
    assert setup.text().startswith(line + "\n")


def test_bytes_that_are_no_utf_8_become_readable(setup: Setup) -> None:
    setup.file.write("a\udcffb\u00e9")
    setup.file.flush()
    assert setup.path.read_bytes() == "a\\udcffb\u00e9\n".encode()


def test_two_writers_do_not_mix_their_lines(tmp_path: Path) -> None:
    one, two = Setup(tmp_path / "mail.log"), Setup(tmp_path / "mail.log")
    for number in range(50):
        one.file.write(f"one {number}")
        two.file.write(f"two {number}")
        if number % 7 == 0:
            one.file.flush()
        if number % 5 == 0:
            two.file.flush()
    one.file.close()
    two.file.close()
    lines = one.text().splitlines()
    for name in ("one", "two"):
        assert [x for x in lines if x.startswith(name)] == [f"{name} {n}" for n in range(50)]


def test_full_disk_costs_lines_and_one_alert(setup: Setup) -> None:
    setup.file.write("before")
    setup.file.flush()
    setup.disk.room = 0
    for _ in range(3):
        setup.file.write("lost")
        setup.file.flush()
    assert setup.file.lost == 3
    assert setup.alerts == [
        "mail.log cannot be written (No space left on device): log lines are lost"
    ]
    setup.disk.room = 1 << 60
    setup.file.write("after")
    setup.file.flush()
    assert setup.text() == "before\nafter\n"
    assert setup.alerts[1:] == ["mail.log can be written again: 3 log lines were lost"]


@pytest.mark.parametrize("room", range(16))
def test_torn_line_becomes_blank(setup: Setup, room: int) -> None:
    other = Setup(setup.path)
    setup.disk.room = room
    setup.file.write("first")
    setup.file.write("second")
    setup.file.write("3")
    setup.file.flush()
    other.file.write("other")
    other.file.flush()
    setup.disk.room = 1 << 60
    setup.file.write("last")
    setup.file.flush()
    whole = "first\nsecond\n3\n"[:room].count("\n")
    lines = [line for line in setup.text().split("\n") if line.strip()]
    assert lines == [*["first", "second", "3"][:whole], "other", "last"]
    assert setup.file.lost == 3 - whole
    assert len(setup.alerts) == (0 if whole == 3 else 2)


def test_alert_may_log(tmp_path: Path) -> None:
    """It usually does; the line it writes into the same file must not make a circle."""
    timer, disk = Timer(), Disk()
    file = LogFile(
        tmp_path / "mail.log",
        later=timer.later,
        alert=lambda text: file.write(text),
        os_write=disk.write,
    )
    disk.room = 0
    file.write("lost")
    timer.fire()
    timer.fire()
    assert file.lost == 2
    disk.room = 1 << 60
    file.write("x")
    timer.fire()
    timer.fire()
    assert (tmp_path / "mail.log").read_text() == (
        "x\nmail.log can be written again: 2 log lines were lost\n"
    )


def test_reopen_goes_on_in_the_new_file(setup: Setup) -> None:
    setup.file.write("old")
    setup.path.rename(setup.path.with_name("old.log"))
    setup.file.reopen()
    setup.file.write("new")
    setup.file.flush()
    assert setup.path.with_name("old.log").read_text() == "old\n"
    assert setup.text() == "new\n"


def test_reopen_that_fails_stays_with_the_old_file(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "mail.log")
    setup.path.rename(tmp_path / "old.log")
    setup.path.mkdir()
    setup.file.reopen()
    setup.file.write("line")
    setup.file.flush()
    assert (tmp_path / "old.log").read_text() == "line\n"
    assert setup.alerts == ["mail.log cannot be opened anew (Is a directory)"]


def test_nothing_is_written_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "mail.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"mail\.log"):
        Setup(tmp_path / "mail.log")
    assert not (tmp_path / "elsewhere").exists()


def test_close_writes_what_has_gathered_and_drops_the_rest(setup: Setup) -> None:
    setup.file.write("last")
    setup.file.close()
    setup.file.write("late")
    setup.timer.fire()
    setup.file.close()
    assert setup.text() == "last\n"
