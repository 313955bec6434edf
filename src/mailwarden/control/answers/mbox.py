"""Messages in the form of a mailbox file."""

import time
from typing import Final

LINE_BYTES_HELD_MAX: Final = 4096  # of a line that has not ended


class Mbox:
    """Turns the bytes of a message into an entry of a mailbox file (RFC 4155), piece by piece.

    Lines that begin with `From `, behind any number of `>`, get one more `>` (mboxrd).
    """

    def __init__(self, line: bytes) -> None:
        self._head = line
        self._held = b""  # of a line that has not ended
        self._is_inside = False  # the beginning of that line was written

    def feed(self, data: bytes) -> bytes:
        """Return what can be written now."""
        written = [self._head]
        self._head = b""
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            written.append(self._start(line.removesuffix(b"\r")) + b"\n")
            self._is_inside = False
        if len(self._held) > LINE_BYTES_HELD_MAX:
            end = len(self._held) - 1  # the last byte may be the CR of its end
            written.append(self._start(self._held[:end]))
            self._held = self._held[end:]
            self._is_inside = True
        return b"".join(written)

    def end(self) -> bytes:
        """Return the rest, and the empty line behind a message."""
        rest = b"".join((self._head, self._start(self._held)))
        return rest + (b"\n\n" if self._held or self._is_inside else b"\n")

    def _start(self, line: bytes) -> bytes:
        is_from = not self._is_inside and line.lstrip(b">").startswith(b"From ")
        return b">" + line if is_from else line


def mbox_line(sender: str, received_at: float) -> bytes:
    """Return the first line of an entry; `received_at` is in seconds since the epoch."""
    date = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(received_at))
    shown = "".join(sender.split()) or "MAILER-DAEMON"
    return f"From {shown} {date}\n".encode("utf-8", "replace")
