"""A log whose lines a test can look at."""

from mailwarden.system.log.maillog import MailLog
from mailwarden.system.log.settings import Level
from mailwarden.system.log.stamp import IsoStamp, Stamp

NOW = 1_289_297_702.0  # Tue Nov  9 10:15:02 2010 UTC


class Lines(list[str]):
    """A sink in memory."""

    def write(self, line: str) -> None:
        self.append(line)


class Recorder:
    """All sinks of one log; time stands still."""

    def __init__(self, *, json: bool = True, level: Level = Level.INFO) -> None:
        self.text = Lines()
        self.events = Lines()
        self.bounces = Lines()
        self.log = MailLog(
            self.text,
            self.events if json else None,
            self.bounces,
            level=level,
            stamp=Stamp(lambda: NOW),
            iso=IsoStamp(lambda: NOW),
        )
