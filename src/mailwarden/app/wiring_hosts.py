"""Builds what a worker knows and counts of hosts, on the memory that all workers share."""

import asyncio

from mailwarden.app.shared_memory import SharedMemory
from mailwarden.app.state_directory import StateDirectory
from mailwarden.control.config.model import GatewayConfig
from mailwarden.services.engines.reputation.service import Means, ReputationService
from mailwarden.services.throttling.rate_table import RateTable
from mailwarden.system.clock.clock import Clock
from mailwarden.system.dns.resolver import Resolver
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.log.maillog import MailLog


def dns_source(config: GatewayConfig) -> str:
    """Return the address that questions to name servers come from; "" is the system's choice."""
    name = config.dns.interface
    return config.interfaces[name].address if name else ""


def make_rates(config: GatewayConfig, memory: SharedMemory, log: MailLog) -> RateTable:
    """Return the counts of the hour."""
    return RateTable(
        memory.rates,
        windows=config.rates.windows,
        on_full=lambda: log.warning(
            "Rates: more hosts and senders than can be counted; the lowest counts go"
        ),
        on_stuck=lambda: log.warning(
            "Rates: another worker holds a count without going on; recipients are refused"
        ),
    )


def make_reputation(
    config: GatewayConfig,
    memory: SharedMemory,
    log: MailLog,
    clock: Clock,
    resolver: Resolver,
    state: StateDirectory,
    *,
    is_keeper: bool,
) -> ReputationService:
    """Return who gives scores; the one worker that is the keeper loads and saves the history."""
    means = Means(
        resolver=resolver,
        clock=clock,
        files=SystemFiles(),
        later=asyncio.get_running_loop().call_later,
        inform=log.info,
        warn=log.warning,
        memory=memory.history,
        path=str(state.reputation),
        is_keeper=is_keeper,
    )
    return ReputationService(config.reputation, means)
