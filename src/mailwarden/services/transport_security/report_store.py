"""What was counted for TLS reports on disk: written by every worker, reported by one of them.

`open-DAY-WORKER` is what a worker has counted so far; it is replaced whole. When the day is over,
or a report is wanted before, it is renamed to `closed-DAY-WORKER-NUMBER` and never changes again.
`batch-DAY-TOKEN` is a folder of such files whose reports are being sent, with a journal of those
that are: so each is counted once and reported once, wherever a crash comes between.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from mailwarden.core.policy.tls_report import DomainResults, ReportCollector
from mailwarden.core.policy.tls_report_state import (
    STATE_BYTES_MAX,
    absorb_results,
    encode_results,
)
from mailwarden.system.files.files import Files, try_unlink, write_fully
from mailwarden.system.files.whole_file import replace_file

JOURNAL: Final = "journal"
JOURNAL_BYTES_MAX: Final = 64 * 1024 * 1024

_OPEN: Final = re.compile(r"open-(\d{1,7})-(\d{1,4})\Z")
_CLOSED: Final = re.compile(r"closed-(\d{1,7})-(\d{1,4})-(\d{1,7})\Z")
_BATCH: Final = re.compile(r"batch-(\d{1,7})-([0-9a-z]{1,40})\Z")


class ReportStore:
    """The folder of one worker's counts, which all workers share."""

    def __init__(self, directory: str, worker: int, files: Files) -> None:
        self._directory: Final = directory
        self._worker: Final = worker
        self._files: Final = files
        self._saved = 0  # changes of the collector that are on disk

    def load(self, collector: ReportCollector, today: int) -> int:
        """Go on with what this worker counted before; return how many lines are damaged.

        Days that are over are closed.

        Raises:
            OSError: the folder cannot be used.
        """
        with suppress(FileExistsError):  # since an earlier start
            self._files.make_directory(self._directory)
        damaged = 0
        for name in self._files.names(self._directory):
            found = _OPEN.match(name)
            if found is None or int(found[2]) != self._worker:
                continue
            if int(found[1]) == today:
                damaged += absorb_results(collector, self._read(name))
            else:
                self._close_file(int(found[1]), self._worker)
        self._saved = collector.changes
        return damaged

    def adopt(self, workers: int) -> None:
        """Close what workers counted that are no more; `workers` is how many there are.

        Raises:
            OSError: the folder cannot be used.
        """
        for name in self._files.names(self._directory):
            found = _OPEN.match(name)
            if found is not None and int(found[2]) >= workers:
                self._close_file(int(found[1]), int(found[2]))

    def save(self, collector: ReportCollector) -> None:
        """Write what was counted since the last time.

        Raises:
            OSError: it cannot be written; what was there before still is.
        """
        if collector.changes == self._saved:
            return
        changes = collector.changes
        for day in collector.days():
            path = self._path(f"open-{day}-{self._worker}")
            lines = encode_results(collector.results(day)).splitlines(keepends=True)
            self._files.close(replace_file(self._files, path, lines))
        self._saved = changes

    def close_days(self, collector: ReportCollector, before: int) -> None:
        """Hand over to the reports what was counted on days before `before`, and forget it.

        Raises:
            OSError: it cannot be written; it is still counted here.
        """
        days = [day for day in collector.days() if day < before]
        if not days:
            return
        self.save(collector)
        for day in days:
            self._close_file(day, self._worker)
            collector.take(day)

    def closed_days(self) -> tuple[int, ...]:
        """Return the days of which something waits to be reported."""
        found = (_CLOSED.match(name) for name in self._files.names(self._directory))
        return tuple(sorted({int(match[1]) for match in found if match is not None}))

    def read_closed(self, day: int) -> tuple[DomainResults, ...]:
        """Return what waits to be reported of a day."""
        return self._merge(self._closed_names(day), day)[0]

    def drop_closed(self, day: int) -> None:
        """Throw away what waits to be reported of a day."""
        for name in self._closed_names(day):
            self._files.unlink(self._path(name))

    def begin(self, day: int, token: str, now: float) -> "ReportBatch":
        """Take what is closed of a day to report it; `token` is new, of digits and small letters.

        Raises:
            OSError: the folder cannot be used.
        """
        folder = f"batch-{day}-{token}"
        self._files.make_directory(self._path(folder))
        for name in self._closed_names(day):
            self._files.rename(self._path(name), self._path(f"{folder}/{name}"))
        self._files.sync_directory(self._path(folder))
        self._files.sync_directory(self._directory)
        batch = self._open_batch(folder, day, token)
        batch.note_begin(now)
        return batch

    def batches(self) -> list["ReportBatch"]:
        """Return the batches that were begun and not finished.

        Raises:
            OSError: the folder cannot be used.
        """
        found = []
        for name in self._files.names(self._directory):
            match = _BATCH.match(name)
            if match is not None:
                found.append(self._open_batch(name, int(match[1]), match[2]))
        return found

    def _open_batch(self, folder: str, day: int, token: str) -> "ReportBatch":
        names = [f"{folder}/{name}" for name in self._files.names(self._path(folder))]
        results, damaged = self._merge((n for n in names if not n.endswith(JOURNAL)), day)
        return ReportBatch(self._path(folder), day, token, results, damaged, self._files)

    def _closed_names(self, day: int) -> list[str]:
        return [
            name
            for name in self._files.names(self._directory)
            if (match := _CLOSED.match(name)) is not None and int(match[1]) == day
        ]

    def _close_file(self, day: int, worker: int) -> None:
        names = set(self._files.names(self._directory))
        number = 1
        while f"closed-{day}-{worker}-{number}" in names:
            number += 1
        target = self._path(f"closed-{day}-{worker}-{number}")
        try:
            self._files.rename(self._path(f"open-{day}-{worker}"), target)
        except FileNotFoundError:
            return  # nothing was counted
        self._files.sync_directory(self._directory)

    def _merge(self, names: Iterable[str], day: int) -> tuple[tuple[DomainResults, ...], int]:
        collector, damaged = ReportCollector(), 0
        for name in names:
            damaged += absorb_results(collector, self._read(name))
        return collector.results(day), damaged

    def _read(self, name: str) -> bytes:
        fd = self._files.open(self._path(name))
        try:
            return self._files.pread(fd, STATE_BYTES_MAX, 0)
        finally:
            self._files.close(fd)

    def _path(self, name: str) -> str:
        return f"{self._directory}/{name}"


