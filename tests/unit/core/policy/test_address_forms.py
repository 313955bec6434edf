"""Forms in which tables name addresses, and which form an address falls under."""

import pytest

from mailwarden.core.policy.address_forms import (
    FORM_LENGTH_MAX,
    NOWHERE,
    AddressSearch,
    build_form,
    is_ip_form,
    parse_bare_form,
    parse_form,
    parse_form_or_ip,
    split_address,
)

WITH_AT = [
    ("bob@corp.example", "bob@corp.example"),
    (" Bob@Corp.Example\t", "bob@corp.example"),
    ("bob@corp.example.", "bob@corp.example"),
    ("bob@corp", "bob@corp"),
    ("Bob@", "bob@"),
    ("@Corp.example", "@corp.example"),
    ("@.Corp.example", "@.corp.example"),
    ("user@[192.0.2.9]", "user@[192.0.2.9]"),
    ("@[192.0.2.9]", "@[192.0.2.9]"),
    ("user@[IPv6:2001:DB8:0::1]", "user@[ipv6:2001:db8::1]"),
    ("user@[2001:db8::1]", "user@[ipv6:2001:db8::1]"),
    ("bob@bücher.example", "bob@xn--bcher-kva.example"),
    ("@.BÜCHER.example", "@.xn--bcher-kva.example"),
    ("@xn--bcher-kva.example", "@xn--bcher-kva.example"),
    ("JOSÉ@corp.example", "josé@corp.example"),
    ("jose\u0301@", "josé@"),
    ('"joe doe"@corp.example', '"joe doe"@corp.example'),
    ('"Joe"@corp.example', "joe@corp.example"),
    ('"a@b"@', '"a@b"@'),
    ('"a..b"@corp.example', "a..b@corp.example"),
    ("joe%x!y@corp.example", "joe%x!y@corp.example"),
    ("ΟΔΟΣ@", "οδοσ@"),
    ("k@", "k@"),
]


@pytest.mark.parametrize(("text", "form"), WITH_AT)
def test_forms_with_at(text: str, form: str) -> None:
    assert parse_form(text) == form
    assert parse_form_or_ip(text) == form


