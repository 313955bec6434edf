"""Networks, domains and addresses as administrators write them."""

from collections.abc import Callable

import pytest

from mailwarden.core.patterns import (
    parse_accepted,
    parse_address_pattern,
    parse_destination,
    parse_domain,
    parse_field_name,
    parse_ip_address,
    parse_mailbox,
    parse_name,
    parse_network,
)

Parse = Callable[[str], str]

RIGHT: list[tuple[Parse, str, str]] = [
    (parse_ip_address, " 203.0.113.5 ", "203.0.113.5"),
    (parse_ip_address, "2001:DB8:0::1", "2001:db8::1"),
    (parse_network, "10.1.2.3", "10.1.2.3"),
    (parse_network, " 10.0.0.0/8", "10.0.0.0/8"),
    (parse_network, "10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    (parse_network, "2001:DB8::/32", "2001:db8::/32"),
    (parse_domain, "Corp.Example", "corp.example"),
    (parse_domain, ".Corp.Example ", ".corp.example"),
    (parse_destination, "default", "DEFAULT"),
    (parse_destination, ".corp.example", ".corp.example"),
    (parse_accepted, "all", "ALL"),
    (parse_accepted, "Bob@Corp.Example", "Bob@corp.example"),
    (parse_accepted, ".bücher.example", ".xn--bcher-kva.example"),
    (parse_mailbox, "postmaster@corp.example ", "postmaster@corp.example"),
    (parse_mailbox, "jürgen@corp.example", "jürgen@corp.example"),
    (parse_address_pattern, "joe@corp.example", "joe@corp.example"),
    (parse_address_pattern, "joe@", "joe@"),
    (parse_address_pattern, "@Corp.Example", "@corp.example"),
    (parse_address_pattern, "@.corp.example", "@.corp.example"),
    (parse_field_name, "X-SBRS:", "X-SBRS"),
    (parse_name, " Data 1 ", "Data 1"),
    (parse_name, "Büro-2.b", "Büro-2.b"),
]


@pytest.mark.parametrize(("parse", "text", "value"), RIGHT)
def test_right(parse: Parse, text: str, value: str) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "value"), RIGHT)
def test_what_is_kept_reads_as_itself(parse: Parse, text: str, value: str) -> None:
    assert parse(value) == value


WRONG: list[tuple[Parse, str, str]] = [
    (parse_ip_address, "203.0.113.500", "write 203.0.113.5"),
    (parse_ip_address, "gw.example", "is not an IP address"),
    (parse_network, "10.0.0.1/8", "has bits set behind its prefix; write 10.0.0.0/8"),
    (parse_network, "10.0.0.0/33", "is not a network"),
    (parse_network, "10.", "is neither an IP address nor a network"),
    (parse_network, "", "is neither"),
    (parse_domain, "*.corp.example", "is not a host name"),
    (parse_domain, "..corp.example", "is not a host name"),
    (parse_destination, "DEFAULTS x", "a blank"),
    (parse_accepted, "@corp.example", "what stands before the @"),
    (parse_accepted, "joe@", "a host name is missing"),
    (parse_mailbox, "corp.example", "write user@dom.example"),
    (parse_mailbox, "a b@corp.example", "what stands before the @"),
    (parse_mailbox, "a\r\nb@corp.example", "what stands before the @"),
    (parse_mailbox, f"{'a' * 65}@corp.example", "what stands before the @"),
    (parse_address_pattern, "@", "needs one of the forms"),
    (parse_address_pattern, "corp.example", "needs one of the forms"),
    (parse_address_pattern, "joe@.corp.example", "an empty part"),
    (parse_field_name, "X SBRS", "is not the name of a header field"),
    (parse_field_name, "", "is not the name of a header field"),
    (parse_name, "", "is no name"),
    (parse_name, "a\nb", "is no name"),
    (parse_name, "a'b", "is no name"),
    (parse_name, "x" * 65, "is no name"),
]


@pytest.mark.parametrize(("parse", "text", "part"), WRONG)
def test_wrong_says_what_is_right(parse: Parse, text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        parse(text)


@pytest.mark.parametrize("parse", sorted({parse for parse, _, _ in RIGHT}, key=str))
def test_messages_are_short_whatever_was_written(parse: Parse) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse("\0" * 100_000)
    assert len(str(caught.value)) < 600
