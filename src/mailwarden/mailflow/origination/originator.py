"""Takes the reports that are due from the spool, and puts the messages that tell of them back.

The spool holds a report until its message is durable, and so does nothing get lost here: what
fails is tried again, what a crash cuts off is announced anew at the next start.
"""

from collections import deque
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from mailwarden.core.mail.envelope import NULL_SENDER, Envelope
from mailwarden.core.policy.bounce_profile import ResolvedProfile
from mailwarden.core.policy.bounce_templates import BounceTemplate
from mailwarden.mailflow.origination.writer import Told, is_wanted, write_report
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    Report,
    ReportKind,
    Spool,
    SpoolFailure,
    State,
    Stored,
)
from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.maillog import MailLog

CONCURRENCY_MAX: Final = 50  # reports on their way into the spool
BATCH_MAX: Final = 20  # reports written before other work gets its turn
RETRY_SECONDS: Final = 10.0  # after the spool refused one; doubled each time
RETRY_SECONDS_MAX: Final = 300.0
# Nobody knows the bounce profile of a damaged message: this is the retry schedule of Default.
DAMAGED_SECONDS: Final = 60.0
DAMAGED_SECONDS_MAX: Final = 3600.0

REPORTS_WRITTEN: Final = "reports_written"
REPORTS_UNWANTED: Final = "reports_unwanted"
DOUBLE_BOUNCES: Final = "double_bounces"

# Gets the envelope and the address of the recipient, whose destination may have a profile of its
# own that wins over the message's (mailflow 1.2, step 9).
ChooseProfile = Callable[[Envelope, str], ResolvedProfile]


class Words(NamedTuple):
    """What the configuration says of reports."""

    hostname: str  # that they come from
    choose_profile: ChooseProfile
    templates: Mapping[str, BounceTemplate]
    sender: str = ""  # whom they are from, as `parse_from` returns it; "" is MAILER-DAEMON


