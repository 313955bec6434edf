"""What the configuration means for delivery, as one immutable value that is swapped whole."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from mailwarden.core.interface import Interface
from mailwarden.core.mail.envelope import Envelope
from mailwarden.core.policy.bounce_profile import Profiles, ResolvedProfile
from mailwarden.core.policy.destinations import DestinationIndex, DestinationLimits
from mailwarden.core.policy.unsubscribe import UnsubscribeIndex
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.gateways import Gateways, Source
from mailwarden.mailflow.delivery.header import header_values
from mailwarden.mailflow.delivery.hosts import Ourselves
from mailwarden.mailflow.delivery.nexthop import SMTP_PORT
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.services.bounce_tags import BounceTags
from mailwarden.stores.spool.spool import Stored
from mailwarden.system.crypto.settings import DEFAULT_PROTOCOL, TlsProtocol


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """How we speak TLS as a client: with a look at the certificate, and without.

    `verifying` checks the chain; which names are right is checked here, not in the context, so
    its `check_hostname` is off.
    """

    trusting: ssl.SSLContext
    verifying: ssl.SSLContext
    protocol: TlsProtocol = DEFAULT_PROTOCOL  # what both of them speak


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that steers delivery."""

    settings: DeliverySettings
    hostname: str  # of the gateway
    routes: RouteTable
    destinations: DestinationIndex
    profiles: Profiles
    tls: TlsContexts
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    gateways: Gateways = field(default_factory=Gateways)
    ourselves: Ourselves = Ourselves()
    tags: BounceTags | None = None  # None tags no sender
    logged_headers: tuple[str, ...] = ()
    send_tls_alert: bool = False  # when TLS was required and did not come about
    port: int = SMTP_PORT  # of hosts that no route names
    unsubscribed: UnsubscribeIndex | None = field(init=False)  # None is an empty list
    is_plain: bool = field(init=False)  # whether nothing has to be asked about each message
    queue_seconds_min: float = field(init=False)  # after which any profile gives a message up
    retry_seconds_max: float = field(init=False)  # that any profile lets a message wait

    def __post_init__(self) -> None:
        least = min(profile.max_queue_time_seconds for profile in self.profiles)
        most = max(profile.max_retry_seconds for profile in self.profiles)
        table = self.settings.unsubscribe
        listed = table.indexed(UnsubscribeIndex) if table.table.entries else None
        object.__setattr__(self, "unsubscribed", listed)
        is_plain = listed is None and not self.gateways.is_rotating
        object.__setattr__(self, "is_plain", is_plain)
        object.__setattr__(self, "queue_seconds_min", least)
        object.__setattr__(self, "retry_seconds_max", most)

    def profile(self, limits: DestinationLimits | None, envelope: Envelope) -> ResolvedProfile:
        """Return the bounce profile of a message: the destination's comes before its own."""
        name = limits.bounce_profile if limits is not None else ""
        return self.profiles.choose(name, envelope.bounce_profile)

    def outgoing(self, envelope: Envelope, limits: DestinationLimits, now: float) -> Envelope:
        """Return the envelope that mail leaves with: with a tag in its sender (mailflow 7.6)."""
        if self.tags is None or not limits.bounce_validation:
            return envelope
        return structs.replace(envelope, sender=self.tags.tag(envelope.sender, now))

    def logged(self, stored: Stored) -> Sequence[tuple[str, str]]:
        """Return the header fields that the log shows of a message."""
        return header_values(stored, self.logged_headers) if self.logged_headers else ()

    def local_address(self, address: str, interface: str = "") -> str | None:
        """Return our address to connect to `address` from; None leaves it to the system.

        `interface` is the one that mail leaves from, "" the usual one.

        Raises:
            ValueError: that interface speaks another version of IP.
        """
        name = interface or self.settings.interface
        chosen = self.interfaces.get(name)
        if chosen is None:
            return None
        if (":" in chosen.address) is not (":" in address):
            raise ValueError(f"interface {name} cannot reach {address}")
        return chosen.address

    def hello(self, local_address: str, interface: str = "") -> str:
        """Return our name in EHLO on connections from `local_address` (mailflow 7.3)."""
        chosen = self.interfaces.get(interface or self.settings.interface)
        if chosen is not None:
            return chosen.hostname or self.hostname
        for other in self.interfaces.values():
            if other.address == local_address and other.hostname:
                return other.hostname
        return self.hostname

    def hostname_of(self, source: Source) -> str:
        """Return the name of the gateway that a message leaves from."""
        return self.hello("", source.interface)
