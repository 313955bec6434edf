"""What the administrator sets of the listeners (mailflow 2.2 - 2.5, 3.5)."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from mailwarden.core.hostport import parse_hostname
from mailwarden.core.mail.address import AddressRules
from mailwarden.core.patterns import parse_accepted, parse_name, parse_network
from mailwarden.core.policy.aliases import AliasTable
from mailwarden.core.policy.domain_map import DomainMap
from mailwarden.core.policy.exceptions import ExceptionTable
from mailwarden.core.policy.hat import HostAccessTable
from mailwarden.core.policy.hat_parameters import Demand
from mailwarden.core.policy.hat_policy import PRIVATE_DEFAULTS, PUBLIC_DEFAULTS, EffectivePolicy
from mailwarden.core.policy.masquerade import MasqueradeTable
from mailwarden.core.policy.rat import Rat
from mailwarden.core.policy.text_table import TextTable
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, Unit, setting
from mailwarden.core.smtp.content import BareCrLf
from mailwarden.mailflow.listener.tables import (
    ALIASES,
    DOMAIN_MAP,
    HOST_ACCESS,
    MASQUERADE,
    RECIPIENT_ACCESS,
    SENDER_EXCEPTIONS,
    parse_relay_host,
    parse_reply_text,
)


class ListenerType(Enum):
    """What a listener is for (mailflow 2.1)."""

    PUBLIC = "public"  # mail from the Internet: only accepted domains
    PRIVATE = "private"  # mail from inside: every recipient, from relay hosts only
    BLACKHOLE = "blackhole"  # stores, then deletes
    BLACKHOLE_NON_QUEUEING = "blackhole_non_queueing"  # discards at once


class ReceivedHostname(Enum):
    """Which name follows `by` in the Received header (mailflow 2.3)."""

    INTERFACE = "interface"  # that the message was received on
    VIRTUAL_GATEWAY = "virtual_gateway"  # that it is delivered from


def _code(name: str, what: str) -> Any:  # noqa: ANN401  as `setting` returns
    default = getattr(PUBLIC_DEFAULTS, name)
    return setting(default, f"Code of the reply when the sender {what}.", minimum=400, maximum=599)


def _limit_code(name: str, what: str) -> Any:  # noqa: ANN401  as `setting` returns
    default = getattr(PUBLIC_DEFAULTS, name)
    return setting(default, f"Code of the reply above {what}.", minimum=400, maximum=599)


def _limit_text(name: str, what: str) -> Any:  # noqa: ANN401  as `setting` returns
    return setting(
        getattr(PUBLIC_DEFAULTS, name),
        f"Text of the reply above {what}; may have lines and HAT variables.",
        parse=parse_reply_text,
        has_lines=True,
    )


def _text(name: str, what: str) -> Any:  # noqa: ANN401  as `setting` returns
    return setting(
        getattr(PUBLIC_DEFAULTS, name),
        f"Text of the reply when the sender {what}; `$EnvelopeSender` is the sender.",
        parse=parse_reply_text,
        has_lines=True,
    )


class AddressHeader(Enum):
    """Header fields that hold addresses and that masquerading may rewrite (mailflow 5.4)."""

    FROM = "from"
    TO = "to"
    CC = "cc"
    REPLY_TO = "reply_to"

    @property
    def field_name(self) -> str:
        """The name as it is usually written."""
        return "-".join(word.capitalize() for word in self.value.split("_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFlowPolicy:
    """How much a connected host may do (mailflow 3.5), unless its policy in the table says else.

    Unset values depend on the listener type. The names are those of `EffectivePolicy`.
    """

    max_message_size: int | None = setting(
        None,
        "Largest message; default 20M on public, 100M on private listeners.",
        minimum=1024,
        unit=Unit.BYTES,
    )
    max_concurrency: int | None = setting(
        None,
        "Connections of one address; default 10 on public, 600 on private listeners.",
        minimum=1,
    )
    max_msgs_per_session: int | None = setting(
        None,
        "Messages of one connection; default 10 on public, 10000 on private listeners.",
        minimum=1,
    )
    max_rcpts_per_msg: int | None = setting(
        None,
        "Recipients of one message; default 50 on public, 100000 on private listeners.",
        minimum=1,
        maximum=1_000_000,
    )
    max_rcpts_per_hour: int = setting(
        PUBLIC_DEFAULTS.max_rcpts_per_hour,
        "Recipients of one host within the hour; -1 is no limit.",
        minimum=-1,
    )
    max_rcpts_per_hour_code: int = _limit_code("max_rcpts_per_hour_code", "max_rcpts_per_hour")
    max_rcpts_per_hour_text: str = _limit_text("max_rcpts_per_hour_text", "max_rcpts_per_hour")
    max_rcpts_per_hour_sender: int = setting(
        PUBLIC_DEFAULTS.max_rcpts_per_hour_sender,
        "Recipients of one envelope sender within the hour, from all hosts; -1 is no limit.",
        minimum=-1,
    )
    max_rcpts_per_hour_sender_code: int = _limit_code(
        "max_rcpts_per_hour_sender_code", "max_rcpts_per_hour_sender"
    )
    max_rcpts_per_hour_sender_text: str = _limit_text(
        "max_rcpts_per_hour_sender_text", "max_rcpts_per_hour_sender"
    )
    dhap_limit: int | None = setting(
        None,
        "Recipients that do not exist of one host within the hour; 0 is no limit. Default 25 on "
        "public, 0 on private listeners.",
        minimum=0,
    )
    dhap_code: int = _limit_code("dhap_code", "dhap_limit")
    dhap_text: str = _limit_text("dhap_text", "dhap_limit")
    significant_bits: int = setting(
        PUBLIC_DEFAULTS.significant_bits,
        "Hosts whose addresses begin with so many equal bits are counted together; 0 is off. "
        "Only while use_sb is off or dhap_limit is not 0.",
        minimum=0,
        maximum=32,
    )
    use_sb: bool | None = setting(
        None,
        "Count hosts together whose network has one known owner; default on on public, off on "
        "private listeners.",
    )
    smtp_banner_code: int = setting(220, "Code of the greeting.", minimum=200, maximum=299)
    smtp_banner_text: str = setting(
        PUBLIC_DEFAULTS.smtp_banner_text,
        "Text of the greeting behind the host name; may have lines and HAT variables.",
        parse=parse_reply_text,
        has_lines=True,
    )
    use_override_hostname: bool = setting(
        False, "Put `override_hostname` into the greeting instead of the interface's name."
    )
    override_hostname: str = setting(
        "", "Host name in the greeting; empty is none.", parse=parse_hostname
    )
    tls: Demand = setting(Demand.OFF, "STARTTLS: off, preferred (offered) or required.")
    verify_client_cert: bool = setting(
        False,
        "Check the client's certificate; with `tls: required` a client has to have one.",
    )
    smtp_auth: Demand = setting(Demand.OFF, "SMTP AUTH: off, preferred (offered) or required.")
    envelope_sender_verification: bool = setting(
        False, "Look up the domain of MAIL FROM, and refuse one that does not exist."
    )
    sender_malformed_code: int = _code("sender_malformed_code", "has no domain")
    sender_malformed_text: str = _text("sender_malformed_text", "has no domain")
    sender_not_exist_code: int = _code("sender_not_exist_code", "has a domain that does not exist")
    sender_not_exist_text: str = _text("sender_not_exist_text", "has a domain that does not exist")
    sender_not_resolve_code: int = _code(
        "sender_not_resolve_code", "has a domain that cannot be looked up"
    )
    sender_not_resolve_text: str = _text(
        "sender_not_resolve_text", "has a domain that cannot be looked up"
    )
    use_exception_table: bool = setting(
        False, "Ask `inbound.sender_exceptions` about MAIL FROM, also without verification."
    )
    untagged_bounces: bool = setting(
        False, "Take bounces without a tag of bounce verification for valid."
    )
    require_tls_for_auth: bool = setting(True, "Offer AUTH only once the session is encrypted.")

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        for name in ("max_rcpts_per_hour", "max_rcpts_per_hour_sender"):
            if getattr(self, name) == 0:
                yield Problem(name, "0 would refuse every recipient; write -1 for no limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One port on which mail is taken (mailflow 2.2)."""

    name: str = setting(
        REQUIRED, "Unique name, as it shows in logs; case matters.", parse=parse_name
    )
    type: ListenerType = setting(REQUIRED, "What it is for.")
    interface: str = setting(
        REQUIRED, "Name of the interface to listen on.", refers_to=("interfaces",)
    )
    port: int = setting(25, "TCP port.", minimum=1, maximum=65535)
    implicit_tls: bool = setting(False, "Speak TLS from the first byte, as on port 465 (RFC 8314).")
    certificate: str = setting(
        "",
        "Name of the certificate for STARTTLS and implicit TLS; needed for either.",
        refers_to=("certificates",),
    )
    accepted_domains: tuple[str, ...] = setting(
        (),
        "Domains whose recipients a public listener accepts: `dom.example`, `.dom.example` "
        "(its sub-domains), `user@dom.example` or `ALL`.",
        examples=("corp.example",),
        parse=parse_accepted,
    )
    recipient_access: TextTable[Rat] = setting(
        RECIPIENT_ACCESS.empty(),
        "Recipient access table of a public listener, instead of `accepted_domains`: the first "
        "entry that matches decides, and without one for `ALL` all others are rejected.",
        examples=(
            'old@corp.example REJECT (554 "This address was retired")',
            "corp.example ACCEPT",
        ),
        table=RECIPIENT_ACCESS,
    )
    domain_map: TextTable[DomainMap] = setting(
        DOMAIN_MAP.empty(),
        "Domain map: recipients that get another address before they are looked at, as "
        "`@old.example @new.example`; the most specific left side wins.",
        examples=("@old.example @new.example", "joe@old.example ann@new.example"),
        table=DOMAIN_MAP,
    )
    masquerade: TextTable[MasqueradeTable] = setting(
        MASQUERADE.empty(),
        "Masquerade table: addresses of senders and in headers that become others, as "
        "`@int.example @corp.example`; the first line that matches decides.",
        examples=("joe@int.example joe.doe@corp.example", "@int.example @corp.example"),
        table=MASQUERADE,
    )
    masquerade_headers: tuple[AddressHeader, ...] = setting(
        (AddressHeader.FROM, AddressHeader.TO, AddressHeader.CC),
        "Header fields in which `masquerade` rewrites addresses.",
    )
    masquerade_envelope_sender: bool = setting(
        False, "Rewrite the envelope sender by `masquerade` as well."
    )
    relay_hosts: tuple[str, ...] = setting(
        (),
        "Addresses and networks that may send to anybody; on a private listener all others "
        "are refused. A short form of `host_access`.",
        examples=("10.0.0.0/8",),
        parse=parse_relay_host,
    )
    host_access: TextTable[HostAccessTable] = setting(
        HOST_ACCESS.empty(),
        "Host access table: which hosts may connect, and under which policy; see the guide.",
        table=HOST_ACCESS,
    )
    policy: MailFlowPolicy = setting(
        MailFlowPolicy,
        "Limits and offers of its connections; policies of `host_access` override them.",
    )
    call_ahead: str = setting(
        "",
        "Call-ahead profile of a public listener that recipients are checked by; empty is none.",
        refers_to=("call_ahead_profiles",),
    )
    bounce_profile: str = setting(
        "Default", "Bounce profile of mail received here.", refers_to=("bounce_profiles",)
    )
    max_connections: int = setting(
        300, "Connections at the same time, over all workers.", minimum=1
    )
    listen_queue: int = setting(50, "TCP backlog.", minimum=1, maximum=65535)
    add_received_header: bool = setting(True, "Put a Received header on top of each message.")
    bare_cr_lf: BareCrLf = setting(
        BareCrLf.CLEAN, "Bare CR and LF in content: clean (make them CRLF), reject or allow."
    )
    reverse_dns: bool = setting(True, "Look up and verify the client's name (PTR, then A or AAAA).")
    use_reputation: bool | None = setting(
        None, "Find out the score of each host; default on, but off on private listeners."
    )
    default_domain: str = setting(
        "", "Appended to addresses without a domain; empty is none.", parse=parse_hostname
    )
    address_parser: AddressRules = setting(AddressRules, "How addresses are read.")
    enhanced_status_codes: bool = setting(
        False,
        "Offer ENHANCEDSTATUSCODES (RFC 2034) and begin replies with `2.1.0` instead of the "
        "product's own forms, such as `#4.3.1`.",
    )
    proxy_protocol_from: tuple[str, ...] = setting(
        (),
        "Addresses and networks whose connections begin with a PROXY protocol header (v1 or "
        "v2) that names the real client.",
        parse=parse_network,
    )
    xclient_from: tuple[str, ...] = setting(
        (),
        "Addresses and networks that may name the real client with XCLIENT.",
        parse=parse_network,
    )

    def finds_scores(self) -> bool:
        """Whether the scores of hosts are wanted."""
        if self.use_reputation is not None:
            return self.use_reputation
        return self.type is not ListenerType.PRIVATE

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        if self.host_access and self.relay_hosts:
            yield Problem(
                "host_access",
                "stands instead of relay_hosts; put these hosts into a group of the table, with "
                "the rule RELAY",
            )
        if not self.reverse_dns and self.host_access.table.has_names():
            yield Problem("reverse_dns", "is off, but host_access decides by host names")
        if not self.finds_scores() and self.host_access.table.has_scores():
            yield Problem("use_reputation", "is off, but host_access decides by scores")
        if self.masquerade.table.has_all and self.type is ListenerType.PUBLIC:
            yield Problem(
                "masquerade",
                "ALL is for private listeners: here it would put your domain to the names of "
                "strangers",
            )
        if self.masquerade and not (self.masquerade_headers or self.masquerade_envelope_sender):
            yield Problem("masquerade_headers", "names no field, so that masquerade has no effect")
        if self.recipient_access and self.accepted_domains:
            yield Problem(
                "recipient_access",
                "stands instead of accepted_domains; add the domains to it as "
                f"`{self.accepted_domains[0]} ACCEPT`",
            )


