"""Sends TLS reports, once a day (RFC 8460): by one worker, for what all of them counted.

A report goes as mail, which is a message of our own in the spool, or is posted over HTTPS. The
journal of the batch remembers each that has gone; killed in the very moment between the two, the
gateway sends one again under the same report id, by which its reader knows it (RFC 8460, 5.3).
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final, Protocol

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Body, Direction, Envelope, Notify, Recipient
from mailwarden.core.mail.message_id import build_message_id
from mailwarden.core.policy.tls_report import (
    DAY_SECONDS,
    RECORD_LABELS,
    DomainResults,
    parse_destinations,
)
from mailwarden.core.policy.tls_report_build import (
    Reporter,
    ReportMail,
    build_json,
    build_mail,
    compress,
    report_id,
)
from mailwarden.services.transport_security.report_poster import PostError, ReportPoster
from mailwarden.services.transport_security.report_store import ReportBatch, ReportStore
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import Entry, Spool, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import NameNotFoundError, ResolutionError
from mailwarden.system.log.maillog import MailLog

MARGIN_SECONDS: Final = 60.0  # after midnight, in which all workers hand over what they counted
RETRY_SECONDS: Final = 300.0  # after a report that could not be sent; doubled each time
RETRY_SECONDS_MAX: Final = 14_400.0
GIVE_UP_SECONDS: Final = 86_400.0  # RFC 8460, 5.5
KEPT_DAYS: Final = 3  # what waited for longer is of no use to anybody
AT_ONCE: Final = 10  # domains that are worked on at the same time
_TOKEN_CHARACTERS: Final = 16


class TextResolver(Protocol):
    """The part of a resolver that is needed here."""

    async def resolve_txt(self, name: str) -> tuple[bytes, ...]:
        """Return the TXT records of `name`; see `Resolver`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWords:
    """What reports say of us, and when they go."""

    is_enabled: bool
    reporter: Reporter
    hostname: str
    delay_max_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMeans:
    """What the sender works with."""

    store: ReportStore
    spool: Spool
    identifiers: Identifiers
    resolver: TextResolver
    poster: ReportPoster
    log: MailLog
    clock: Clock
    random: Random
    token: Callable[[], str]  # a new one each time, of digits and small letters


