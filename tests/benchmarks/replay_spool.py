"""Makes a spool of many queued messages and measures how it is read at start-up.

    python -m tests.benchmarks.replay_spool --messages 1000000 --workers 2

Each worker's part is made, then read by a process of its own, all at the same time, as at a start
of the gateway. What is printed: seconds, and bytes of memory for each waiting recipient, once with
fresh messages and once with every recipient waiting for a retry.
"""

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mailwarden.core.alerts import NoAlerts
from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.stores.spool.segments import SegmentSpool
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.stores.spool.spool import Entry, Progress, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles

IN_FLIGHT = 500


def open_spool(directory: Path) -> SegmentSpool:
    settings = SpoolSettings(hot_size_max_bytes=0, free_size_min_bytes=1024 * 1024)
    loop = asyncio.get_running_loop()
    return SegmentSpool(directory, [], settings, SystemFiles(), SystemClock(), loop, NoAlerts())


def message(mid: int, body: bytes) -> Stored:
    envelope = Envelope(
        mid=mid,
        icid=mid,
        sender=f"sender{mid}@partner.example",
        recipients=(Recipient(f"recipient{mid}@customer{mid % 5000}.example"),),
        received_at=time.time(),
        listener="In",
        interface="Public",
        client_address="192.0.2.25",
        client_name="mail.partner.example",
        helo="mail.partner.example",
    )
    header = b"Received: from mail.partner.example ([192.0.2.25])\r\n  by gw1 with ESMTP\r\n"
    return Stored(envelope, header, InlineContent(body))


async def make(directory: Path, first: int, count: int, size: int, *, retried: bool) -> None:
    """Put `count` messages and leave as a crash does: nothing is sealed."""
    spool = open_spool(directory)
    spool.recover()
    body = b"Subject: benchmark\r\n\r\n" + b"x" * size
    finished = asyncio.Event()
    left = count
    following = iter(range(first, first + count))

    def done(entry: Entry | None, failure: SpoolFailure | None) -> None:
        nonlocal left
        assert entry is not None, failure
        left -= 1
        if retried:
            at = time.time() + 3600 + entry.mid % 600
            spool.retry(entry, (0,), Progress(1, at, 0, "4.4.0 - Other network problem"))
        if not left:
            finished.set()
        put_next()

    def put_next() -> None:
        mid = next(following, None)
        if mid is not None:
            spool.put(message(mid, body), State.QUEUED, done)

    for _ in range(IN_FLIGHT):
        put_next()
    await finished.wait()
    await spool.close()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def read(directory: Path) -> dict[str, float]:
    """Read one part; return what that took."""
    spool = open_spool(directory)
    before = resident_bytes()
    began = time.perf_counter()
    cpu = time.process_time()
    spool.recover()
    seconds = time.perf_counter() - began
    entries = sum(entry.pending for entry in spool.entries())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    after = resident_bytes()
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - cpu,
        "recipients": entries,
        "bytes_a_recipient": (after - before) / max(1, entries),
        "resident_mb": after / 1e6,
        "peak_mb": peak / 1e6,
    }


def run_readers(directories: list[Path]) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "tests.benchmarks.replay_spool", "--read"]
    readers = [
        subprocess.Popen([*command, str(directory)], stdout=subprocess.PIPE, text=True)
        for directory in directories
    ]
    return [json.loads(reader.communicate()[0].splitlines()[-1]) for reader in readers]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=4096, help="bytes of content")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--directory", type=Path, help="where; a temporary one else")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help="make one part, of retried messages, only")
    parser.add_argument("--first", type=int, default=1, help="MID of the first message of --make")
    arguments = parser.parse_args()
    if arguments.make:
        arguments.make.mkdir(parents=True, exist_ok=True)
        of = (arguments.make, arguments.first, arguments.messages, arguments.size)
        asyncio.run(make(*of, retried=True))
        return
    if arguments.read:
        print(json.dumps(asyncio.run(read(arguments.read))))
        return
    for retried in (False, True):
        root = Path(tempfile.mkdtemp(dir=arguments.directory))
        try:
            parts = [root / str(number) for number in range(arguments.workers)]
            count = arguments.messages // arguments.workers
            for number, part in enumerate(parts):
                asyncio.run(make(part, number * count + 1, count, arguments.size, retried=retried))
            began = time.perf_counter()
            results = run_readers(parts)
            print(f"retried={retried}: {time.perf_counter() - began:.1f} s with process start")
            for result in results:
                print({name: round(value, 1) for name, value in result.items()})
        finally:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
