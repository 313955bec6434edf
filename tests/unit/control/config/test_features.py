"""What a configuration is like without features, and who uses them."""

from dataclasses import replace

import pytest

from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.features import uses_of, without_features
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.features import Feature
from tests.unit.control.config.sample import SAMPLE, changed, read

TABLE = """\
    call_ahead: inside
    host_access: |
      sbrs[-10.0:-3.0]
          REJECT
      ALL
          ACCEPT
"""
MORE = """
call_ahead_profiles: {inside: {servers: ["mail.corp.example"]}}
destinations: {partner.example: {bounce_validation: on}}
dns: {trusted_servers: ["127.0.0.1:53"]}
delivery: {tls_reports: {enabled: on}}
updates: {manifest_server: {url: "http://up.example/"}, key_file: key.pem}
"""
ALL = changed("[corp.example]\n", f"[corp.example]\n{TABLE}") + MORE


@pytest.fixture(scope="module")
def config() -> GatewayConfig:
    return read(ALL)


USES = {
    Feature.REPUTATION: ["listeners[0].host_access"],
    Feature.CALL_AHEAD: ["listeners[0].call_ahead"],
    Feature.BOUNCE_VERIFICATION: ["destinations[partner.example].bounce_validation"],
    Feature.DANE: ["delivery.dane"],
    Feature.MTA_STS: ["delivery.mta_sts"],
    Feature.TLS_REPORTS: ["delivery.tls_reports"],
    Feature.UPDATES: ["updates"],
}


@pytest.mark.parametrize("feature", Feature)
def test_key_06_who_uses_a_feature(config: GatewayConfig, feature: Feature) -> None:
    assert uses_of(config, feature) == USES[feature]


@pytest.mark.parametrize("feature", Feature)
def test_key_05_nobody_uses_what_is_dormant(config: GatewayConfig, feature: Feature) -> None:
    without = without_features(config, {feature})
    others = [each for each in Feature if each is not feature]
    assert [uses_of(without, each) for each in others] == [USES[each] for each in others]
    if feature is Feature.UPDATES:  # the server stays where it is; nobody asks it
        assert not without.updates.automatic
    else:
        assert uses_of(without, feature) == []


def test_all_is_as_before_once_everything_is_active(config: GatewayConfig) -> None:
    assert without_features(config, set()) is config


def test_what_else_is_configured_stays(config: GatewayConfig) -> None:
    without = without_features(config, set(Feature))
    assert without.listeners[0].host_access == config.listeners[0].host_access
    assert not any(row.bounce_validation for _, row in destination_table(without).rows)
    assert replace(without.updates, automatic=True) == config.updates


def test_a_plain_configuration_uses_little() -> None:
    plain = read(SAMPLE)
    used = {feature.value: uses_of(plain, feature) for feature in Feature}
    assert {name for name, uses in used.items() if uses} == {"reputation", "mta_sts"}
    assert used["reputation"] == ["listeners[0].use_reputation"]