class TlsReportSender:
    """Sends what is closed. `tick` is called every few seconds."""

    def __init__(self, means: ReportMeans, words: ReportWords) -> None:
        self._means: Final = means
        self.words = words
        self.batches: list[ReportBatch] = []
        self.sent = 0  # reports, since the start
        self._day = -1  # that `_due_at` belongs to
        self._due_at = 0.0

    def start(self) -> None:
        """Go on with what was begun before.

        Raises:
            OSError: the folder cannot be used.
        """
        self.batches = self._means.store.batches()
        for batch in self.batches:
            if not batch.begun_at:
                batch.note_begin(self._means.clock.time())

    async def tick(self) -> None:
        """Begin what is due, and send what is begun.

        Raises:
            OSError: the folder cannot be used.
        """
        now = self._means.clock.time()
        today = int(now // DAY_SECONDS)
        if today != self._day:
            self._day = today
            self._due_at = today * DAY_SECONDS + self._delay()
        for day in self._means.store.closed_days():
            if day < today - KEPT_DAYS or (day < today and not self.words.is_enabled):
                self._means.store.drop_closed(day)
        if now >= self._due_at:
            self.begin(today)
        for batch in list(self.batches):
            if now >= batch.next_try_at:
                await self._work(batch)

    def begin(self, before: int) -> int:
        """Begin with all that is closed of days before `before`; return of how many domains.

        Raises:
            OSError: the folder cannot be used.
        """
        if not self.words.is_enabled:
            return 0
        count = 0
        for day in self._means.store.closed_days():
            if day < before:
                batch = self._means.store.begin(day, self._means.token(), self._means.clock.time())
                if batch.damaged:
                    self._means.log.warning(f"{batch.damaged} lines of TLS results are damaged")
                self.batches.append(batch)
                count += len(batch.results)
        return count

    def _delay(self) -> float:
        """Return when to begin: not all reporters of the world at midnight (RFC 8460, 4.1)."""
        most = self.words.delay_max_seconds
        return max(min(MARGIN_SECONDS, most), self._means.random.random() * most)

    async def _work(self, batch: ReportBatch) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for results in batch.results:
                if results.domain not in batch.finished:
                    group.create_task(self._in_turn(batch, results, turns))
        now = self._means.clock.time()
        is_over = len(batch.finished) == len(batch.results)
        if not is_over and now - batch.begun_at >= GIVE_UP_SECONDS:
            is_over = True
            for domain, reason in batch.last_error.items():
                if domain not in batch.finished:
                    self._means.log.warning(f"{_named(batch, domain)} is given up: {reason}")
        if is_over:
            batch.finish()
            self.batches.remove(batch)
            return
        wait = min(RETRY_SECONDS * 2.0 ** min(batch.tries, 10), RETRY_SECONDS_MAX)
        batch.tries += 1
        batch.next_try_at = now + wait

    async def _in_turn(
        self, batch: ReportBatch, results: DomainResults, turns: asyncio.Semaphore
    ) -> None:
        async with turns:
            reason = await self._report(batch, results)
        if not reason:
            batch.finished.add(results.domain)
            return
        if batch.last_error.get(results.domain) != reason:
            self._means.log.info(f"{_named(batch, results.domain)} has to wait: {reason}")
        batch.last_error[results.domain] = reason

    async def _report(self, batch: ReportBatch, results: DomainResults) -> str:
        """Send the report about a domain; return why some of it has to be tried again, or ""."""
        try:
            texts = await self._means.resolver.resolve_txt(f"{RECORD_LABELS}.{results.domain}")
        except NameNotFoundError:
            return ""
        except ResolutionError as error:
            return str(error)
        wanted = parse_destinations(texts)
        if wanted.defect:
            self._means.log.info(f"No TLS report to {results.domain}: {wanted.defect}")
        token = _token_of(batch, results.domain)
        reason = ""
        for address in wanted.mail:
            reason = await self._mail(batch, results, address, token) or reason
        for uri in wanted.https:
            reason = await self._post(batch, results, uri, token) or reason
        return reason

    async def _mail(
        self, batch: ReportBatch, results: DomainResults, address: str, token: str
    ) -> str:
        destination = f"mailto:{address}"
        if batch.is_done(results.domain, destination):
            return ""
        message = self._write(results, address, token)
        failure = await self._put(message)
        if failure is not None:
            return f"the spool does not take it: {failure.detail}"
        self._note(batch, results.domain, destination)
        self._tell_log(message, _named(batch, results.domain))
        return ""

    async def _post(self, batch: ReportBatch, results: DomainResults, uri: str, token: str) -> str:
        if batch.is_done(results.domain, uri):
            return ""
        reporter = self.words.reporter
        packed = compress(build_json(results, reporter, report_id(results, reporter, token)))
        try:
            await self._means.poster.post(uri, packed)
        except PostError as error:
            return f"{uri}: {error}"
        self._note(batch, results.domain, uri)
        self._means.log.info(f"{_named(batch, results.domain)} was posted to {uri}")
        return ""

    def _note(self, batch: ReportBatch, domain: str, destination: str) -> None:
        self.sent += 1
        try:
            batch.note_done(domain, destination)
        except OSError as error:  # known in memory: only a restart would send it again
            self._means.log.warning(f"The journal of TLS reports cannot be written: {error}")

    def _write(self, results: DomainResults, address: str, token: str) -> Stored:
        words, now = self.words, self._means.clock.time()
        mid = self._means.identifiers.next_mid()
        content = build_mail(
            results,
            words.reporter,
            ReportMail(
                to=address,
                message_id=build_message_id(mid, now, words.hostname),
                now=now,
                token=token,
            ),
        )
        envelope = Envelope(
            mid=mid,
            icid=0,
            sender=words.reporter.contact,
            recipients=(Recipient(address, Notify.NEVER),),
            received_at=now,
            direction=Direction.GENERATED,
            body=Body.SEVENBIT,
            report=True,
            tls_optional=True,  # RFC 8460, 3: it may be about just that TLS does not work
        )
        return Stored(envelope, b"", InlineContent(content))

    async def _put(self, message: Stored) -> SpoolFailure | None:
        """Put a message into the spool; return why that failed."""
        kept: asyncio.Future[SpoolFailure | None] = asyncio.get_running_loop().create_future()

        def done(_: Entry | None, failure: SpoolFailure | None) -> None:
            if not kept.done():
                kept.set_result(failure)

        self._means.spool.put(message, State.QUEUED, done)
        return await kept

    def _tell_log(self, message: Stored, name: str) -> None:
        envelope, log = message.envelope, self._means.log
        log.info(f"MID {envelope.mid} is the {name}")
        log.start_mid(envelope.mid, 0)
        log.mail_from(envelope.mid, 0, envelope.sender)
        log.rcpt_to(envelope.mid, 0, 0, envelope.recipients[0].address)
        log.ready(envelope.mid, message.content.size, envelope.sender)
        log.queued(envelope.mid)


def _token_of(batch: ReportBatch, domain: str) -> str:
    """Return what tells a report from all others, the same whenever it is sent again."""
    digest = hashlib.sha256(f"{batch.token} {domain}".encode()).hexdigest()
    return digest[:_TOKEN_CHARACTERS]


def _named(batch: ReportBatch, domain: str) -> str:
    return f"TLS report for {domain} of {day_text(batch.day)}"


def day_text(day: int) -> str:
    """Return a day, counted from the epoch, as `2026-11-24`."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()
