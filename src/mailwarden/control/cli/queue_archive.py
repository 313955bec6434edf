"""`mailwarden queue archive`: a message of the running gateway in a file."""

import base64
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.table import human_size

LINE_BYTES_HELD_MAX: Final = 4096  # of a line that has not ended

Answers = Iterable[Mapping[str, Any]]


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


def write_archive(arguments: Namespace, answers: Answers, mbox: Mbox | None = None) -> int:
    """Write what comes, in base64, to the file; it is there whole or not at all.

    With `mbox` it goes through that.

    Raises:
        CommandError: there is no such message, or no such file can be written.
    """
    if str(arguments.file) == "-":
        _write(arguments, answers, sys.stdout.buffer, mbox)
        return ExitCode.DONE
    path: Path = arguments.file
    try:
        # Mail is for nobody else to read; what is there already is not ours to replace.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = _write(arguments, answers, file, mbox)
            file.flush()
            os.fsync(descriptor)
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        raise
    print(f"message {arguments.mid} is written to {path}: {human_size(size)} bytes")
    return ExitCode.DONE


def _write(arguments: Namespace, answers: Answers, file: BinaryIO, mbox: Mbox | None) -> int:
    """Return how many bytes that were."""
    for answer in answers:
        if answer.get("data"):
            data = base64.b64decode(answer["data"])
            file.write(data if mbox is None else mbox.feed(data))
        if answer.get("done"):
            if mbox is not None:
                file.write(mbox.end())
            return int(answer.get("size") or 0)
    raise CommandError(
        f"there is no message {arguments.mid} in the queue",
        "mailwarden queue list shows what is waiting; the mail log knows what is finished",
    )
