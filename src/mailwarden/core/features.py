"""The features that can be switched off by themselves, apart from the configuration (admin 7)."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

SWITCH: Final = "features_dormant"  # among the switches that the supervisor hands to workers


class Feature(Enum):
    """A feature. What is not switched off is as the configuration says."""

    REPUTATION = "reputation"
    CALL_AHEAD = "call_ahead"
    BOUNCE_VERIFICATION = "bounce_verification"
    DANE = "dane"
    MTA_STS = "mta_sts"
    TLS_REPORTS = "tls_reports"
    UPDATES = "updates"

    @property
    def title(self) -> str:
        """What people call it."""
        return _TITLES[self]


_TITLES: Final[Mapping[Feature, str]] = {
    Feature.REPUTATION: "Reputation",
    Feature.CALL_AHEAD: "SMTP call-ahead",
    Feature.BOUNCE_VERIFICATION: "Bounce verification",
    Feature.DANE: "DANE",
    Feature.MTA_STS: "MTA-STS",
    Feature.TLS_REPORTS: "TLS reports",
    Feature.UPDATES: "Updates",
}


def dormant_in(switches: Mapping[str, Any]) -> frozenset[Feature]:
    """Return the features that are switched off; what makes no sense in `switches` switches none.

    A switch is a list of names, so that it can stand in a JSON file and go over a channel.
    """
    names = switches.get(SWITCH)
    if not isinstance(names, list):
        return frozenset()
    return frozenset([feature for feature in Feature if feature.value in names])


def dormant_names(dormant: frozenset[Feature]) -> list[str]:
    """Return what stands for `dormant` among the switches."""
    return sorted([feature.value for feature in dormant])
