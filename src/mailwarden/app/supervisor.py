"""The supervisor: binds ports, starts workers, restarts dead ones, passes on what is commanded.

It alone may run as root. It parses no mail and opens no connection to anybody; what it reads is
the configuration, packets of its own workers, and commands on a socket that only the gateway's
owner can open. When it dies, the workers notice, finish what is open and end too.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mailwarden import __version__
from mailwarden.app.accepted import Accepted
from mailwarden.app.alert_relay import AlertRelay
from mailwarden.app.changes import COMMANDS as CONFIGURING
from mailwarden.app.changes import Changes
from mailwarden.app.configurations import Configurations
from mailwarden.app.control_socket import ControlServer
from mailwarden.app.ending import COMMANDS as ENDING
from mailwarden.app.ending import KILL_SECONDS, TELL_SECONDS, Ending, ending_of
from mailwarden.app.gathering import Gathering
from mailwarden.app.keeper import Keeper
from mailwarden.app.management_keeper import ManagementKeeper
from mailwarden.app.management_process import LaunchManagement
from mailwarden.app.next_start import changed_settings, in_words, waiting_for_start
from mailwarden.app.ports import Ports
from mailwarden.app.process import Launch, WorkerProcess, launch_worker
from mailwarden.app.shared_memory import SharedMemory, close_all, make_shared_memory
from mailwarden.app.state_directory import StateDirectory
from mailwarden.app.supervisor_log import SupervisorLog, in_seconds
from mailwarden.app.switches import COMMANDS as SWITCHING
from mailwarden.app.switches import (
    SWITCH_FEATURES,
    administrator_in,
    describe,
    grace_in,
    is_delivery_suspended,
    still_active,
    switch,
    without_suspended,
)
from mailwarden.app.totals import Bookkeeper
from mailwarden.control.answers.table import count_of
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.tables import Tables
from mailwarden.core.alerts import CRITICAL, SYSTEM
from mailwarden.core.features import dormant_in
from mailwarden.services.throttling.board import clear_region
from mailwarden.system.clock.zone import use_time_zone

WARNINGS_LOGGED_MAX: Final = 20  # about tables, at one reload
ANSWER_SECONDS: Final = 10.0  # what a worker gets to answer a command
RESTART_WAITS: Final = (0.1, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # for one that cannot start


class Supervisor:
    """Keeps the gateway's processes running until it is told to stop."""

    def __init__(
        self,
        config_path: Path,
        text: str | None,
        config: GatewayConfig,
        base: Path,
        *,
        tables: Tables | None = None,
        keeper: Keeper | None = None,
        launch: Launch = launch_worker,
        launch_management: LaunchManagement | None = None,
        restart_waits: Sequence[float] = RESTART_WAITS,
    ) -> None:
        """`tables` has read those of `config`; `keeper` keeps the versions of the configuration.

        `launch` starts a worker's process, and `launch_management` that of the management, without
        which there is none; `restart_waits` are seconds before the next one. `text`
        is that of the file; None is that the file is wrong, and `config` the last version.
        """
        self.config = config
        self.state = StateDirectory.at(config, base)
        self.started_at = time.monotonic()
        self.workers: list[WorkerProcess] = []
        self._started = config  # what the next start is needed for is as it says
        self._is_up = False
        self._reloading: asyncio.Future[None] | None = None
        self._launch = launch
        self._waits = tuple(restart_waits)
        self._alerts = AlertRelay()
        self._management: ManagementKeeper | None = None
        if launch_management is not None:
            self._management = ManagementKeeper(
                self, launch_management, self._waits, self._describe_to_management, self._alerts
            )
        self._path = config_path
        self._text = text
        self._source = Configurations(config_path, base, tables, keeper)
        self._accepted = Accepted(config, text or "", {})
        self._texts = -1  # a file in memory, with those of the configuration in force
        self._base = base
        self._changes = Changes(config_path, self._source, self)
        self._log = SupervisorLog(config.logs, self.state, config.hostname, self._alerts)
        self._ports = Ports()
        self._memory: SharedMemory
        self._stopping = asyncio.Event()
        self._ending = Ending()
        self._switches = self.state.load_switches()
        self._control = ControlServer(self.state.directory, self.command)
        self._books = Bookkeeper(self.state, lambda: self.workers)
        self._before: Accepted | None = None  # what the last reload replaced
        self._taken_back = ""  # why the last reload was undone
        self._kept_notes: tuple[str, ...] = ()  # what was found of certificates at the start
        self._stays_behind = ""  # why a worker has not followed what was switched
        self._not_applied = ""  # why the gateway started without what the file says

    async def run(self, on_ready: Callable[["Supervisor"], None]) -> int:
        """Run until SIGTERM or SIGINT; return the exit status.

        Raises:
            OSError: a port cannot be bound, or the state directory cannot be used.
        """
        self.state.create()
        await self._control.start()  # before anything is touched that another gateway may have
        try:
            self.begin()
            count = self.config.workers or os.cpu_count() or 1
            self._prepare(count)
            async with asyncio.TaskGroup() as group:
                for index in range(count):
                    group.create_task(self._keep(index, count))
                group.create_task(self._rotate())
                group.create_task(self._books.run(self._stopping))
                group.create_task(self._announce(on_ready, count))
                if self._management is not None:
                    user = self._started.management.user or self._started.user
                    keep = self._management.run(user, self._log, self._stopping)
                    group.create_task(keep)
            self._books.save()
        finally:
            await self._control.close()
            self._ports.close()
            if self._management is not None:
                self._management.ports.close()
            self._log.close()
        return 0

    def begin(self) -> None:
        """Take the configuration to start with, which is a version that has what the file says.

        Raises:
            StoreError, OSError: the store cannot be used.
            ConfigError: the version does not fit to this machine any more.
        """
        applied = self._source.begin(self._text)
        accepted, self._kept_notes = self._source.with_pairs(
            self._source.accept(applied.texts), is_start=True
        )
        self._source.finish(applied)
        self._not_applied = applied.why
        self._accepted, self._texts = accepted, accepted.to_memory()
        self.config = self._started = accepted.config
        self._log = SupervisorLog(self.config.logs, self.state, self.config.hostname, self._alerts)

    @property
    def log(self) -> SupervisorLog:
        """Where it says what happens."""
        return self._log

    def _prepare(self, count: int) -> None:
        """Take ports, folders and signals; the logs last, as only then nothing is in the way."""
        use_time_zone(self.config.time_zone)
        if self._management is not None:
            self._management.bind(self.config)
        for index in range(count):
            self._ports.bind(index, self._receiving())
        self.state.prepare(self.config.user)
        management_user = self.config.management.user or self.config.user
        self.state.prepare_updates(management_user, self.config.user)
        self._log.open(self.state.owner(self.config.user), self._reopen)
        self._memory = make_shared_memory(count, self.config)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._reload_signal)

    async def _announce(self, on_ready: Callable[["Supervisor"], None], count: int) -> None:
        while sum(worker.is_ready for worker in self.workers) < count:
            await asyncio.sleep(0.02)
            if self._stopping.is_set():
                return
        self._is_up = True
        self._changes.warn()
        if self._not_applied:
            text = f"{self._path} is not applied: {self._not_applied}"
            self._critical(text, "configuration file")
        for note in self._kept_notes:
            self._critical(note, "")
        self._log.info(f"Gateway {self.config.hostname} is up with {count_of(count, 'worker')}")
        if is_delivery_suspended(self._switches):
            self._log.warning("Deliveries are currently suspended")
        self._notify_systemd("READY=1")
        on_ready(self)

    async def _keep(self, index: int, count: int) -> None:
        """Start worker `index` and start it anew whenever it dies."""
        failures = 0
        while not self._stopping.is_set():
            worker = WorkerProcess(
                index, count, self._started.user, self._log, self._alerts, self._refused,
                self._launch,
            )  # fmt: skip
            self.workers = sorted(
                [w for w in self.workers if w.index != index] + [worker], key=lambda w: w.index
            )
            ended = await self._run_worker(worker)
            self._books.ended(worker)
            if self._stopping.is_set():
                return
            clear_region(self._memory.board, index)
            if worker.was_ready:  # it works in principle, and has mail to look after
                failures = 0
            wait = self._waits[min(failures, len(self._waits) - 1)]
            failures += 1
            said = f"; it said: {worker.last_alert}" if worker.last_alert else ""
            worker.progress = f"{ended}; restarted {in_seconds(wait)}{said}"
            text = f"Worker {index} (process {worker.pid}) {ended}"
            text += f"; it is restarted {in_seconds(wait)}"
            self._log.critical(text)
            self._alerts.alert(CRITICAL, SYSTEM, f"{text}{said}", f"worker {index}")
            if failures > 1:  # let the other workers take its connections meanwhile
                self._ports.release(index)
            try:
                async with asyncio.timeout(wait):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    async def _run_worker(self, worker: WorkerProcess) -> str:
        """Start `worker`; return how it ended, in words.

        Raises:
            OSError: it cannot be started, and the gateway is not up yet.
        """
        try:
            self._ports.bind(worker.index, self._receiving())
            await worker.start()
        except OSError as error:
            worker.is_gone = True
            if not self._is_up:
                raise
            return f"cannot be started: {error}"
        self._configure(worker)
        return f"ended with {await self._until_gone(worker)}"

    async def _describe_to_management(self) -> dict[str, Any]:
        await self._changes.settled()  # it finishes the version that is in force, and no other
        return {
            "number": self._accepted.number,
            "base": str(self._base),
            "state": [str(self.state.directory), str(self.state.logs)],
        }

    async def _until_gone(self, worker: WorkerProcess) -> str:
        """Wait until `worker` ends, by itself or because the gateway stops."""
        gone = asyncio.ensure_future(worker.wait())
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({gone, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            worker.send({"do": "stop", "seconds": self._ending.seconds})
            try:
                async with asyncio.timeout(self._ending.seconds + KILL_SECONDS):
                    await asyncio.shield(gone)
            except TimeoutError:
                worker.kill()
        stop.cancel()
        return await gone

    def _configure(self, worker: WorkerProcess) -> None:
        sockets = self._ports.of(worker.index)
        texts = os.dup(self._texts)
        memory = self._memory.reopen()
        try:
            worker.configure(
                {
                    "name": str(self._path),
                    "base": str(self._base),
                    "state": [str(self.state.directory), str(self.state.logs)],
                    "listeners": list(sockets),
                    "switches": self._switches,
                },
                [texts, *memory, *(s.fileno() for s in sockets.values())],
            )
        finally:
            os.close(texts)
            close_all(memory)

    async def _rotate(self) -> None:
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await self._stopping.wait()
            except TimeoutError:
                self._log.rotate()

    def _critical(self, text: str, key: str) -> None:
        self._log.critical(text)
        self._alerts.alert(CRITICAL, SYSTEM, text, key)

    def _reopen(self) -> None:
        for worker in self.workers:
            worker.send({"do": "reopen"})

    def _stop_signal(self) -> None:
        if self._stopping.is_set():  # asked twice: at once
            for worker in self.workers:
                worker.kill()
        else:
            self._end(Ending())

    def _end(self, ending: Ending) -> None:
        """Let all processes end in order, unless they do already."""
        if self._stopping.is_set():
            return
        self._ending = ending
        self._log.info(ending.words)
        # With ours and theirs closed, clients are refused, and do not wait for nothing.
        self._ports.close()
        self._notify_systemd(ending.for_systemd())
        self._stopping.set()

    @property
    def is_to_restart(self) -> bool:
        """Whether the gateway is to start again, now that `run` has returned."""
        return self._ending.restarts

    def _reload_signal(self) -> None:
        self._reloading = asyncio.ensure_future(self._reload_and_complain())

    async def _reload_and_complain(self) -> None:
        for problem in (await self.reload())["problems"]:
            print(f"mailwarden: not reloaded: {problem}", file=sys.stderr, flush=True)

    async def reload(self) -> dict[str, Any]:
        """Read the file anew, and work by what it changes; return what came of it."""
        return await self._changes.reload()

    async def activate(self, number: int, texts: int) -> dict[str, Any]:
        """Work by version `number`, whose texts are in the file `texts`, which is closed."""
        return await self._changes.activate(number, texts)

    @property
    def accepted(self) -> Accepted:
        """What it works by."""
        return self._accepted

    async def work_by(self, accepted: Accepted) -> list[str]:
        """Work by `accepted`, once all workers that are ready have followed.

        Returns why that cannot be; then all is as it was. Raises OSError likewise.
        """
        self._taken_back = ""
        self._ports.check(accepted.config)
        self._swap(accepted)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                for worker in [worker for worker in self.workers if worker.is_ready]:
                    await worker.wait_followed()
            self._before = None  # nobody refuses it any more; its tables may be large
        except TimeoutError:
            self._log.warning("Not all workers have followed the new configuration yet")
        if self._taken_back:
            return [f"a worker cannot use it: {self._taken_back}"]
        return []

    def note_what_waits(self) -> list[str]:
        """Say, and return, what waits for the next start."""
        names = self.waiting_for_start()
        for name in names:
            self._log.warning(f"A change of `{name}` takes effect at the next start")
        return [in_words(names)] if names else []

    def tell_management(self) -> None:
        """Tell the management process that the file has become another version."""
        if self._management is not None:
            self._management.follow()

    def waiting_for_start(self) -> list[str]:
        """Return the settings that were changed and wait for the next start."""
        return waiting_for_start(self._started, self.config)

    def _refused(self, why: str) -> None:
        """A worker cannot follow the new configuration: all go back to the one before."""
        before, self._before = self._before, None
        if before is None:
            self._stays_behind = why
        else:
            self._taken_back = why
            text = f"Configuration taken back, as a worker cannot use it: {why}"
            self._critical(text, "configuration taken back")
            try:
                self._swap(before)
            except OSError as error:
                text = f"Configuration cannot be taken back: {error}"
                self._critical(text, "configuration not taken back")
            self._before = None

    def _swap(self, accepted: Accepted) -> None:
        """Work by `accepted` from now on. Raises OSError when a log or port cannot be had."""
        texts = accepted.to_memory()
        try:
            self._take(accepted, texts)
        except OSError:
            if self._texts != texts:
                os.close(texts)
            raise

    def _take(self, accepted: Accepted, texts: int) -> None:
        config = accepted.config
        changed = changed_settings(self.config, config)
        if accepted.pairs != self._accepted.pairs:
            changed.append("a certificate that the gateway keeps")
        living = [worker for worker in self.workers if not worker.is_gone]
        self._log.apply(config.logs, config.hostname)  # before the workers, which open its files
        if self._management is not None:
            self._management.bind(config)
        for worker in living:  # the others get theirs when they are started
            self._ports.bind(worker.index, without_suspended(config, self._switches))
        use_time_zone(config.time_zone)
        self._before = self._accepted
        self._accepted, self.config = accepted, config
        os.close(self._texts)
        self._texts = texts
        for worker in living:
            self._configure(worker)
        self._log.info(f"Configuration reloaded: {', '.join(changed) or 'no setting'} changed")

    async def command(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answers to one request from the control socket."""
        name = request.get("command")
        if name == "reload":
            yield await self.reload()
        elif name in CONFIGURING:
            yield await self._changes.by_request(request)
        elif name in SWITCHING:
            yield await self._switch(request)
        elif name in ENDING:
            ending = ending_of(request)
            asyncio.get_running_loop().call_later(TELL_SECONDS, self._end, ending)
            yield {"ending": True, "grace_seconds": ending.seconds}
        elif name == "queue_reset" and (active := still_active(self._switches, self.config)):
            yield {"error": f"the queue is only reset while nothing moves: {active}"}
        elif name == "rate":
            gauges = await self._books.look()
            yield {"gauges": gauges, **self._books.describe(), **self.summary()}
        elif name == "reset_counters":
            await self._books.look()
            self._log.warning(self._books.reset(administrator_in(request)))
            yield {"reset": True}
        elif name == "log_rollover":
            yield self._roll_over(request)
        elif name == "status":
            gauges = await self._books.look()
            gathering = Gathering(self.workers, request, ANSWER_SECONDS)
            async for answer in gathering.answers(self.summary()):
                yield {**answer, **self._books.describe(), "gauges": gauges}
        else:
            gathering = Gathering(self.workers, request, ANSWER_SECONDS)
            async for answer in gathering.answers(self.summary()):
                yield answer

    def _roll_over(self, request: dict[str, Any]) -> dict[str, Any]:
        """Begin new log files; return which."""
        moved = self._log.roll_over(str(request.get("log") or ""))
        if not moved:
            return {"error": "no log has a new file: there is none of that name, or no room for it"}
        by = administrator_in(request) or "an administrator"
        self._log.info(f"Log rolled over by {by}: {', '.join(moved)}")
        return {"rolled_over": moved}

    def _receiving(self, switches: dict[str, Any] | None = None) -> GatewayConfig:
        """Return the configuration without the listeners that are suspended."""
        return without_suspended(self.config, self._switches if switches is None else switches)

    async def _let_workers_follow(self) -> None:
        """Let the workers listen where they are to, and work without what is switched off.

        Raises:
            OSError: a port cannot be had, or a worker cannot follow.
        """
        self._stays_behind = ""
        living = [worker for worker in self.workers if not worker.is_gone]
        for worker in living:
            self._ports.bind(worker.index, self._receiving())
        for worker in living:
            self._configure(worker)
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                for worker in [worker for worker in living if worker.is_ready]:
                    await worker.wait_followed()
        if self._stays_behind:
            raise OSError(f"a worker cannot follow: {self._stays_behind}")

    def _must_follow(self, command: str, before: dict[str, Any]) -> bool:
        """Tell whether workers have to be configured anew, as the switches were `before`."""
        if command == SWITCH_FEATURES and self._stays_behind:
            return True  # asked once more
        return self._receiving(before) != self._receiving(self._switches) or dormant_in(
            before
        ) != dormant_in(self._switches)

    async def _switch(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what an administrator switched; return what came of it once it is kept."""
        before = dict(self._switches)
        try:
            switched = switch(self._switches, request, self.config, time.time())
            self.state.save_switches(self._switches)
        except (ValueError, OSError) as error:
            self._switches.clear()
            self._switches.update(before)
            return {"error": str(error)}
        packet: dict[str, Any] = {"do": "switches", "switches": self._switches}
        packet["grace_seconds"] = grace_in(request)
        for worker in self.workers:
            worker.send(packet)
        if switched.said:
            self._log.warning(switched.said)
        if self._must_follow(request["command"], before):
            try:
                await self._let_workers_follow()
            except OSError as error:
                text = f"What was switched is not in effect everywhere: {error}"
                self._critical(text, "switched")
                return {"error": str(error)}
        return switched.answer

    def summary(self) -> dict[str, Any]:
        """Return what the supervisor itself knows, for status."""
        return {
            "version": __version__,
            "hostname": self.config.hostname,
            "pid": os.getpid(),
            "management_pid": 0 if self._management is None else self._management.ready_pid,
            "uptime_seconds": time.monotonic() - self.started_at,
            "state": "stopping" if self._stopping.is_set() else "running",
            "waiting_for_start": self.waiting_for_start(),
            **describe(self._switches, self._ports.describe(self.config)),
        }

    @staticmethod
    def _notify_systemd(state: str) -> None:
        address = os.environ.get("NOTIFY_SOCKET")
        if address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.sendto(state.encode(), address.replace("@", "\0", 1))
