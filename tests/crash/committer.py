"""Processes that commit until they are killed, and say what they were told.

`python -m tests.crash.committer` reads lines from standard input and starts one process for each:

    FOLDER [NUMBER]

With the number it kills itself before that SQL statement, counted from 0 once the store is open.
Lines on standard output: `C pid` when it begins, `B n` before version n is committed, `D n` when it
is, `X` when the process has ended.
"""

import os
import signal
import sys
from pathlib import Path
from random import Random
from typing import Any

from mailwarden.stores.configuration.limits import StoreLimits
from mailwarden.stores.configuration.record import Author, Draft, Source
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SystemClock

LIMITS = StoreLimits(versions_kept=4, records_max=30, copies_kept=2)
AUTHOR = Author("anna", "Administrator", Source.CLI)


def tree(number: int) -> Any:
    """Return a configuration that says its number in several places, large and small."""
    return {
        "hostname": f"mail{number}.example.com",
        "text": f"{number} " * 3000,
        "lines": [str(number)] * 200,
        "listeners": [{"name": "In", "port": number}],
    }


def say(kind: str, number: int) -> None:
    os.write(1, f"{kind} {number}\n".encode())


def commit(store: ConfigurationStore, number: int, random: Random) -> None:
    """Commit a version in one of the ways that there are."""
    draft = Draft(tree=tree(number), author=AUTHOR, comment=str(number))
    store.record(AUTHOR, "login", str(number))
    say("B", number)
    way = random.randrange(4)
    if way == 0:
        store.abandon(store.prepare(number - 1, draft))
    if way < 2:
        store.finish(store.prepare(number - 1, draft))
    else:
        store.commit(number - 1, draft)
    say("D", number)


def work(folder: Path, stop: int) -> None:
    store = ConfigurationStore(folder, SystemClock(), LIMITS)
    store.recover()

    def count(_: str) -> None:
        nonlocal stop
        stop -= 1
        if stop == -1:
            os.kill(os.getpid(), signal.SIGKILL)

    if stop >= 0:
        store._database._connection.set_trace_callback(count)
    head = store.head()
    number = 0 if head is None else head.number
    random = Random(number)
    while True:
        number += 1
        commit(store, number, random)


def main() -> None:
    for line in sys.stdin:
        folder, *stop = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                work(Path(folder), int(stop[0]) if stop else -1)
            finally:
                os._exit(1)
        os.write(1, b"C %d\n" % pid)
        os.waitpid(pid, 0)
        os.write(1, b"X 0\n")


if __name__ == "__main__":
    main()
