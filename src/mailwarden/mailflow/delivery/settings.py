"""What the administrator sets of delivery (mailflow 7.1, 7.3, 7.5)."""

from dataclasses import dataclass

from mailwarden.core.policy.alt_sources import GATEWAYS, AltSources
from mailwarden.core.policy.text_table import TextTable
from mailwarden.core.policy.unsubscribe import (
    DEFAULT_ACTION,
    UnsubscribeAction,
    UnsubscribeList,
)
from mailwarden.core.setting import Unit, setting
from mailwarden.mailflow.delivery.tables import ALT_SOURCES, UNSUBSCRIBE
from mailwarden.mailflow.delivery.transport_settings import (
    DaneSettings,
    MtaStsSettings,
    TlsReportSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """How the delivery client behaves (mailflow 7.3)."""

    interface: str = setting(
        "",
        "Interface, or group of them, that mail leaves from; empty lets the system choose the "
        "address.",
        refers_to=GATEWAYS,
    )
    alt_sources: TextTable[AltSources] = setting(
        ALT_SOURCES.empty(),
        "What some mail leaves from instead, as `key interface`: by address of the client, or by "
        "sender as `user@dom.example`, `user@`, `@dom.example` or `@.dom.example`.",
        examples=("@brand.example Brand", "10.0.0.40 Marketing"),
        table=ALT_SOURCES,
    )
    possible_delivery: bool = setting(
        True,
        "A connection that breaks between the final dot and the reply counts as delivered; "
        "off tries again, at the risk of a second copy.",
    )
    max_connections: int = setting(
        10_000, "Outbound connections at the same time, over all workers.", minimum=1
    )
    connect_timeout_seconds: float = setting(
        60, "Waiting for a connection.", minimum=0.1, unit=Unit.SECONDS
    )
    greeting_timeout_seconds: float = setting(
        300, "Waiting for the banner (RFC 5321, 4.5.3.2.1).", minimum=0.1, unit=Unit.SECONDS
    )
    command_timeout_seconds: float = setting(
        300,
        "Waiting for the reply to EHLO, MAIL and RCPT (4.5.3.2.2).",
        minimum=0.1,
        unit=Unit.SECONDS,
    )
    data_timeout_seconds: float = setting(
        120,
        "Waiting for the 354 (4.5.3.2.4), and for the peer to take content.",
        minimum=0.1,
        unit=Unit.SECONDS,
    )
    final_timeout_seconds: float = setting(
        600,
        "Waiting for the reply to the final dot (4.5.3.2.6).",
        minimum=0.1,
        unit=Unit.SECONDS,
    )
    idle_timeout_seconds: float = setting(
        5,
        "How long a connection is kept open for the next message.",
        minimum=0,
        unit=Unit.SECONDS,
    )
    host_down_seconds: float = setting(
        60,
        "How long a host that could not be reached is left alone.",
        minimum=0,
        unit=Unit.SECONDS,
    )
    keep_deleted_seconds: float = setting(
        86_400,
        "How long `mailwarden queue restore` can bring back what `queue delete` removed.",
        minimum=0,
        unit=Unit.SECONDS,
    )
    max_recipients_per_transaction: int = setting(
        100,
        "Recipients in one transaction, unless the peer announces another limit (RFC 9422).",
        minimum=1,
    )
    send_tls_alert: bool = setting(
        False, "Warn when TLS was required for a destination and did not come about."
    )
    certificate: str = setting(
        "",
        "Certificate that is shown to other servers, by its name in `certificates`.",
        refers_to=("certificates",),
    )
    unsubscribe: TextTable[UnsubscribeList] = setting(
        UNSUBSCRIBE.empty(),
        "Global unsubscribe list: recipients that get no mail from here at all, as "
        "`user@dom.example`, `user@`, `@dom.example`, `@.dom.example`, or the address of their "
        "mail server.",
        examples=("bob@partner.example", "192.0.2.9"),
        table=UNSUBSCRIBE,
    )
    unsubscribe_action: UnsubscribeAction = setting(
        DEFAULT_ACTION, "Whether mail to them is dropped, or returned to its sender."
    )
    prefer_ipv6: bool = setting(False, "Try IPv6 addresses of a host before its IPv4 addresses.")
    ca_file: str = setting(
        "",
        "File of the authorities that peers are verified against, instead of `authorities`.",
        is_path=True,
    )
    dane: DaneSettings = setting(DaneSettings, "What TLSA records of other domains ask for.")
    mta_sts: MtaStsSettings = setting(MtaStsSettings, "What other domains ask for with MTA-STS.")
    tls_reports: TlsReportSettings = setting(
        TlsReportSettings, "Reports to other domains of how TLS with their hosts went."
    )