def effective_policy(listener: Listener) -> EffectivePolicy:
    """Return the default policy parameters of `listener`, nothing left open (mailflow 3.4)."""
    is_private = listener.type is ListenerType.PRIVATE
    defaults = PRIVATE_DEFAULTS if is_private else PUBLIC_DEFAULTS
    policy = listener.policy
    given: dict[str, Any] = {
        field.name: value
        for field in fields(policy)
        if (value := getattr(policy, field.name)) is not None and value != ""
    }
    return replace(defaults, **given)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundSettings:
    """What all listeners share (mailflow 2.4)."""

    max_connections: int = setting(
        300, "Connections at the same time, all listeners and workers together.", minimum=1
    )
    max_tls_connections: int = setting(
        100, "Encrypted connections at the same time, all together.", minimum=1
    )
    max_header_lines: int = setting(1000, "Lines in a message's header; 0 is no limit.", minimum=0)
    max_header_size: int = setting(
        10 * 1024 * 1024, "Bytes in a message's header.", minimum=1024, unit=Unit.BYTES
    )
    max_received_headers: int = setting(
        100, "Received headers from which on a message is taken to loop.", minimum=1
    )
    max_bad_commands: int = setting(10, "Errors after which a connection is closed.", minimum=1)
    command_timeout_seconds: float = setting(
        300.0,
        "Silence after which a connection is closed (RFC 5321, 4.5.3.2.7).",
        minimum=1,
        unit=Unit.SECONDS,
    )
    unsuccessful_timeout_seconds: float = setting(
        300.0,
        "Public listeners: time within which a connection has to bring a message.",
        minimum=1,
        unit=Unit.SECONDS,
    )
    total_time_max_seconds: float = setting(
        900.0,
        "Longest life of a connection: from 80 % on it is ended at the next command, at "
        "100 % at once.",
        minimum=1,
        unit=Unit.SECONDS,
    )
    delayed_hat_rejection: bool = setting(
        False,
        "Greet hosts that are to be rejected, and refuse each of their recipients instead, so "
        "that senders and recipients are logged.",
    )
    received_hostname: ReceivedHostname = setting(
        ReceivedHostname.INTERFACE, "Name behind `by` in the Received header."
    )
    add_message_id: bool = setting(
        False, "Add a Message-ID to incoming mail that has none; relayed mail always gets one."
    )
    aliases: TextTable[AliasTable] = setting(
        ALIASES.empty(),
        "Alias table: recipients that stand for others, or for `/dev/null`; see the guide.",
        examples=("sales: ann@corp.example, bob@corp.example",),
        table=ALIASES,
    )
    sender_exceptions: TextTable[ExceptionTable] = setting(
        SENDER_EXCEPTIONS.empty(),
        "Senders that policies with `use_exception_table` let in unverified, or never: "
        "`user@dom.example`, `user@`, `@dom.example` or `@.dom.example` with ALLOW or REJECT; the "
        "first that matches decides.",
        examples=("@partner.example ALLOW", '@.spam.example REJECT (553 "Not wanted")'),
        table=SENDER_EXCEPTIONS,
    )
    credentials: str = setting(
        "",
        "File of users and password hashes for SMTP AUTH; see `mailwarden credentials`.",
        is_path=True,
    )
    auth_profile: str = setting("local", "Name of the credentials in the log.")

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        if self.max_tls_connections > self.max_connections:
            yield Problem(
                "max_tls_connections",
                f"is {self.max_tls_connections}, more than max_connections "
                f"({self.max_connections})",
            )
