"""What of the configuration concerns updates, and the components that there are."""

from collections.abc import Callable
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.services.engines.reputation import updatable
from mailwarden.services.updates.component import Component, Plan

FOLDER: Final = "updates"  # in the state directory; workers have to be able to read it


def components(config: Callable[[], GatewayConfig]) -> tuple[Component, ...]:
    """Return what can be updated; `config` gives the configuration that is in use."""
    return (
        Component(
            name=updatable.COMPONENT,
            title="Reputation rules",
            check=updatable.CHECK,
            confirm=updatable.make_confirm(lambda: config().reputation.feeds),
        ),
    )


def update_plan(config: GatewayConfig) -> Plan:
    """Return what the configuration says of updates."""

    def address_of(name: str) -> str:
        interface = config.interfaces.get(name)
        return interface.address if interface is not None else ""

    return Plan(
        config.updates,
        config.dns,
        address_of(config.updates.interface),
        address_of(config.dns.interface),
    )
