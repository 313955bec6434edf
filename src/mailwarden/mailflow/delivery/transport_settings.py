"""What the administrator sets of DANE, MTA-STS and TLS reports."""

from dataclasses import dataclass

from mailwarden.core.patterns import parse_domain, parse_mailbox
from mailwarden.core.setting import Unit, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DaneSettings:
    """Whether the TLSA records of other domains count (RFC 7672)."""

    enabled: bool = setting(
        True,
        "Honour TLSA records. Needs `dns.trusted_servers`; without them there is no DANE.",
    )
    except_domains: tuple[str, ...] = setting(
        (),
        "Domains, as `dom.example` or `.dom.example`, whose TLSA records do not count.",
        parse=parse_domain,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MtaStsSettings:
    """Whether the MTA-STS policies of other domains count (RFC 8461)."""

    enabled: bool = setting(
        True,
        "Honour policies. Policy hosts are verified against `authorities` too.",
    )
    except_domains: tuple[str, ...] = setting(
        (),
        "Domains, as `dom.example` or `.dom.example`, whose policies do not count.",
        parse=parse_domain,
    )
    timeout_seconds: float = setting(
        60,
        "How long a policy may take to be fetched; mail for the domain waits meanwhile.",
        minimum=0.1,
        maximum=600,
        unit=Unit.SECONDS,
    )
    port: int = setting(
        443,
        "Port of policy hosts. RFC 8461 knows no other than 443; others are for tests.",
        minimum=1,
        maximum=65_535,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsReportSettings:
    """Whether other domains get the reports that they ask for (RFC 8460)."""

    enabled: bool = setting(False, "Count TLS sessions, and send reports of them once a day.")
    organization: str = setting("", "Who reports; empty is `hostname`.")
    contact: str = setting(
        "",
        "Address that reports come from; empty is `postmaster` of `hostname`.",
        parse=parse_mailbox,
    )
    delay_max_seconds: float = setting(
        14_400,
        "Reports leave at a random time within so many seconds after a day of UTC is over.",
        minimum=0,
        maximum=43_200,
        unit=Unit.SECONDS,
    )
