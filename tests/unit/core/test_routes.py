"""SMTP routes: values, keys and which route wins (mailflow 7.1)."""

import pickle

import pytest

from mailwarden.core.routes import (
    ROUTE_HOSTS_MAX,
    ROUTE_LENGTH_MAX,
    ROUTES_MAX,
    Route,
    RouteHost,
    RouteKind,
    RouteTable,
    parse_route,
    parse_route_key,
)

VALUES = [
    ("mail.int.example", [("mail.int.example", 25, 0, False)]),
    ("Mail.Int.Example. ", [("mail.int.example", 25, 0, False)]),
    ("mail.int.example:2525", [("mail.int.example", 2525, 0, False)]),
    ("mail.int.example:26/pri=5", [("mail.int.example", 26, 5, False)]),
    ("a.example/PRI=65535", [("a.example", 25, 65535, False)]),
    ("a.example / pri = 7", [("a.example", 25, 7, False)]),
    ("192.0.2.7", [("192.0.2.7", 25, 0, True)]),
    ("[192.0.2.7]", [("192.0.2.7", 25, 0, True)]),
    ("[192.0.2.7]:26/pri=1", [("192.0.2.7", 26, 1, True)]),
    ("2001:db8:0::1/pri=3", [("2001:db8::1", 25, 3, True)]),
    ("[2001:db8::1]:26", [("2001:db8::1", 26, 0, True)]),
    ("[IPv6:2001:db8::1]", [("2001:db8::1", 25, 0, True)]),
    ("bücher.example", [("xn--bcher-kva.example", 25, 0, False)]),
    (
        "dr.example/pri=10, a.example, b.example/pri=0",
        [
            ("a.example", 25, 0, False),
            ("b.example", 25, 0, False),
            ("dr.example", 25, 10, False),
        ],
    ),
]


@pytest.mark.parametrize(("value", "hosts"), VALUES)
def test_hosts(value: str, hosts: list[tuple[str, int, int, bool]]) -> None:
    assert parse_route(value) == Route(RouteKind.HOSTS, tuple(RouteHost(*host) for host in hosts))


SPECIALS = [
    ("/dev/null", Route(RouteKind.DROP)),
    ("USEDNS", Route(RouteKind.USEDNS)),
    (" usedns ", Route(RouteKind.USEDNS)),
    ("null:", Route(RouteKind.NULL)),
    ("maildir:/var/mail/office", Route(RouteKind.MAILDIR, path="/var/mail/office")),
    ("maildir: var/demo/maildir", Route(RouteKind.MAILDIR, path="var/demo/maildir")),
]


@pytest.mark.parametrize(("value", "route"), SPECIALS)
def test_specials(value: str, route: Route) -> None:
    assert parse_route(value) == route


WRONG = [
    ("", "a host is missing"),
    ("a.example,", "a host is missing"),
    ("a.example,,b.example", "a host is missing"),
    ("a.example/10", "pri=N"),
    ("a.example/pri", "pri=N"),
    ("a.example/pri=-1", "pri=N"),
    ("a.example/pri=65536", "from 0 to 65535"),
    ("a.example/pri=99999999999", "from 0 to 65535"),
    ("a.example:0", "port from 1 to 65535"),
    ("a.example:", "port from 1 to 65535"),
    ("a.example:70000", "port from 1 to 65535"),
    ("mail .example", "a blank"),
    ("10.0.0.256", "neither an IP address nor a host name"),
    ("[mail.example]", "is not an IP address"),
    ("a.example, /dev/null", "must stand alone"),
    ("USEDNS, a.example", "must stand alone"),
    ("a.example, maildir:/x", "must stand alone"),
    ("maildir:", "needs the path"),
    ("maildir:a\0b", "needs the path"),
    ("null:x", "nothing behind the colon"),
    ("-.example", "is not a host name"),
    (",".join(["a.example"] * (ROUTE_HOSTS_MAX + 1)), "at most 100"),
    ("a" * (ROUTE_LENGTH_MAX + 1), "is longer than"),
]


