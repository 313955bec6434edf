"""Host names and addresses as administrators write them."""

import pytest

from mailwarden.core.hostport import HostPort, parse_hostname, parse_hostport

NAMES = [
    ("gw1.corp.example", "gw1.corp.example"),
    ("GW1.Corp.Example.", "gw1.corp.example"),
    ("gw1.corp.example ", "gw1.corp.example"),
    ("\tgw1.corp.example\n", "gw1.corp.example"),
    ("_dmarc.corp.example", "_dmarc.corp.example"),
    ("localhost", "localhost"),
    ("3com.example", "3com.example"),
    ("Bücher.example", "xn--bcher-kva.example"),
    ("bücher\u3002example", "xn--bcher-kva.example"),  # the ideographic full stop is a dot
    (f"{'a' * 63}.example", f"{'a' * 63}.example"),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_names(text: str, name: str) -> None:
    assert parse_hostname(text) == name


WRONG_NAMES = [
    ("", "missing"),
    (" . ", "missing"),
    ("gw 1.example", "a blank"),
    ("gw\u00a01.bücher.example", "a blank"),
    ("gw1..example", "an empty part"),
    (".example", "an empty part"),
    ("-a.example", "'-a'"),
    ("a-.example", "'a-'"),
    ("a@b.example", "'a@b'"),
    (f"{'a' * 64}.example", "the part"),
    ("a." * 128, "is longer than 253"),
    ("ü" * 2000, "is longer than 253"),
    ("ü" * 200, "international"),
    ("192.0.2.256", "neither an IP address nor a host name"),
    ("192.0.2", "neither an IP address nor a host name"),
    ("a\0.example", "'a.x00'"),
]


@pytest.mark.parametrize(("text", "part"), WRONG_NAMES)
def test_wrong_names_say_why(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        parse_hostname(text)
    assert len(str(caught.value)) < 400


HOSTS = [
    ("mail.example", HostPort("mail.example", 25, False)),
    (" mail.example:26 ", HostPort("mail.example", 26, False)),
    ("192.0.2.1", HostPort("192.0.2.1", 25, True)),
    ("192.0.2.1:26", HostPort("192.0.2.1", 26, True)),
    ("[192.0.2.1]:26", HostPort("192.0.2.1", 26, True)),
    ("2001:DB8::1", HostPort("2001:db8::1", 25, True)),
    ("[2001:db8::1]", HostPort("2001:db8::1", 25, True)),
    ("[2001:db8::1]:26", HostPort("2001:db8::1", 26, True)),
]


@pytest.mark.parametrize(("text", "value"), HOSTS)
def test_hosts(text: str, value: HostPort) -> None:
    assert parse_hostport(text, default_port=25) == value


WRONG_HOSTS = [
    "mail.example:",
    "mail.example:0",
    "mail.example:65536",
    "mail.example:2²",
    "[192.0.2.1",
    "[192.0.2.1]26",
    "[mail.example]",
    "2001:db8::1::2",
    "",
    ":25",
]


@pytest.mark.parametrize("text", WRONG_HOSTS)
def test_wrong_hosts(text: str) -> None:
    with pytest.raises(ValueError):
        parse_hostport(text, default_port=25)


@pytest.mark.parametrize("text", ["mail.example", "mail.example:53", "", "[::1"])
def test_only_addresses_where_names_cannot_be_looked_up(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_hostport(text, default_port=53, address_only=True)
