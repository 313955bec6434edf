"""A gateway's management without processes: a real store, real accounts, scripted sessions."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from mailwarden.app.management.accounts import follow_users
from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.commands.catalog import CATALOG
from mailwarden.control.commands.draft import SettingsDraft
from mailwarden.control.commands.host import AdministratorHost
from mailwarden.control.config.reader import demo_text
from mailwarden.control.dialogue.declaration import Catalog
from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.control.operations.actor import Actor
from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.applied_file import file_tree
from mailwarden.control.operations.desk import Desk
from mailwarden.control.operations.exchange import KEY_FILES
from mailwarden.control.operations.gateway import ActivationError
from mailwarden.control.operations.updates import components
from mailwarden.control.operations.versions import BY_SYSTEM, Texts, Versions
from mailwarden.control.remote.sessions import Sessions
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.core.access.password_hash import Cost, Scheme
from mailwarden.core.access.roles import AnyRole, Role, rights_of
from mailwarden.core.alerts import RecordedAlerts
from mailwarden.services.accounts.administration import SignInSettings
from mailwarden.services.accounts.hashing import Hasher
from mailwarden.services.accounts.passwords import Passwords
from mailwarden.services.accounts.second_factor import SecondFactors
from mailwarden.services.accounts.sign_in import SignIn
from mailwarden.services.accounts.store import AccountStore
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.services.features.features import Features
from mailwarden.services.features.features import Means as FeatureMeans
from mailwarden.services.updates.component import Means as UpdateMeans
from mailwarden.services.updates.component import Plan
from mailwarden.services.updates.job import Job, Outcome, Result
from mailwarden.services.updates.settings import UpdateSettings
from mailwarden.services.updates.updates import Updates
from mailwarden.stores.configuration.record import Source
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.dns.settings import DnsSettings

FACTS = NodeFacts(model="GW-VM", version="7.3.0", serial="0123456789AB-CDEF")
CHEAP = Cost(Scheme.PBKDF2, 1000)


class FakeGateway:
    """Remembers what it was asked, and answers as it is told. `refuses` are problems.

    To commands that are `stuck`, the last answer never comes.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, list[dict[str, Any]]] = {}  # by command
        self.activated: list[Texts] = []
        self.refuses: list[str] = []
        self.stuck: set[str] = set()

    async def ask(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(request)
        for answer in self.answers.get(request["command"], []):
            yield answer
        if request["command"] in self.stuck:
            await asyncio.Event().wait()

    async def activate(self, texts: Texts) -> Sequence[str]:
        if self.refuses:
            raise ActivationError(self.refuses)
        self.activated.append(texts)
        return []


class Counter:
    """Where administrators come with their commands. The configuration is the demonstration's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SimulatedClock()
        self.gateway = FakeGateway()
        self.sessions = Sessions(self.clock)
        self.alerts = RecordedAlerts()
        self.lines: list[str] = []  # for the log
        self.jobs: list[Job] = []  # attempts to update, which fetch nothing
        files, logs = folder / "files", folder / "log"
        files.mkdir()
        logs.mkdir()
        store = ConfigurationStore(folder, self.clock)
        versions = Versions(store)
        tree = file_tree(demo_text(), folder, {})
        del tree["interfaces"]["Loopback"]["ssh_port"]  # type: ignore[index,call-overload,union-attr]  # a block of blocks
        store.finish(versions.prepare(Candidate(0, {}, tree), BY_SYSTEM).prepared)
        accounts = AccountStore(folder / "accounts.db")
        self.hasher = Hasher(cost=CHEAP)
        administration = Administration(
            config=None,  # type: ignore[arg-type]  built in a moment, by itself
            base=folder,
            folder=folder,
            files=files,
            logs=logs,
            versions=versions,
            gateway=self.gateway,
            accounts=accounts,
            sign_in=SignIn(SignInSettings(), accounts, self.hasher, self.clock),
            passwords=Passwords(accounts, self.hasher, self.clock),
            second_factors=SecondFactors(accounts, self.clock),
            features=self._features(),
            updates=self._updates(),
            certificates=CertificateStore(folder / "certificates"),
            clock=self.clock,
            facts=FACTS,
            on_change=self._follow_users,
            presence=self.sessions,
            alerts=self.alerts,
        )
        administration.config = administration.build(tree)
        self.administration = administration
        follow_users(administration)

    def _features(self) -> Features:
        means = FeatureMeans(self.clock, self.alerts, self.lines.append, lambda _: None)
        return Features(self.folder / "files" / KEY_FILES, self.folder / "features.json", means)

    def _updates(self) -> Updates:
        async def run(job: Job, _tell: object) -> Result:
            self.jobs.append(job)
            return Result(outcome=Outcome.NOTHING)

        means = UpdateMeans(self.clock, self.alerts, self.lines.append, run)
        plan = Plan(UpdateSettings(), DnsSettings(), "")
        in_force = components(lambda: self.administration.config)
        return Updates(self.folder / "updates", in_force, plan, means)

    def close(self) -> None:
        self.administration.updates.close()
        self.hasher.close()
        self.administration.accounts.close()
        self.administration.versions.store.close()

    def desk(
        self, user: str = "admin", role: AnyRole = Role.ADMINISTRATOR, address: str = "192.0.2.7"
    ) -> Desk:
        """Return a session's desk."""
        rights = rights_of(user, role)
        actor = Actor(user=user, rights=rights, source=Source.CLI, address=address)
        return Desk(actor, self.administration)

    def _follow_users(self) -> None:
        follow_users(self.administration)

    def running(self, *path: str) -> Any:
        """Return what the version in force has at `path`."""
        last = self.administration.versions.last()
        assert last is not None
        return SettingsDraft(self.desk(), Candidate.of(last)).get(*path)


class Sitting:
    """What was shown in a session, and its exit status."""

    def __init__(self, terminal: ScriptedTerminal, status: int) -> None:
        self.screen = terminal.screen
        self.shown = terminal.shown
        self.errors = terminal.errors
        self.status = status


def sit(
    desk: Desk,
    *typed: str | Key,
    catalog: Catalog[SettingsDraft] = CATALOG,
    is_interactive: bool = True,
) -> Sitting:
    """Type lines at the prompt of a session; its end follows them."""
    terminal = ScriptedTerminal(typed, is_interactive=is_interactive)
    session = Session(catalog, AdministratorHost(desk), terminal)
    status = asyncio.run(session.run())
    return Sitting(terminal, status)


def run_line(
    desk: Desk, line: str, *typed: str, catalog: Catalog[SettingsDraft] = CATALOG
) -> Sitting:
    """Run one line as a remote command does; `typed` is its input. Changes stay pending."""
    terminal = ScriptedTerminal(typed, is_interactive=False)
    session = Session(catalog, AdministratorHost(desk), terminal)
    status = asyncio.run(session.run_line(line))
    return Sitting(terminal, status)
