"""Builds and connects the parts of a worker that are about DANE, MTA-STS and TLS reports."""

import asyncio
import ssl
from pathlib import Path

from mailwarden.app.state_directory import StateDirectory
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.policy.tls_report import ReportCollector
from mailwarden.mailflow.delivery.transport_security import TransportSecurity
from mailwarden.services.transport_security.cache import PolicyCache, PolicyFile
from mailwarden.services.transport_security.https_fetcher import HttpsPolicyFetcher, policy_context
from mailwarden.services.transport_security.policies import PolicySource
from mailwarden.services.transport_security.policy_keeper import PolicyKeeper
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.tlsa import DaneLookups
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.log.maillog import MailLog

REFRESHING_WORKER = 0


class TransportParts:
    """What `security` needs to live."""

    def __init__(
        self,
        index: int,
        config: GatewayConfig,
        base: Path,
        state: StateDirectory,
        *,
        resolver: CachingResolver,
        log: MailLog,
        clock: Clock,
    ) -> None:
        """Take over what is kept of policies and results.

        Raises:
            CertificateError: `delivery.ca_file` cannot be used.
        """
        self._base = base
        self._clock = clock
        sts = config.delivery.mta_sts
        self._fetcher = HttpsPolicyFetcher(
            resolver,
            make_policy_context(config, base),
            port=sts.port,
            timeout_seconds=sts.timeout_seconds,
        )
        cache = PolicyCache(clock)
        source = PolicySource(cache, resolver, self._fetcher, clock)
        self._keeper = PolicyKeeper(
            cache,
            PolicyFile(str(state.sts_policies), SystemFiles()),
            source,
            log,
            is_refreshing=index == REFRESHING_WORKER,
        )
        self._keeper.load()
        self.results = ReportCollector()
        self.security = TransportSecurity(
            config.delivery,
            DaneLookups(resolver),
            source,
            self.results,
            clock,
            is_trusted=bool(config.dns.trusted_servers),
        )
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work beside the mail."""
        self._running.append(asyncio.create_task(self._keeper.run()))

    def apply(self, config: GatewayConfig, context: ssl.SSLContext) -> None:
        """Go on under another configuration; `context` is that of `make_policy_context`."""
        sts = config.delivery.mta_sts
        self._fetcher.apply(context, port=sts.port, timeout_seconds=sts.timeout_seconds)
        self.security.apply(config.delivery, is_trusted=bool(config.dns.trusted_servers))

    def close(self) -> None:
        """Keep what is known, and end."""
        for task in self._running:
            task.cancel()
        self._keeper.close()


def make_policy_context(config: GatewayConfig, base: Path) -> ssl.SSLContext:
    """Return how policy hosts are verified.

    Raises:
        CertificateError: `delivery.ca_file` cannot be used.
    """
    return policy_context(str(base / config.delivery.ca_file) if config.delivery.ca_file else "")
