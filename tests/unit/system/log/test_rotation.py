"""Files that are begun and ended, and what a crash in between leaves."""

import json
import os
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import NoReturn

import pytest

from mailwarden.system.log.file import LogFile
from mailwarden.system.log.frame import JsonFrame, TextFrame
from mailwarden.system.log.rotation import RotatedLog, Rotator

NOW = 1_289_297_702.0  # Tue Nov  9 10:15:02 2010 UTC
BEGIN = [
    "Tue Nov  9 10:15:02 2010 Info: Begin Logfile",
    "Tue Nov  9 10:15:02 2010 Info: Version: 0.1.0",
    "Tue Nov  9 10:15:02 2010 Info: Time offset from UTC: 0 seconds",
]
END = "Tue Nov  9 10:15:02 2010 Info: End Logfile"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


class Setup:
    """A rotator over mail.log, and a worker that writes to it."""

    def __init__(self, folder: Path, *, size: int = 1000, interval: float = 0, keep: int = 3):
        self.path = folder / "mail.log"
        self.alerts: list[str] = []
        self.reopened = 0
        self.worker: LogFile | None = None
        self.rotator = Rotator(
            [RotatedLog(self.path, TextFrame())],
            version="0.1.0",
            size_max_bytes=size,
            interval_seconds=interval,
            keep_files=keep,
            reopen=self.reopen,
            alert=self.alerts.append,
        )

    def start(self, now: float = NOW) -> None:
        self.rotator.begin(now)
        self.worker = LogFile(self.path, later=lambda _, __: None, alert=self.alerts.append)

    def reopen(self) -> None:
        self.reopened += 1
        if self.worker is not None:
            self.worker.reopen()

    def log(self, *lines: str) -> None:
        assert self.worker is not None
        for line in lines:
            self.worker.write(line)
        self.worker.flush()

    def lines(self, name: str = "mail.log") -> list[str]:
        return (self.path.parent / name).read_text().splitlines()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())


