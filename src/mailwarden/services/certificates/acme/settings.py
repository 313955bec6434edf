"""What the administrator sets of ACME."""

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from mailwarden.core.hostport import parse_hostname
from mailwarden.core.patterns import parse_ip_address, parse_mailbox
from mailwarden.core.problem import Problem
from mailwarden.core.setting import REQUIRED, Unit, setting
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.names import parse_certificate_name

DOMAINS_MAX: Final = 100  # of a certificate, as with most authorities
ADDRESSES_MAX: Final = 16
URL_LENGTH_MAX: Final = 2000
_MAC_BYTES_MIN: Final = 16
_KEY_ID: Final = re.compile(r"[!-~]{1,500}")


class ChallengeType(Enum):
    """How it is shown that a domain is ours (RFC 8555, 8)."""

    HTTP_01 = "http-01"
    DNS_01 = "dns-01"


def parse_url(text: str) -> str:
    """Return an https URL.

    Raises:
        ValueError: it is none.
    """
    if len(text) > URL_LENGTH_MAX or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{text[:80]!r} is no URL")
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError(f"{text[:80]!r} is no URL that begins with https:// and a host")
    if parts.port == 0:  # raises ValueError where it is no number
        raise ValueError(f"{text[:80]!r} has no usable port")
    return text


def parse_domain(text: str) -> str:
    """Return a host name, which may have `*.` before it, in lower case and A-labels.

    Raises:
        ValueError: it is none.
    """
    star = "*." if text.startswith("*.") else ""
    return star + parse_hostname(text.removeprefix("*."))


def parse_mac_key(text: str) -> str:
    """Return the key of an external account, in base64url as authorities give it out.

    Raises:
        ValueError: it is none.
    """
    try:
        key = decode_mac_key(text)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) < _MAC_BYTES_MIN:
        raise ValueError(f"takes {_MAC_BYTES_MIN} bytes at least, in base64url")
    return text


def decode_mac_key(text: str) -> bytes:
    """Return the bytes of such a key."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+=*", text):
        raise ValueError("is not base64url")
    bare = text.rstrip("=")
    return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


def parse_key_id(text: str) -> str:
    """Return the name of an external account; raises ValueError for what cannot be one."""
    if not _KEY_ID.fullmatch(text):
        raise ValueError("takes up to 500 signs of ASCII without blanks")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeCertificate:
    """A certificate that is ordered and renewed."""

    domains: tuple[str, ...] = setting(
        REQUIRED,
        "Names that it is for, the main one first.",
        examples=("mx1.corp.example",),
        parse=parse_domain,
        entries_max=DOMAINS_MAX,
    )
    key: KeyType = setting(KeyType.P_256, "Kind of key; each renewal has a new one.")
    challenge: ChallengeType = setting(
        ChallengeType.HTTP_01,
        "How the authority finds out that the names are ours; `*.` needs `dns-01`.",
    )

    def problems(self) -> Iterator[Problem]:
        """Yield what no authority would do."""
        if not self.domains:
            yield Problem("domains", "is empty")
        if len(set(self.domains)) != len(self.domains):
            yield Problem("domains", "names a domain twice")
        has_star = any(domain.startswith("*.") for domain in self.domains)
        if has_star and self.challenge is not ChallengeType.DNS_01:
            yield Problem("challenge", "has to be dns-01 for a name with `*.`")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalAccount:
    """An account that the authority knows already (RFC 8555, 7.3.4)."""

    key_id: str = setting("", "What the authority calls it; empty is none.", parse=parse_key_id)
    mac_key: str = setting(
        "", "Its key, in base64url as the authority gives it out.", parse=parse_mac_key, secret=True
    )

    def problems(self) -> Iterator[Problem]:
        """Yield halves."""
        if bool(self.key_id) is not bool(self.mac_key):
            yield Problem("key_id", "and mac_key go together")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeSettings:
    """Certificates that an authority gives out by itself (RFC 8555)."""

    directory: str = setting(
        "",
        "Directory of the authority; empty orders nothing.",
        examples=("https://acme-v02.api.letsencrypt.org/directory",),
        parse=parse_url,
    )
    terms_agreed: bool = setting(False, "Whether you agree to the authority's terms of service.")
    contact: tuple[str, ...] = setting(
        (), "Addresses that the authority may write to.", parse=parse_mailbox, entries_max=10
    )
    external_account: ExternalAccount = setting(
        ExternalAccount, "An account with the authority, where it asks for one."
    )
    http_addresses: tuple[str, ...] = setting(
        ("0.0.0.0",),  # noqa: S104  all authorities of the world have to reach it
        "Addresses of this machine at which authorities look for `http-01`; `::` is all of IPv6.",
        parse=parse_ip_address,
        entries_max=ADDRESSES_MAX,
    )
    http_port: int = setting(
        80,
        "Port for it; another one makes sense behind something that passes port 80 on.",
        minimum=1,
        maximum=65_535,
    )
    dns_hook: str = setting(
        "", "Program that puts TXT records for `dns-01` into DNS, and takes them out.", is_path=True
    )
    hook_timeout_seconds: float = setting(
        300,
        "How long it may take, with the time until all name servers know.",
        minimum=1,
        maximum=3600,
        unit=Unit.SECONDS,
    )
    order_timeout_seconds: float = setting(
        900,
        "How long an order may take in all, before it counts as failed.",
        minimum=10,
        maximum=86_400,
        unit=Unit.SECONDS,
    )
    certificates: Mapping[str, AcmeCertificate] = setting(
        lambda: MappingProxyType({}),
        "Certificates to order, by the name that they are kept under.",
        parse_key=parse_certificate_name,
        entries_max=DOMAINS_MAX,
    )

    @property
    def listens(self) -> bool:
        """Whether an authority has to be answered over HTTP."""
        return bool(self.directory) and any(
            wanted.challenge is ChallengeType.HTTP_01 for wanted in self.certificates.values()
        )

    def problems(self) -> Iterator[Problem]:
        """Yield what keeps orders from being made."""
        if not self.certificates:
            return
        if not self.directory:
            yield Problem("directory", "is missing: no authority is asked")
        if not self.terms_agreed:
            yield Problem("terms_agreed", "has to be on before an authority can be asked")
        for name, wanted in self.certificates.items():
            if wanted.challenge is ChallengeType.DNS_01 and not self.dns_hook:
                yield Problem("dns_hook", f"is missing, but {name} needs it for dns-01")