class Originator:
    """Writes bounces, warnings and reports of success (mailflow 7.5).

    `token` returns a random string, a new one each time; `later` calls back after so many
    seconds, on the event loop; `offset_minutes` tells how far the local zone is east of UTC.
    """

    def __init__(
        self,
        spool: Spool,
        identifiers: Identifiers,
        log: MailLog,
        clock: Clock,
        *,
        words: Words,
        offset_minutes: Callable[[], int],
        token: Callable[[], str],
        counters: MutableMapping[str, int],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._spool: Final = spool
        self._identifiers: Final = identifiers
        self._log: Final = log
        self._clock: Final = clock
        self._words = words
        self._offset_minutes: Final = offset_minutes
        self._token: Final = token
        self._counters: Final = counters
        self._later: Final = later
        # With the number of times that the message was found to be damaged.
        self._waiting: deque[tuple[Entry, Report, int]] = deque()
        self._in_work: dict[int, int] = {}  # reports on their way, by MID of the original
        self._count = 0  # of all of them
        self._is_due = False  # a call of `_work` is under way
        self._failures = 0  # since the spool last took one

    def start(self) -> None:
        """Take what is due, now and from now on."""
        self._spool.take_reports(self._take)

    def apply(self, words: Words) -> None:
        """Write under new settings from now on."""
        self._words = words

    @property
    def waiting(self) -> int:
        """Reports that are due and not yet durable."""
        return len(self._waiting) + self._count

    def _take(self, entry: Entry, report: Report, damages: int = 0) -> None:
        self._waiting.append((entry, report, damages))
        self._wake(0.0)

    def _wake(self, seconds: float) -> None:
        if not self._is_due:
            self._is_due = True
            self._later(seconds, self._work)

    def _work(self) -> None:
        self._is_due = False
        for _ in range(BATCH_MAX):
            if not self._waiting or self._count >= CONCURRENCY_MAX or self._is_due:
                return
            self._begin(*self._waiting.popleft())
        if self._waiting:
            self._wake(0.0)

    def _begin(self, entry: Entry, report: Report, damages: int) -> None:
        if report not in (entry.reports or ()):
            return  # an administrator was faster
        try:
            original = self._spool.load(entry)
        except SpoolFailure as failure:
            self._put_off(entry, report, failure)
            return
        except DamagedError as error:
            self._wait_for_repair(entry, report, damages, error)
            return
        # mailflow 7.5: nobody hears of a null sender's failures, nor of those of a report.
        is_double = original.envelope.sender == NULL_SENDER or original.envelope.report
        rids = () if is_double else self._rids_to_tell(entry, report, original.envelope)
        message = self._write(original, report, rids) if rids else None
        self._resolve(entry, report, message, is_double=is_double)

    def _wait_for_repair(
        self, entry: Entry, report: Report, damages: int, error: DamagedError
    ) -> None:
        """Try again later: nobody knows now who sent the message, which the spool holds.

        A disk that reads wrongly may read rightly another time.
        """
        if not damages:
            self._log.critical(f"MID {entry.mid} is damaged, its sender cannot be told: {error}")
        seconds = min(DAMAGED_SECONDS * 2.0 ** min(damages, 10), DAMAGED_SECONDS_MAX)
        self._later(seconds, partial(self._take, entry, report, damages + 1))

    def _resolve(
        self, entry: Entry, report: Report, message: Stored | None, *, is_double: bool
    ) -> None:
        self._count += 1
        self._in_work[entry.mid] = self._in_work.get(entry.mid, 0) + 1

        def done(_: Sequence[Entry], failure: SpoolFailure | None) -> None:
            self._count -= 1
            self._leave(entry.mid)
            if failure is not None:
                self._put_off(entry, report, failure)
                return
            self._failures = 0
            if message is not None:
                self._tell_log(message, entry.mid)
            elif is_double and report.kind is ReportKind.FAILED:
                self._double_bounce(entry.mid, report)
            else:
                self._add(REPORTS_UNWANTED)
            if entry.state is State.FINISHED and entry.mid not in self._in_work:
                self._log.finished(entry.mid)
            if self._waiting:
                self._wake(0.0)

        self._spool.resolve(entry, report, message, done)

    def _rids_to_tell(self, entry: Entry, report: Report, envelope: Envelope) -> Sequence[int]:
        """Return the recipients whose sender wants to hear of `report` and has not heard worse."""
        if not report.rids:
            return ()
        address = envelope.recipients[report.rids[0]].address
        profile = self._words.choose_profile(envelope, address)
        if report.kind is ReportKind.FAILED and not profile.send_bounces:
            return ()
        over: set[int] = set()
        if report.kind is ReportKind.DELAYED:  # mailflow 7.5: no warning once it has failed
            over = (entry.settled or set()).union(
                *(other.rids for other in entry.reports or () if other.kind is ReportKind.FAILED)
            )
        return [
            rid
            for rid in report.rids
            if rid not in over and is_wanted(report.kind, envelope.recipients[rid].notify)
        ]

    def _write(self, original: Stored, report: Report, rids: Sequence[int]) -> Stored:
        envelope, words = original.envelope, self._words
        profile = words.choose_profile(envelope, envelope.recipients[rids[0]].address)
        name = profile.bounce_template
        if report.kind is ReportKind.DELAYED:
            name = profile.delay_template
        return write_report(
            Told(original, report, rids),
            profile,
            words.templates.get(name),
            mid=self._identifiers.next_mid(),
            now=self._clock.time(),
            offset_minutes=self._offset_minutes(),
            hostname=words.hostname,
            token=self._token(),
            sender=words.sender,
        )

    def _put_off(self, entry: Entry, report: Report, failure: SpoolFailure) -> None:
        self._waiting.append((entry, report, 0))
        if self._is_due:
            return  # one of many that failed together
        if not self._failures:
            self._log.warning(f"Reports to senders have to wait: {failure.detail}")
        seconds = min(RETRY_SECONDS * 2.0 ** min(self._failures, 10), RETRY_SECONDS_MAX)
        self._failures += 1
        self._wake(seconds)

    def _leave(self, mid: int) -> None:
        left = self._in_work.pop(mid) - 1
        if left:
            self._in_work[mid] = left

    def _tell_log(self, message: Stored, original: int) -> None:
        envelope = message.envelope
        mid, log = envelope.mid, self._log
        log.generated_for_bounce(mid, original)
        log.start_mid(mid, 0)
        log.mail_from(mid, 0, envelope.sender)
        log.rcpt_to(mid, 0, 0, envelope.recipients[0].address)
        log.ready(mid, message.content.size, envelope.sender)
        log.queued(mid)
        self._add(REPORTS_WRITTEN)

    def _double_bounce(self, mid: int, report: Report) -> None:
        reason = f"{report.reason} {report.response}".rstrip()
        for rid in report.rids:
            self._log.double_bounce(mid, rid, reason)
        self._add(DOUBLE_BOUNCES, len(report.rids))

    def _add(self, counter: str, number: int = 1) -> None:
        self._counters[counter] = self._counters.get(counter, 0) + number