@pytest.mark.parametrize(("value", "part"), WRONG)
def test_wrong_values_say_what_is_right(value: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        parse_route(value)
    assert len(str(caught.value)) < 300


KEYS = [
    ("Corp.Example", "corp.example"),
    (" .Corp.Example. ", ".corp.example"),
    ("all", "ALL"),
    ("192.0.2.1", "192.0.2.1"),
    ("[192.0.2.1]", "192.0.2.1"),
    ("[IPv6:2001:DB8::1]", "2001:db8::1"),
    (".bücher.example", ".xn--bcher-kva.example"),
]


@pytest.mark.parametrize(("text", "key"), KEYS)
def test_keys(text: str, key: str) -> None:
    assert parse_route_key(text) == key


@pytest.mark.parametrize(
    "text", ["", ".", "..a", "a..b", "a b.example", "[a.example]", "@a.example"]
)
def test_wrong_keys(text: str) -> None:
    with pytest.raises(ValueError):
        parse_route_key(text)


def hosts_of(table: RouteTable, domain: str) -> list[str] | RouteKind | None:
    route = table.find(domain)
    if route is None:
        return None
    return [host.host for host in route.hosts] if route.hosts else route.kind


ROW_64 = {
    "ALL": "smarthost.isp.example",
    ".corp.example": "USEDNS",
    "corp.example": "mail.int.example",
}


@pytest.mark.parametrize("keys", [list(ROW_64), list(reversed(ROW_64))])
def test_row_64_most_specific_route_wins_in_any_order(keys: list[str]) -> None:
    table = RouteTable({key: ROW_64[key] for key in keys})
    assert hosts_of(table, "corp.example") == ["mail.int.example"]
    assert hosts_of(table, "eu.corp.example") is RouteKind.USEDNS
    assert hosts_of(table, "else.example") == ["smarthost.isp.example"]


def test_longest_partial_wins() -> None:
    table = RouteTable(
        {".example": "a.test", ".eu.corp.example": "c.test", ".corp.example": "b.test"}
    )
    assert hosts_of(table, "x.eu.corp.example") == ["c.test"]
    assert hosts_of(table, "eu.corp.example") == ["b.test"]
    assert hosts_of(table, "corp.example") == ["a.test"]
    assert hosts_of(table, "example") is None


def test_addresses() -> None:
    table = RouteTable({"192.0.2.1": "a.test", "[IPv6:2001:db8::1]": "b.test", "ALL": "c.test"})
    assert hosts_of(table, "[192.0.2.1]") == ["a.test"]
    assert hosts_of(table, "192.0.2.1") == ["a.test"]
    assert hosts_of(table, "[IPv6:2001:DB8:0::1]") == ["b.test"]
    assert hosts_of(table, "[192.0.2.2]") == ["c.test"]


@pytest.mark.parametrize("domain", ["CORP.example", "corp.example.", "Corp.Example."])
def test_domains_are_compared_without_case(domain: str) -> None:
    assert hosts_of(RouteTable({"corp.example": "a.test"}), domain) == ["a.test"]


def test_international_domains_match_their_ascii_form() -> None:
    table = RouteTable({"bücher.example": "a.test"})
    assert hosts_of(table, "bücher.example") == ["a.test"]
    assert hosts_of(table, "xn--bcher-kva.example") == ["a.test"]


@pytest.mark.parametrize("domain", ["", "\udcff.example", "[", "x" * 300, "ü" * 300, "a b", "."])
def test_odd_domains_go_to_all(domain: str) -> None:
    table = RouteTable({"corp.example": "a.test", ".corp.example": "a.test", "ALL": "b.test"})
    assert hosts_of(table, domain) == ["b.test"]


def test_no_route_is_none() -> None:
    assert RouteTable({}).find("corp.example") is None
    assert RouteTable({"corp.example": "a.test"}).find("other.example") is None


def test_ten_thousand_routes_and_no_more() -> None:
    routes = {f"d{number}.example": "a.test" for number in range(ROUTES_MAX - 1)}
    table = RouteTable(routes | {"ALL": "b.test"})
    assert len(table) == ROUTES_MAX
    assert hosts_of(table, "d4711.example") == ["a.test"]
    with pytest.raises(ValueError, match="at most 10000"):
        RouteTable(routes | {"ALL": "b.test", "more.example": "a.test"})


def test_routes_are_values() -> None:
    route = parse_route("a.example/pri=1, b.example")
    assert pickle.loads(pickle.dumps(route)) == route
    with pytest.raises(AttributeError):
        route.path = "x"  # type: ignore[misc]  # that is what is tested
