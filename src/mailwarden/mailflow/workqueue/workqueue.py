"""The work queue: takes received messages from the spool, through the stages, to delivery.

A stage that raises or hangs defers its message and says so; the queue goes on with the next one.
Messages for which every stage decides at once never leave the call that announced them: no task,
no copy. One that has to wait for something gets a task of its own, up to `concurrency_max`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from inspect import isawaitable

from mailwarden.mailflow.workqueue.job import Job
from mailwarden.mailflow.workqueue.outcome import (
    CONTINUE,
    Bounce,
    Continue,
    Drop,
    Hold,
    Outcome,
    Rewrite,
    Split,
)
from mailwarden.mailflow.workqueue.rewriting import rewrite, split
from mailwarden.mailflow.workqueue.settings import WorkQueueSettings
from mailwarden.mailflow.workqueue.stage import Stage
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import (
    DamagedError,
    Entry,
    Report,
    ReportKind,
    Settlement,
    Spool,
    SpoolFailure,
)
from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.maillog import MailLog


class WorkQueue:
    """Runs the pipeline over every RECEIVED message of one worker's spool."""

    def __init__(
        self,
        spool: Spool,
        stages: Sequence[Stage],
        settings: WorkQueueSettings,
        *,
        identifiers: Identifiers,
        log: MailLog,
        clock: Clock,
        counters: dict[str, int],
        paused: bool = False,
    ) -> None:
        self._spool = spool
        self._identifiers = identifiers
        self._log = log
        self._clock = clock
        self._counters = counters
        self._waiting: deque[Entry] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = paused
        self.apply(stages, settings)

    def apply(self, stages: Sequence[Stage], settings: WorkQueueSettings) -> None:
        """Use other stages and limits from the next message on."""
        self._stages = tuple(stages)
        self._behind = {stage.name: place + 1 for place, stage in enumerate(self._stages)}
        self._settings = settings

    def start(self) -> None:
        """Begin to take messages from the spool."""
        self._spool.take_received(self._arrived)

    @property
    def paused(self) -> bool:
        """Whether messages wait until `resume`."""
        return self._paused

    @property
    def depth(self) -> int:
        """Messages that wait for their turn or are being worked on."""
        return len(self._waiting) + len(self._tasks)

    def pause(self) -> None:
        """Let messages wait; those that are being worked on are finished."""
        self._paused = True

    def resume(self) -> None:
        """Go on with the waiting messages."""
        self._paused = False
        self._next()

    async def close(self) -> None:
        """Stop. Messages that are being worked on stay RECEIVED in the spool."""
        self._paused = True
        await asyncio.sleep(0)  # a task that has not begun yet could not clean up behind itself
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _arrived(self, entry: Entry) -> None:
        if self._paused or self._waiting or len(self._tasks) >= self._settings.concurrency_max:
            self._waiting.append(entry)
        else:
            self._begin(entry)

    def _next(self) -> None:
        limit = self._settings.concurrency_max
        while self._waiting and not self._paused and len(self._tasks) < limit:
            self._begin(self._waiting.popleft())

    def _begin(self, entry: Entry) -> None:
        try:
            stored = entry.stored or self._spool.load(entry)
        except DamagedError as error:  # the spool holds it now
            self._log.held(entry.mid, "damaged", str(error))
            return
        except SpoolFailure as failure:
            self._defer(entry, "reading the message", failure.detail)
            return
        job = Job(entry, stored)
        if stored.envelope.report:  # services 0.3, rule 3
            self._queued(job)
        else:
            self._pass(job, self._behind.get(stored.envelope.passed, 0))

    def _pass(self, job: Job, place: int) -> None:
        """Lead `job` through the stages from `place` on, as far as they decide at once."""
        for index in range(place, len(self._stages)):
            stage = self._stages[index]
            try:
                outcome = stage.process(job)
            except Exception as error:  # noqa: BLE001  whatever a stage raises costs only its message
                self._failed(job, stage, error)
                return
            if outcome is CONTINUE:
                continue
            if isawaitable(outcome):
                task = asyncio.get_running_loop().create_task(self._wait(job, index, outcome))
                self._tasks.add(task)
                task.add_done_callback(self._done)
                return
            if not self._carry_out(job, index, outcome):
                return
        self._queued(job)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._next()

    async def _wait(self, job: Job, place: int, outcome: Awaitable[Outcome]) -> None:
        stage = self._stages[place]
        try:
            async with asyncio.timeout(self._settings.stage_timeout_seconds):
                decided = await outcome
        except TimeoutError:
            self._counters["stage_timeouts"] = self._counters.get("stage_timeouts", 0) + 1
            seconds = self._settings.stage_timeout_seconds
            self._defer(job.entry, stage.name, f"no answer within {seconds:g} seconds")
        except Exception as error:  # noqa: BLE001  whatever a stage raises costs only its message
            self._failed(job, stage, error)
        else:
            if decided is CONTINUE or self._carry_out(job, place, decided):
                self._pass(job, place + 1)

    def _carry_out(self, job: Job, place: int, outcome: Outcome) -> bool:
        """Do what a stage decided; True when the message goes on at once."""
        match outcome:
            case Continue():
                return True
            case Drop(by):
                self._drop(job, by)
                return False
            case Bounce(rids, reason):
                return self._bounce(job, rids, reason)
            case Hold(name, reason):
                self._spool.hold(job.entry, name, reason)
                self._log.held(job.mid, name, reason)
                return False
            case Split():
                self._split(job, place, outcome)
                return False
            case Rewrite():
                self._rewrite(job, place, outcome)
                return False

    def _queued(self, job: Job) -> None:
        self._log.queued(job.mid)
        self._spool.queue(job.entry)

    def _drop(self, job: Job, by: str) -> None:
        self._log.aborted(job.mid, f"Dropped by {by}")
        self._counters["dropped"] = self._counters.get("dropped", 0) + len(job.rids)
        if self._spool.settle(job.entry, job.rids, Settlement.DROPPED):
            self._log.finished(job.mid, "aborted")

    def _bounce(self, job: Job, rids: tuple[int, ...], reason: str) -> bool:
        report = Report(ReportKind.FAILED, rids, reason, at=self._clock.time())
        self._spool.report(job.entry, report)
        job.rids = tuple(rid for rid in job.rids if rid not in rids)
        return bool(job.rids)

    def _split(self, job: Job, place: int, outcome: Split) -> None:
        stage = self._stages[place]

        def done(_children: Sequence[Entry], failure: SpoolFailure | None) -> None:
            if failure is not None:
                self._log.could_not_split(job.mid)
                self._defer(job.entry, stage.name, failure.detail)
                return
            job.rids, job.policy = outcome.groups[-1].rids, outcome.groups[-1].policy
            self._pass(job, place + 1)

        split(self._spool, self._identifiers, self._log, job, outcome.groups, stage.name, done)

    def _rewrite(self, job: Job, place: int, outcome: Rewrite) -> None:
        stage = self._stages[place]

        def failed(failure: SpoolFailure) -> None:
            self._defer(job.entry, stage.name, failure.detail)

        rewrite(self._spool, self._identifiers, self._log, job, outcome, stage.name, failed)

    def _failed(self, job: Job, stage: Stage, error: Exception) -> None:
        self._counters["stage_failures"] = self._counters.get("stage_failures", 0) + 1
        self._defer(job.entry, stage.name, f"{type(error).__name__}: {error}")

    def _defer(self, entry: Entry, stage: str, detail: str) -> None:
        settings = self._settings
        wait = settings.retry_initial_seconds * 2 ** min(entry.attempts, 30)
        until = self._clock.time() + min(wait, settings.retry_max_seconds)
        self._log.stage_deferred(entry.mid, stage, detail, until)
        self._spool.requeue(entry, until, f"{stage}: {detail}")