BARE = [
    ("Corp.example", "corp.example"),
    (".Corp.example", ".corp.example"),
    ("corp", "corp"),
    ("[192.0.2.10]", "[192.0.2.10]"),
    ("user@[192.0.2.10]", "user@[192.0.2.10]"),
    ("[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("user@corp.example", "user@corp.example"),
    ("user@", "user@"),
]


@pytest.mark.parametrize(("text", "form"), BARE)
def test_bare_forms(text: str, form: str) -> None:
    assert parse_bare_form(text) == form


WRONG = [
    "", " ", "@", "@.", "@@", "bob@.corp.example", "bob@@corp.example", "a b@corp.example",
    "@corp..example", "@-corp.example", "bob@192.0.2.9", "bob@[192.0.2.300]", "bob@[192.0.2.9",
    "bob@[]", "bob@[ipv6:192.0.2.9]", "bob@[fe80::1%1]", "@[", "bob@corp.example,",
    "(x)@corp.example",
    "z@s> @", "@a.example:joe@", "@a,@b:joe@corp.example", '"', '"@', "<bob@corp.example>",
    '"bob@corp.example', '"\n"@corp.example', "bob\x00@", "bob\x7f@",
    "\udce9@corp.example", "\ud800@", f"{'a' * 65}@", f"{'İ' * 32}@", "\u037e@", '"a\\\u0301"@',
    f"@{'a' * 64}.example", f"@{'a.' * 150}example", "x" * (FORM_LENGTH_MAX + 1),
]  # fmt: skip


@pytest.mark.parametrize("text", [*WRONG, "corp.example", ".corp.example", "ALL"])
def test_what_is_no_form_with_at(text: str) -> None:
    with pytest.raises(ValueError):
        parse_form(text)


@pytest.mark.parametrize("text", [*WRONG, "@corp.example", "@.corp.example", "192.0.2.10", "::1"])
def test_what_is_no_bare_form(text: str) -> None:
    with pytest.raises(ValueError):
        parse_bare_form(text)


def test_messages_say_what_would_be_right() -> None:
    with pytest.raises(ValueError, match=r"it is written \[192\.0\.2\.10\]"):
        parse_bare_form("192.0.2.10")
    with pytest.raises(ValueError, match=r"needs one of the forms dom\.example"):
        parse_bare_form("@corp.example")
    with pytest.raises(ValueError, match=r"needs one of the forms user@dom\.example"):
        parse_form("corp.example")
    with pytest.raises(ValueError, match="needs quotes"):
        parse_form("joe doe@corp.example")


def test_ip_addresses_are_forms_of_some_tables() -> None:
    assert parse_form_or_ip("192.0.2.9") == "192.0.2.9"
    assert parse_form_or_ip("2001:DB8:0::1") == "2001:db8::1"
    assert is_ip_form("192.0.2.9")
    assert not is_ip_form("user@[192.0.2.9]")
    for text in ("192.0.2.300", "corp.example", "fe80::1%eth0", "[192.0.2.9]", ""):
        with pytest.raises(ValueError):
            parse_form_or_ip(text)


@pytest.mark.parametrize(("_", "form"), [*WITH_AT, *BARE])
def test_a_form_reads_back_as_itself(_: str, form: str) -> None:
    parse = parse_bare_form if "@" not in form else parse_form
    assert parse(form) == parse(build_form(form)) == form


def test_no_line_of_a_form_is_a_comment() -> None:
    assert build_form("#5@corp.example") == '"#5"@corp.example'
    assert build_form("#5@") == '"#5"@'
    assert parse_form('"#5"@') == "#5@"
    assert parse_form(build_form("#a..b@")) == "#a..b@"


SPLIT = [
    ("Bob@corp.example", ("bob", "corp.example")),
    ("bob", ("bob", "")),
    ("", ("", "")),
    ('"a@b"', ('"a@b"', "")),
    ('"A@b"@corp.example', ('"a@b"', "corp.example")),
    ("bob@[192.0.2.9]", ("bob", "[192.0.2.9]")),
    ("bob@bücher.example", ("bob", "xn--bcher-kva.example")),
    ("É@bücher.example", ("é", "xn--bcher-kva.example")),
    ('"a..b"@corp.example', ("a..b", "corp.example")),
    ('".é"', (".é", "")),
    ('"', ('"', "")),
    ('""@corp.example', ('""', "corp.example")),
    ("é", ("é", "")),
    ('"é@b"', ('"é@b"', "")),
    ("bob@☃☃-.example", ("bob", "")),
    ("bob@.corp.example", ("bob", "")),
    ("bob@.bücher.example", ("bob", "")),
    ("\udce9@corp.example", ("\udce9", "corp.example")),
    (f"{'a' * 300}@corp.example", ("", "")),
]


@pytest.mark.parametrize(("address", "parts"), SPLIT)
def test_addresses_are_compared_in_one_form(address: str, parts: tuple[str, str]) -> None:
    assert split_address(address) == parts


# All of one table, from the widest form to the narrowest and the other way round.
FORMS = [
    "ALL",
    ".corp.example",
    ".eu.corp.example",
    "eu.corp.example",
    "bob@",
    "bob@eu.corp.example",
]
FOUND = [
    ("bob@eu.corp.example", "bob@eu.corp.example"),
    ("Bob@eu.corp.example", "bob@eu.corp.example"),
    ("ann@eu.corp.example", "eu.corp.example"),
    ("ann@x.eu.corp.example", ".eu.corp.example"),
    ("ann@us.corp.example", ".corp.example"),
    ("bob@corp.example", "bob@"),
    ("bob", "bob@"),
    ("ann@corp.example", "ALL"),
    ("ann@xcorp.example", "ALL"),
    ("ann@.eu.corp.example", "ALL"),
    ("ann", "ALL"),
    ("", "ALL"),
]


@pytest.mark.parametrize(("address", "form"), FOUND)
def test_narrow_forms_first_in_the_table(address: str, form: str) -> None:
    table = FORMS[::-1]
    search = AddressSearch(table)
    assert table[search.find_first(address)] == form
    assert table[search.find_specific(address)] == form


@pytest.mark.parametrize(("address", "form"), FOUND)
def test_the_kind_decides_whatever_the_order(address: str, form: str) -> None:
    table = [*FORMS[2:3], *FORMS[:2], *FORMS[3:]]
    search = AddressSearch(table)
    assert table[search.find_specific(address)] == form
    wide = table[search.find_first(address)]
    assert wide == (".eu.corp.example" if form == ".eu.corp.example" else wide)
    assert wide in ("ALL", ".corp.example", ".eu.corp.example")


def test_the_first_of_equals_wins() -> None:
    search = AddressSearch(["@.example", "@.corp.example", "@.example", "bob@", "bob@"])
    assert search.find_first("ann@eu.corp.example") == 0
    assert search.find_specific("ann@eu.corp.example") == 0
    assert search.find_first("bob") == search.find_specific("bob") == 3


def test_an_empty_table_has_nothing() -> None:
    search = AddressSearch([])
    assert search.find_first("bob@corp.example") == NOWHERE
    assert search.find_specific("bob@corp.example") == NOWHERE
    assert search.find_specific("") == NOWHERE


def test_a_long_address_is_nobodys_but_alls() -> None:
    address = f"{'a' * 300}@corp.example"
    assert AddressSearch(["corp.example"]).find_first(address) == NOWHERE
    assert AddressSearch(["corp.example", "ALL"]).find_first(address) == 1
    assert AddressSearch(["corp.example", "ALL"]).find_specific(address) == 1
