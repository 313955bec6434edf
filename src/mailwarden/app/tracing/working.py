"""The work queue of a trace: the real one, whose stages are watched."""

import asyncio
from collections.abc import Awaitable, Sequence
from inspect import isawaitable
from time import perf_counter
from typing import Final

from mailwarden.app.tracing.places import entry_place
from mailwarden.app.tracing.ports import LogEvent, Recorder
from mailwarden.app.tracing.report import Decision, Outcome, Section
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.policy.address_forms import NOWHERE
from mailwarden.core.policy.masquerade import MasqueradeIndex
from mailwarden.core.policy.rewrite_sides import build_line
from mailwarden.mailflow.listener.settings import Listener
from mailwarden.mailflow.workqueue.job import Job
from mailwarden.mailflow.workqueue.outcome import (
    Bounce,
    Continue,
    Drop,
    Hold,
    Rewrite,
    Split,
)
from mailwarden.mailflow.workqueue.outcome import Outcome as StageOutcome
from mailwarden.mailflow.workqueue.policy import DEFAULT_POLICY
from mailwarden.mailflow.workqueue.settings import MailPolicy
from mailwarden.mailflow.workqueue.stage import Stage
from mailwarden.mailflow.workqueue.workqueue import WorkQueue
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import Entry, State

CHANGES_SHOWN_MAX: Final = 50
PATTERNS_SHOWN_MAX: Final = 10
_POLL_SECONDS: Final = 0.002


class Passage:
    """A message that went through a stage."""

    __slots__ = ("first_event", "job", "microseconds", "outcome", "stage", "trouble")

    def __init__(self, stage: str, job: Job, first_event: int) -> None:
        self.stage: Final = stage
        self.job: Final = job
        self.first_event: Final = first_event
        self.outcome: StageOutcome | None = None
        self.trouble = ""
        self.microseconds = 0.0


class WatchedStage:
    """Does what another stage does, and notes it."""

    def __init__(self, inner: Stage, recorder: Recorder, passages: list[Passage]) -> None:
        self._inner: Final = inner
        self._recorder: Final = recorder
        self._passages: Final = passages

    @property
    def name(self) -> str:
        """How the stage is called in logs."""
        return self._inner.name

    def process(self, job: Job) -> StageOutcome | Awaitable[StageOutcome]:
        """Decide about `job`."""
        passage = Passage(self.name, job, len(self._recorder.events))
        self._passages.append(passage)
        started = perf_counter()
        try:
            outcome = self._inner.process(job)
        except Exception as error:
            passage.trouble = f"{type(error).__name__}: {error}"
            raise
        finally:
            passage.microseconds = (perf_counter() - started) * 1e6
        if isawaitable(outcome):
            return self._wait(passage, started, outcome)
        passage.outcome = outcome
        return outcome

    async def _wait(
        self, passage: Passage, started: float, outcome: Awaitable[StageOutcome]
    ) -> StageOutcome:
        try:
            passage.outcome = await outcome
        except Exception as error:
            passage.trouble = f"{type(error).__name__}: {error}"
            raise
        finally:
            passage.microseconds = (perf_counter() - started) * 1e6
        return passage.outcome


async def wait_until_done(queue: WorkQueue) -> None:
    """Wait until nothing is worked on any more; what is deferred stays deferred."""
    while queue.depth:  # noqa: ASYNC110  the queue has no event for it
        await asyncio.sleep(_POLL_SECONDS)


