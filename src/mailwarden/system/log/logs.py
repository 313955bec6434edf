"""Opens the logs that the settings name, for one process that writes to them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.emitter import LineSink
from mailwarden.system.log.file import LogFile
from mailwarden.system.log.frame import JsonFrame, TextFrame
from mailwarden.system.log.maillog import MailLog
from mailwarden.system.log.rotation import RotatedLog
from mailwarden.system.log.settings import LogSettings
from mailwarden.system.log.stamp import IsoStamp, Stamp
from mailwarden.system.log.syslog import SyslogSink, Tee

MAIL_LOG: Final = "mail.log"
MAIL_EVENTS: Final = "mail.json"
BOUNCE_LOG: Final = "bounces.log"


def rotated_logs(settings: LogSettings, directory: Path) -> list[RotatedLog]:
    """Return the files in `directory` that the settings ask for, for the `Rotator`."""
    wanted = (
        (settings.text, MAIL_LOG, TextFrame()),
        (settings.json, MAIL_EVENTS, JsonFrame()),
        (settings.bounces, BOUNCE_LOG, TextFrame()),
    )
    return [RotatedLog(directory / name, frame) for is_on, name, frame in wanted if is_on]


class Logs:
    """The mail log of one process, with the files behind it.

    `later` calls back after so many seconds, on the event loop; `alert` hears when lines begin to
    be lost; `host` is the gateway's name in syslog.
    """

    def __init__(
        self,
        settings: LogSettings,
        directory: Path,
        *,
        host: str,
        clock: Clock,
        later: Callable[[float, Callable[[], None]], object],
        alert: Callable[[str], None],
    ) -> None:
        """Open the files.

        Raises:
            OSError: one cannot be opened.
        """
        self._host = host
        self._later: Final = later
        self._alert: Final = alert
        self._files: dict[str, LogFile] = {}
        self._syslog: SyslogSink | None = None
        self._lost_before = 0  # lines, by files that are closed
        self.mail: Final = MailLog(
            None,
            None,
            None,
            level=settings.level,
            stamp=Stamp(clock.time),
            iso=IsoStamp(clock.time),
        )
        self.apply(settings, directory)

    def apply(self, settings: LogSettings, directory: Path, host: str = "") -> None:
        """Log as `settings` say from now on, and under the name `host` where there is a new one.

        Raises:
            OSError: a file cannot be opened; then all stays as it was.
        """
        files = self._open(rotated_logs(settings, directory))
        self._host = host or self._host
        syslog = SyslogSink(settings.syslog, self._host) if settings.syslog else None
        text: LineSink | None = files.get(MAIL_LOG)
        if syslog is not None:
            text = syslog if text is None else Tee(text, syslog)
        self.close()
        self._lost_before = self.lost
        self._files, self._syslog = files, syslog
        self.mail.direct(text, files.get(MAIL_EVENTS), files.get(BOUNCE_LOG), level=settings.level)

    def _open(self, logs: Sequence[RotatedLog]) -> dict[str, LogFile]:
        files: dict[str, LogFile] = {}
        try:
            for log in logs:
                files[log.path.name] = LogFile(log.path, later=self._later, alert=self._alert)
        except OSError:
            for file in files.values():
                file.close()
            raise
        return files

    @property
    def lost(self) -> int:
        """Lines that could not be written since start."""
        syslog = 0 if self._syslog is None else self._syslog.lost
        return self._lost_before + syslog + sum(file.lost for file in self._files.values())

    def flush(self) -> None:
        """Write what has gathered."""
        for file in self._files.values():
            file.flush()

    def reopen(self) -> None:
        """Go over to the files that now have the names, after a rotation."""
        for file in self._files.values():
            file.reopen()

    def close(self) -> None:
        """Write what has gathered and let go of the files."""
        for file in self._files.values():
            file.close()
        if self._syslog is not None:
            self._syslog.close()
