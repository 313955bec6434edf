"""Builds and connects the parts of a worker that are about DANE, MTA-STS and TLS reports."""

import asyncio
import random
import secrets
import ssl
from pathlib import Path

from mailwarden.app.post import Post
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.policy.tls_report import ReportCollector
from mailwarden.core.policy.tls_report_build import Reporter
from mailwarden.mailflow.delivery.transport_security import TransportSecurity
from mailwarden.mailflow.origination.tls_reports import (
    ReportMeans,
    ReportWords,
    TlsReportSender,
)
from mailwarden.mailflow.origination.tls_results import TlsResults
from mailwarden.services.transport_security.cache import PolicyCache, PolicyFile
from mailwarden.services.transport_security.https_fetcher import HttpsPolicyFetcher, policy_context
from mailwarden.services.transport_security.policies import PolicySource
from mailwarden.services.transport_security.policy_keeper import PolicyKeeper
from mailwarden.services.transport_security.report_poster import HttpsPoster
from mailwarden.services.transport_security.report_store import ReportStore
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import Spool
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.tlsa import DaneLookups
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.log.maillog import MailLog


class TransportParts:
    """What `security` needs to live."""

    def __init__(
        self,
        post: Post,
        config: GatewayConfig,
        *,
        resolver: CachingResolver,
        spool: Spool,
        identifiers: Identifiers,
        log: MailLog,
        clock: Clock,
    ) -> None:
        """Take over what is kept of policies and results.

        Raises:
            CertificateError: `delivery.ca_file` or `authorities` cannot be used.
        """
        sts, context = config.delivery.mta_sts, make_policy_context(config, post.base)
        self._fetcher = HttpsPolicyFetcher(
            resolver,
            context,
            port=sts.port,
            timeout_seconds=sts.timeout_seconds,
        )
        cache = PolicyCache(clock)
        source = PolicySource(cache, resolver, self._fetcher, clock)
        self._keeper = PolicyKeeper(
            cache,
            PolicyFile(str(post.state.sts_policies), SystemFiles()),
            source,
            log,
            is_refreshing=post.is_leader,
        )
        self._keeper.load()
        collector = ReportCollector()
        self.security = TransportSecurity(
            config.delivery,
            DaneLookups(resolver),
            source,
            collector,
            clock,
            is_trusted=bool(config.dns.trusted_servers),
        )
        self._poster = HttpsPoster(resolver, context)
        store = ReportStore(str(post.state.tls_reports), post.index, SystemFiles())
        means = ReportMeans(
            store=store,
            spool=spool,
            identifiers=identifiers,
            resolver=resolver,
            poster=self._poster,
            log=log,
            clock=clock,
            random=random.SystemRandom(),
            token=lambda: secrets.token_hex(8),
        )
        self._sender = TlsReportSender(means, report_words(config)) if post.is_leader else None
        self.results = TlsResults(collector, store, self._sender, log, clock)
        self.results.load(post.count)
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work beside the mail."""
        self._running.append(asyncio.create_task(self._keeper.run()))
        self._running.append(asyncio.create_task(self.results.run()))

    def apply(self, config: GatewayConfig, context: ssl.SSLContext) -> None:
        """Go on under another configuration; `context` is that of `make_policy_context`."""
        sts = config.delivery.mta_sts
        self._fetcher.apply(context, port=sts.port, timeout_seconds=sts.timeout_seconds)
        self._poster.context = context
        if self._sender is not None:
            self._sender.words = report_words(config)
        self.security.apply(config.delivery, is_trusted=bool(config.dns.trusted_servers))

    def close(self) -> None:
        """Keep what is known, and end."""
        for task in self._running:
            task.cancel()
        self._keeper.close()
        self.results.close()


def report_words(config: GatewayConfig) -> ReportWords:
    """Return what TLS reports say of the gateway, and when they go."""
    reports = config.delivery.tls_reports
    return ReportWords(
        is_enabled=reports.enabled,
        reporter=Reporter(
            organization=reports.organization or config.hostname,
            contact=reports.contact or f"postmaster@{config.hostname}",
        ),
        hostname=config.hostname,
        delay_max_seconds=reports.delay_max_seconds,
    )


def make_policy_context(config: GatewayConfig, base: Path) -> ssl.SSLContext:
    """Return how policy hosts are verified.

    Raises:
        CertificateError: `delivery.ca_file` or `authorities` cannot be used.
    """
    ca_file = str(base / config.delivery.ca_file) if config.delivery.ca_file else ""
    return policy_context(ca_file, config.authorities)
