"""When TLS reports go, to whom, and what happens when they cannot."""

from random import Random
from typing import Any

import pytest

from mailwarden.core.policy.tls_report import (
    DAY_SECONDS,
    AppliedPolicy,
    PolicyType,
    ReportCollector,
)
from mailwarden.core.policy.tls_report_build import Reporter
from mailwarden.mailflow.origination.tls_reports import (
    GIVE_UP_SECONDS,
    MARGIN_SECONDS,
    RETRY_SECONDS,
    ReportMeans,
    ReportWords,
    TlsReportSender,
    day_text,
)
from mailwarden.mailflow.origination.tls_results import TlsResults
from mailwarden.services.transport_security.report_poster import FakePoster, PostError
from mailwarden.services.transport_security.report_store import ReportStore
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.files.simulated import SimulatedDisk
from mailwarden.system.log.maillog import Level, MailLog
from tests.unit.mailflow.delivery.office import Lines, Numbers

URI = "https://web.example/in"


class Bureau:
    """A worker that counts and sends, with everything around it in memory."""

    def __init__(self, *, delay_max_seconds: float = 14_400, **records: str) -> None:
        self.clock = SimulatedClock()
        self.spool = MemorySpool(self.clock)
        self.lines = Lines()
        self.log = MailLog(self.lines, None, None, level=Level.INFO, stamp=lambda: "now", iso=str)
        self.zone: dict[str, dict[str, Any]] = {
            f"_smtp._tls.{name}.example": {"TXT": [f"v=TLSRPTv1; rua={rua}"]}
            for name, rua in records.items()
        }
        self.resolver = FakeResolver(self.zone)
        self.poster = FakePoster()
        self.disk = SimulatedDisk()
        self.tokens = iter(f"t{number}" for number in range(100))
        self.words = ReportWords(
            is_enabled=True,
            reporter=Reporter(organization="Corp", contact="tls@corp.example"),
            hostname="gw1.corp.example",
            delay_max_seconds=delay_max_seconds,
        )
        self.start()

    def start(self) -> None:
        self.collector = ReportCollector()
        store = ReportStore("/reports", 0, self.disk)
        means = ReportMeans(
            store=store,
            spool=self.spool,
            identifiers=Numbers(),
            resolver=self.resolver,
            poster=self.poster,
            log=self.log,
            clock=self.clock,
            random=Random(1),
            token=lambda: next(self.tokens),
        )
        self.sender = TlsReportSender(means, self.words)
        self.results = TlsResults(self.collector, store, self.sender, self.log, self.clock)
        self.results.load(1)

    def count(self, *domains: str) -> None:
        for domain in domains:
            policy = AppliedPolicy(PolicyType.NONE, f"{domain}.example")
            self.collector.add_success(policy, self.clock.time())

    async def tick(self) -> None:
        self.results.keep()
        await self.sender.tick()

    def go_to_midnight(self) -> None:
        now = self.clock.time()
        self.clock.advance(DAY_SECONDS - now % DAY_SECONDS)

    def mail(self) -> list[Stored]:
        return [self.spool.load(entry) for entry in self.spool.entries()]

    def recipients(self) -> list[str]:
        return sorted(message.envelope.recipients[0].address for message in self.mail())


async def test_a_report_a_day_at_its_time() -> None:
    bureau = Bureau(a="mailto:tls@a.example", b=URI)
    bureau.count("a", "b", "c")
    await bureau.tick()
    assert bureau.recipients() == []
    bureau.go_to_midnight()
    await bureau.tick()
    bureau.clock.advance(MARGIN_SECONDS - 1)
    await bureau.tick()
    assert bureau.recipients() == []  # other workers may still have to hand over
    bureau.clock.advance(14_400)
    await bureau.tick()
    assert bureau.recipients() == ["tls@a.example"]
    assert [uri for uri, _ in bureau.poster.posted] == [URI]
    assert bureau.disk.names("/reports") == []
    (message,) = bureau.mail()
    assert message.envelope.sender == "tls@corp.example"
    assert message.envelope.tls_optional
    assert message.envelope.report
    assert list(bureau.results.pages()) == []
    bureau.clock.advance(DAY_SECONDS)
    await bureau.tick()
    assert len(bureau.mail()) == 1


async def test_the_time_differs_from_day_to_day() -> None:
    bureau = Bureau(a="mailto:tls@a.example")
    times = set()
    for _ in range(4):
        bureau.count("a")
        sent = bureau.sender.sent
        bureau.go_to_midnight()
        while bureau.sender.sent == sent:
            await bureau.tick()
            bureau.clock.advance(60)
        times.add(bureau.clock.time() % DAY_SECONDS)
    assert len(times) > 1
    assert max(times) <= 14_400 + 120


