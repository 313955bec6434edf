"""Begins a new log file when the old one is large or old, and removes the oldest ones.

One process does this for all that append to the file. The steps are chosen so that the name of
the log always leads to a file, and that a crash between any two of them leaves whole files:

1. the new file is written under a name of its own, with its first lines;
2. the old file gets its second name, `mail.log.20101109T101502Z`;
3. the new file takes the name of the log, in one step;
4. the workers are told to open the log anew, and a little later
5. the old file gets its last line.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.system.log.file import MODE
from mailwarden.system.log.frame import Frame

REOPEN_SECONDS: Final = 2.0  # that workers have to go over to the new file
_READ_BYTES: Final = 4096  # more than any first line
_SAME_SECOND_MAX: Final = 100  # rotations
_NEW: Final = ".new"


class RotatedLog(NamedTuple):
    """A log and the form of its first and last lines."""

    path: Path
    frame: Frame


class Rotator:
    """Looks after the files of all logs. Times are epoch seconds.

    `reopen` tells every process that writes to the logs to call `Logs.reopen`; `owner` is the
    user and group id that new files get, None is that of this process.
    """

    def __init__(
        self,
        logs: Sequence[RotatedLog],
        *,
        version: str,
        size_max_bytes: int,
        interval_seconds: float,
        keep_files: int,
        reopen: Callable[[], None],
        alert: Callable[[str], None],
        owner: tuple[int, int] | None = None,
    ) -> None:
        """`size_max_bytes` and `interval_seconds` may be 0, which is never."""
        self._version: Final = version
        self._size_max = size_max_bytes
        self._interval = interval_seconds
        self._keep = keep_files
        self._reopen: Final = reopen
        self._alert: Final = alert
        self._owner: Final = owner
        self._logs = tuple(logs)
        self._began: Final[dict[Path, float]] = {}
        self._ending: list[tuple[float, Path, Frame]] = []  # when, and which file, to end
        self._troubled = False

    def begin(self, now: float) -> None:
        """Write the first lines of a run; before any worker opens the logs.

        Raises:
            OSError: a log cannot be written.
        """
        for log in self._logs:
            self._begin(log, now)

    def _begin(self, log: RotatedLog, now: float) -> None:
        self._undo_half_rotation(log)
        with suppress(FileNotFoundError):
            log.path.with_name(log.path.name + _NEW).unlink()
        self._append(log.path, log.frame.begin(now, self._version))
        self._began[log.path] = self._read_began(log, now)

    def apply(
        self,
        logs: Sequence[RotatedLog],
        now: float,
        *,
        size_max_bytes: int,
        interval_seconds: float,
        keep_files: int,
    ) -> None:
        """Look after `logs` from now on; before any worker opens the new ones.

        Those that go on are not begun anew; those that are no longer written get their last line
        a little later, as the workers still have them open.

        Raises:
            OSError: a new log cannot be written; nothing has changed then.
        """
        known = {log.path for log in self._logs}
        wanted = {log.path for log in logs}
        ending = {path for _, path, _ in self._ending}
        for log in logs:
            if log.path not in known and log.path not in ending:
                self._begin(log, now)
        left = [(now, log.path, log.frame) for log in self._logs if log.path not in wanted]
        self._ending = [each for each in self._ending if each[1] not in wanted] + left
        self._logs = tuple(logs)
        self._size_max = size_max_bytes
        self._interval = interval_seconds
        self._keep = keep_files

    def end(self, now: float) -> None:
        """Write the last lines of a run; when all workers have closed the logs."""
        for _, path, frame in self._ending:
            self._append_quietly(path, frame.end(now))
        self._ending.clear()
        for log in self._logs:
            self._append_quietly(log.path, log.frame.end(now))

    def check(self, now: float) -> None:
        """Rotate what is due; to be called every second or so."""
        self._finish(now)
        moved = [log for log in self._logs if self._is_due(log, now) and self._rotate(log, now)]
        if moved:
            self._reopen()
            for log in moved:
                self._prune(log)

    def rotate(self, now: float, name: str = "") -> list[str]:
        """Rotate the log of a file name now, or all, for an administrator who wants them.

        Returns the names of those that have a new file.
        """
        wanted = [log for log in self._logs if name in ("", log.path.name)]
        moved = [log for log in wanted if self._rotate(log, now)]
        if moved:
            self._reopen()
            for log in moved:
                self._prune(log)
        return [log.path.name for log in moved]

    def _is_due(self, log: RotatedLog, now: float) -> bool:
        try:
            size = log.path.stat().st_size
        except FileNotFoundError:
            return True  # somebody removed or moved it; the workers still write to the old one
        except OSError as error:
            self._trouble(log, error)
            return False
        if 0 < self._size_max <= size:
            return True
        age = now - self._began.get(log.path, now)
        return 0 < self._interval <= age

    def _rotate(self, log: RotatedLog, now: float) -> bool:
        new = log.path.with_name(log.path.name + _NEW)
        try:
            with suppress(FileNotFoundError):
                new.unlink()
            self._append(new, log.frame.begin(now, self._version))
            old = self._link_old(log.path, now)
            new.replace(log.path)
        except OSError as error:
            self._trouble(log, error)
            return False
        self._troubled = False
        self._began[log.path] = now
        if old is not None:
            self._ending.append((now, old, log.frame))
        return True

    def _link_old(self, path: Path, now: float) -> Path | None:
        """Give the file its second name; None if it is gone."""
        stem = f"{path.name}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}"
        for number in range(_SAME_SECOND_MAX):
            old = path.with_name(f"{stem}-{number:02d}" if number else stem)
            try:
                os.link(path, old, follow_symlinks=False)
            except FileExistsError:
                continue
            except FileNotFoundError:
                return None
            return old
        raise FileExistsError(17, "too many log files of the same second", str(path))

    def _finish(self, now: float) -> None:
        """Write the last line of files that nobody writes to any more."""
        waiting: list[tuple[float, Path, Frame]] = []
        for at, path, frame in self._ending:
            if at <= now < at + REOPEN_SECONDS:  # a clock that was set back waits for nothing
                waiting.append((at, path, frame))
            else:
                self._append_quietly(path, frame.end(now))
        self._ending = waiting

    def _prune(self, log: RotatedLog) -> None:
        names = self._old_files(log)
        for path in names[: max(0, len(names) - self._keep)]:
            with suppress(OSError):
                path.unlink()

    def _old_files(self, log: RotatedLog) -> list[Path]:
        """Return the old files of `log`, oldest first."""
        form = re.compile(re.escape(log.path.name) + r"\.\d{8}T\d{6}Z(?:-\d\d)?")
        with os.scandir(log.path.parent) as entries:
            names = sorted(entry.name for entry in entries if form.fullmatch(entry.name))
        return [log.path.with_name(name) for name in names]

    def _undo_half_rotation(self, log: RotatedLog) -> None:
        """Take the second name from a log that a crash left with two."""
        if not log.path.exists():
            return
        for old in self._old_files(log):
            if old.samefile(log.path):
                old.unlink()

    def _read_began(self, log: RotatedLog, now: float) -> float:
        with log.path.open("rb") as file:
            line = file.readline(_READ_BYTES)
        try:
            return min(now, log.frame.began(line.decode("utf-8", "replace")))
        except (ValueError, OverflowError):
            return now

    def _append(self, path: Path, text: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(path, flags, MODE)
        try:
            if self._owner is not None:
                os.fchown(fd, *self._owner)
            data = text.encode()
            if os.write(fd, data) < len(data):
                raise OSError(28, "No space left on device", str(path))
        finally:
            os.close(fd)

    def _append_quietly(self, path: Path, text: str) -> None:
        if path.exists():
            with suppress(OSError):
                self._append(path, text)

    def _trouble(self, log: RotatedLog, error: OSError) -> None:
        if not self._troubled:
            self._troubled = True
            self._alert(f"{log.path.name} cannot be rotated ({error.strerror}); it goes on growing")
