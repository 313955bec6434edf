"""What all sessions of administrators share: the versions, the accounts, the running gateway."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailwarden.control.candidate.nodes import node_of
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import build_config
from mailwarden.control.config.tables import Tables
from mailwarden.control.operations.commit_checks import CommitCheck, keeps_a_way_in
from mailwarden.control.operations.gateway import Gateway
from mailwarden.control.operations.name_finder import MakeFinder, make_finder
from mailwarden.control.operations.presence import NobodyPresent, Presence
from mailwarden.control.operations.tracer import NoTracer, Tracer
from mailwarden.control.operations.versions import Versions
from mailwarden.control.xml.key_material import KeyPair, KeyStore
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.core.alerts import Alerts, NoAlerts
from mailwarden.services.accounts.passwords import Passwords
from mailwarden.services.accounts.second_factor import SecondFactors
from mailwarden.services.accounts.sign_in import SignIn
from mailwarden.services.accounts.store import AccountStore
from mailwarden.services.alerts.recent import RecentAlert
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.services.features.features import Features
from mailwarden.services.updates.updates import Updates
from mailwarden.stores.configuration.tree import Tree
from mailwarden.system.clock.clock import Clock


@dataclass(slots=True, kw_only=True)
class Administration:
    """One for the gateway.

    `config` is the configuration in force, `base` is what relative paths in it count from. `files`
    is the folder of files that administrators import and export (`/configuration`), `logs` that of
    the logs, `folder` the management process's own, which nobody else looks into. `certificates`
    keeps keys, and `pairs` gives them, where `key_store` lets them out. `on_change` is called when
    another configuration is in force; `make_finder` makes what asks name servers. `presence` are
    the living sessions. `recent_alerts` returns the last alerts, the newest first. `warn` writes a
    warning to the log of the system. `host_keys` gives a line with type and fingerprint for each
    key of the SSH server. Each of `commit_checks` may speak against a commit.
    """

    config: GatewayConfig
    base: Path
    folder: Path
    files: Path
    logs: Path
    versions: Versions
    gateway: Gateway
    accounts: AccountStore
    sign_in: SignIn
    passwords: Passwords
    second_factors: SecondFactors
    certificates: CertificateStore
    features: Features
    updates: Updates
    clock: Clock
    facts: NodeFacts
    tables: Tables = field(default_factory=Tables)
    under_way: set["asyncio.Future[Any]"] = field(default_factory=set)  # what has to be finished
    key_store: KeyStore = KeyStore.FILES
    pairs: Callable[[], tuple[KeyPair, ...]] = tuple
    on_change: Callable[[], None] = lambda: None
    make_finder: MakeFinder = make_finder
    presence: Presence = field(default_factory=NobodyPresent)
    alerts: Alerts = field(default_factory=NoAlerts)
    recent_alerts: Callable[[], Sequence[RecentAlert]] = tuple
    warn: Callable[[str], None] = lambda _text: None
    host_keys: Callable[[], Sequence[str]] = tuple
    tracer: Tracer = field(default_factory=NoTracer)
    commit_checks: list[CommitCheck] = field(default_factory=lambda: [keeps_a_way_in])

    def take(self, tree: Tree) -> None:
        """Note that `tree` is in force."""
        self.config = self.build(tree)
        self.on_change()

    def build(self, tree: Tree) -> GatewayConfig:
        """Return the configuration in a tree; files that it names are not looked at.

        Raises:
            ConfigError: all that is wrong with it; places are the settings'.
        """
        return build_tree(tree, self.base, self.tables)


def build_tree(tree: Tree, base: Path, tables: Tables) -> GatewayConfig:
    """Return the configuration in a tree; files that it names are not looked at.

    Raises:
        ConfigError: all that is wrong with it; places are the settings'.
    """
    return build_config(node_of(tree), "configuration", base, tables)
