"""What the configuration says of our own addresses: whom not to send to, and whom to ask as."""

from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.hosts import Ourselves
from mailwarden.services.call_ahead.asker import Outset


def ourselves_of(config: GatewayConfig) -> Ourselves:
    """Return how an MX record can lead back to this gateway."""
    names = {config.hostname, *(i.hostname for i in config.interfaces.values() if i.hostname)}
    endpoints = {
        (config.interfaces[listener.interface].address, listener.port)
        for listener in config.listeners
    }
    return Ourselves(frozenset(names), frozenset(endpoints))


def call_ahead_outsets(config: GatewayConfig) -> dict[str, Outset]:
    """Return what the configuration means for the questions of each call-ahead profile."""
    routes, ourselves = RouteTable(config.smtp_routes), ourselves_of(config).endpoints
    outsets = {}
    for name, profile in config.call_ahead_profiles.items():
        interface = config.interfaces.get(profile.interface)
        hello = (interface.hostname if interface is not None else "") or config.hostname
        outsets[name] = Outset(
            routes=routes,
            ourselves=ourselves,
            hello=hello,
            local_address=interface.address if interface is not None else "",
        )
    return outsets
