"""What runs in the management process, put together."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailwarden.app.kept_pairs import CERTIFICATES
from mailwarden.app.management.accounts import OwnPasswords, follow_users
from mailwarden.app.management.alerting import Alerting
from mailwarden.app.management.certificate_care import CertificateCare
from mailwarden.app.management.facts import node_facts
from mailwarden.app.management.feature_way import FeatureWay
from mailwarden.app.management.host import ManagementHost
from mailwarden.app.management.ssh_way import SshWay
from mailwarden.app.management.supervisor_link import SupervisorLink
from mailwarden.app.management.surroundings import Surroundings
from mailwarden.app.management.tracer import GatewayTracer
from mailwarden.app.management.update_way import UpdateWay
from mailwarden.app.management_ports import ACME, SSH
from mailwarden.control.config.tables import Tables
from mailwarden.control.operations.administration import Administration, build_tree
from mailwarden.control.operations.certificates import key_pairs
from mailwarden.control.operations.commit import put_in_force
from mailwarden.control.operations.desk import RefusedOperationError
from mailwarden.control.operations.exchange import KEY_FILES
from mailwarden.control.operations.saving import publish_dtd
from mailwarden.control.operations.updates import FOLDER as UPDATES
from mailwarden.control.operations.versions import Versions
from mailwarden.control.remote.console_server import ConsoleParts, ConsoleServer
from mailwarden.control.remote.session_watch import watch_sessions
from mailwarden.control.remote.sessions import Sessions
from mailwarden.core.access.roles import ADMIN
from mailwarden.core.alerts import CRITICAL, SYSTEM, WARNING
from mailwarden.services.accounts.hashing import Hasher
from mailwarden.services.accounts.passwords import Passwords, begin_first_start
from mailwarden.services.accounts.second_factor import SecondFactors
from mailwarden.services.accounts.sign_in import SignIn
from mailwarden.services.accounts.store import AccountStore, AccountStoreError
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.stores.configuration.record import Source
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.clock.zone import use_time_zone

ACCOUNTS: Final = "accounts.db"
FILES: Final = "configuration"  # the folder that administrators know as /configuration
CONFIRMATION_LOOK_SECONDS: Final = 1.0


class Manager:
    """Owns the store and the accounts, and lets administrators in.

    `folder` is the management process's own in the state directory; relative paths of the
    configuration count from `base`. `number` is of the version that the gateway works by.
    """

    def __init__(
        self, folder: Path, base: Path, logs: Path, link: SupervisorLink, number: int
    ) -> None:
        """Open everything; raises StoreError, AccountStoreError and OSError."""
        self._folder: Final = folder
        self._link: Final = link
        self._clock: Final = SystemClock()
        self._store: Final = ConfigurationStore(folder, self._clock)
        self._settle_commit(number)
        self._accounts: Final = AccountStore(folder / ACCOUNTS)
        self._hasher: Final = Hasher()
        files = folder / FILES
        files.mkdir(mode=0o700, exist_ok=True)
        publish_dtd(files)
        versions, tables = Versions(self._store), Tables()
        last = versions.last()
        assert last is not None  # the supervisor has made it
        config = build_tree(last.tree, base, tables)
        use_time_zone(config.time_zone)
        self.alerting: Final = Alerting(folder, link, self._clock, config)
        sign_in_settings = config.administration.sign_in
        certificates = CertificateStore(folder / CERTIFICATES)
        surroundings = Surroundings(
            self._clock,
            self.alerting.service,
            self._log,
            lambda text: self._log(text, is_warning=True),
        )
        self._features: Final = FeatureWay(
            folder, files / KEY_FILES, link, surroundings, self._follow_features
        )
        self._updates: Final = UpdateWay(
            folder.parent / UPDATES,
            config,
            lambda: self.administration.config,
            self._features.features,
            surroundings,
        )
        self.sessions: Final = Sessions(self._clock)
        self.administration: Final = Administration(
            config=config,
            base=base,
            folder=folder,
            files=files,
            logs=logs,
            versions=versions,
            gateway=link,
            accounts=self._accounts,
            sign_in=SignIn(sign_in_settings, self._accounts, self._hasher, self._clock),
            passwords=Passwords(self._accounts, self._hasher, self._clock),
            second_factors=SecondFactors(self._accounts, self._clock),
            certificates=certificates,
            pairs=lambda: key_pairs(certificates, self.administration.config),
            features=self._features.features,
            updates=self._updates.updates,
            clock=self._clock,
            facts=node_facts(folder),
            tables=tables,
            on_change=self._follow_configuration,
            presence=self.sessions,
            alerts=self.alerting.service,
            recent_alerts=self.alerting.service.recent,
            warn=lambda text: self._log(text, is_warning=True),
        )
        self._host: Final = ManagementHost(self.administration, self._log)
        parts = ConsoleParts(
            self._host,
            self.administration.sign_in,
            OwnPasswords(self.administration),
            self.sessions,
        )
        self._console: Final = ConsoleServer(folder, parts)
        self._ssh: Final = SshWay(folder, self.administration, self._host, self.sessions)
        self.administration.host_keys = self._ssh.host_keys
        self.administration.tracer = GatewayTracer(base, self._features.features.dormant)
        self._certificates: Final = CertificateCare(folder, self.administration, self._log)

    async def run(self, stopping: asyncio.Event) -> None:
        """Let administrators in until the gateway stops."""
        follow_users(self.administration)
        await self._console.start()
        await self._show_first_password()
        self._ssh.start()
        self._certificates.start()
        await self._features.load()
        await self._updates.load()
        self._link.say("ready")
        async with asyncio.TaskGroup() as group:
            loops = [
                group.create_task(
                    watch_sessions(
                        self.sessions,
                        self.administration.sign_in.still_holds,
                        self._idle_seconds,
                        self._unreadable,
                    )
                ),
                group.create_task(self._watch_confirmation()),
                group.create_task(self.alerting.run()),
                group.create_task(self._certificates.run()),
                group.create_task(self._features.run()),
                group.create_task(self._updates.run()),
            ]
            await stopping.wait()
            for loop in loops:
                loop.cancel()
        await self._console.close()
        await self._ssh.close()
        await self._certificates.close()
        self.close()

    def close(self) -> None:
        """Let go of all files."""
        self.alerting.close()
        self._hasher.close()
        self._accounts.close()
        self._store.close()

    def listen(self, sockets: Sequence[tuple[str, socket.socket]]) -> None:
        """Serve on these sockets, each with the name of its service, and on no others."""
        self._ssh.listen([each for service, each in sockets if service == SSH])
        self._certificates.listen([each for service, each in sockets if service == ACME])

    def follow_file(self) -> None:
        """Take the version that the configuration file has become."""
        last = self.administration.versions.last()
        if last is not None:
            self.administration.take(last.tree)

    def _follow_configuration(self) -> None:
        config = self.administration.config
        use_time_zone(config.time_zone)
        self.alerting.follow(config)
        self.follow_users()
        self._ssh.follow()
        self._certificates.follow()
        self._updates.follow()

    def _follow_features(self) -> None:
        self._updates.follow()

    def follow_users(self) -> None:
        """Let accounts be as the configuration says; what is wrong with them is told."""
        try:
            follow_users(self.administration)
        except AccountStoreError as error:
            self._log(f"Accounts cannot be changed: {error}", is_warning=True)

    def _settle_commit(self, number: int) -> None:
        """Finish or forget what a management process before this one was about to commit.

        What is of the file is the supervisor's, which may be about to finish it at this moment.
        """
        left = self._store.prepared()
        if left is None or left.version.author.source is Source.FILE:
            return
        if left.version.number == number:
            self._store.finish(left)
            self._log(f"Version {number} is committed: the gateway works by it already")
        else:
            self._store.abandon(left)

    async def _show_first_password(self) -> None:
        """Make sure that `admin` can get in for the first time (ROLE-12)."""
        password = await begin_first_start(self._accounts, self._hasher, self._clock)
        if password:
            self._link.say(
                "show",
                text=f"No administrator has logged in yet: user {ADMIN}, one-time password "
                f"{password}\n(`mailwarden cli` needs none for whoever owns the gateway's files).",
            )

    def _idle_seconds(self) -> float:
        return self.administration.config.administration.cli_idle_seconds

    def _unreadable(self, error: AccountStoreError) -> None:
        self._log(f"Accounts cannot be read: {error}", is_warning=True)

    async def _watch_confirmation(self) -> None:
        """Go back from a version that nobody confirms in time."""
        while True:
            await asyncio.sleep(CONFIRMATION_LOOK_SECONDS)
            with suppress(StoreError):  # told where somebody commits; this is tried again
                waiting = self._store.awaiting()
                if waiting is not None and not waiting.remaining(self._clock.time()):
                    await self._fall_back()

    async def _fall_back(self) -> None:
        proposal = self.administration.versions.prepare_fall_back()
        if proposal is None:
            return
        try:
            done = await put_in_force(self.administration, proposal)
        except RefusedOperationError as error:
            text = f"An unconfirmed commit cannot be taken back: {error}"
            self._log(text, is_warning=True)
            self._alert(CRITICAL, text)
            return
        version = done.version
        text = f"Version {version.number}: {version.comment}"
        text += f"; version {version.restores} is in force again"
        self._log(text, is_warning=True)
        self._alert(WARNING, text)

    def _alert(self, severity: str, text: str) -> None:
        self.administration.alerts.alert(severity, SYSTEM, text, "unconfirmed commit")

    def _log(self, text: str, *, is_warning: bool = False) -> None:
        self._link.say("warn" if is_warning else "log", text=text)
