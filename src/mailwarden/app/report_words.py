"""What the configuration says of the reports that the gateway writes."""

from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.mail.envelope import Envelope, domain_of
from mailwarden.core.policy.bounce_profile import Profiles, ResolvedProfile
from mailwarden.core.policy.bounce_templates import BounceTemplate
from mailwarden.core.policy.destinations import DestinationIndex
from mailwarden.mailflow.origination.originator import ChooseProfile, Words


def report_words(config: GatewayConfig) -> Words:
    """Return host name, profiles, templates and From for the reports that the gateway writes."""
    templates = {
        name: BounceTemplate(tuple(languages.items()))
        for name, languages in config.bounce_templates.items()
    }
    return Words(
        config.hostname, _profile_chooser(config), templates, config.return_addresses.bounces
    )


def _profile_chooser(config: GatewayConfig) -> ChooseProfile:
    """Return how the bounce profile is found: that of the destination wins (mailflow 1.2, 9)."""
    profiles = Profiles(config.bounce_profiles)
    destinations = DestinationIndex(destination_table(config))

    def choose(envelope: Envelope, address: str) -> ResolvedProfile:
        destination = destinations.find(domain_of(address)).bounce_profile
        return profiles.choose(destination, envelope.bounce_profile)

    return choose
