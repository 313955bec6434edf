"""The work queue: stages in order, outcomes carried out, trouble that costs one message only."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Direction, Envelope, Recipient
from mailwarden.core.policy.masquerade import MasqueradeRules
from mailwarden.mailflow.workqueue.job import Job
from mailwarden.mailflow.workqueue.outcome import CONTINUE, Bounce, Drop, Hold, Outcome, Rewrite
from mailwarden.mailflow.workqueue.pipeline import PIPELINE, build_pipeline
from mailwarden.mailflow.workqueue.settings import MailPolicies, MailPolicy, WorkQueueSettings
from mailwarden.mailflow.workqueue.stage import Plan, Stage
from mailwarden.mailflow.workqueue.workqueue import WorkQueue
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Entry, Report, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.log.maillog import MailLog
from mailwarden.system.log.settings import Level


class Lines(list[str]):
    """A sink that keeps the lines, without their time."""

    def write(self, line: str) -> None:
        self.append(line.partition("Info: ")[2] or line.partition("Warning: ")[2] or line)


class Numbers:
    """Hands out numbers from 1000 on."""

    def __init__(self) -> None:
        self._last = 999

    def next_mid(self) -> int:
        self._last += 1
        return self._last

    next_icid = next_dcid = next_mid


class Acting:
    """A stage that does what a test tells it."""

    def __init__(
        self, act: Callable[[Job], Outcome | Awaitable[Outcome]], name: str = "test"
    ) -> None:
        self.name = name
        self._act = act
        self.seen: list[int] = []

    def process(self, job: Job) -> Outcome | Awaitable[Outcome]:
        self.seen.append(job.mid)
        return self._act(job)


class Bench:
    """A work queue over a spool in memory, and what came out of it."""

    def __init__(
        self,
        stages: Sequence[Stage] = (),
        *,
        policies: MailPolicies | None = None,
        masquerades: dict[str, MasqueradeRules] | None = None,
        **settings: float,
    ) -> None:
        self.clock = SimulatedClock()
        self.spool = MemorySpool(self.clock)
        self.lines = Lines()
        self.log = MailLog(self.lines, None, None, level=Level.INFO, stamp=str, iso=str)
        self.counters: dict[str, int] = {}
        plan = Plan(
            policies=policies or MailPolicies(),
            masquerades=masquerades or {},
            spill=self.spool.spill,
            log=self.log,
        )
        built = [*build_pipeline(plan), *stages]
        self.queue = WorkQueue(
            self.spool,
            built,
            WorkQueueSettings(**settings),  # type: ignore[arg-type]  # a test's own numbers
            identifiers=Numbers(),
            log=self.log,
            clock=self.clock,
            counters=self.counters,
        )
        self.delivered: list[Entry] = []
        self.reports: list[Report] = []
        self.spool.take_queued(self.delivered.append)
        self.spool.take_reports(lambda _entry, report: self.reports.append(report))
        self.queue.start()

    def put(self, mid: int, *recipients: str, direction: Direction = Direction.INCOMING) -> None:
        envelope = Envelope(
            mid=mid,
            icid=1,
            sender="ann@partner.example",
            recipients=tuple(Recipient(address) for address in recipients),
            received_at=self.clock.time(),
            direction=direction,
        )
        content = InlineContent(b"Subject: x\r\n\r\nbody\r\n")
        self.spool.put(Stored(envelope, b"", content), State.RECEIVED, lambda *_: None)


def test_the_pipeline_is_in_the_order_of_the_manual() -> None:
    names = [builder.__module__.rpartition(".")[2] for builder in PIPELINE]
    assert names == [
        "ldap_accept",
        "masquerade",
        "ldap_routing",
        "message_filters",
        "splinter",
        "safelist",
        "antispam",
        "antivirus",
        "content_filters",
        "outbreak_filters",
        "disclaimer",
        "dlp",
        "encryption",
        "signing",
    ]


def test_an_untouched_message_goes_to_delivery() -> None:
    bench = Bench()
    bench.put(7, "bob@corp.example")
    assert [entry.mid for entry in bench.delivered] == [7]
    assert bench.lines == [
        "MID 7 matched all recipients for per-recipient policy DEFAULT in the inbound table",
        "MID 7 queued for delivery",
    ]


def test_relayed_mail_uses_the_outbound_table() -> None:
    policies = MailPolicies(outgoing=(MailPolicy(name="Everybody"),))
    bench = Bench(policies=policies)
    bench.put(7, "x@other.example", direction=Direction.OUTGOING)
    assert "policy Everybody in the outbound table" in bench.lines[0]


def test_recipients_under_several_policies_are_splintered() -> None:
    policies = MailPolicies(
        incoming=(
            MailPolicy(name="Sales", recipients=("@sales.corp.example",)),
            MailPolicy(name="Board", recipients=("boss@corp.example",)),
        )
    )
    bench = Bench(policies=policies)
    bench.put(7, "bob@corp.example", "s@sales.corp.example", "boss@corp.example")
    by_mid = {entry.mid: entry for entry in bench.delivered}
    assert set(by_mid) == {7, 1000, 1001}
    sales = bench.spool.load(by_mid[1000]).envelope
    assert [r.address for r in sales.recipients] == ["s@sales.corp.example"]
    assert (sales.policy, sales.icid, sales.parent) == ("Sales", 0, 7)
    assert by_mid[7].pending == 1
    assert (
        bench.spool.load(by_mid[1000]).content.read() == bench.spool.load(by_mid[7]).content.read()
    )
    log = "\n".join(bench.lines)
    assert (
        "MID 7 was split creating MID 1000 due to a per-recipient policy Sales in the inbound table"
        in log
    )
    assert (
        "MID 7 was split creating MID 1001 due to a per-recipient policy Board in the inbound table"
        in log
    )
    assert "Start MID 1000 ICID 0" in log
    assert "MID 1000 ICID 0 RID 0 To: <s@sales.corp.example>" in log


def test_a_split_that_finds_no_room_defers_the_message() -> None:
    policies = MailPolicies(incoming=(MailPolicy(name="Sales", recipients=("s@corp.example",)),))
    bench = Bench(policies=policies)
    bench.queue.pause()
    bench.put(7, "bob@corp.example", "s@corp.example")
    bench.spool.failure = SpoolFailure("no room", full=True)
    bench.queue.resume()
    assert bench.delivered == []
    assert "MID 7 could not be split" in bench.lines
    bench.spool.failure = None
    bench.clock.advance(61)
    bench.spool.announce_due()
    assert {entry.mid for entry in bench.delivered} == {7, 1000 + 1}


def test_a_stage_that_raises_costs_only_its_message() -> None:
    def act(job: Job) -> Outcome:
        if job.mid == 7:
            raise RuntimeError("engine exploded")
        return CONTINUE

    bench = Bench([Acting(act, "explosive")])
    bench.put(7, "bob@corp.example")
    bench.put(8, "bob@corp.example")
    assert [entry.mid for entry in bench.delivered] == [8]
    assert any("explosive" in line and "engine exploded" in line for line in bench.lines)
    assert bench.spool.get(7) is not None
    bench.clock.advance(61)
    bench.spool.announce_due()  # fails again, and waits twice as long
    entry = bench.spool.get(7)
    assert entry is not None
    assert entry.attempts == 2


async def test_a_stage_that_hangs_is_stopped() -> None:
    async def hang() -> Outcome:
        await asyncio.sleep(3600)
        return CONTINUE

    bench = Bench([Acting(lambda _job: hang(), "hanging")], stage_timeout_seconds=0.01)
    bench.put(7, "bob@corp.example")
    while not bench.counters.get("stage_timeouts"):
        await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    assert bench.delivered == []
    assert any("hanging" in line and "no answer within" in line for line in bench.lines)


async def test_waiting_stages_run_at_the_same_time_up_to_the_limit() -> None:
    gate = asyncio.Event()

    async def wait() -> Outcome:
        await gate.wait()
        return CONTINUE

    stage = Acting(lambda _job: wait())
    bench = Bench([stage], concurrency_max=2)
    for mid in (7, 8, 9):
        bench.put(mid, "bob@corp.example")
    assert stage.seen == [7, 8]
    assert bench.queue.depth == 3
    gate.set()
    while len(bench.delivered) < 3:
        await asyncio.sleep(0)
    assert stage.seen == [7, 8, 9]


def test_drop_bounce_and_hold() -> None:
    outcomes: dict[int, Outcome] = {
        7: Drop("filter 'x'"),
        8: Bounce((0,), "5.1.1 - Bad destination email address", "test"),
        9: Hold("Policy", "looks odd"),
    }
    bench = Bench([Acting(lambda job: outcomes[job.mid])])
    bench.put(7, "bob@corp.example")
    bench.put(8, "zed@corp.example", "bob@corp.example")
    bench.put(9, "bob@corp.example")
    assert "Message aborted MID 7 Dropped by filter 'x'" in bench.lines
    assert bench.spool.get(7) is None
    assert [entry.mid for entry in bench.delivered] == [8]
    assert bench.reports[0].rids == (0,)
    held = bench.spool.get(9)
    assert held is not None
    assert (held.state, held.hold) == (State.HELD, "Policy")


def test_a_rewritten_message_goes_on_behind_the_stage_that_rewrote_it() -> None:
    def rewrite(job: Job) -> Outcome:
        content = InlineContent(job.stored.content.read() + b"-- \r\nfooter\r\n")
        return Rewrite(
            Stored(job.envelope, job.stored.header, content), "add-footer filter 'legal'"
        )

    first, second = Acting(rewrite, "footer"), Acting(lambda _job: CONTINUE, "after")
    bench = Bench([first, second])
    bench.put(7, "bob@corp.example")
    assert first.seen == [7]
    assert second.seen == [1000]
    assert [entry.mid for entry in bench.delivered] == [1000]
    assert bench.spool.get(7) is None
    assert "MID 7 rewritten to MID 1000 by add-footer filter 'legal'" in bench.lines
    assert bench.spool.load(bench.delivered[0]).content.read().endswith(b"footer\r\n")


def test_pause_and_resume() -> None:
    bench = Bench()
    bench.queue.pause()
    bench.put(7, "bob@corp.example")
    bench.put(8, "bob@corp.example")
    assert bench.delivered == []
    assert bench.queue.depth == 2
    bench.queue.resume()
    assert [entry.mid for entry in bench.delivered] == [7, 8]


async def test_close_leaves_messages_in_the_spool() -> None:
    async def hang() -> Outcome:
        await asyncio.sleep(3600)
        return CONTINUE

    bench = Bench([Acting(lambda _job: hang())])
    bench.put(7, "bob@corp.example")
    await bench.queue.close()
    entry = bench.spool.get(7)
    assert entry is not None
    assert entry.state is State.RECEIVED


def test_a_damaged_message_is_held_and_said() -> None:
    bench = Bench()
    bench.queue.pause()
    bench.put(7, "bob@corp.example")
    entry = bench.spool.get(7)
    assert entry is not None
    entry.stored = None
    bench.spool.damaged.add(7)
    bench.queue.resume()
    assert entry.state is State.HELD
    assert bench.delivered == []


@pytest.mark.parametrize("report", [True, False])
def test_reports_of_ours_skip_the_stages(report: bool) -> None:
    stage = Acting(lambda _job: CONTINUE)
    bench = Bench([stage])
    envelope = Envelope(
        mid=7,
        icid=0,
        sender="",
        recipients=(Recipient("ann@partner.example"),),
        received_at=bench.clock.time(),
        report=report,
    )
    bench.spool.put(Stored(envelope, b"", InlineContent(b"\r\n")), State.RECEIVED, lambda *_: None)
    assert stage.seen == ([] if report else [7])
    assert len(bench.delivered) == 1
