"""Large mailbox providers: how their MX hosts are called, and how they ask to slow down.

Domains whose mail goes to the same provider share its limits, however many names they have. A
table of all public suffixes is not needed for that: a provider is known by the names here, and
all other domains share only if their MX hosts are the very same.
"""

import hashlib
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

HOSTS_MAX: Final = 1000  # of a domain that are looked at
KEY_LENGTH_MAX: Final = 120  # of a key made of host names; longer ones are shortened by a digest


class Limit(Enum):
    """What a peer wants less of."""

    CONNECTIONS = "connections"
    MESSAGES = "messages per connection"
    RATE = "rate"


class Sign(NamedTuple):
    """What a reply may have that asks for less: a status (RFC 3463), or words, all of them."""

    limit: Limit
    shown: str  # to people
    words: tuple[str, ...] = ()  # in lower case
    status: str = ""
    is_sure: bool = True  # or it has to come several times

    def is_in(self, text: str, status: str) -> bool:
        """Whether a reply has it; `text` is in lower case, `status` is "" if it has none."""
        if self.status:
            return status == self.status
        words = self.words
        return words[0] in text and (len(words) == 1 or all(word in text for word in words))


class Provider(NamedTuple):
    """A provider. Its name has a capital letter, so that no host is called like it."""

    name: str
    suffixes: tuple[str, ...]  # of its MX hosts, whole labels
    signs: tuple[Sign, ...] = ()  # that only this one gives


def _signs(limit: Limit, *words: str, is_sure: bool = True) -> tuple[Sign, ...]:
    """Return a sign for each of `words`, which may have parts with `&` between them."""
    return tuple(
        Sign(limit, each.partition("&")[0], tuple(each.split("&")), is_sure=is_sure)
        for each in words
    )


def _statuses(limit: Limit, *statuses: str) -> tuple[Sign, ...]:
    return tuple(Sign(limit, status, status=status) for status in statuses)


PROVIDERS: Final = (
    Provider(
        "Gmail",
        ("google.com", "googlemail.com", "smtp.goog"),
        _statuses(Limit.RATE, "4.7.28"),
    ),
    Provider(
        "Yahoo",
        ("yahoodns.net",),
        _signs(Limit.RATE, "[tss0", "[ts0", "[ipts0")
        + _signs(Limit.RATE, "resources temporarily unavailable", is_sure=False),
    ),
    Provider(
        "Outlook.com",
        ("olc.protection.outlook.com",),
        _statuses(Limit.CONNECTIONS, "4.7.652")
        + _statuses(Limit.MESSAGES, "4.7.653")
        + _statuses(Limit.RATE, "4.7.650", "4.7.651"),
    ),
    Provider(
        "Microsoft 365",
        ("mail.protection.outlook.com", "mx.microsoft"),
        _statuses(Limit.RATE, "4.7.500")
        + _signs(Limit.RATE, "recipient thread limit", is_sure=False),
    ),
    Provider("Apple iCloud", ("icloud.com",), _signs(Limit.RATE, "[hcm1]", is_sure=False)),
    Provider("Comcast", ("comcast.net",), _signs(Limit.RATE, "rl0000")),
    Provider("GMX and WEB.DE", ("gmx.net", "web.de")),
    Provider("T-Online", ("t-online.de",)),
    Provider(
        "Orange",
        ("orange.fr",),
        _signs(Limit.CONNECTIONS, "trop de connexions")
        + _signs(Limit.RATE, "service refuse", is_sure=False),
    ),
    Provider("Tencent QQ", ("qq.com",), _signs(Limit.RATE, "frequency limited")),
    Provider(
        "NetEase",
        ("netease.com",),
        _signs(Limit.CONNECTIONS, "hl:icc")
        + _signs(Limit.MESSAGES, "mi:dmc")
        + _signs(Limit.RATE, "hl:ifc"),
    ),
    Provider("Yandex", ("yandex.net", "yandex.ru")),
    Provider("Mail.ru", ("mail.ru",)),
    Provider("Zoho", ("zoho.com", "zoho.eu", "zoho.in")),
    Provider("GoDaddy", ("secureserver.net",), _signs(Limit.CONNECTIONS, "ib007")),
    Provider("OVH", ("mail.ovh.net",)),
    Provider("IONOS", ("kundenserver.de", "ionos.com", "ionos.de", "1and1.com")),
    Provider("Cisco", ("iphmx.com",)),
    Provider("Proofpoint", ("pphosted.com", "ppe-hosted.com")),
    Provider("Mimecast", ("mimecast.com", "mimecast.co.za", "mimecast-offshore.com")),
    Provider("Barracuda", ("barracudanetworks.com",)),
)

