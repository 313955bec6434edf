"""Alerts from end to end: raised, kept, put together, written, sent (admin 8.5, SYS-30 to SYS-36).

All of it runs on one event loop. What is raised is on the disk a moment later, and before a second
has passed even when a thousand are raised in it.
"""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mailwarden.core.mail.envelope import domain_of
from mailwarden.core.routes import RouteTable
from mailwarden.services.alerts.alert import (
    Alert,
    AlertClass,
    Severity,
    clean_text,
    make_alert,
)
from mailwarden.services.alerts.courier import Courier, Log
from mailwarden.services.alerts.finder import Finder
from mailwarden.services.alerts.message import Mail, build_alert_id, build_subject, write_notice
from mailwarden.services.alerts.outbox import Outbox
from mailwarden.services.alerts.recent import RecentAlert, RecentAlerts
from mailwarden.services.alerts.repeats import Notice, Repeats
from mailwarden.services.alerts.sending import Sender
from mailwarden.services.alerts.settings import AlertSettings
from mailwarden.services.alerts.state import (
    SavedState,
    StateError,
    decode_state,
    encode_state,
    load_bytes,
    save_state,
)
from mailwarden.services.alerts.wire import parse_packet
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.files.files import Files

SAVE_SECONDS: Final = 1.0  # between two writings of the file
SAVE_AGAIN_SECONDS: Final = 60.0  # after one that failed
PAUSE_SECONDS: Final = 0.05  # between two looks at what a storm of alerts brings
LOOK_SECONDS: Final = 60.0  # between two looks at the clocks, when nothing happens
WEEK_SECONDS: Final = 7 * 86_400.0
REPORT_SECONDS: Final = 30.0  # that the report's text may take
REPORT_LENGTH_MAX: Final = 32 * 1024
REPORT_TITLE: Final = "Weekly report"

Report = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Means:
    """What alerts work with. `path` is the file that they are kept in.

    `report` returns what the weekly report says of uptime, status and version; it may raise OSError
    or TimeoutError. `on_kept` hears, after each writing of the file, how many of the alerts
    taken since the start are in it; when it fails, too, as nobody could keep them better.
    """

    resolver: Resolver
    sender: Sender
    clock: Clock
    randomness: random.Random
    files: Files
    path: str
    log: Log
    report: Report
    on_kept: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Situation:
    """What the configuration says."""

    settings: AlertSettings
    hostname: str
    routes: RouteTable


