"""The whole configuration as one immutable value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailwarden.core.hostport import parse_hostname
from mailwarden.core.interface import Interface
from mailwarden.core.management_settings import ManagementSettings
from mailwarden.core.patterns import parse_destination, parse_name
from mailwarden.core.policy.bounce_profile import DEFAULT_PROFILE, BounceProfile
from mailwarden.core.policy.bounce_templates import Wording
from mailwarden.core.policy.bounce_verification import BounceVerificationSettings
from mailwarden.core.policy.destinations import DestinationRow, DestinationTable
from mailwarden.core.policy.destinations_text import DESTINATION_CONTROLS
from mailwarden.core.policy.return_addresses import ReturnAddressSettings
from mailwarden.core.policy.text_table import TextTable
from mailwarden.core.routes import ROUTES_MAX, check_route, parse_route_key
from mailwarden.core.setting import REQUIRED, setting
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.mailflow.listener.settings import InboundSettings, Listener
from mailwarden.mailflow.workqueue.settings import MailPolicies, WorkQueueSettings
from mailwarden.services.accounts.administration import AdministrationSettings
from mailwarden.services.alerts.settings import AlertSettings
from mailwarden.services.call_ahead.settings import PROFILES_MAX, CallAheadProfile
from mailwarden.services.certificates.acme.settings import AcmeSettings
from mailwarden.services.engines.reputation.settings import ReputationSettings
from mailwarden.services.throttling.settings import RateSettings
from mailwarden.services.updates.settings import UpdateSettings
from mailwarden.stores.spool.settings import SpoolSettings
from mailwarden.system.clock.zone import parse_time_zone
from mailwarden.system.crypto.settings import AuthoritySettings, CertificateFiles, TlsSettings
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.log.settings import LogSettings

DEFAULT_STATE_DIRECTORY: Final = "/var/lib/mailwarden"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Everything that an administrator can set."""

    hostname: str = setting(
        REQUIRED,
        "Fully qualified name of the gateway.",
        examples=("gw1.corp.example",),
        parse=parse_hostname,
    )
    time_zone: str = setting(
        "",
        "Time zone of logs, of the headers that the gateway writes, and of commands: a name of the "
        "IANA data base, or an offset east of GMT; empty is that of the machine.",
        examples=("Europe/Berlin", "GMT+05:30"),
        parse=parse_time_zone,
    )
    state_directory: str = setting(
        DEFAULT_STATE_DIRECTORY,
        "Folder of spool, logs and control socket; relative to this file.",
        is_path=True,
    )
    user: str = setting(
        "", "User that the workers run as once the ports are bound; empty keeps the starting user."
    )
    workers: int = setting(
        0, "Processes that receive and deliver; 0 is one for each processor.", minimum=0, maximum=64
    )
    interfaces: Mapping[str, Interface] = setting(
        REQUIRED,
        "Addresses of the gateway, by name; each is also a virtual gateway.",
        parse_key=parse_name,
    )
    interface_groups: Mapping[str, tuple[str, ...]] = setting(
        dict,
        "Groups of interfaces that mail leaves from in turn, by name.",
        refers_to=("interfaces",),
        parse=parse_name,
        parse_key=parse_name,
    )
    listeners: tuple[Listener, ...] = setting(REQUIRED, "Ports on which mail is taken.")
    inbound: InboundSettings = setting(InboundSettings, "What all listeners share.")
    rates: RateSettings = setting(RateSettings, "How what hosts send is counted.")
    reputation: ReputationSettings = setting(
        ReputationSettings, "Where the scores of connecting hosts come from."
    )
    certificates: Mapping[str, CertificateFiles] = setting(
        dict, "Certificates by name.", parse_key=parse_name
    )
    tls: TlsSettings = setting(TlsSettings, "Versions and ciphers of TLS.")
    authorities: AuthoritySettings = setting(
        AuthoritySettings, "Whom other servers' certificates are verified against."
    )
    acme: AcmeSettings = setting(
        AcmeSettings, "Certificates that an authority gives out by itself."
    )
    call_ahead_profiles: Mapping[str, CallAheadProfile] = setting(
        dict,
        "Servers that listeners ask about recipients, by name; see the guide.",
        parse_key=parse_name,
        entries_max=PROFILES_MAX,
    )
    mail_policies: MailPolicies = setting(MailPolicies, "Policies that recipients are matched to.")
    work_queue: WorkQueueSettings = setting(WorkQueueSettings, "Limits of the work queue.")
    smtp_routes: Mapping[str, str] = setting(
        dict,
        "Where mail goes instead of to its MX hosts: by `dom.example`, `.dom.example`, IP "
        "address or `ALL`; see the guide for the values.",
        examples=("corp.example: mail1.int.example/pri=0, mail2.int.example/pri=10",),
        parse=check_route,
        parse_key=parse_route_key,
        entries_max=ROUTES_MAX,
    )
    destinations: Mapping[str, DestinationRow] = setting(
        dict,
        "Limits by destination: `dom.example`, `.dom.example` or `DEFAULT`.",
        parse_key=parse_destination,
    )
    destination_controls: TextTable[DestinationTable] = setting(
        DESTINATION_CONTROLS.empty(),
        "The destination controls as a text file, instead of `destinations`; see the guide.",
        examples=("[slow.example]", "max_messages_per_connection = 10", "table_tls = require"),
        table=DESTINATION_CONTROLS,
    )
    bounce_profiles: Mapping[str, BounceProfile] = setting(
        dict,
        "Bounce profiles by name. What a profile leaves open is as in `Default`, which may be set.",
        parse_key=parse_name,
        built_in=(DEFAULT_PROFILE,),
    )
    bounce_templates: Mapping[str, Mapping[str, Wording]] = setting(
        dict,
        "What bounces and warnings say, by name and language; the first language is for everybody "
        "else.",
        parse_key=parse_name,
    )
    bounce_verification: BounceVerificationSettings = setting(
        BounceVerificationSettings, "How bounces of our mail are told from others."
    )
    return_addresses: ReturnAddressSettings = setting(
        ReturnAddressSettings, "Who the gateway's own mail comes from."
    )
    delivery: DeliverySettings = setting(DeliverySettings, "How the delivery client behaves.")
    alerts: AlertSettings = setting(AlertSettings, "Who is told of what happens, and how often.")
    spool: SpoolSettings = setting(SpoolSettings, "Sizes and limits of the spool.")
    dns: DnsSettings = setting(DnsSettings, "Which name servers are asked.")
    updates: UpdateSettings = setting(
        UpdateSettings, "Where updates of engines and rules come from."
    )
    management: ManagementSettings = setting(
        ManagementSettings, "The process that administrators reach the gateway through."
    )
    administration: AdministrationSettings = setting(
        AdministrationSettings, "Who may administer the gateway, and how they get in."
    )
    logs: LogSettings = setting(LogSettings, "Where the mail log goes.")