class Working:
    """What the work queue did."""

    def __init__(
        self, config: GatewayConfig, listener: Listener, recorder: Recorder, spool: MemorySpool
    ) -> None:
        self._config: Final = config
        self._listener: Final = listener
        self._recorder: Final = recorder
        self._spool: Final = spool
        self.passages: Final[list[Passage]] = []
        self._policies: Final[dict[int, str]] = {}

    def watch(self, stages: Sequence[Stage]) -> tuple[Stage, ...]:
        """Return stages that do the same and are watched."""
        return tuple(WatchedStage(stage, self._recorder, self.passages) for stage in stages)

    def section(self, absent: Sequence[str]) -> Section:
        """Return what was decided; `absent` are the stages that are not set up."""
        decisions = [Decision(what="not set up", result=", ".join(absent) or "none")]
        for place, passage in enumerate(self.passages):
            last = len(self._recorder.events)
            if place + 1 < len(self.passages):
                last = self.passages[place + 1].first_event
            events = self._recorder.events[passage.first_event : last]
            decisions.append(self._decision(passage, events))
        return Section("Work queue", tuple(decisions))

    def policy_of(self, mid: int, parent: int) -> str:
        """Return the mail policy of a message, once `section` has found out; "" is none."""
        return self._policies.get(mid) or self._policies.get(parent, "")

    def state_of(self, entry: Entry) -> tuple[Outcome, str]:
        """Return where a message is now, and why."""
        if entry.state is State.HELD:
            return Outcome.HELD, entry.hold
        if entry.deferred is not None:
            return Outcome.DEFERRED, entry.deferred.reason
        return Outcome.QUEUED, ""

    def _decision(self, passage: Passage, events: Sequence[LogEvent]) -> Decision:
        details: list[tuple[str, str]] = []
        result, rule = passage.trouble and f"deferred: {passage.trouble}", ""
        match passage.outcome:
            case Continue():
                result = "goes on"
            case Drop(by):
                result, rule = "dropped", by
            case Bounce(rids, reason, by):
                result = f"bounced for {len(rids)} recipients: {reason}"
                rule = by
            case Hold(name, reason):
                result, rule = f"held as {name}", reason
            case Rewrite(_, by):
                children = [str(e.fields["new"]) for e in events if e.kind == "rewritten"]
                result, rule = f"changed; goes on as MID {', '.join(children)}", by
            case Split():
                result = f"split by {len(passage.outcome.groups)} mail policies"
        details += self._masqueraded(events)
        details += self._matched(passage, events)
        return Decision(
            what=f"MID {passage.job.mid} {passage.stage}",
            result=result or "not finished",
            rule=rule if rule != passage.stage else "",
            details=tuple(details),
            microseconds=passage.microseconds,
        )

    def _masqueraded(self, events: Sequence[LogEvent]) -> list[tuple[str, str]]:
        details = []
        for event in events:
            fields = event.fields
            if event.kind == "masqueraded_sender":
                details.append(("sender", f"{fields['old']} is {fields['new']}"))
            elif event.kind == "masqueraded_header":
                details.append((f"header {fields['field']}", f"{fields['old']} is {fields['new']}"))
            elif event.kind == "not_masqueraded":
                details.append((f"header {fields['field']}", f"left as it is: {fields['reason']}"))
            else:
                continue
            rule = self._masquerade_rule(str(fields.get("old", "")))
            if rule:
                details.append(("by", rule))
        return details[:CHANGES_SHOWN_MAX]

    def _masquerade_rule(self, address: str) -> str:
        table = self._listener.masquerade
        at = table.indexed(MasqueradeIndex).find_entry(address)
        if at == NOWHERE:
            return ""
        place = entry_place(table, f"masquerade of {self._listener.name}", at)
        line = " ".join(build_line(*table.table.entries[at]).split())
        return f"{line} ({place})"

    def _matched(self, passage: Passage, events: Sequence[LogEvent]) -> list[tuple[str, str]]:
        """Return the mail policies of recipients, and remember them by MID."""
        mid, envelope = passage.job.mid, passage.job.envelope
        table = passage.job.table
        for event in events:
            if event.kind == "matched_policy":
                self._policies[mid] = str(event.fields["policy"])
                return [("policy", self._policy(table, self._policies[mid]))]
        if not isinstance(passage.outcome, Split):
            return []
        children = [int(e.fields["child"]) for e in events if e.kind == "split"]
        groups = passage.outcome.groups
        details = []
        for group, child in zip(groups, [*children, mid], strict=False):
            self._policies[child] = group.policy
            names = [envelope.recipients[rid].address for rid in group.rids]
            details.append((f"MID {child}", f"{', '.join(names[:CHANGES_SHOWN_MAX])}"))
            details.append(("policy", self._policy(table, group.policy)))
        return details

    def _policy(self, table: str, name: str) -> str:
        policies = self._config.mail_policies
        rows = policies.outgoing if table == "outbound" else policies.incoming
        setting = "outgoing" if table == "outbound" else "incoming"
        for number, row in enumerate(rows):
            if row.name == name:
                return f"{name}, by mail_policies.{setting}[{number}] ({_patterns(row)})"
        if name == DEFAULT_POLICY:
            return f"{name}: no row of mail_policies.{setting} matches"
        return name


def _patterns(row: MailPolicy) -> str:
    found = []
    for name, patterns in (("recipients", row.recipients), ("senders", row.senders)):
        if patterns:
            found.append(f"{name} {', '.join(patterns[:PATTERNS_SHOWN_MAX])}")
    return "; ".join(found) or "everybody"
