"""SMTP routes: where mail for a domain goes instead of to its MX hosts (mailflow 7.1)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.hostport import SHOWN_LENGTH_MAX, parse_hostname, parse_hostport

ROUTES_MAX: Final = 10_000  # ALL included
ROUTE_HOSTS_MAX: Final = 100
ROUTE_LENGTH_MAX: Final = 32 * 1024
PRIORITY_MAX: Final = 65535
DEFAULT_KEY: Final = "ALL"
_DOMAIN_LENGTH_MAX: Final = 255  # RFC 5321, 4.5.3.1.2


class RouteKind(Enum):
    """What a route does with the mail."""

    HOSTS = "hosts"  # to the hosts listed
    USEDNS = "USEDNS"  # to the MX hosts, as if there were no route
    DROP = "/dev/null"  # settled as dropped
    MAILDIR = "maildir"  # into a folder on this machine
    NULL = "null"  # to a sink that counts it as delivered; for measuring


class RouteHost(NamedTuple):
    """One host of a route; a name is looked up as MX and then as address, an address is not."""

    host: str
    port: int
    priority: int
    is_address: bool


@dataclass(frozen=True, slots=True)
class Route:
    """Where to. `hosts` is in order of priority, lowest first, and as written among equals."""

    kind: RouteKind
    hosts: tuple[RouteHost, ...] = ()
    path: str = ""  # of the Maildir


def parse_route(value: str) -> Route:
    """Return the route that an administrator wrote.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    text = value.strip()
    if len(text) > ROUTE_LENGTH_MAX:
        raise ValueError(f"is longer than {ROUTE_LENGTH_MAX} letters")
    scheme, colon, rest = text.partition(":")
    match scheme.lower():
        case "/dev/null" if not colon:
            return Route(RouteKind.DROP)
        case "usedns" if not colon:
            return Route(RouteKind.USEDNS)
        case "null" if colon:
            return _null(rest)
        case "maildir" if colon:
            return _maildir(rest.strip())
    return Route(RouteKind.HOSTS, _hosts(text))


def check_route(value: str) -> str:
    """Return `value` without blanks around it.

    Raises:
        ValueError: it is not a route; the message says what would be right.
    """
    parse_route(value)
    return value.strip()


def parse_route_key(text: str) -> str:
    """Return `dom.example`, `.dom.example`, an IP address or `ALL` as the table knows it.

    Raises:
        ValueError: it is none of them; the message says what would be right.
    """
    key = text.strip()
    if key.upper() == DEFAULT_KEY:
        return DEFAULT_KEY
    address = address_of(key)
    if address:
        return address
    if key.startswith("["):
        raise ValueError(f"{text[:SHOWN_LENGTH_MAX]!r} is not an IP address")
    if key.startswith("."):
        return f".{parse_hostname(key[1:])}"
    return parse_hostname(key)


class RouteTable:
    """All routes; the most specific one that matches wins, whatever their order."""

    __slots__ = ("_default", "_exact", "_partial")

    def __init__(self, routes: Mapping[str, str]) -> None:
        """Read `routes`, keys and values as an administrator writes them.

        Raises:
            ValueError: the first thing wrong.
        """
        if len(routes) > ROUTES_MAX:
            raise ValueError(f"{len(routes)} SMTP routes; at most {ROUTES_MAX} are possible")
        parsed = {parse_route_key(key): parse_route(value) for key, value in routes.items()}
        self._default: Final = parsed.pop(DEFAULT_KEY, None)
        self._partial: Final = {key: route for key, route in parsed.items() if key[0] == "."}
        self._exact: Final = {key: route for key, route in parsed.items() if key[0] != "."}

    def __len__(self) -> int:
        return len(self._exact) + len(self._partial) + (self._default is not None)

    def find(self, domain: str) -> Route | None:
        """Return the route for the domain or `[address]` behind the `@`; None asks the DNS.

        The order is: exact, longest partial, IP address, ALL. The work is bounded by the length
        of a domain name, not by the size of the table.
        """
        route = self._exact.get(domain)
        if route is not None:
            return route
        if not self._exact and not self._partial:
            return self._default
        return self._search(_normal(domain))

    def find_key(self, domain: str) -> str:
        """Return the key of the route that `find` returns; "" is none."""
        name = _normal(domain)
        for exact in (domain, name):
            if exact in self._exact:
                return exact
        dot = name.find(".", 1)
        while dot >= 0:
            if name[dot:] in self._partial:
                return name[dot:]
            dot = name.find(".", dot + 1)
        return "" if self._default is None else DEFAULT_KEY

    def _search(self, name: str) -> Route | None:
        route = self._exact.get(name)
        if route is not None or not self._partial:
            return route or self._default
        dot = name.find(".", 1)  # a name is not its own sub-domain
        while dot >= 0:
            route = self._partial.get(name[dot:])
            if route is not None:
                return route
            dot = name.find(".", dot + 1)
        return self._default


