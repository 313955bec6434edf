"""A log file that several processes append to, in batches of whole lines.

Lines gather in memory and go out with one `write` to a file that is open for appending, so that
the lines of two workers never mix. A full disk costs log lines, never mail.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

DELAY_SECONDS: Final = 0.05  # how long a line waits at most for others to go out with
BATCH_CHARACTERS: Final = 64 * 1024
FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
MODE: Final = 0o640


class LogFile:
    """The sink of one log.

    `later` calls back after so many seconds, on the event loop. `alert` hears, in the
    administrator's words, when lines begin to be lost and when that is over.
    """

    __slots__ = (
        "_alert",
        "_due",
        "_fd",
        "_later",
        "_lines",
        "_lost_now",
        "_os_write",
        "_path",
        "_size",
        "lost",
    )

    def __init__(
        self,
        path: Path,
        *,
        later: Callable[[float, Callable[[], None]], object],
        alert: Callable[[str], None],
        os_write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        """Open the file, or make it.

        Raises:
            OSError: that is not possible.
        """
        self._path: Final = path
        self._later: Final = later
        self._alert: Final = alert
        self._os_write: Final = os_write
        self._fd = os.open(path, FLAGS, MODE)
        self._lines: list[str] = []
        self._size = 0
        self._due = False
        self._lost_now = 0  # lines, since writing began to fail
        self.lost = 0  # lines, since start

    def write(self, line: str) -> None:
        """Take one line, without its line end."""
        self._lines.append(line)
        self._size += len(line)
        if not self._due:
            self._due = True
            self._later(DELAY_SECONDS, self._tick)
        elif self._size >= BATCH_CHARACTERS:
            self.flush()

    def _tick(self) -> None:
        self._due = False
        self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        lines, self._lines = self._lines, []
        self._size = 0
        if not lines or self._fd < 0:
            return
        data = ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")
        try:
            written = self._os_write(self._fd, data)
        except OSError as error:
            self._lose(len(lines), error.strerror)
            return
        if written < len(data):
            self._blank(written - (data.rfind(b"\n", 0, written) + 1))
            self._lose(data.count(b"\n", written), "it took only a part")
        elif self._lost_now:
            self._recover()

    def _blank(self, length: int) -> None:
        """Turn the torn line of `length` bytes that was written last into blanks.

        Its place is ours already, so this works on a full disk, and it does not touch what
        another process has appended since, as cutting the file would.
        """
        if not length:
            return
        end = os.lseek(self._fd, 0, os.SEEK_CUR)
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        try:
            # Linux appends even with pwrite while O_APPEND is set.
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~os.O_APPEND)
            os.pwrite(self._fd, b" " * (length - 1) + b"\n", end - length)
        except OSError:
            return  # the torn line stays; the alert about lost lines is on its way
        finally:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags)

    def _lose(self, count: int, reason: str | None) -> None:
        self.lost += count
        first = not self._lost_now
        self._lost_now += count
        if first:
            self._alert(f"{self._path.name} cannot be written ({reason}): log lines are lost")

    def _recover(self) -> None:
        count, self._lost_now = self._lost_now, 0
        self._alert(f"{self._path.name} can be written again: {count} log lines were lost")

    def reopen(self) -> None:
        """Go on in the file that now has the name; after a failure, in the one that is open."""
        self.flush()
        try:
            fd = os.open(self._path, FLAGS, MODE)
        except OSError as error:
            self._alert(f"{self._path.name} cannot be opened anew ({error.strerror})")
            return
        os.close(self._fd)
        self._fd = fd

    def close(self) -> None:
        """Write what has gathered and let go of the file; later lines are dropped."""
        self.flush()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
