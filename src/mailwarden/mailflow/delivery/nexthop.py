"""Where a recipient's mail goes next: alternate host, SMTP route or MX (mailflow 7.1)."""

from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.hostport import parse_hostname
from mailwarden.core.routes import RouteHost, RouteKind, RouteTable, address_of

SMTP_PORT: Final = 25
_SHOWN_HOSTS_MAX: Final = 3


class HopKind(Enum):
    """How the hosts are found."""

    MX = "mx"  # the MX hosts of `domain`
    HOSTS = "hosts"  # `hosts`, never anything else
    DROP = "drop"
    MAILDIR = "maildir"
    NULL = "null"
    NOWHERE = "nowhere"  # there is no such host, whatever DNS may say


class NextHop(NamedTuple):
    """A next hop; equal ones share a queue."""

    kind: HopKind
    name: str  # for status displays
    domain: str = ""
    hosts: tuple[RouteHost, ...] = ()
    path: str = ""
    is_configured: bool = False  # an administrator named it: mail waits while it is wrong


def find_next_hop(domain: str, mailhost: str, routes: RouteTable, port: int = SMTP_PORT) -> NextHop:
    """Return where mail for `domain` goes; `mailhost`, if not empty, stands for the domain.

    Routes are looked up once: what they name is not looked up again. `port` is where hosts that
    no route names are reached.
    """
    target = mailhost.strip() or domain  # filters may hand over a name with blanks around it
    if not target:
        return NextHop(HopKind.NOWHERE, "")
    route = routes.find(target)
    kind = RouteKind.USEDNS if route is None else route.kind
    if route is not None:
        match kind:
            case RouteKind.HOSTS:
                return NextHop(HopKind.HOSTS, hosts_name(route.hosts), "", route.hosts, "", True)
            case RouteKind.DROP:
                return NextHop(HopKind.DROP, "/dev/null")
            case RouteKind.MAILDIR:
                return NextHop(HopKind.MAILDIR, f"maildir:{route.path}", "", (), route.path)
            case RouteKind.NULL:
                return NextHop(HopKind.NULL, "null:")
    return _by_dns(target, port)._replace(is_configured=bool(mailhost))


def _by_dns(target: str, port: int) -> NextHop:
    address = address_of(target)
    if address:
        host = RouteHost(address, port, 0, is_address=True)
        return NextHop(HopKind.HOSTS, _host_name(host), "", (host,))
    try:
        name = parse_hostname(target)
    except ValueError:
        return NextHop(HopKind.NOWHERE, target, target)
    return NextHop(HopKind.MX, name, name)


def hosts_name(hosts: tuple[RouteHost, ...]) -> str:
    """Return how status displays name a route to `hosts`."""
    shown = ",".join(_host_name(host) for host in hosts[:_SHOWN_HOSTS_MAX])
    more = len(hosts) - _SHOWN_HOSTS_MAX
    return shown if more <= 0 else f"{shown},+{more}"


def _host_name(host: RouteHost) -> str:
    if host.port == SMTP_PORT:
        return host.host
    return f"[{host.host}]:{host.port}" if ":" in host.host else f"{host.host}:{host.port}"
