"""Tells administrators that mail waits because TLS was required (mailflow 7.2)."""

from typing import Final

from mailwarden.core.alerts import SYSTEM, WARNING, Alerts
from mailwarden.mailflow.delivery.hosts import Endpoint
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.system.clock.clock import Clock

SECONDS_BETWEEN: Final = 3600.0  # alerts about the same host
HOSTS_MAX: Final = 10_000  # that are remembered; beyond it the oldest is forgotten


class TlsAlerts:
    """Alerts, where the plan asks for them: one an hour for each host."""

    __slots__ = ("_alerts", "_clock", "_told", "plan")

    def __init__(self, plan: Plan, clock: Clock, alerts: Alerts) -> None:
        self.plan = plan
        self._clock: Final = clock
        self._alerts: Final = alerts
        self._told: dict[str, float] = {}  # monotonic seconds, by host

    def required(self, endpoint: Endpoint, reason: str) -> None:
        """Hear that TLS with a host did not come about although it was required."""
        if not self.plan.send_tls_alert:
            return
        now = self._clock.monotonic()
        key = endpoint.host
        told_at = self._told.pop(key, None)
        if told_at is not None and now - told_at < SECONDS_BETWEEN:
            self._told[key] = told_at
            return
        if len(self._told) >= HOSTS_MAX:
            del self._told[next(iter(self._told))]
        self._told[key] = now
        whose = f" for {endpoint.domain}" if endpoint.domain not in ("", endpoint.host) else ""
        text = (
            f"Required TLS connection failed: mail{whose} waits, as TLS with {endpoint.host} "
            f"({endpoint.address}) did not come about: {reason}"
        )
        self._alerts.alert(WARNING, SYSTEM, text, f"required TLS {endpoint.host}")
