"""What the supervisor has to say: into the mail log, and on the terminal or the journal."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable

from mailwarden import __version__
from mailwarden.app.state_directory import StateDirectory
from mailwarden.core.alerts import CRITICAL, HARDWARE, Alerts
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.log.logs import Logs, rotated_logs
from mailwarden.system.log.rotation import Rotator
from mailwarden.system.log.settings import LogSettings


class SupervisorLog:
    """Also rotates the logs of all workers."""

    def __init__(
        self, settings: LogSettings, state: StateDirectory, host: str, alerts: Alerts
    ) -> None:
        self._alerts = about_logs(alerts)
        self._settings = settings
        self._host = host
        self._owner: tuple[int, int] | None = None
        self._state = state
        self._logs: Logs | None = None
        self._rotator: Rotator | None = None
        self._reopen_workers: Callable[[], None] = lambda: None

    def open(self, owner: tuple[int, int] | None, reopen_workers: Callable[[], None]) -> None:
        """Begin the logs; `owner` is the user and group that the files are to belong to.

        Raises:
            OSError: a log cannot be written.
        """
        self._reopen_workers = reopen_workers
        self._owner = owner
        self._rotator = self._make_rotator()
        self._rotator.begin(time.time())
        self._logs = Logs(
            self._settings,
            self._state.logs,
            host=self._host,
            clock=SystemClock(),
            later=asyncio.get_running_loop().call_later,
            alert=self._alert,
        )

    def apply(self, settings: LogSettings, host: str) -> None:
        """Log as `settings` say from now on, under the name `host`.

        The folder stays the same until the next start.

        Raises:
            OSError: a log that is new cannot be written; all stays as it was.
        """
        if (settings, host) == (self._settings, self._host):
            return
        if self._logs is None or self._rotator is None:
            return
        self._rotator.apply(
            rotated_logs(settings, self._state.logs),
            time.time(),
            size_max_bytes=settings.rotate_size_bytes,
            interval_seconds=settings.rotate_interval_seconds,
            keep_files=settings.keep_files,
        )
        self._settings, self._host = settings, host
        self._logs.apply(settings, self._state.logs, host)

    def _make_rotator(self) -> Rotator:
        settings = self._settings
        return Rotator(
            rotated_logs(settings, self._state.logs),
            version=__version__,
            size_max_bytes=settings.rotate_size_bytes,
            interval_seconds=settings.rotate_interval_seconds,
            keep_files=settings.keep_files,
            reopen=self._reopen,
            alert=self._alert,
            owner=self._owner,
        )

    def rotate(self) -> None:
        """Begin new files where they are due; to be called every second or so."""
        if self._rotator is not None:
            self._rotator.check(time.time())

    def roll_over(self, name: str = "") -> list[str]:
        """Begin new files now, of the log with that file name or of all; return their names."""
        return [] if self._rotator is None else self._rotator.rotate(time.time(), name)

    def close(self) -> None:
        """End the logs, when all workers have closed them."""
        if self._logs is not None:
            self._logs.close()
        if self._rotator is not None:
            self._rotator.end(time.time())

    def info(self, text: str) -> None:
        """Say that something normal happened."""
        self._say("info", text)
        if self._logs is not None:
            self._logs.mail.info(text)

    def warning(self, text: str) -> None:
        """Say that something deserves a look."""
        self._say("warning", text)
        if self._logs is not None:
            self._logs.mail.warning(text)

    def critical(self, text: str) -> None:
        """Say that something is wrong."""
        self._say("critical", text)
        if self._logs is not None:
            self._logs.mail.critical(text)
            self._logs.flush()

    def _reopen(self) -> None:
        if self._logs is not None:
            self._logs.reopen()
        self._reopen_workers()

    def _alert(self, text: str) -> None:
        self._say("critical", text)
        self._alerts(text)

    @staticmethod
    def _say(level: str, text: str) -> None:
        with contextlib.suppress(OSError):  # where nobody listens, the log has it
            print(f"mailwarden[{os.getpid()}]: {level}: {text}", file=sys.stderr, flush=True)


def about_logs(alerts: Alerts) -> Callable[[str], None]:
    """Return who tells of logs: what is said of one begins with the name of its file."""
    return lambda text: alerts.alert(CRITICAL, HARDWARE, text, f"log {text.partition(' ')[0]}")


def in_seconds(wait: float) -> str:
    """Return when something happens, in words."""
    return f"in {wait:g} second{'' if wait == 1 else 's'}"