async def test_everybody_that_is_named_gets_it() -> None:
    bureau = Bureau(a=f"mailto:x@a.example,mailto:y@a.example,{URI}")
    bureau.count("a")
    bureau.results.close_all()
    assert bureau.results.send_now() == 1
    await bureau.tick()
    assert bureau.recipients() == ["x@a.example", "y@a.example"]
    assert len(bureau.poster.posted) == 1


async def test_what_is_not_taken_is_tried_again_and_nothing_else() -> None:
    bureau = Bureau(a=f"mailto:x@a.example,{URI}")
    bureau.poster.errors[URI] = PostError("the server answers 503")
    bureau.count("a")
    bureau.results.close_all()
    bureau.results.send_now()
    for _ in range(3):
        await bureau.tick()
    waits = [line for line in bureau.lines if "has to wait" in line]
    assert len(waits) == 1  # the same reason is told once
    assert waits[0].endswith(f"has to wait: {URI}: the server answers 503")
    (rows,) = bureau.results.pages()
    assert [(row["state"], row["error"]) for row in rows] == [
        ("sending", f"{URI}: the server answers 503")
    ]
    bureau.start()  # as after a restart
    bureau.poster.errors.clear()
    await bureau.tick()
    assert len(bureau.poster.posted) == 1
    assert bureau.recipients() == ["x@a.example"]
    assert bureau.disk.names("/reports") == []


async def test_the_waits_become_longer_and_end_after_a_day() -> None:
    bureau = Bureau(a=URI)
    bureau.poster.errors[URI] = PostError("no")
    bureau.count("a")
    bureau.results.close_all()
    bureau.results.send_now()
    await bureau.tick()
    (batch,) = bureau.sender.batches
    assert batch.next_try_at == bureau.clock.time() + RETRY_SECONDS
    bureau.clock.advance(RETRY_SECONDS)
    await bureau.tick()
    assert batch.next_try_at == bureau.clock.time() + 2 * RETRY_SECONDS
    bureau.clock.advance(GIVE_UP_SECONDS)
    await bureau.tick()
    assert bureau.sender.batches == []
    assert f"TLS report for a.example of 2010-11-09 is given up: {URI}: no" in bureau.lines[-1]
    assert bureau.disk.names("/reports") == []


async def test_dns_that_does_not_answer() -> None:
    bureau = Bureau(a="mailto:x@a.example")
    good = bureau.zone["_smtp._tls.a.example"]
    bureau.zone["_smtp._tls.a.example"] = {"SERVFAIL": []}
    bureau.count("a")
    bureau.results.close_all()
    bureau.results.send_now()
    await bureau.tick()
    assert "SERVFAIL" in bureau.lines[-1]
    bureau.zone["_smtp._tls.a.example"] = good
    bureau.clock.advance(RETRY_SECONDS)
    await bureau.tick()
    assert bureau.recipients() == ["x@a.example"]


async def test_a_record_that_is_wrong() -> None:
    bureau = Bureau(a="ftp://a.example/")
    bureau.count("a")
    bureau.results.close_all()
    bureau.results.send_now()
    await bureau.tick()
    assert bureau.lines[-1].startswith("No TLS report to a.example: ")
    assert bureau.sender.batches == []


async def test_switched_off() -> None:
    bureau = Bureau(a="mailto:x@a.example")
    bureau.count("a")
    bureau.sender.words = ReportWords(
        is_enabled=False,
        reporter=bureau.words.reporter,
        hostname="gw1.corp.example",
        delay_max_seconds=0,
    )
    bureau.go_to_midnight()
    bureau.clock.advance(MARGIN_SECONDS)
    await bureau.tick()
    assert (bureau.mail(), bureau.disk.names("/reports")) == ([], [])


async def test_a_report_that_is_sent_again_is_the_same() -> None:
    bureau = Bureau(a=URI)
    bureau.count("a")
    bureau.results.close_all()
    bureau.results.send_now()
    (batch,) = bureau.sender.batches
    await bureau.sender._post(batch, batch.results[0], URI, "x")
    await bureau.sender._post(batch, batch.results[0], "https://b/", "x")
    first, second = (packed for _, packed in bureau.poster.posted)
    assert first == second


@pytest.mark.parametrize(("day", "text"), [(0, "1970-01-01"), (20_000, "2024-10-04")])
def test_days(day: int, text: str) -> None:
    assert day_text(day) == text
