"""One component's updates: when an attempt is due, and what comes of it (admin 8.1)."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mailwarden.core.alerts import INFORMATION, UPDATER, WARNING, Alerts
from mailwarden.services.updates.job import Job, Outcome, Result, shorten
from mailwarden.services.updates.process import AttemptError, Run
from mailwarden.services.updates.record import Record, version_of
from mailwarden.services.updates.schedule import FAILURES_ALERT, seconds_until_next
from mailwarden.services.updates.settings import UpdateSettings
from mailwarden.services.updates.store import CURRENT, ComponentStore
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.settings import DnsSettings

CONFIRM_SECONDS: Final = 60.0  # for a component to say that it works with a new version

# Says that a component works with what is in its folder now.
# Raises ValueError when it does not: then the version before is used again.
Confirm = Callable[[Path], Awaitable[None]]


class Component(NamedTuple):
    """What can be updated."""

    name: str  # in lists of updates and commands
    title: str  # for people
    check: str  # `module:function`, which gets a staged folder and raises ValueError; it is called
    # in the process of the attempt, before the switch
    confirm: Confirm | None = None  # called after the switch, in this process: it must not block


class Plan(NamedTuple):
    """What the configuration says."""

    settings: UpdateSettings
    dns: DnsSettings
    address: str  # of the interface that connections leave from; "" is any
    dns_address: str = ""  # the same for questions to name servers


class Means(NamedTuple):
    """What updates need of the world."""

    clock: Clock
    alerts: Alerts
    inform: Callable[[str], None]  # gets lines for the log
    run: Run


class ComponentStatus(NamedTuple):
    """A component as people see it. Times are in seconds since the epoch, 0 is never."""

    name: str
    title: str
    version: str  # "" is none
    previous: str  # "" is that there is none to go back to
    last_success: float
    last_attempt: float
    next_attempt: float  # 0 is that none is planned
    last_error: str  # "" after a success
    failures: int  # in a row
    step: str  # what the attempt does that is under way; "" is that there is none


class ComponentUpdates:
    """Keeps one component up to date.

    Each attempt runs in a process of its own, of which no more than one is under way. Whatever
    becomes of it, the next one is planned.
    """

    def __init__(self, component: Component, folder: Path, plan: Plan, means: Means) -> None:
        self.component: Final = component
        self._store: Final = ComponentStore(folder)
        self._means: Final = means
        self._plan = plan
        self._is_active = True
        self._record = Record()
        self._due = math.inf  # by the clock that only goes forward
        self._wanted = False  # by an administrator, at once
        self._forced = False
        self._wake: Final = asyncio.Event()
        self._switching: Final = asyncio.Lock()
        self._attempt: asyncio.Task[Result] | None = None
        self._step = ""

    @property
    def current_folder(self) -> Path:
        """Where the files in use are; it may not exist yet."""
        return self._store.folder / CURRENT

    def status(self) -> ComponentStatus:
        """Return what is known now."""
        record, component = self._record, self.component
        return ComponentStatus(
            name=component.name,
            title=component.title,
            version=version_of(record.current),
            previous=version_of(record.previous),
            last_success=record.last_success,
            last_attempt=record.last_attempt,
            next_attempt=self._next_attempt(),
            last_error=record.last_error,
            failures=record.failures,
            step=self._step,
        )

    async def load(self) -> None:
        """Find out what is installed, and when the next attempt is due.

        Raises:
            OSError: the folder cannot be used.
        """
        loaded = await asyncio.to_thread(self._store.load)
        self._record = loaded.record
        if loaded.fault:
            self._inform(loaded.fault)
        # The wall clock may have been set: never wait for longer than after an attempt.
        planned = self._record.next_attempt - self._means.clock.time()
        self._due = self._now() + min(max(planned, 0.0), self._pause())

    def apply(self, plan: Plan, *, is_active: bool) -> None:
        """Go on under other settings; an attempt under way ends under its own."""
        is_new = plan.settings.manifest_server != self._plan.settings.manifest_server
        self._plan, self._is_active = plan, is_active
        self._due = self._now() if is_new else min(self._due, self._now() + self._pause())
        self._wake.set()

    def update(self, *, is_forced: bool) -> None:
        """Start an attempt now, unless one is under way.

        With `is_forced` the one under way is killed, and the version that is offered is fetched
        whether it is in use already, or was refused, or not.
        """
        if is_forced:
            self._forced = self._wanted = True
            if self._attempt is not None:
                self._attempt.cancel()
        elif self._attempt is None:
            self._wanted = True
        self._wake.set()

    async def roll_back(self, by: str) -> str:
        """Use the previous version again; return which one that is.

        The version that was in use is not taken again until it is forced, or a newer one comes.

        Raises:
            ValueError: there is no previous version.
            OSError: it cannot be done.
        """
        async with self._switching:
            left = version_of(self._record.current)
            record = await asyncio.to_thread(self._store.go_back, self._record)
            await self._keep(msgspec.structs.replace(record, refused=left))
        version = version_of(record.current)
        self._inform(f"went back from version {left} to {version}, by {by}")
        return version

    def look_at_clock(self) -> None:
        """Look whether an attempt is due: a test's clock moves without anybody waking up."""
        self._wake.set()

    async def run(self) -> None:
        """Make attempts for ever, whenever one is due or wanted. Needs `load` before."""
        while True:
            await self._wait()
            is_forced, self._forced, self._wanted = self._forced, False, False
            await self._make_attempt(is_forced=is_forced)

    async def _wait(self) -> None:
        while not self._wanted:
            self._wake.clear()
            left = self._due - self._now() if self._is_automatic else None
            if left is not None and left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _make_attempt(self, *, is_forced: bool) -> None:
        started = msgspec.structs.replace(self._record, last_attempt=self._means.clock.time())
        await self._keep(started)
        staging: Path | None = None
        try:
            staging = await asyncio.to_thread(self._store.make_staging)
            self._step = "starting"
            job = self._job(staging, is_forced=is_forced)
            self._attempt = asyncio.create_task(self._start(job))
            if self._forced:  # once more, while we made ready
                self._attempt.cancel()
            await self._take(await self._attempt, staging)
        except asyncio.CancelledError:
            if not self._forced or _is_cancelled():
                raise
            self._inform("attempt killed, as another one was forced")
        except (AttemptError, OSError, ValueError) as error:
            await self._fail(str(error))
        finally:
            self._attempt, self._step = None, ""
            if staging is not None:
                await asyncio.to_thread(self._store.drop_staging, staging)

    async def _start(self, job: Job) -> Result:
        return await self._means.run(job, self._tell)

    def _tell(self, step: str) -> None:
        self._step = step

    def _job(self, staging: Path, *, is_forced: bool) -> Job:
        return Job(
            component=self.component.name,
            check=self.component.check,
            staging=str(staging),
            current=version_of(self._record.current),
            refused=self._record.refused,
            serial_min=self._record.serial,
            is_forced=is_forced,
            settings=self._plan.settings,
            dns=self._plan.dns,
            address=self._plan.address,
            dns_address=self._plan.dns_address,
        )

    async def _take(self, result: Result, staging: Path) -> None:
        """Use what an attempt has brought.

        Raises:
            ValueError, OSError: it cannot be used.
        """
        if result.outcome is Outcome.FAILED:
            raise ValueError(result.error)
        async with self._switching:
            if result.outcome is Outcome.STAGED:
                await self._switch(result.version, staging)
            was_alerted = self._record.is_alerted
            await self._keep(self._succeeded(result.serial))
        if was_alerted:
            self._alert(INFORMATION, f"updates of {self.component.title} work again")

    async def _switch(self, version: str, staging: Path) -> None:
        before = self._record
        record = await asyncio.to_thread(self._store.install, staging, version, before)
        self._step = f"trying version {version}"
        try:
            await self._confirm()
        except ValueError as error:
            undone = await asyncio.to_thread(self._undo, record, before)
            await self._keep(undone)
            raise ValueError(f"version {version} does not work: {error}") from error
        await self._keep(msgspec.structs.replace(record, refused=""))
        await asyncio.to_thread(self._store.tidy, record)
        old = version_of(before.current)
        self._inform(f"version {version} is in use" + (f", in place of {old}" if old else ""))

    async def _confirm(self) -> None:
        if self.component.confirm is None:
            return
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await self.component.confirm(self.current_folder)
        except TimeoutError:
            raise ValueError(f"it did not say so within {CONFIRM_SECONDS:g} seconds") from None

    def _undo(self, record: Record, before: Record) -> Record:
        """Use what was in use before; return the record as it was, but for the number."""
        back = self._store.go_back(record) if before.current else self._store.take_out(record)
        undone = msgspec.structs.replace(back, previous=before.previous)
        self._store.tidy(undone)
        return undone

    def _succeeded(self, serial: int) -> Record:
        now = self._means.clock.time()
        return msgspec.structs.replace(
            self._record,
            serial=max(serial, self._record.serial),
            last_success=now,
            next_attempt=now + self._plan_next(0),
            last_error="",
            failures=0,
            is_alerted=False,
        )

    async def _fail(self, why: str) -> None:
        why = shorten(why)
        failures = self._record.failures + 1
        pause = self._plan_next(failures)
        is_due = failures >= FAILURES_ALERT and not self._record.is_alerted
        record = msgspec.structs.replace(
            self._record,
            next_attempt=self._means.clock.time() + pause,
            last_error=why,
            failures=failures,
            is_alerted=self._record.is_alerted or is_due,
        )
        await self._keep(record)
        self._inform(f"attempt {failures} in a row failed: {why}; next in {pause / 60:g} minutes")
        if is_due:
            title, version = self.component.title, version_of(record.current) or "nothing"
            self._alert(
                WARNING,
                f"{failures} updates of {title} in a row failed: {why}; {version} stays in use",
            )

    async def _keep(self, record: Record) -> None:
        """Go on with `record`, and keep it on disk if the disk lets us."""
        self._record = record
        try:
            await asyncio.to_thread(self._store.save, record)
        except OSError as error:
            self._inform(f"what is known of it cannot be kept: {error.strerror}")

    @property
    def _is_automatic(self) -> bool:
        settings = self._plan.settings
        return settings.automatic and settings.is_on and self._is_active

    def _pause(self) -> float:
        return seconds_until_next(self._record.failures, self._plan.settings.interval_seconds)

    def _plan_next(self, failures: int) -> float:
        pause = seconds_until_next(failures, self._plan.settings.interval_seconds)
        self._due = self._now() + pause
        return pause

    def _next_attempt(self) -> float:
        if not self._is_automatic or math.isinf(self._due):
            return 0.0
        return self._means.clock.time() + max(self._due - self._now(), 0.0)

    def _now(self) -> float:
        return self._means.clock.monotonic()

    def _inform(self, text: str) -> None:
        self._means.inform(f"Updates: {self.component.name}: {text}")

    def _alert(self, severity: str, text: str) -> None:
        self._means.alerts.alert(severity, UPDATER, text, f"updates {self.component.name}")


def _is_cancelled() -> bool:
    """Whether we ourselves are to end, and not only what we wait for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
