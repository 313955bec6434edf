"""Sends the mail log to a syslog daemon on this machine (RFC 3164 frame, mailflow 8.1)."""

import socket
from typing import Final

from mailwarden.system.log.emitter import LineSink

_MAIL: Final = 2 * 8  # facility (RFC 3164, 4.1.1)
_SEVERITY: Final = {"Critical": 2, "Warning": 4, "Info": 6, "Debug": 7, "Trace": 7}


class SyslogSink:
    """Takes lines in the classic form and sends each as a datagram; what is not taken is counted.

    `path` is the daemon's socket, as `/dev/log`; `host` is the name that stands in the frame.
    """

    __slots__ = ("_host", "_path", "_socket", "lost")

    def __init__(self, path: str, host: str) -> None:
        self._path: Final = path
        self._host: Final = host
        self._socket: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.lost = 0  # lines, since start

    def write(self, line: str) -> None:
        """Take one line in the form `Tue Nov  9 10:15:02 2010 Info: text`."""
        level = line[25 : line.find(":", 25)]
        priority = _MAIL + _SEVERITY.get(level, 6)
        frame = f"<{priority}>{line[4:19]} {self._host} mail_logs: {line[25:]}"
        try:
            # Not connected: the daemon may be restarted at any time.
            self._socket.sendto(frame.encode("utf-8", "backslashreplace"), self._path)
        except OSError:  # absent, slow, or the line is too large for it
            self.lost += 1

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


class Tee:
    """Gives each line to two sinks."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: LineSink, second: LineSink) -> None:
        self._first: Final = first
        self._second: Final = second

    def write(self, line: str) -> None:
        """Take one line, without its line end."""
        self._first.write(line)
        self._second.write(line)