def _normal(domain: str) -> str:
    """Return `domain` in the form of a key; "" when no key can be equal to it."""
    if not 0 < len(domain) <= _DOMAIN_LENGTH_MAX:
        return ""
    if domain[0] == "[" or domain[-1].isdigit() or ":" in domain:
        address = address_of(domain)
        if address:
            return address
    name = domain.lower().removesuffix(".")
    if name.isascii():
        return name
    try:
        return parse_hostname(name)
    except ValueError:
        return ""


def address_of(text: str) -> str:
    """Return the IP address in `text`, bare or as an address literal (RFC 5321, 4.1.3), or ""."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
        if text[:5].lower() == "ipv6:":
            text = text[5:]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _null(rest: str) -> Route:
    if rest:
        raise ValueError(f"`null:` takes nothing behind the colon, not {rest[:SHOWN_LENGTH_MAX]!r}")
    return Route(RouteKind.NULL)


def _maildir(path: str) -> Route:
    if not path or "\0" in path:
        raise ValueError("`maildir:` needs the path of a folder: maildir:/var/mail/office")
    return Route(RouteKind.MAILDIR, path=path)


def _hosts(text: str) -> tuple[RouteHost, ...]:
    items = text.split(",")
    if len(items) > ROUTE_HOSTS_MAX:
        raise ValueError(f"lists {len(items)} hosts; at most {ROUTE_HOSTS_MAX} are possible")
    hosts = [_host(item.strip()) for item in items]
    return tuple(sorted(hosts, key=lambda host: host.priority))  # stable: keeps order of equals


def _host(item: str) -> RouteHost:
    lowered = item.lower()
    if lowered == "usedns" or lowered.startswith(("/dev/", "maildir:", "null:")):
        raise ValueError(f"{item[:SHOWN_LENGTH_MAX]!r} must stand alone, not in a list of hosts")
    name, slash, option = item.partition("/")
    if not name.strip():
        raise ValueError(
            "a host is missing; write host, host:port, host/pri=10 or several with commas between"
        )
    priority = _priority(option, item) if slash else 0
    host, port, is_address = parse_hostport(_without_tag(name), default_port=25)
    return RouteHost(host, port, priority, is_address)


def _without_tag(name: str) -> str:
    """Return `name` with `[IPv6:...]` written as `[...]`; both are in use."""
    return f"[{name[6:]}" if name[:6].lower() == "[ipv6:" else name


def _priority(option: str, item: str) -> int:
    word, equals, digits = option.partition("=")
    digits = digits.strip()
    if word.strip().lower() != "pri" or not equals or not (digits.isascii() and digits.isdigit()):
        raise ValueError(
            f"{item[:SHOWN_LENGTH_MAX]!r}: behind the slash stands pri=N, as in host/pri=10"
        )
    if len(digits) > 5 or int(digits) > PRIORITY_MAX:
        raise ValueError(
            f"{item[:SHOWN_LENGTH_MAX]!r}: a priority is a number from 0 to {PRIORITY_MAX}"
        )
    return int(digits)
