"""The stations of a trace: those of a worker, on ports that have no effect."""

import random
import ssl
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mailwarden.app.own_endpoints import call_ahead_outsets
from mailwarden.app.station_plans import (
    delivery_plan,
    listener_context,
    server_tls,
    work_queue_plan,
)
from mailwarden.app.tracing.delivering import DeliveryMeans
from mailwarden.app.tracing.ports import (
    GivenScore,
    NoUses,
    Numbers,
    QuietReputation,
    Recorder,
    ScoreSource,
    verify_only,
)
from mailwarden.app.tracing.request import TraceError, TraceRequest
from mailwarden.app.tracing.scores import Scores
from mailwarden.app.tracing.watched_dns import FullResolver, WatchedResolver
from mailwarden.app.transport_parts import make_policy_context
from mailwarden.control.config.files import bounce_keys_file
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.alerts import NoAlerts
from mailwarden.core.features import Feature
from mailwarden.core.policy.tls_report import ReportCollector
from mailwarden.mailflow.delivery.hosts import HostFinder
from mailwarden.mailflow.delivery.plan import TlsContexts
from mailwarden.mailflow.delivery.transport_security import TransportSecurity
from mailwarden.mailflow.listener.context import ListenerContext, Parts, count_together
from mailwarden.mailflow.listener.grants import ServerTls
from mailwarden.mailflow.listener.hosts import DnsLists
from mailwarden.mailflow.listener.hosts import Reputation as ListenerReputation
from mailwarden.mailflow.listener.listeners import Listeners
from mailwarden.mailflow.listener.pressure import Pressure, PressureLimits
from mailwarden.mailflow.listener.settings import Listener
from mailwarden.mailflow.workqueue.pipeline import PIPELINE, build_pipeline
from mailwarden.mailflow.workqueue.stage import Plan as StagePlan
from mailwarden.mailflow.workqueue.stage import Stage
from mailwarden.services.bounce_tags import BounceTags, load_keys
from mailwarden.services.call_ahead.asker import Means as CallAheadMeans
from mailwarden.services.call_ahead.profiles import CallAheads
from mailwarden.services.throttling.gauges import LocalGauges
from mailwarden.services.throttling.rates import LocalRates
from mailwarden.services.transport_security.cache import PolicyCache
from mailwarden.services.transport_security.fetcher import FetchError, PolicyFetcher
from mailwarden.services.transport_security.https_fetcher import HttpsPolicyFetcher
from mailwarden.services.transport_security.policies import PolicySource
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.system.clock.clock import Clock, SystemClock
from mailwarden.system.crypto.tls import CertificateError
from mailwarden.system.dns.tlsa import DaneLookups

TIMEOUT_SECONDS: Final = 60.0
NOT_FETCHED: Final = "the policy was not fetched for this trace"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceParts:
    """What is handed in to a trace."""

    base: Path  # from which the configuration's relative paths count
    configuration: str = ""  # what it is called in the report: `running`, a file
    make_resolver: Callable[[GatewayConfig], FullResolver] | None = None  # None: by `dns`
    reputation: ScoreSource | None = None  # of the gateway; None finds scores out anew
    timeout_seconds: float = TIMEOUT_SECONDS
    clock: Clock = field(default_factory=SystemClock)
    dormant: frozenset[Feature] = frozenset()  # that the gateway works without


class NoFetcher:
    """Fetches no policy."""

    async def fetch(self, domain: str) -> bytes:
        """Fail."""
        raise FetchError(f"{NOT_FETCHED}: {domain}")