# What anybody may say. The order counts: more than one can be true of a reply.
COMMON_SIGNS: Final = (
    _signs(
        Limit.MESSAGES,
        "messages per connection",
        "message per connection",
        "messages per session",
        "too many messages for this session",  # also ours (mailflow 2.6)
        "too many messages&this connection",
        "too many messages&this session",
    )
    + _signs(
        Limit.CONNECTIONS,
        "too many connections",  # also ours
        "too many concurrent",
        "too many simultaneous",
        "too many open connections",
        "too many sessions",
        "too many smtp sessions",
        "too many smtp connections",
        "number of connections",
        "number of concurrent connections",
        "concurrent connections&exceed",
        "concurrent connections&limit",
        "concurrent sessions&exceed",
        "connection limit",
    )
    + _signs(
        Limit.RATE,
        "rate limit",
        "rate-limit",
        "ratelimit",
        "throttl",
        "slow down",
        "too many messages",
        "too many recipients received",  # also ours
        "too many mails",
        "too much mail",
        "too fast",
        "too quickly",
        "unusual rate",
        "unexpected volume",
        "unusual volume",
    )
    + _signs(
        Limit.RATE,
        "try again later",
        "temporarily deferred",
        "server busy",
        "system busy",
        "too busy",
        is_sure=False,
    )
)

# About one recipient or one try, and none of the sender's pace.
OTHER_REASONS: Final = (
    "greylist", "graylist", "grey-list", "gray-list", "grey list", "gray list", "mailbox full",
    "mailbox is full", "over quota", "quota exceeded", "exceeded storage", "insufficient storage",
)  # fmt: skip

# What only one provider says, and so tells it apart where its hosts do not.
TELL_TALES: Final = tuple(
    (provider.name, sign) for provider in PROVIDERS for sign in provider.signs if sign.is_sure
)

_BY_NAME: Final[Mapping[str, Provider]] = {provider.name: provider for provider in PROVIDERS}
_BY_SUFFIX: Final[Mapping[str, Provider]] = {
    suffix: provider for provider in PROVIDERS for suffix in provider.suffixes
}


def roll_up(mx_hosts: Sequence[str]) -> str:
    """Return the key that all domains with these MX hosts share; "" if there is no host.

    It is the name of the provider that has all of the hosts, or else made of the hosts, in
    whatever order they come.
    """
    hosts = sorted({_plain(host) for host in mx_hosts[:HOSTS_MAX]} - {""})
    if not hosts:
        return ""
    provider = _provider_of(hosts[0])
    if provider is not None and all(_provider_of(host) is provider for host in hosts):
        return provider.name
    key = ",".join(hosts)
    if len(key) <= KEY_LENGTH_MAX:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{hosts[0][:80]},{len(hosts) - 1} more,{digest}"


def find_provider(key: str) -> Provider | None:
    """Return the provider whose name a key is, if any."""
    return _BY_NAME.get(key)


def _provider_of(host: str) -> Provider | None:
    """Return the provider of a host by the longest of its suffixes."""
    suffix = host[-255:]
    while suffix:
        provider = _BY_SUFFIX.get(suffix)
        if provider is not None:
            return provider
        suffix = suffix.partition(".")[2]
    return None


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")
