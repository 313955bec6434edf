"""Every form in which the Host Access Table names hosts (mailflow 3.2)."""

import ipaddress

import pytest

from mailwarden.core.policy.host_forms import (
    HostFacts,
    HostKind,
    NameStatus,
    parse_host_form,
    score_tenths,
)

# Form, its normal form, hosts that match, hosts that do not.
ADDRESSES = [
    ("10.2.3.4", "10.2.3.4", ["10.2.3.4", "::ffff:10.2.3.4"], ["10.2.3.5", "10.2.3.40", ""]),
    ("10.2.3.", "10.2.3.", ["10.2.3.0", "10.2.3.255"], ["10.2.4.0", "10.2.2.255"]),
    ("10.2.3", "10.2.3", ["10.2.3.0", "10.2.3.255"], ["10.2.30.1"]),
    ("10.2.", "10.2.", ["10.2.0.0", "10.2.255.255"], ["10.3.0.0", "10.20.0.1"]),
    ("10.2", "10.2", ["10.2.0.0", "10.2.255.255"], ["10.1.255.255"]),
    ("10.", "10.", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0", "9.255.255.255"]),
    (" 10 ", "10", ["10.0.0.0", "10.255.255.255"], ["100.0.0.0"]),
    ("0", "0", ["0.1.2.3"], ["1.0.0.0"]),
    ("10.2.3.5-20", "10.2.3.5-20", ["10.2.3.5", "10.2.3.20"], ["10.2.3.4", "10.2.3.21"]),
    ("10.2.3-9", "10.2.3-9", ["10.2.3.0", "10.2.9.255"], ["10.2.10.0", "10.2.2.255"]),
    ("10.2.3-9.", "10.2.3-9.", ["10.2.3.0", "10.2.9.255"], ["10.2.10.0"]),
    ("10.2-4", "10.2-4", ["10.2.0.0", "10.4.255.255"], ["10.5.0.0", "10.1.255.255"]),
    ("10-12", "10-12", ["10.0.0.0", "12.255.255.255"], ["13.0.0.0", "9.9.9.9"]),
    ("10-10.", "10-10.", ["10.0.0.0"], ["11.0.0.0"]),
    ("10.2.0.0/16", "10.2.0.0/16", ["10.2.0.0", "10.2.255.255"], ["10.3.0.0"]),
    ("10.2/16", "10.2/16", ["10.2.0.0", "10.2.255.255"], ["10.3.0.0"]),
    ("10/8", "10/8", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0"]),
    ("10.2.3/24", "10.2.3/24", ["10.2.3.0", "10.2.3.255"], ["10.2.4.0"]),
    ("10.2./20", "10.2./20", ["10.2.15.255"], ["10.2.16.0"]),
    ("0/0", "0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "nonsense"]),
    ("10.2.3.4/32", "10.2.3.4/32", ["10.2.3.4"], ["10.2.3.5"]),
    ("2001:DB8:0::1", "2001:db8::1", ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db8::2"]),
    ("2001:db8::/32", "2001:db8::/32", ["2001:db8:ffff::1"], ["2001:db9::", "32.1.13.184"]),
    ("fe80::/10", "fe80::/10", ["fe80::1%eth0"], ["fec0::1"]),
    ("::/0", "::/0", ["::1"], ["192.0.2.1", "::ffff:192.0.2.1"]),
]
NAMES = [
    ("MX.Partner.Example", "mx.partner.example", ["mx.partner.example", "MX.partner.example."],
     ["a.mx.partner.example", "partner.example", "xmx.partner.example", ""]),
    ("mx.partner.example.", "mx.partner.example", ["mx.partner.example"], []),
    (".Partner.example", ".partner.example", ["mx.partner.example", "a.b.Partner.example"],
     ["partner.example", ".partner.example", "mypartner.example", ""]),
    ("1-2.3.4.example", "1-2.3.4.example", ["1-2.3.4.example"], []),
    ("bücher.example", "xn--bcher-kva.example", ["xn--bcher-kva.example"], []),
]  # fmt: skip
SCORES = [
    ("SBRS[-10.0:-3.0]", "sbrs[-10.0:-3.0]", [-10.0, -3.0, -3.04, -99.0], [-2.9, -2.94, 3.4, None]),
    ("sbrs[ -1 : +10 ]", "sbrs[-1.0:10.0]", [-1.0, 0.0, 10.0], [-1.1, None, float("nan")]),
    ("sbrs[0.0:-0.0]", "sbrs[0.0:0.0]", [0.0, -0.04], [0.1]),
    ("sbrs[.5:1]", "", [], []),
    ("SBRS[None]", "sbrs[none]", [None, float("nan")], [0.0]),
]


@pytest.mark.parametrize(("text", "normal", "inside", "outside"), ADDRESSES)
def test_addresses(text: str, normal: str, inside: list[str], outside: list[str]) -> None:
    form = parse_host_form(text)
    assert form.text == normal
    assert [a for a in inside if not form.matches(HostFacts(a))] == []
    assert [a for a in outside if form.matches(HostFacts(a))] == []


@pytest.mark.parametrize(("text", "normal", "inside", "outside"), NAMES)
def test_names(text: str, normal: str, inside: list[str], outside: list[str]) -> None:
    form = parse_host_form(text)
    assert form.text == normal
    assert [name for name in inside if not form.matches(HostFacts("192.0.2.1", name))] == []
    assert [name for name in outside if form.matches(HostFacts("192.0.2.1", name))] == []


@pytest.mark.parametrize(("text", "normal", "inside", "outside"), SCORES)
def test_scores(
    text: str, normal: str, inside: list[float | None], outside: list[float | None]
) -> None:
    if not normal:
        with pytest.raises(ValueError, match="write sbrs"):
            parse_host_form(text)
        return
    form = parse_host_form(text)
    assert form.text == normal
    assert [s for s in inside if not form.matches(HostFacts("192.0.2.1", score=s))] == []
    assert [s for s in outside if form.matches(HostFacts("192.0.2.1", score=s))] == []


def test_owners_and_dns_lists() -> None:
    owner = parse_host_form("sbo: 1234")
    assert owner.text == "SBO:1234"
    assert owner.matches(HostFacts("192.0.2.1", organisation="1234"))
    assert not owner.matches(HostFacts("192.0.2.1", organisation="12345"))
    assert not owner.matches(HostFacts("192.0.2.1"))
    zone = parse_host_form("DNSlist[BL.example.org]")
    assert zone.text == "dnslist[bl.example.org]"
    assert zone.matches(HostFacts("192.0.2.1", dnslists=("a.example", "bl.example.org")))
    assert not zone.matches(HostFacts("192.0.2.1", dnslists=("a.example",)))


def test_all_hosts() -> None:
    form = parse_host_form("all")
    assert (form.kind, form.text) == (HostKind.ALL, "ALL")
    assert form.matches(HostFacts(""))


def test_row_26_ranges_and_partial_names() -> None:
    numbers = parse_host_form("10.2.3.5-20")
    matching = [n for n in range(256) if numbers.matches(HostFacts(f"10.2.3.{n}"))]
    assert matching == list(range(5, 21))
    below = parse_host_form(".partner.example")
    assert not below.matches(HostFacts("192.0.2.25", "partner.example"))
    assert below.matches(HostFacts("192.0.2.25", "mail.partner.example"))


@pytest.mark.parametrize("status", [s for s in NameStatus if s is not NameStatus.EXISTS])
@pytest.mark.parametrize("text", ["mail.partner.example", ".partner.example"])
def test_row_27_only_verified_names_match(status: NameStatus, text: str) -> None:
    form = parse_host_form(text)
    assert form.matches(HostFacts("192.0.2.25", "mail.partner.example"))
    assert not form.matches(HostFacts("192.0.2.25", "mail.partner.example", status))
    assert not form.matches(HostFacts("192.0.2.25", "", status))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "host name is missing"),
        ("10.2.3.256", "not an IPv4 address"),
        ("10.2.3.04", "not an IPv4 address"),
        ("10..3", "not an IPv4 address"),
        (".5", "not an IPv4 address"),
        ("10.2.3.4.", "dot too many"),
        ("10.2.3.4-9.", "dot too many"),
        ("1.2.3.4.5", "more than four"),
        ("10.2.3.20-5", "the lower one first"),
        ("10.2.3.5-10.2.3.20", "not a range"),
        ("10.2.3.5-20-30", "not an IPv4 address"),
        ("10-12/8", "not an IPv4 address"),
        ("10.2.3.4/16", "write 10.2.0.0/16"),
        ("10.2/8", "write 10.0.0.0/8"),
        ("10.2/33", "from 0 to 32"),
        ("10.2/", "from 0 to 32"),
        ("2001:db8::1/32", "write 2001:db8::/32"),
        ("2001:db8::/129", "from 0 to 128"),
        ("2001:db8:", "none of the forms"),
        ("fe80::1%eth0", "none of the forms"),
        ("::ffff:192.0.2.1", "write 192.0.2.1"),
        ("sbrs[-3.0:-10.0]", "lower score stands first"),
        ("sbrs[-11:0]", "from -10.0 to 10.0"),
        ("sbrs[-3.05:0]", "one decimal"),
        ("sbrs[1]", "range of scores"),
        ("sbrs[nan:inf]", "range of scores"),
        ("sbrs[-3:0", "needs a ]"),
        ("SBO:", "network owner"),
        ("SBO:a b", "network owner"),
        ("SBO:" + "1" * 65, "network owner"),
        ("dnslist[]", "host name is missing"),
        ("dnslist[a b]", "blank"),
        ("dnslist[a", "needs a ]"),
        ("host name.example", "blank"),
        ("..partner.example", "empty part"),
        ("host.123", "neither an IP address nor a host name"),
        ("a" * 400, "longer than 300"),
        ("Reject", "word of the table"),
        ("*.partner.example", "not a host name"),
        ("１０-１２", "neither an IP address nor a host name"),
        ("１０.2.3.4", "neither an IP address nor a host name"),
    ],
)
def test_what_is_no_form(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("]", r"\]")):
        parse_host_form(text)


def test_forms_that_mean_the_same_hosts_are_known() -> None:
    groups = [
        ["10.2.3", "10.2.3.", "10.2.3.0/24", "10.2.3/24", "10.2.3.0-255", "10.2.3-3"],
        ["A.example", "a.example."],
        ["sbrs[-3:0]", "SBRS[-3.0:0.0]"],
        ["SBO:AB", "sbo:ab"],
    ]
    for texts in groups:
        assert len({parse_host_form(text).same() for text in texts}) == 1
    different = ["10.2.3.4", "::a02:304", "a.example", ".a.example", "dnslist[a.example]", "SBO:a"]
    assert len({parse_host_form(text).same() for text in different}) == len(different)


def test_networks_agree_with_the_standard_library() -> None:
    for text in ["192.0.2.0/24", "10.0.0.0/8", "192.0.2.128/25", "2001:db8::/47", "::/0"]:
        network = ipaddress.ip_network(text)
        form = parse_host_form(text)
        assert (form.low, form.high) == (int(network[0]), int(network[-1]))


def test_scores_are_rounded_as_the_log_shows_them() -> None:
    for score in [0.05, 0.15, 0.25, 0.35, -2.95, -3.05, 9.95, 3.4, -0.04]:
        assert score_tenths(score) == round(float(f"{score:.1f}") * 10)