class ReportBatch:
    """The reports of what was counted on a day."""

    def __init__(
        self,
        path: str,
        day: int,
        token: str,
        results: tuple[DomainResults, ...],
        damaged: int,
        files: Files,
    ) -> None:
        self.day: Final = day
        self.token: Final = token
        self.results: Final = results
        self.damaged: Final = damaged  # lines
        self.begun_at = 0.0  # seconds since the epoch
        self.finished: Final[set[str]] = set()  # domains that are done with
        self.last_error: Final[dict[str, str]] = {}  # by domain, why it is not
        self.tries = 0
        self.next_try_at = 0.0  # seconds since the epoch
        self._path: Final = path
        self._files: Final = files
        self._done: Final[set[tuple[str, str]]] = set()
        self._size = 0
        self._read_journal()

    def is_done(self, domain: str, destination: str) -> bool:
        """Whether the report about `domain` has reached `destination`."""
        return (domain, destination) in self._done

    def note_done(self, domain: str, destination: str) -> None:
        """Remember for good that it has.

        Raises:
            OSError: it cannot be written; it may be sent again after a restart.
        """
        self._done.add((domain, destination))
        self._append([domain, destination])

    def note_begin(self, now: float) -> None:
        """Remember when it was begun: retries end some time after."""
        self.begun_at = now
        self._append([int(now)])

    def finish(self) -> None:
        """Throw it away."""
        for name in self._files.names(self._path):
            try_unlink(self._files, f"{self._path}/{name}")
        self._files.remove_directory(self._path)

    def _append(self, values: list[str] | list[int]) -> None:
        path = f"{self._path}/{JOURNAL}"
        try:
            fd = self._files.open(path, write=True)
        except FileNotFoundError:
            fd = self._files.open(path, create=True)
        try:
            line = json.dumps(values).encode("ascii") + b"\n"
            self._size = write_fully(self._files, fd, [line], self._size)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)

    def _read_journal(self) -> None:
        path = f"{self._path}/{JOURNAL}"
        try:
            fd = self._files.open(path)
        except FileNotFoundError:
            return
        try:
            content = self._files.pread(fd, JOURNAL_BYTES_MAX, 0)
        finally:
            self._files.close(fd)
        self._size = len(content)
        if content and not content.endswith(b"\n"):
            self._size = content.rfind(b"\n") + 1  # a line that a crash has torn is written over
        for line in content.split(b"\n"):
            self._understand(line)

    def _understand(self, line: bytes) -> None:
        try:
            values = json.loads(line or b"0")
        except (ValueError, RecursionError):
            return
        match values:
            case [int(begun)]:
                self.begun_at = float(begun)
            case [str(domain), str(destination)]:
                self._done.add((domain, destination))
