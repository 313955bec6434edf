"""Processes that put and settle messages until they are killed, and say what they were told.

`python -m tests.crash.putter` reads lines from standard input and starts one process for each,
which is quicker than to start Python anew:

    DIRECTORY FIRST_MID [OPERATION END NUMBER]

With the last three it kills itself right after that occurrence of an operation on a path with that
end. Lines on standard output: `C pid` when it begins, `P mid` when a put was called back, `S mid`
right before a message is settled, `R mid child` right before one is replaced, `M mid child` when
that was called back, `X` when the process has ended.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from mailwarden.core.alerts import NoAlerts
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.stores.spool.segments import SegmentSpool
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.stores.spool.spool import Entry, Settlement, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles

SETTINGS = SpoolSettings(
    segment_size_bytes=64 * 1024,
    dead_size_max_bytes=128 * 1024,
    inline_size_max_bytes=8192,
    free_size_min_bytes=1,
    sync_interval_seconds=0.02,
)
IN_FLIGHT = 10


def body(mid: int) -> bytes:
    """Return the content of a message, which its MID tells."""
    return Random(mid).randbytes(Random(mid * 3).randrange(200, 12_000))


def message(mid: int) -> Stored:
    envelope = Envelope(
        mid=mid,
        icid=1,
        sender="a@x.example",
        recipients=(Recipient("b@x.example"),),
        received_at=1.0,
    )
    return Stored(envelope, b"", InlineContent(body(mid)))


class KillingFiles(SystemFiles):
    """The machine's file system, with which the process dies at a certain operation."""

    def __init__(self, operation: str, end: str, number: int) -> None:
        self.wanted = (operation, end.removeprefix("*"))
        self.left = number
        self.paths: dict[int, str] = {}

    def _did(self, operation: str, path: str) -> None:
        if operation == self.wanted[0] and path.endswith(self.wanted[1]):
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def open(self, path: str, *, write: bool = False, create: bool = False) -> int:
        fd = super().open(path, write=write, create=create)
        self.paths[fd] = path
        if create:
            self._did("create", path)
        return fd

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        count = os.pwritev(fd, buffers, offset)
        self._did("write", self.paths[fd])
        return count

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)
        self._did("sync", self.paths[fd])

    def unlink(self, path: str) -> None:
        os.unlink(path)
        self._did("unlink", path)

    def sync_directory(self, path: str) -> None:
        super().sync_directory(path)
        self._did("sync_directory", path)


class Putter:
    """Keeps some messages in flight."""

    def __init__(self, spool: SegmentSpool, mid: int) -> None:
        self.spool = spool
        self.mid = mid
        self.random = Random(mid)

    def say(self, *words: object) -> None:
        os.write(1, (" ".join(map(str, words)) + "\n").encode())

    def next_mid(self) -> int:
        self.mid += 1
        return self.mid

    def put_next(self) -> None:
        mid = self.next_mid()
        stored = message(mid)
        if stored.content.size > SETTINGS.inline_size_max_bytes:
            spill = self.spool.spill()
            spill.write(body(mid))
            stored = stored._replace(content=spill.finish(dotted=True))
        self.spool.put(stored, State.RECEIVED, self.done)

    def done(self, entry: Entry | None, failure: SpoolFailure | None) -> None:
        assert entry is not None, failure
        self.say("P", entry.mid)
        self.put_next()

    def taken(self, entry: Entry) -> None:
        if self.random.random() < 0.2:
            child = self.next_mid()
            self.say("R", entry.mid, child)
            by = [(message(child), State.QUEUED)]
            self.spool.replace(entry, [0], by, lambda *result: self.replaced(entry, *result))
        else:
            self.spool.queue(entry)

    def replaced(
        self, entry: Entry, children: Sequence[Entry], failure: SpoolFailure | None
    ) -> None:
        assert failure is None
        self.say("M", entry.mid, children[0].mid)

    def queued(self, entry: Entry) -> None:
        if self.random.random() < 0.9:  # the others stay
            self.say("S", entry.mid)
            self.spool.settle(entry, (0,), Settlement.DELIVERED)


async def work(words: list[str]) -> None:
    files = KillingFiles(words[2], words[3], int(words[4])) if len(words) > 2 else SystemFiles()
    loop = asyncio.get_running_loop()
    spool = SegmentSpool(Path(words[0]), [], SETTINGS, files, SystemClock(), loop, NoAlerts())
    spool.recover()
    putter = Putter(spool, int(words[1]))
    spool.take_received(putter.taken)
    spool.take_queued(putter.queued)
    for _ in range(IN_FLIGHT):
        putter.put_next()
    await asyncio.Event().wait()


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                asyncio.run(work(line.split()))
            finally:
                os._exit(1)
        os.write(1, b"C %d\n" % pid)
        os.waitpid(pid, 0)
        os.write(1, b"X\n")


if __name__ == "__main__":
    main()
