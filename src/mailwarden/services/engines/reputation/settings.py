"""What the administrator sets of reputation."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core.hostport import parse_hostname
from mailwarden.core.patterns import parse_ip_address, parse_name
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, Unit, setting
from mailwarden.services.engines.reputation.score import SCORE_MAX, SCORE_MIN

ZONE_LENGTH_MAX: Final = 189  # 64 letters for an IPv6 address stand before it (RFC 1035, 2.3.4)
ADDRESSES_MAX: Final = 16_000_000


class Provider(Enum):
    """Where scores come from."""

    FEEDS = "feeds"
    HISTORY = "history"
    DNS_LISTS = "dns_lists"


def parse_code(text: str) -> str:
    """Return a code of a DNS list, `127.0.0.2`.

    Raises:
        ValueError: no list answers so.
    """
    code = parse_ip_address(text)
    if ipaddress.ip_address(code) not in ipaddress.ip_network("127.0.0.0/8"):
        raise ValueError(f"{code} is no code of a DNS list; write 127.0.0.2")
    return code


def parse_zone(text: str) -> str:
    """Return the domain of a DNS list.

    Raises:
        ValueError: it is no domain, or too long for addresses to stand before it.
    """
    zone = parse_hostname(text)
    if len(zone) > ZONE_LENGTH_MAX:
        raise ValueError(f"the domain of a DNS list has at most {ZONE_LENGTH_MAX} letters")
    return zone


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """A signed text file of networks and scores."""

    name: str = setting(REQUIRED, "Name, as it shows in logs.", parse=parse_name)
    path: str = setting(
        REQUIRED, "The file; its signature is beside it, with `.sig` behind the name.", is_path=True
    )
    key_file: str = setting(
        REQUIRED,
        "File with the key that the feed is signed with: a shared one (HMAC-SHA256), or the public "
        "key in PEM (Ed25519).",
        is_path=True,
    )
    check_seconds: float = setting(
        30.0,
        "How often to look whether the file has changed.",
        minimum=1,
        maximum=86400,
        unit=Unit.SECONDS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsListSettings:
    """A list of addresses that is asked by DNS (RFC 5782)."""

    zone: str = setting(
        REQUIRED, "Domain of the list.", examples=("bl.example.org",), parse=parse_zone
    )
    scores: Mapping[str, float] = setting(
        dict,
        "Scores of its codes, as in `127.0.0.2: -6`.",
        minimum=SCORE_MIN,
        maximum=SCORE_MAX,
        parse_key=parse_code,
    )
    other_score: float = setting(
        -4.0, "Score of any other code.", minimum=SCORE_MIN, maximum=SCORE_MAX
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """What this gateway itself saw of addresses and their networks."""

    memory_days: float = setting(
        7.0, "Mean time after which what was seen is forgotten, in days.", minimum=0.1, maximum=365
    )
    addresses_max: int = setting(
        1_000_000,
        "Addresses remembered, over all workers; each takes 70 bytes.",
        minimum=1000,
        maximum=ADDRESSES_MAX,
    )
    save_seconds: float = setting(
        900.0,
        "How often it is written to disk; a crash loses what was seen since.",
        minimum=10,
        maximum=86400,
        unit=Unit.SECONDS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReputationSettings:
    """Where the scores of connecting hosts come from."""

    order: tuple[Provider, ...] = setting(
        (Provider.FEEDS, Provider.DNS_LISTS, Provider.HISTORY),
        "Who is asked, in this order; the first that has a score gives it.",
    )
    feeds: tuple[FeedSettings, ...] = setting((), "Signed files of scores, in their order.")
    dns_lists: tuple[DnsListSettings, ...] = setting(
        (), "DNS lists; the scores of those that list a host are added up."
    )
    dns_timeout_seconds: float = setting(
        3.0,
        "How long the DNS lists may take for one address.",
        minimum=0.1,
        maximum=60,
        unit=Unit.SECONDS,
    )
    dns_cache_seconds: float = setting(
        300.0,
        "How long their answers, and their silence, are remembered for an address.",
        minimum=1,
        maximum=86400,
        unit=Unit.SECONDS,
    )
    history: HistorySettings = setting(HistorySettings, "What this gateway itself saw.")
    cache_entries_max: int = setting(
        50_000, "Addresses whose scores each worker remembers.", minimum=1000, maximum=10_000_000
    )
    cache_seconds: float = setting(
        60.0, "How long a score is remembered.", minimum=0, maximum=86400, unit=Unit.SECONDS
    )

    def problems(self) -> Iterator[Problem]:
        """Yield everything wrong."""
        for field, names in (
            ("order", [each.value for each in self.order]),
            ("feeds", [each.name for each in self.feeds]),
            ("dns_lists", [each.zone for each in self.dns_lists]),
        ):
            for index, name in enumerate(names):
                if name in names[:index]:
                    yield Problem(f"{field}[{index}]", f"{name} is listed twice")