def test_start_and_stop_write_first_and_last_lines(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.log("line")
    assert setup.worker is not None
    setup.worker.close()
    setup.rotator.end(NOW)
    assert setup.lines() == [*BEGIN, "line", END]


def test_by_size(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.log("x" * 900)
    assert setup.worker is not None
    setup.worker.write("gathered before the change")
    setup.rotator.check(NOW)
    assert setup.reopened == 1
    setup.log("after")
    setup.rotator.check(NOW + 1)
    assert setup.lines("mail.log.20101109T101502Z")[-1] == "gathered before the change"
    setup.rotator.check(NOW + 2)
    assert setup.lines() == [*BEGIN, "after"]
    assert setup.lines("mail.log.20101109T101502Z") == [
        *BEGIN,
        "x" * 900,
        "gathered before the change",
        END.replace(":02", ":04"),
    ]
    assert setup.names() == ["mail.log", "mail.log.20101109T101502Z"]


def test_by_age_counted_from_the_first_line(tmp_path: Path) -> None:
    setup = Setup(tmp_path, size=0, interval=86_400)
    setup.start()
    assert setup.worker is not None
    setup.worker.close()
    again = Setup(tmp_path, size=0, interval=86_400)
    again.start(NOW + 86_000)
    again.rotator.check(NOW + 86_399)
    assert again.reopened == 0
    again.rotator.check(NOW + 86_400)
    assert again.reopened == 1
    again.rotator.check(NOW + 86_401)
    assert again.reopened == 1


def test_never(tmp_path: Path) -> None:
    setup = Setup(tmp_path, size=0, interval=0)
    setup.start()
    setup.log("x" * 100_000)
    setup.rotator.check(NOW + 1e9)
    assert setup.reopened == 0


def test_oldest_files_are_removed(tmp_path: Path) -> None:
    setup = Setup(tmp_path, keep=2)
    (tmp_path / "mail.log.notes").write_text("the administrator's own")
    setup.start()
    for day in range(5):
        setup.log(f"day {day}", "x" * 1000)
        setup.rotator.check(NOW + 86_400 * day)
    assert setup.names() == [
        "mail.log",
        "mail.log.20101112T101502Z",
        "mail.log.20101113T101502Z",
        "mail.log.notes",
    ]


def test_none_is_kept(tmp_path: Path) -> None:
    setup = Setup(tmp_path, keep=0)
    setup.start()
    setup.log("x" * 1000)
    setup.rotator.check(NOW)
    setup.rotator.check(NOW + 10)
    assert setup.names() == ["mail.log"]


def test_twice_in_a_second_keeps_the_order_of_names(tmp_path: Path) -> None:
    setup = Setup(tmp_path, keep=10)
    setup.start()
    for number in range(3):
        setup.log(f"file {number}")
        setup.rotator.rotate(NOW)
    old = [name for name in setup.names() if name != "mail.log"]
    assert [setup.lines(name)[3] for name in old] == ["file 0", "file 1", "file 2"]


def test_removed_log_is_begun_anew(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.path.unlink()
    setup.rotator.check(NOW)
    setup.log("line")
    assert setup.lines() == [*BEGIN, "line"]
    assert setup.names() == ["mail.log"]


def test_clock_set_back_ends_the_old_file_all_the_same(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.log("x" * 1000)
    setup.rotator.check(NOW)
    setup.rotator.check(NOW - 3600)
    assert setup.lines("mail.log.20101109T101502Z")[-1].endswith("Info: End Logfile")


def test_stop_right_after_a_rotation_ends_both_files(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.log("x" * 1000)
    setup.rotator.check(NOW)
    setup.rotator.end(NOW)
    assert [setup.lines(name)[-1] for name in setup.names()] == [END, END]


def test_rotation_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.log("x" * 1000)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr("os.link", refuse)
        setup.rotator.check(NOW)
        setup.rotator.check(NOW + 1)
    assert setup.alerts == [
        "mail.log cannot be rotated (Operation not permitted); it goes on growing"
    ]
    assert setup.reopened == 0
    assert len(setup.lines()) == 4
    setup.rotator.check(NOW + 2)
    assert setup.reopened == 1


class Crash(BaseException):
    """The process is gone."""


def crash(*_: object, **__: object) -> NoReturn:
    raise Crash


def check_twice(rotator: Rotator) -> None:
    rotator.check(NOW)
    rotator.check(NOW + 10)


def opening(patch: pytest.MonkeyPatch, form: str) -> None:
    """Let the process die when it opens a file whose name has the form."""
    real = os.open

    def opened(path: str | Path, *arguments: int) -> int:
        return crash() if fnmatch(Path(path).name, form) else real(path, *arguments)

    patch.setattr("os.open", opened)


STEPS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "before the new file": lambda patch: opening(patch, "*.new"),
    "before the second name": lambda patch: patch.setattr("os.link", crash),
    "before the new name": lambda patch: patch.setattr(Path, "replace", crash),
    "before the workers know": lambda patch: opening(patch, "mail.log"),
    "before the last line": lambda patch: opening(patch, "mail.log.2010*"),
}


@pytest.mark.parametrize("step", STEPS)
def test_crash_leaves_every_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.log("x" * 1000)
    with monkeypatch.context() as patch:
        STEPS[step](patch)
        with pytest.raises(Crash):
            check_twice(setup.rotator)
    setup.log("written while the supervisor was away")
    again = Setup(tmp_path)
    again.start(NOW + 20)
    again.log("after")
    again.rotator.check(NOW + 30)
    again.rotator.check(NOW + 40)
    again.rotator.end(NOW + 50)
    text = "".join((tmp_path / name).read_text() for name in again.names())
    for line in ("x" * 1000, "written while the supervisor was away", "after"):
        assert text.count(f"{line}\n") == 1
    assert all(name.startswith("mail.log") and not name.endswith(".new") for name in again.names())
    assert len({os.stat(tmp_path / name).st_ino for name in again.names()}) == len(again.names())


def test_json_file(tmp_path: Path) -> None:
    path = tmp_path / "mail.json"
    rotator = Rotator(
        [RotatedLog(path, JsonFrame())],
        version="0.1.0",
        size_max_bytes=0,
        interval_seconds=60,
        keep_files=1,
        reopen=lambda: None,
        alert=pytest.fail,
        owner=(os.getuid(), os.getgid()),
    )
    rotator.begin(NOW)
    rotator.check(NOW + 59)
    rotator.check(NOW + 60)
    rotator.check(NOW + 70)
    events = [
        [json.loads(line) for line in name.read_text().splitlines()]
        for name in sorted(tmp_path.iterdir())
    ]
    begin = {
        "time": "2010-11-09T10:15:02Z",
        "level": "info",
        "event": "begin_logfile",
        "version": "0.1.0",
        "utc_offset_seconds": 0,
        "text": "Begin Logfile",
    }
    end = {
        "time": "2010-11-09T10:16:12Z",
        "level": "info",
        "event": "end_logfile",
        "text": "End Logfile",
    }
    assert events == [[{**begin, "time": "2010-11-09T10:16:02Z"}], [begin, end]]


@pytest.mark.parametrize("first", ["", "nonsense\n", "\x00\xff", "{", "[1]\n"])
@pytest.mark.parametrize("frame", [TextFrame(), JsonFrame()])
def test_first_line_that_says_nothing_counts_as_now(
    tmp_path: Path, first: str, frame: TextFrame | JsonFrame
) -> None:
    path = tmp_path / "mail.log"
    path.write_text(first)
    calls: list[None] = []
    rotator = Rotator(
        [RotatedLog(path, frame)],
        version="0.1.0",
        size_max_bytes=0,
        interval_seconds=60,
        keep_files=1,
        reopen=lambda: calls.append(None),
        alert=pytest.fail,
    )
    rotator.begin(NOW)
    rotator.check(NOW + 59)
    assert not calls
    rotator.check(NOW + 60)
    assert calls == [None]


def apply(setup: Setup, *names: str, now: float = NOW, size: int = 1000) -> None:
    setup.rotator.apply(
        [RotatedLog(setup.path.with_name(name), TextFrame()) for name in names],
        now,
        size_max_bytes=size,
        interval_seconds=0,
        keep_files=3,
    )


def test_other_settings_begin_no_file_anew(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    apply(setup, "mail.log", "bounces.log", size=100)
    assert setup.lines() == BEGIN
    assert setup.lines("bounces.log") == BEGIN
    setup.log("x" * 100)
    setup.rotator.check(NOW)
    assert setup.lines() == BEGIN
    assert "mail.log.20101109T101502Z" in setup.names()


def test_other_settings_leave_no_rotated_file_without_its_end(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    setup.log("x" * 1000)
    setup.rotator.check(NOW)
    apply(setup, "mail.log")
    setup.rotator.check(NOW + 2)
    assert setup.lines("mail.log.20101109T101502Z")[-1] == END.replace(":02", ":04")


def test_a_log_that_is_switched_off_is_ended_once_the_workers_have_left_it(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    apply(setup, "bounces.log")
    setup.log("a worker has not heard of it yet")
    setup.rotator.check(NOW + 1)
    setup.rotator.check(NOW + 2)
    assert setup.lines() == [
        *BEGIN,
        "a worker has not heard of it yet",
        END.replace(":02", ":04"),
    ]
    assert setup.lines("bounces.log") == BEGIN


def test_a_log_that_is_switched_off_and_on_goes_on(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    apply(setup, now=NOW)
    apply(setup, "mail.log", now=NOW + 1)
    setup.rotator.check(NOW + 5)
    assert setup.lines() == BEGIN


def test_a_new_log_that_cannot_be_begun_changes_nothing(tmp_path: Path) -> None:
    setup = Setup(tmp_path)
    setup.start()
    (tmp_path / "bounces.log").mkdir()
    with pytest.raises(IsADirectoryError):
        apply(setup, "bounces.log", size=0)
    setup.log("x" * 1000)
    setup.rotator.check(NOW)
    assert setup.reopened == 1
