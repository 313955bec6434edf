"""Keeps what a worker counts for TLS reports, hands it over when a day ends, and shows it."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from mailwarden.core.policy.tls_report import DAY_SECONDS, DomainResults, ReportCollector
from mailwarden.mailflow.origination.tls_reports import TlsReportSender, day_text
from mailwarden.services.transport_security.report_store import ReportStore
from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.maillog import MailLog

TICK_SECONDS: Final = 10.0
SAVE_SECONDS: Final = 60.0  # what a worker that is killed forgets at most
SAVE_SHARE: Final = 100  # of the time is not spent on saving
PAGE_ROWS: Final = 200

Row = dict[str, Any]


class TlsResults:
    """Works beside the mail; `sender` is there in one worker."""

    def __init__(
        self,
        collector: ReportCollector,
        store: ReportStore,
        sender: TlsReportSender | None,
        log: MailLog,
        clock: Clock,
    ) -> None:
        self._collector: Final = collector
        self._store: Final = store
        self._sender: Final = sender
        self._log: Final = log
        self._clock: Final = clock
        self._wanted: Final = asyncio.Event()
        self._save_at = 0.0  # monotonic seconds
        self._is_broken = False  # the folder, as far as was told

    def load(self, workers: int) -> None:
        """Go on with what was counted before; `workers` is how many there are."""
        try:
            damaged = self._store.load(self._collector, self._today())
            if self._sender is not None:
                self._store.adopt(workers)
                self._sender.start()
        except (OSError, ValueError) as error:
            self._complain(error)
            return
        if damaged:
            self._log.warning(f"{damaged} lines of TLS results are damaged")

    async def run(self) -> None:
        """Save, hand over and send now and then, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_on())
            if self._sender is not None:  # which may wait long for others
                group.create_task(self._send_on(self._sender))

    async def _keep_on(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.keep()

    async def _send_on(self, sender: TlsReportSender) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wanted.wait()
            self._wanted.clear()
            try:
                await sender.tick()
            except (OSError, ValueError) as error:
                self._complain(error)

    def keep(self) -> None:
        """Save what was counted if it is time, and hand over the days that are over."""
        try:
            if self._clock.monotonic() >= self._save_at:
                self._save()
            self._store.close_days(self._collector, self._today())
        except OSError as error:
            self._complain(error)
        else:
            self._is_broken = False

    def close_all(self) -> None:
        """Hand over all that was counted, that of today included.

        Raises:
            OSError: it cannot be written.
        """
        self._store.close_days(self._collector, self._today() + 1)

    def send_now(self) -> int | None:
        """Begin to report all that was handed over; return of how many domains.

        None is that this worker does not send.

        Raises:
            OSError: the folder cannot be used.
        """
        if self._sender is None:
            return None
        for batch in self._sender.batches:
            batch.next_try_at = 0.0
        count = self._sender.begin(self._today() + 1)
        self._wanted.set()
        return count

    def pages(self) -> Iterator[list[Row]]:
        """Yield what is counted and not reported, as rows for displays, page by page.

        Raises:
            OSError: the folder cannot be used.
        """
        page: list[Row] = []
        for row in self._rows():
            page.append(row)
            if len(page) == PAGE_ROWS:
                yield page
                page = []
        if page:
            yield page

    def close(self) -> None:
        """Keep what was counted."""
        try:
            self._store.save(self._collector)
        except OSError as error:
            self._complain(error)

    def _rows(self) -> Iterator[Row]:
        for day in self._collector.days():
            yield from _rows_of(self._collector.results(day), "counting", {})
        if self._sender is None:
            return
        for day in self._store.closed_days():
            yield from _rows_of(self._store.read_closed(day), "waiting", {})
        for batch in self._sender.batches:
            left = [results for results in batch.results if results.domain not in batch.finished]
            yield from _rows_of(left, "sending", batch.last_error)

    def _save(self) -> None:
        began = self._clock.monotonic()
        self._store.save(self._collector)
        ended = self._clock.monotonic()
        self._save_at = ended + max(SAVE_SECONDS, SAVE_SHARE * (ended - began))

    def _today(self) -> int:
        return int(self._clock.time() // DAY_SECONDS)

    def _complain(self, error: Exception) -> None:
        if not self._is_broken:
            self._log.warning(f"TLS results cannot be kept: {error}")
        self._is_broken = True


def _rows_of(results: Iterable[DomainResults], state: str, errors: dict[str, str]) -> Iterator[Row]:
    for domain in results:
        for part in domain.policies:
            yield {
                "day": day_text(domain.day),
                "domain": domain.domain,
                "policy": part.policy.type.value,
                "successes": part.successes,
                "failures": part.failures,
                "state": state,
                "error": errors.get(domain.domain, ""),
            }