class Stations:
    """Everything that a message meets, built for it alone."""

    def __init__(
        self,
        config: GatewayConfig,
        request: TraceRequest,
        parts: TraceParts,
        resolver: WatchedResolver,
    ) -> None:
        """Build everything; nothing is asked and nothing is written.

        Raises:
            TraceError: a file that the configuration names cannot be used.
        """
        self._config: Final = config
        self._request: Final = request
        self._base: Final = parts.base
        self._clock: Final = parts.clock
        self._resolver: Final = resolver
        self.notes: Final[list[str]] = []
        self.recorder: Final = Recorder()
        self.spool: Final = MemorySpool(parts.clock)
        self.counters: Final[dict[str, int]] = defaultdict(int)
        self.numbers: Final = Numbers()
        self._gauges: Final = LocalGauges()
        self._tags: Final = self._load_tags()
        self._scores: Final = parts.reputation
        self._own_scores: Scores | None = None
        self.call_aheads: Final = CallAheads(
            CallAheadMeans(
                resolver=resolver,
                gauges=self._gauges,
                log=self.recorder.log,
                clock=parts.clock,
                counters=self.counters,
            )
        )

    async def close(self) -> None:
        """Let go of what was used."""
        await self.call_aheads.stop()
        if self._own_scores is not None:
            await self._own_scores.close()
        self._resolver.close()

    # The listener.

    async def listeners(self, listener: Listener) -> tuple[Listeners, ListenerContext]:
        """Return the listeners, and the context of the one that is meant."""
        recorder, config = self.recorder, self._config
        limits = PressureLimits(
            config.work_queue.soft_limit_messages, config.work_queue.hard_limit_messages, 0
        )
        made = Listeners(
            Parts(
                spool=self.spool,
                identifiers=self.numbers,
                log=recorder.log,
                clock=self._clock,
                gauges=self._gauges,
                resolver=self._resolver,
                dns_lists=DnsLists(self._resolver, self._clock, recorder.log.warning),
                pressure=Pressure(self.spool, self._clock, limits, NoAlerts()),
                rates=LocalRates(windows=config.rates.windows),
                reputation=await self._reputation(listener),
                alerts=NoAlerts(),
                counters=self.counters,
                offset_minutes=lambda: time.localtime().tm_gmtoff // 60,
            )
        )
        return made, self._contexts(listener)[listener.name]

    def _contexts(self, wanted: Listener) -> dict[str, ListenerContext]:
        """Return the contexts of all listeners: what one counts, the others decide too."""
        config, outsets = self._config, call_ahead_outsets(self._config)
        askers = self.call_aheads.plan(config.call_ahead_profiles, outsets)
        self.call_aheads.use(askers, outsets)
        asks = self._request.asks_call_ahead
        verify = verify_only(self._request.user) if config.inbound.credentials else None
        return count_together(
            {
                listener.name: listener_context(
                    config,
                    listener,
                    tls=self._server_tls(listener) if listener is wanted else None,
                    verify=verify,
                    call_ahead=askers.get(listener.call_ahead) if asks else None,
                    tags=self._tags,
                )
                for listener in config.listeners
            }
        )

    def _server_tls(self, listener: Listener) -> ServerTls | None:
        if listener.certificate and self._config.certificates[listener.certificate].is_kept:
            return _offered_tls()  # the key is not ours to read
        try:
            return server_tls(self._config, self._base, listener, {})
        except CertificateError as error:
            raise TraceError(f"the certificate {listener.certificate}: {error}") from error

    async def _reputation(self, listener: Listener) -> ListenerReputation | None:
        request = self._request
        if request.has_no_score or request.score is not None:
            return GivenScore(request.score)
        if not listener.finds_scores():
            return None
        if self._scores is not None:
            return QuietReputation(self._scores)
        self._own_scores = Scores(
            self._config.reputation, self._resolver, self._clock, self.recorder.log
        )
        self.notes.extend(await self._own_scores.start())
        return QuietReputation(self._own_scores.service)

    def _load_tags(self) -> BounceTags | None:
        try:
            keys = load_keys(bounce_keys_file(self._config))
        except (OSError, ValueError) as error:
            raise TraceError(f"the keys of bounce tags cannot be used: {error}") from error
        return BounceTags(keys, NoUses()) if keys.keys else None

    # The work queue and delivery.

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of the work queue."""
        return build_pipeline(self._stage_plan())

    def absent_stages(self) -> list[str]:
        """Return the names of the stages that the configuration does not ask for."""
        plan = self._stage_plan()
        absent = [builder.__module__ for builder in PIPELINE if builder(plan) is None]
        return [module.rpartition(".")[2].replace("_", " ") for module in absent]

    def _stage_plan(self) -> StagePlan:
        return work_queue_plan(self._config, self.spool, self.recorder.log)

    def delivery(self) -> DeliveryMeans:
        """Return what delivery asks.

        Raises:
            TraceError: a file that the configuration names cannot be used.
        """
        config, settings = self._config, self._config.delivery
        plan = delivery_plan(config, tls=_no_tls(), tags=self._tags)
        try:
            fetcher = self._fetcher()
        except CertificateError as error:
            raise TraceError(f"delivery.ca_file: {error}") from error
        finder = HostFinder(
            self._resolver, random.SystemRandom(), plan.ourselves, plan.port, settings.prefer_ipv6
        )
        source = PolicySource(PolicyCache(self._clock), self._resolver, fetcher, self._clock)
        security = TransportSecurity(
            settings,
            DaneLookups(self._resolver),
            source,
            ReportCollector(),
            self._clock,
            is_trusted=bool(config.dns.trusted_servers),
        )
        return DeliveryMeans(plan, finder, security, self._clock)

    def _fetcher(self) -> PolicyFetcher:
        if not self._request.fetches_policies:
            return NoFetcher()
        sts = self._config.delivery.mta_sts
        context = make_policy_context(self._config, self._base)
        return HttpsPolicyFetcher(
            self._resolver, context, port=sts.port, timeout_seconds=sts.timeout_seconds
        )


def _offered_tls() -> ServerTls:
    """Return contexts that only say that TLS is offered: nobody shakes hands."""
    plain, checking, demanding = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(3))
    return ServerTls(plain, checking, demanding)


def _no_tls() -> TlsContexts:
    """Return contexts that nobody uses: nothing is connected."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return TlsContexts(context, context)
