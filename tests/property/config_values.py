"""Strategies for right configurations, made from the declarations of the settings."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.shape import Field, Form, Kind, fields_of
from mailwarden.core import hostport, patterns
from mailwarden.core.mail import from_field
from mailwarden.core.policy import bounce_profile, bounce_verification
from mailwarden.core.setting import Setting, Unit
from mailwarden.mailflow.delivery import tables as delivery_tables
from mailwarden.mailflow.listener import tables
from mailwarden.services.alerts import settings as alerts
from mailwarden.services.call_ahead import settings as call_ahead
from mailwarden.services.certificates import names as certificate_names
from mailwarden.services.certificates.acme import settings as acme
from mailwarden.services.engines.reputation import settings as reputation
from mailwarden.system.clock import zone
from mailwarden.system.crypto import ciphers
from mailwarden.system.crypto import settings as crypto

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
DOMAINS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join), st.just("bücher.example")
)
ADDRESSES = st.ip_addresses().map(str)
NETWORKS = st.one_of(ADDRESSES, st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"]))
# A table of hosts has IPv4 addresses as such alone, not as they look within IPv6.
RELAY_HOSTS = NETWORKS.filter(lambda network: not network.startswith("::ffff:"))
LOCALS = st.from_regex(r"[a-zA-Zé%+._-]{1,8}", fullmatch=True)
MAILBOXES = st.builds("{}@{}".format, LOCALS, DOMAINS)
FROM_ADDRESSES = st.builds("{}@{}".format, LABELS, DOMAINS)
NAMES = st.from_regex(r"[A-Za-zÄ0-9]([A-Za-z0-9 ._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
TEXTS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=20
)
HOSTS = st.builds(
    "{}{}{}".format,
    st.one_of(DOMAINS, ADDRESSES.map("[{}]".format)),
    st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format)),
    st.one_of(st.just(""), st.integers(0, 65535).map("/pri={}".format)),
)
ROUTES = st.one_of(
    st.lists(HOSTS, min_size=1, max_size=4).map(", ".join),
    st.sampled_from(["USEDNS", "/dev/null", "null:", "maildir:mail", "maildir:/var/mail/x y"]),
)
DOMAIN_KEYS = st.one_of(DOMAINS, DOMAINS.map(".{}".format))

# An authority that nobody has the key of.
AUTHORITY = (
    "MIIBbDCCARKgAwIBAgIUVQ5M85y3Hqe0VU+ZaB5WSZtK9y8wCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBYTAgFw0y"
    "NjExMjQxODUyNTJaGA8yMTI2MTAzMTE4NTI1MlowDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEH"
    "A0IABHE6+Uv4K/IawNBEC2VIEHGJbt/jZutJ91/mKYVgd4vf64OMTD6PJVxejgi6QJBfIbuHuUy/aHZVJTVZ72my"
    "JXajUDBOMB0GA1UdDgQWBBSfLS46KYKPr7b5LIMCGmXfBubGQjAfBgNVHSMEGDAWgBSfLS46KYKPr7b5LIMCGmXf"
    "BubGQjAMBgNVHRMEBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIHXuHDgrQwD5JjoSPGqbqU9DkiRLDJetyaivFU75"
    "UN1CAiEA7JbXZQR8AbZ/buidkZH1OsxaGuCkHaC23/57emXybPA="
)

PARSED = {
    hostport.parse_hostname: DOMAINS,
    zone.parse_time_zone: st.sampled_from(["Europe/Berlin", "UTC", "GMT-03:30"]),
    patterns.parse_domain: DOMAIN_KEYS,
    patterns.parse_ip_address: ADDRESSES,
    patterns.parse_network: NETWORKS,
    patterns.parse_mailbox: MAILBOXES,
    patterns.parse_accepted: st.one_of(DOMAIN_KEYS, MAILBOXES, st.just("ALL")),
    patterns.parse_address_pattern: st.one_of(
        MAILBOXES, LOCALS.map("{}@".format), DOMAIN_KEYS.map("@{}".format)
    ),
    patterns.parse_field_name: st.from_regex(r"X-[A-Z]{1,8}", fullmatch=True),
    patterns.parse_name: NAMES,
    from_field.parse_from: st.one_of(
        FROM_ADDRESSES, st.builds("{} <{}>".format, NAMES, FROM_ADDRESSES)
    ),
    bounce_profile.parse_subject: st.from_regex(r"[!-~]{0,20}", fullmatch=True),
    alerts.parse_recipient: st.just("") | MAILBOXES,
    bounce_profile.parse_recipient: st.just("") | MAILBOXES,
    bounce_profile.parse_language: st.sampled_from(["", "de", "pt-br"]),
    bounce_verification.parse_field_value: st.from_regex(r"[!-~]{0,20}", fullmatch=True),
    tables.parse_reply_text: st.from_regex(r"[!-~][ -~]{0,20}[!-~]", fullmatch=True),
    tables.parse_relay_host: RELAY_HOSTS,
    call_ahead.parse_server: DOMAINS,
    call_ahead.parse_action: st.sampled_from(["accept", "550 No"]),
    ciphers.parse_ciphers: st.sampled_from(["ECDHE+AESGCM", "HIGH:!aNULL:@SECLEVEL=2"]),
    crypto.parse_authority: st.just(AUTHORITY),
    crypto.parse_fingerprint: st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    acme.parse_url: st.just("https://ca.example:14000/dir"),
    acme.parse_domain: DOMAINS | DOMAINS.map("*.{}".format),
    acme.parse_key_id: st.just("kid-1"),
    acme.parse_mac_key: st.just("A" * 22),
    certificate_names.parse_certificate_name: st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True),
    reputation.parse_zone: DOMAINS,
    reputation.parse_code: st.integers(1, 254).map("127.0.0.{}".format),
}
LINES = {
    tables.RECIPIENT_ACCESS: st.builds(
        "{} {}".format, DOMAIN_KEYS, st.sampled_from(["ACCEPT", "REJECT"])
    ),
    tables.SENDER_EXCEPTIONS: st.builds(
        "@{} {}".format, DOMAINS, st.sampled_from(["ALLOW", "REJECT"])
    ),
    tables.DOMAIN_MAP: st.builds("@{} @{}".format, DOMAINS, DOMAINS),
    tables.MASQUERADE: st.builds("@{} @{}".format, DOMAINS, DOMAINS),
    delivery_tables.ALT_SOURCES: st.just("@dom.example Data1"),
    delivery_tables.UNSUBSCRIBE: MAILBOXES | ADDRESSES | LOCALS.map("{}@".format),
    tables.ALIASES: st.builds("sales: {}".format, MAILBOXES),
}
# What refers to other parts, or must exist outside: left to the tests of just that.
LEFT_OUT = {
    "GatewayConfig": {
        "interfaces",
        "interface_groups",
        "listeners",
        "smtp_routes",
        "destinations",
        "destination_controls",
        "mail_policies",
        "management",
        "bounce_templates",
        "updates",
        "administration",
    },
    "AlertSettings": {"initial_wait_seconds", "max_wait_seconds"},
    "AcmeSettings": {"certificates", "external_account"},
    "CertificateFiles": {"certificate", "key"},
    "AuthoritySettings": {"system"},
    "TlsProtocol": {"minimum_version", "maximum_version"},
    "AddressRules": {"address_literals"},
    "InboundSettings": {"max_connections", "max_tls_connections"},
    "BounceProfile": {
        "initial_retry_seconds",
        "max_retry_seconds",
        "bounce_template",
        "delay_template",
    },
    "DeliverySettings": {"interface", "certificate", "alt_sources"},
    "DnsSettings": {
        "servers",
        "trusted_servers",
        "domains",
        "interface",
        "cache_ttl_min_seconds",
        "cache_ttl_max_seconds",
    },
    "WorkQueueSettings": {
        "retry_initial_seconds",
        "retry_max_seconds",
        "soft_limit_messages",
        "hard_limit_messages",
    },
    "Listener": {
        "interface",
        "port",
        "type",
        "name",
        "implicit_tls",
        "certificate",
        "bounce_profile",
        "host_access",
        "max_connections",
        "relay_hosts",
        "accepted_domains",
        "call_ahead",
        "masquerade_headers",
    },
    "CallAheadProfile": {"interface"},
    "MailFlowPolicy": {
        "tls",
        "smtp_auth",
        "verify_client_cert",
        "max_rcpts_per_hour",
        "max_rcpts_per_hour_sender",
    },
    "ReputationSettings": {"order", "feeds", "dns_lists"},  # none of them twice
}


def sections(section: type = GatewayConfig) -> Iterator[type]:
    """Yield a settings class and those within it."""
    yield section
    for field in fields_of(section).values():
        kind: Kind | None = field.kind
        while kind is not None:
            if kind.section is not None:
                yield from sections(kind.section)
            kind = kind.of


def values(kind: Kind, about: Setting) -> st.SearchStrategy[Any]:
    """Return right values of a setting, as YAML has them."""
    match kind.form:
        case Form.SECTION:
            assert kind.section is not None
            return blocks(kind.section)
        case Form.LIST:
            return st.lists(values(kind.inner, about), max_size=3)
        case Form.TABLE:
            keys = PARSED[about.parse_key] if about.parse_key else NAMES
            return st.dictionaries(keys, values(kind.inner, about), max_size=3)
        case Form.CHOICE:
            return st.sampled_from([choice.value for choice in kind.choices])
        case Form.SWITCH:
            return st.booleans()
        case Form.INTEGER | Form.NUMBER:
            return numbers(kind, about)
        case Form.LINES:
            assert about.table is not None
            lines = st.lists(LINES[about.table], max_size=3)
            return st.one_of(lines, lines.map("\n".join))
    return PARSED[about.parse] if about.parse else TEXTS


def numbers(kind: Kind, about: Setting) -> st.SearchStrategy[Any]:
    """Return right numbers, some of them with a unit."""
    low = 0 if about.minimum is None else about.minimum
    high = 10**12 if about.maximum is None else about.maximum
    whole = st.integers(int(-(-low // 1)), int(high))
    plain = whole if kind.form is Form.INTEGER else st.one_of(st.floats(low, high), whole)
    factors = {Unit.BYTES: ("k", 1024), Unit.SECONDS: ("m", 60)}
    if about.unit not in factors:
        return plain
    name, factor = factors[about.unit]
    units = st.integers(int(-(-low // factor)), int(high // factor)).map(f"{{}}{name}".format)
    return st.one_of(plain, units) if high >= factor else plain


def blocks(section: type) -> st.SearchStrategy[dict[str, Any]]:
    """Return right blocks for a settings class, but for what refers to other parts."""
    left_out = LEFT_OUT.get(section.__name__, set())
    fields = {n: f for n, f in fields_of(section).items() if n not in left_out}

    def strategy(field: Field) -> st.SearchStrategy[Any]:
        return values(field.kind, field.setting)

    return st.fixed_dictionaries(
        {name: strategy(field) for name, field in fields.items() if field.required},
        optional={name: strategy(field) for name, field in fields.items() if not field.required},
    )


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Return whole configurations, as YAML has them, whose parts agree with one another."""
    plain = draw(blocks(GatewayConfig))
    plain["interfaces"] = draw(
        st.dictionaries(NAMES, blocks_of("Interface"), min_size=1, max_size=3)
    )
    certificates = list(plain.get("certificates") or ())
    profiles = ["Default", *(plain.get("bounce_profiles") or ())]
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    listeners = []
    for port, name in enumerate(names, start=2525):
        listener = draw(blocks_of("Listener"))
        listener |= {
            "name": name,
            "type": draw(st.sampled_from(["public", "private", "blackhole"])),
            "interface": draw(st.sampled_from(list(plain["interfaces"]))),
            "port": port,
            "bounce_profile": draw(st.sampled_from(profiles)),
            "relay_hosts": draw(st.lists(RELAY_HOSTS, min_size=1, max_size=3)),
        }
        lines = listener.pop("recipient_access", [])
        if listener["type"] == "public":
            domains = PARSED[patterns.parse_accepted]
            listener["accepted_domains"] = draw(st.lists(domains, max_size=3))
            if not listener["accepted_domains"]:
                listener["recipient_access"] = lines or ["corp.example ACCEPT"]
        if certificates and draw(st.booleans()):
            listener["certificate"] = draw(st.sampled_from(certificates))
            listener["implicit_tls"] = True
        listeners.append(listener)
    plain["listeners"] = listeners
    plain["smtp_routes"] = draw(st.dictionaries(DOMAIN_KEYS, ROUTES, max_size=3))
    plain["destinations"] = draw(
        st.dictionaries(DOMAIN_KEYS, st.builds(dict, bounce_profile=st.sampled_from(profiles)))
    )
    return plain


def blocks_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return right blocks for the settings class called `name`."""
    return blocks(next(section for section in sections() if section.__name__ == name))
