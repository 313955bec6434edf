"""An originator over a spool in memory, with a message in it that delivery had trouble with."""

from collections.abc import Callable
from typing import Any

from mailwarden.core.mail.content import Content, InlineContent
from mailwarden.core.mail.envelope import Envelope, Notify, Recipient
from mailwarden.core.policy.bounce_profile import ResolvedProfile
from mailwarden.core.policy.bounce_templates import BounceTemplate
from mailwarden.mailflow.origination.originator import Originator, Words
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Entry, Report, ReportKind, State, Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.log.maillog import MailLog
from mailwarden.system.log.settings import Level

ORIGINAL = b"From: ann@corp.example\r\nSubject: x\r\n\r\nHello.\r\n"
FAILED = Report(
    ReportKind.FAILED, (0,), "5.1.0 - Unknown address error", "550-'no such user'", "192.0.2.25"
)
DELAYED = Report(ReportKind.DELAYED, (0,), "4.4.0 - Other network problem", attempts=3)
DELIVERED = Report(ReportKind.DELIVERED, (0,), "", "250-'queued'", "192.0.2.25")


class Lines(list[str]):
    """A sink that keeps the lines, without their time."""

    def write(self, line: str) -> None:
        self.append(line[25:].removeprefix("Info: "))


class Numbers:
    """Hands out numbers from 7013 on."""

    def __init__(self) -> None:
        self.last = 7012

    def next_mid(self) -> int:
        self.last += 1
        return self.last

    next_icid = next_dcid = next_mid


class Timers:
    """Runs what is due when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        self.waiting.append((seconds, callback))

    def run(self, *, up_to: float = 0.0) -> list[float]:
        """Run what waits no longer than `up_to`, until there is no more; return the delays left."""
        while due := [item for item in self.waiting if item[0] <= up_to]:
            self.waiting = [item for item in self.waiting if item[0] > up_to]
            for _, callback in due:
                callback()
        return [seconds for seconds, _ in self.waiting]


class Station:
    """Everything that the originator touches."""

    def __init__(
        self, *, deferred: bool = False, spool: MemorySpool | None = None, **profile: Any
    ) -> None:
        self.clock = SimulatedClock()
        self.spool = spool or MemorySpool(self.clock, deferred=deferred)
        self.numbers = Numbers()
        self.lines = Lines()
        self.timers = Timers()
        self.counters: dict[str, int] = {}
        self.profile = ResolvedProfile(**profile)
        self.templates: dict[str, BounceTemplate] = {}
        self.queued: list[Entry] = []
        self.originator = Originator(
            self.spool,
            self.numbers,
            MailLog(self.lines, None, None, level=Level.INFO, stamp=lambda: " " * 24, iso=str),
            self.clock,
            words=Words("gw1.corp.example", lambda envelope, address: self.profile, self.templates),
            offset_minutes=lambda: 60,
            token=lambda: "token",
            counters=self.counters,
            later=self.timers.later,
        )
        self.spool.take_queued(self.queued.append)
        self.originator.start()

    def message(
        self,
        *recipients: Recipient,
        mid: int = 7011,
        content: Content | None = None,
        header: bytes = b"",
        **envelope: Any,
    ) -> Entry:
        """Put a message into the queue for delivery."""
        fields: dict[str, Any] = {
            "mid": mid,
            "icid": 1,
            "sender": "ann@corp.example",
            "recipients": recipients or (Recipient("bob@partner.example"),),
            "received_at": self.clock.time(),
        }
        entries: list[Entry | None] = []
        self.spool.put(
            Stored(Envelope(**{**fields, **envelope}), header, content or InlineContent(ORIGINAL)),
            State.QUEUED,
            lambda entry, _: entries.append(entry),
        )
        self.spool.commit()
        (entry,) = entries
        assert entry is not None
        self.queued.clear()
        return entry

    def written(self) -> list[Stored]:
        """The messages that were put into the queue."""
        return [self.spool.load(entry) for entry in self.queued]

    def tell(self, entry: Entry, report: Report) -> Stored | None:
        """Let delivery find something out; return the message that the sender gets."""
        self.spool.report(entry, report)
        self.timers.run()
        self.spool.commit()
        written = self.written()
        assert len(written) <= 1
        return written[0] if written else None


def recipient(address: str = "bob@partner.example", **fields: Any) -> Recipient:
    return Recipient(address, **fields)


NEVER = recipient(notify=Notify.NEVER)