class AlertService:
    """Implements `core.alerts.Alerts`. To be used from the thread of the event loop."""

    def __init__(self, means: Means, situation: Situation) -> None:
        """Read what was kept. A file that cannot be read is left out, and an alert says so."""
        self._means: Final = means
        self._clock: Final = means.clock
        self._situation = situation
        settings = situation.settings
        self._repeats: Final = Repeats(settings.initial_wait_seconds, settings.max_wait_seconds)
        self._outbox: Final = Outbox()
        self._finder: Final = Finder(
            means.resolver, situation.routes, means.clock, means.randomness
        )
        self._courier: Final = Courier(
            self._outbox, self._finder, means.sender, means.log, means.clock, self._changed
        )
        self._recent = RecentAlerts()
        self._report_at = 0.0
        self._dropped = 0
        self.taken = 0  # alerts, since the start
        self._keeping = 0  # those of them that are in what is being written
        self._is_dirty = False
        self._save_failed = False
        self._happened: Final = asyncio.Event()  # something for the loops below
        self._to_send: Final = asyncio.Event()
        self._to_look_up: Final = asyncio.Event()
        self._to_report: Final = asyncio.Event()
        self._writing: Final = threading.Lock()
        self._restore()
        self.apply(situation)

    def apply(self, situation: Situation) -> None:
        """Work by another configuration from now on; letters to former recipients go."""
        self._situation = situation
        settings = situation.settings
        self._repeats.apply(settings.initial_wait_seconds, settings.max_wait_seconds)
        self._courier.hostname = situation.hostname
        self._courier.sender = settings.from_address
        self._finder.apply(situation.routes)
        self._outbox.keep_only(settings.all_addresses)
        self._changed()
        self._to_look_up.set()
        self._to_report.set()

    def alert(self, severity: str, about: str, text: str, key: str = "", /) -> None:
        """Raise an alert; `key` "" makes its text what tells it from others."""
        self.take(make_alert(severity, about, text, key))

    def take_packet(self, packet: object) -> None:
        """Raise what another process sent, if it is an alert."""
        alert = parse_packet(packet)
        if alert is not None:
            self.take(alert)

    def take(self, alert: Alert) -> None:
        """Raise an alert; it never waits and never raises."""
        self.taken += 1
        time = self._clock.time()
        self._recent.add(alert, time)
        notice = self._repeats.take(alert, self._clock.monotonic(), time)
        if notice is not None:
            self._tell(notice)
        self._is_dirty = True
        self._happened.set()

    def recent(self) -> Sequence[RecentAlert]:
        """Return the alerts that came last, the newest first (displayalerts)."""
        return self._recent.newest_first()

    @property
    def waiting(self) -> int:
        """Letters that have not arrived, each to one recipient."""
        return len(self._outbox)

    async def run(self) -> None:
        """Do all that is to be done, until cancelled; what is left is kept then."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                group.create_task(self._refresh_often())
                group.create_task(self._report_weekly())
                group.create_task(self._deliver(group))
        finally:
            self.save()

    def look(self) -> None:
        """Write mail about the repeats that are due."""
        for notice in self._repeats.due(self._clock.monotonic()):
            self._tell(notice)
            self._is_dirty = True  # it counts anew

    async def look_at_week(self) -> None:
        """Write the weekly report if it is due: at once for a new address, then once a week."""
        settings = self._situation.settings
        now = self._clock.time()
        if not settings.autosupport_address:
            self._report_at = 0.0
            return
        self._report_at = min(self._report_at, now)  # the clock was set back
        if self._report_at and now - self._report_at < WEEK_SECONDS:
            return
        self._report_at = now
        self._write_report(await self._report_text(), now)

    def send_due(self, group: asyncio.TaskGroup) -> None:
        """Start to send what is due; the tasks go into `group`."""
        self._courier.start_due(group)

    async def refresh(self) -> None:
        """Find out where mail to the recipients goes, unless that was done within half an hour."""
        addresses = self._situation.settings.all_addresses
        if await self._finder.refresh(map(domain_of, addresses)):
            self._changed()

    def save(self) -> None:
        """Write the file now."""
        self._saved(self._try_save(self._to_keep()))

    # What happens when.

    def _tell(self, notice: Notice) -> None:
        alert = notice.alert
        self._log_alert(notice)
        to = self._situation.settings.addresses_for(alert.severity, alert.about)
        if to:
            now = self._clock.time()
            self._add(write_notice(notice, self._situation.hostname, to, self._token(), now))

    def _add(self, mail: Mail) -> None:
        self._outbox.add(mail, self._clock.monotonic())
        if self._outbox.dropped != self._dropped:
            self._dropped = self._outbox.dropped
            self._means.log.warning(
                f"Too many alerts wait to be sent: {self._dropped} were left out so far"
            )
        self._changed()

    def _log_alert(self, notice: Notice) -> None:
        alert = notice.alert
        repeats = f" ({notice.repeats} repeats)" if notice.repeats else ""
        text = f"Alert {alert.severity.value} ({alert.about.value}){repeats}: {alert.short_text}"
        if alert.severity is Severity.INFORMATION:
            self._means.log.info(text)
        else:
            self._means.log.warning(text)

    async def _report_text(self) -> str:
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                text = await self._means.report()
        except (OSError, TimeoutError) as error:
            text = f"The status cannot be had: {error or 'no answer in time'}"
        return clean_text(text, REPORT_LENGTH_MAX, lines_max=REPORT_LENGTH_MAX)

    def _write_report(self, text: str, now: float) -> None:
        severity, about = Severity.INFORMATION, AlertClass.SYSTEM
        hostname = self._situation.hostname
        to = self._situation.settings.addresses_for(severity, about)
        subject = build_subject(severity, hostname, about.value, REPORT_TITLE)
        message_id = build_alert_id(hostname, self._token(), now)
        self._add(Mail(message_id, severity, subject, text, to, now))

    def _token(self) -> str:
        return f"{self._means.randomness.getrandbits(64):016x}"

    def _changed(self) -> None:
        self._is_dirty = True
        self._happened.set()
        self._to_send.set()

    # The loops.

    async def _watch(self) -> None:
        """Tell of repeats, and keep everything."""
        save_at = 0.0  # not before
        while True:
            self._happened.clear()
            self.look()
            now = self._clock.monotonic()
            if self._is_dirty and now >= save_at:
                self._saved(await asyncio.to_thread(self._try_save, self._to_keep()))
                save_at = now + (SAVE_AGAIN_SECONDS if self._save_failed else SAVE_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)
            times = (self._repeats.next_due(), save_at if self._is_dirty else None)
            await self._wait(self._happened, min((t for t in times if t is not None), default=None))

    async def _report_weekly(self) -> None:
        while True:
            self._to_report.clear()
            await self.look_at_week()
            await self._wait(self._to_report, None)

    async def _deliver(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._to_send.clear()
            self.send_due(group)
            await self._wait(self._to_send, self._courier.next_due())

    async def _refresh_often(self) -> None:
        while True:
            self._to_look_up.clear()
            await self.refresh()
            await self._wait(self._to_look_up, None)

    async def _wait(self, event: asyncio.Event, until: float | None) -> None:
        """Wait for `event`, for a minute at most, or until `until` (monotonic seconds)."""
        seconds = LOOK_SECONDS
        if until is not None:
            seconds = max(0.01, min(until - self._clock.monotonic(), LOOK_SECONDS))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    # The file.

    def _restore(self) -> None:
        now, time = self._clock.monotonic(), self._clock.time()
        try:
            data = load_bytes(self._means.files, self._means.path)
            if data is None:
                return
            state = decode_state(data, now, time)
        except (OSError, StateError) as error:
            self.alert("Warning", "System", f"{self._means.path} cannot be read: {error}", "alerts")
            return
        self._recent = RecentAlerts(state.recent)
        for watched in state.watched:
            self._repeats.restore(watched)
        self._outbox.restore(state.letters)
        self._finder.restore(state.kept)
        self._report_at = state.report_at

    def _to_keep(self) -> bytes:
        self._is_dirty = False
        self._keeping = self.taken
        state = SavedState(
            self._repeats.watched,
            self._outbox.letters,
            list(reversed(self._recent.newest_first())),
            self._finder.kept,
            self._report_at,
        )
        return encode_state(state, self._clock.monotonic(), self._clock.time())

    def _try_save(self, data: bytes) -> str:
        try:
            with self._writing:
                save_state(self._means.files, self._means.path, data)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _saved(self, failure: str) -> None:
        if failure:
            self._is_dirty = True
            if not self._save_failed:
                self._means.log.warning(f"Alerts cannot be kept in {self._means.path}: {failure}")
        self._save_failed = bool(failure)
        self._means.on_kept(self._keeping)
