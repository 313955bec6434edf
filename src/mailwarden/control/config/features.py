"""What a configuration is like while features are switched off, and who would miss them.

A feature that is dormant behaves as if the administrator had not configured it: mail passes without
it, and none is lost (admin 7, KEY-05). The configuration itself is not touched, so that all is as
before once the feature is active again.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import join
from mailwarden.core.features import Feature
from mailwarden.core.patterns import DEFAULT


class _Effect(NamedTuple):
    """What switching a feature off means."""

    without: Callable[[GatewayConfig], GatewayConfig]
    uses: Callable[[GatewayConfig], Iterator[str]]


def without_features(config: GatewayConfig, dormant: Collection[Feature]) -> GatewayConfig:
    """Return the configuration to work by while the features of `dormant` are switched off."""
    for feature in Feature:
        if feature in dormant:
            config = _EFFECTS[feature].without(config)
    return config


def uses_of(config: GatewayConfig, feature: Feature) -> list[str]:
    """Return the settings that use a feature, as `listeners[0].call_ahead`; none would miss it."""
    return list(_EFFECTS[feature].uses(config))


def _without_reputation(config: GatewayConfig) -> GatewayConfig:
    listeners = tuple(replace(each, use_reputation=False) for each in config.listeners)
    reputation = replace(config.reputation, order=(), feeds=(), dns_lists=())
    return replace(config, listeners=listeners, reputation=reputation)


def _reputation_uses(config: GatewayConfig) -> Iterator[str]:
    if not config.reputation.order:
        return
    for index, listener in enumerate(config.listeners):
        if listener.host_access.table.has_scores():
            yield f"{join('listeners', index)}.host_access"
        elif listener.finds_scores():
            yield f"{join('listeners', index)}.use_reputation"


def _without_call_ahead(config: GatewayConfig) -> GatewayConfig:
    return replace(
        config, listeners=tuple(replace(each, call_ahead="") for each in config.listeners)
    )


def _call_ahead_uses(config: GatewayConfig) -> Iterator[str]:
    for index, listener in enumerate(config.listeners):
        if listener.call_ahead:
            yield f"{join('listeners', index)}.call_ahead"


def _without_bounce_verification(config: GatewayConfig) -> GatewayConfig:
    settings = replace(config.bounce_verification, enabled=False)
    return replace(config, bounce_verification=settings)


def _bounce_verification_uses(config: GatewayConfig) -> Iterator[str]:
    name = "destination_controls" if config.destination_controls else "destinations"
    table = destination_table(config)
    for domain, row in ((DEFAULT, table.default), *table.rows):
        if row.bounce_validation:
            yield f"{join(name, domain)}.bounce_validation"


def _without_dane(config: GatewayConfig) -> GatewayConfig:
    delivery = config.delivery
    return replace(config, delivery=replace(delivery, dane=replace(delivery.dane, enabled=False)))


def _dane_uses(config: GatewayConfig) -> Iterator[str]:
    if config.delivery.dane.enabled and config.dns.trusted_servers:
        yield "delivery.dane"


def _without_mta_sts(config: GatewayConfig) -> GatewayConfig:
    delivery = config.delivery
    mta_sts = replace(delivery.mta_sts, enabled=False)
    return replace(config, delivery=replace(delivery, mta_sts=mta_sts))


def _mta_sts_uses(config: GatewayConfig) -> Iterator[str]:
    if config.delivery.mta_sts.enabled:
        yield "delivery.mta_sts"


def _without_tls_reports(config: GatewayConfig) -> GatewayConfig:
    delivery = config.delivery
    reports = replace(delivery.tls_reports, enabled=False)
    return replace(config, delivery=replace(delivery, tls_reports=reports))


def _tls_reports_uses(config: GatewayConfig) -> Iterator[str]:
    if config.delivery.tls_reports.enabled:
        yield "delivery.tls_reports"


def _without_updates(config: GatewayConfig) -> GatewayConfig:
    return replace(config, updates=replace(config.updates, automatic=False))


def _updates_uses(config: GatewayConfig) -> Iterator[str]:
    if config.updates.is_on:
        yield "updates"


_EFFECTS: Final[Mapping[Feature, _Effect]] = {
    Feature.REPUTATION: _Effect(_without_reputation, _reputation_uses),
    Feature.CALL_AHEAD: _Effect(_without_call_ahead, _call_ahead_uses),
    Feature.BOUNCE_VERIFICATION: _Effect(_without_bounce_verification, _bounce_verification_uses),
    Feature.DANE: _Effect(_without_dane, _dane_uses),
    Feature.MTA_STS: _Effect(_without_mta_sts, _mta_sts_uses),
    Feature.TLS_REPORTS: _Effect(_without_tls_reports, _tls_reports_uses),
    Feature.UPDATES: _Effect(_without_updates, _updates_uses),
}
