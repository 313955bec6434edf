"""Addresses in commands: modes, options, limits (RFC 5321, 4.1.2; mailflow 2.5)."""

import dataclasses

import pytest

from mailwarden.core.mail.address import (
    ADDRESS_OCTETS_MAX,
    LOCAL_PART_OCTETS_MAX,
    AddressError,
    AddressRules,
    ParserMode,
    SourceRouting,
    parse_mailbox,
    parse_path,
    to_ascii,
)
from mailwarden.core.mail.address_scanner import PART_CHARACTERS_MAX

LOOSE = AddressRules()
STRICT = AddressRules(mode=ParserMode.STRICT)
BOTH = pytest.mark.parametrize("rules", [LOOSE, STRICT], ids=["loose", "strict"])


def having(rules: AddressRules = LOOSE, **changes: object) -> AddressRules:
    return dataclasses.replace(rules, **changes)


def address(argument: str, rules: AddressRules = LOOSE, **more: str) -> str:
    return parse_path(argument, rules, sender=False, **more).address


def reason(argument: str, rules: AddressRules = LOOSE, *, sender: bool = False) -> str:
    with pytest.raises(AddressError) as caught:
        parse_path(argument, rules, sender=sender)
    return caught.value.reason


@BOTH
def test_row_06_space_behind_the_colon(rules: AddressRules) -> None:
    assert address(" <a@b.example>", rules) == "a@b.example"
    assert address(" \t <a@b.example>", rules) == "a@b.example"
    assert address(" <bob>", rules) == "bob"


def test_row_07_loose_comments() -> None:
    argument = " Ann (hi (there)) <<ann@partner.example>>"
    assert address(argument) == "ann@partner.example"
    assert reason(argument, STRICT) == "angle brackets missing"


@BOTH
def test_row_08_rejected_characters(rules: AddressRules) -> None:
    assert reason("<joe%else@corp.example>", rules) == "'%' is not allowed in the local part"
    allowing = having(rules, reject_local_characters="!:@")
    assert address("<joe%else@corp.example>", allowing) == "joe%else@corp.example"


@BOTH
def test_row_09_source_routes(rules: AddressRules) -> None:
    argument = "<@hop.example:bob@corp.example>"
    assert address(argument, rules) == "bob@corp.example"
    assert address("<@a.example,@[192.0.2.1]:joe@c.example>", rules) == "joe@c.example"
    rejecting = having(rules, source_routing=SourceRouting.REJECT)
    assert reason(argument, rejecting) == "source routes are not allowed"


@BOTH
def test_row_10_default_domain(rules: AddressRules) -> None:
    assert address("<bob>", rules, default_domain="corp.example") == "bob@corp.example"
    refusing = having(rules, allow_partial_domain=False)
    with pytest.raises(AddressError) as caught:
        address("<bob>", refusing, default_domain="corp.example")
    assert caught.value.reason == "domain missing or without a dot"
    assert caught.value.part == "bob"


PLAIN = [
    ("<ann@partner.example>", "ann@partner.example"),
    ("<Ann.Smith@Partner.EXAMPLE>", "Ann.Smith@partner.example"),
    ("<ann+tag=x/y@a-b.c_d.example>", "ann+tag=x/y@a-b.c_d.example"),
    ("<_@_dmarc.partner.example>", "_@_dmarc.partner.example"),
    ("<.ann..smith.@partner.example>", ".ann..smith.@partner.example"),
    ("<a@192.0.2.1>", "a@192.0.2.1"),
    ("<bob@localhost>", "bob@localhost"),
    ("<bob>", "bob"),
    ("<bob@>", "bob"),
    ("<postmaster>", "postmaster"),
    ("<jörg@partner.example>", "jörg@partner.example"),
    ("<J\udcf6rg@partner.example>", "J\udcf6rg@partner.example"),
    ("<a@BÜCHER.example>", "a@bücher.example"),
    ("<a@bu\u0308cher.example>", "a@bücher.example"),
    ("<a@b\udcfccher.example>", "a@b\udcfccher.example"),
    ("<a@例え.テスト>", "a@例え.テスト"),
    ("<a@xn--bcher-kva.example>", "a@xn--bcher-kva.example"),
    ('<"a b"@c.example>', '"a b"@c.example'),
    ('<"a>b"@c.example>', '"a>b"@c.example'),
    (r'<"a\"b\\c"@c.example>', r'"a\"b\\c"@c.example'),
    ('<"ann"@c.example>', "ann@c.example"),
    (r'<"a\n\n"@c.example>', "ann@c.example"),
    ('<"ann.smith"@c.example>', "ann.smith@c.example"),
    ('<".ann"@c.example>', '".ann"@c.example'),
    ('<"a..b"@c.example>', '"a..b"@c.example'),
    ('<""@c.example>', '""@c.example'),
]


@BOTH
@pytest.mark.parametrize(("argument", "expected"), PLAIN)
def test_what_both_modes_take(argument: str, expected: str, rules: AddressRules) -> None:
    assert address(argument, rules) == expected
    assert address(f"<{expected}>", rules) == expected


LOOSE_ONLY = [
    ("ann@partner.example", "ann@partner.example"),
    ("  bob  ", "bob"),
    ("Ann Smith <ann@partner.example>", "ann@partner.example"),
    ("ann@home.example <ann@partner.example>", "ann@partner.example"),
    ('"Ann <x@y>" <ann@partner.example>', "ann@partner.example"),
    ("=?utf-8?q?Ann?=<ann@partner.example>", "ann@partner.example"),
    ("<x <y <ann@partner.example> > >", "ann@partner.example"),
    ("<<a@first.example> <a@second.example>>", "a@first.example"),
    ("<a@shallow.example <ann@partner.example>>", "ann@partner.example"),
    ("(a) < (b) ann (c) @ (d) partner . example (e) > (f)", "ann@partner.example"),
    (r"(a \) \( b) ann@partner.example (c)", "ann@partner.example"),
    ('(quotes " do not count) ann@partner.example', "ann@partner.example"),
    ("ann(who)@(where)partner.example", "ann@partner.example"),
    ("<ann@partner.example.>", "ann@partner.example"),
    ("<ann@partner.example >", "ann@partner.example"),
    ("<ann@bücher.example. >", "ann@bücher.example"),
    ('<"ann" . smith@partner.example>', "ann.smith@partner.example"),
    ('<ann."b c"@partner.example>', '"ann.b c"@partner.example'),
    ('<a.".b"@partner.example>', '"a..b"@partner.example'),
    ("<@hop.example : bob@corp.example>", "bob@corp.example"),
]


@pytest.mark.parametrize(("argument", "expected"), LOOSE_ONLY)
def test_what_loose_takes(argument: str, expected: str) -> None:
    assert address(argument) == expected
    assert address(f"<{expected}>", STRICT) == expected
    with pytest.raises(AddressError):
        address(argument, STRICT)


SAME = [
    ("<>", "address missing"),
    ("<@>", "local part missing"),
    ("<@b.example>", "local part missing"),
    ("<@b.example:>", "local part missing"),
    ("<@b.example:@c.example>", "local part missing"),
    ("<@:a@b.example>", "source route malformed"),
    ("<@a@b:c@d.example>", "source route malformed"),
    ("<@a b:c@d.example>", "blank in the address"),
    ("<a@b.example", "angle brackets not balanced"),
    ("<a@b.example>x", "text behind the address"),
    ("<a@b.example>>", "text behind the address"),
    ("<a b@c.example>", "blank in the address"),
    ("<a,b@c.example>", "illegal character in the local part"),
    ("<a;b@c.example>", "illegal character in the address"),
    ("<a\x00b@c.example>", "illegal character in the address"),
    ("<a\x7f@c.example>", "illegal character in the address"),
    ('<"a\nb"@c.example>', "illegal character in the address"),
    ("<[a]@c.example>", "illegal character in the local part"),
    ('<a"b"@c.example>', "illegal character in the local part"),
    ('<"a@c.example>', "quoted string not closed"),
    ("<a@b..example>", "empty label in the domain"),
    ("<a@.b.example>", "empty label in the domain"),
    ("<a@-b.example>", "illegal character in the domain"),
    ("<a@b-.example>", "illegal character in the domain"),
    ("<a@b%.example>", "illegal character in the domain"),
    ('<a@"b".example>', "illegal character in the domain"),
    ("<a@\uff45xample.example>", "illegal character in the domain"),
    ("<a@b\u3002example>", "illegal character in the domain"),
    ("<a@b\u2028.example>", "illegal character in the domain"),
    ("<a@[192.0.2.1>", "address literal not closed"),
    ("<a@[192.0.2.256]>", "address literal malformed"),
    ("<a@[192.0.2.1]>", "unknown address literal"),
    ("<a@b@c.example>", "'@' is not allowed in the local part"),
    ('<"a@b"@c.example>', "'@' is not allowed in the local part"),
    ("<a:b@c.example>", "':' is not allowed in the local part"),
    ("<\ud800@c.example>", "illegal character in the address"),
]
DIFFERENT = [
    ("", "address missing", "angle brackets missing"),
    ("<a@b.example..>", "empty label in the domain", "dot at the end of the domain"),
]
REFUSED = [(argument, reason, reason) for argument, reason in SAME] + DIFFERENT


@pytest.mark.parametrize(("argument", "loose", "strict"), REFUSED)
def test_what_both_modes_refuse(argument: str, loose: str, strict: str) -> None:
    assert reason(argument) == loose
    assert reason(argument, STRICT) == strict


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("Ann (hi <ann@partner.example>", "comment not closed"),
        ("<ann@partner.example> (hi", "comment not closed"),
        ("(nothing else)", "address missing"),
        ("(<)", "address missing"),
        ("ann@partner.example>", "illegal character in the address"),
        ("<<ann@partner.example>", "angle brackets not balanced"),
        ("a@b.example, c@d.example", "illegal character in the domain"),
        ("<a@b.example>, <c@d.example>", "text behind the address"),
        ('6" pipe <ann@partner.example>', "quoted string not closed"),
    ],
)
def test_what_loose_cannot_make_out(argument: str, expected: str) -> None:
    assert reason(argument) == expected


@pytest.mark.parametrize("argument", ["<>", " <>", "< >", "<<>>", "Ann <>", "<(nobody)>"])
def test_null_reverse_path(argument: str) -> None:
    assert parse_path(argument, LOOSE, sender=True) == ("", "")
    assert reason(argument) == "address missing"


def test_null_reverse_path_is_plain_in_strict() -> None:
    assert parse_path("<> SIZE=0", STRICT, sender=True) == ("", "SIZE=0")
    assert reason("< >", STRICT, sender=True) == "blank in the address"


PARAMETERS = [
    ("<a@b.example> SIZE=1000 BODY=8BITMIME", "SIZE=1000 BODY=8BITMIME"),
    ("<a@b.example>\t SIZE=1 \t", "SIZE=1"),
    ("<a@b.example>   ", ""),
    ("<A@B.example> AUTH=<>", "AUTH=<>"),
    ('<"a b"@b.example> ORCPT=rfc822;"x', 'ORCPT=rfc822;"x'),
    ("<bob> X=<y>", "X=<y>"),
]


@BOTH
@pytest.mark.parametrize(("argument", "expected"), PARAMETERS)
def test_parameters(argument: str, expected: str, rules: AddressRules) -> None:
    assert parse_path(argument, rules, sender=True).parameters == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("a@b.example SIZE=1000 AUTH=<>", ("a@b.example", "SIZE=1000 AUTH=<>")),
        ("a@b.example AUTH=<x> Y=<z>", ("a@b.example", "AUTH=<x> Y=<z>")),
        ('a@b.example ENVID="(', ("a@b.example", 'ENVID="(')),
        ("<a@b.example> (hello (there)) SIZE=1000", ("a@b.example", "SIZE=1000")),
        ("<a@b.example>(hello) SIZE=1000", ("a@b.example", "SIZE=1000")),
        ("a@b.example (hello) SIZE=1000", ("a@b.example", "SIZE=1000")),
    ],
)
def test_parameters_in_loose(argument: str, expected: tuple[str, str]) -> None:
    assert parse_path(argument, LOOSE, sender=True) == expected


def test_strict_leaves_comments_to_the_parameters() -> None:
    assert parse_path("<a@b.example> (x)", STRICT, sender=True).parameters == "(x)"


@BOTH
def test_trailing_dot_and_blank_are_stripped_or_refused(rules: AddressRules) -> None:
    strict = rules.mode is ParserMode.STRICT
    for argument in ("<a@b.example.>", "<a@b.example >"):
        if strict:
            assert reason(argument, rules) in (
                "dot at the end of the domain",
                "blank in the address",
            )
        else:
            assert address(argument, rules) == "a@b.example"


@BOTH
def test_8bit_options(rules: AddressRules) -> None:
    no_local = having(rules, allow_8bit_local=False)
    assert reason("<jörg@b.example>", no_local) == "8-bit characters in the local part"
    assert reason('<"jö rg"@b.example>', no_local) == "8-bit characters in the local part"
    assert address("<a@bücher.example>", no_local) == "a@bücher.example"
    no_domain = having(rules, allow_8bit_domain=False)
    assert reason("<a@bücher.example>", no_domain) == "8-bit characters in the domain"
    assert reason("<a@b\udcfc.example>", no_domain) == "8-bit characters in the domain"
    assert address("<jörg@b.example>", no_domain) == "jörg@b.example"


@BOTH
def test_partial_domains(rules: AddressRules) -> None:
    refusing = having(rules, allow_partial_domain=False)
    for argument in ("<bob>", "<bob@>", "<bob@localhost>", "<bücher@bücher>"):
        assert reason(argument, refusing) == "domain missing or without a dot"
    assert address("<bob@a.b>", refusing) == "bob@a.b"
    # only an address without any domain gets the default one
    assert address("<bob@>", rules, default_domain="corp.example") == "bob@corp.example"
    assert address("<bob@host>", rules, default_domain="corp.example") == "bob@host"
    assert parse_path("<>", rules, sender=True, default_domain="corp.example").address == ""


@BOTH
def test_postmaster_needs_no_domain(rules: AddressRules) -> None:
    refusing = having(rules, allow_partial_domain=False)
    assert address("<Postmaster>", refusing) == "Postmaster"
    expected = "postmaster@corp.example"
    assert address("<postmaster>", refusing, default_domain="corp.example") == expected
    assert reason("<postmaster>", refusing, sender=True) == "domain missing or without a dot"


@BOTH
def test_address_literals(rules: AddressRules) -> None:
    knowing = having(rules, address_literals=("192.0.2.1", "2001:DB8::1"))
    assert address("<a@[192.0.2.1]>", knowing) == "a@[192.0.2.1]"
    canonical = "a@[ipv6:2001:db8::1]"
    assert address("<a@[IPv6:2001:0db8:0::0001]>", knowing) == canonical
    assert address(f"<{canonical}>", knowing) == canonical
    assert reason("<a@[192.0.2.2]>", knowing) == "unknown address literal"
    assert reason("<a@[2001:db8::1]>", knowing) == "address literal malformed"
    assert reason("<a@[IPv6:192.0.2.1]>", knowing) == "address literal malformed"
    partial = having(knowing, allow_partial_domain=False)
    assert address("<a@[IPv6:2001:db8::1]>", partial) == canonical


def test_rejected_characters_are_looked_for_inside_quotes() -> None:
    assert reason(r'<"a\%b"@c.example>') == "'%' is not allowed in the local part"
    assert reason("<a+b@c.example>", having(reject_local_characters="+"))
    nothing = having(reject_local_characters="")
    assert address("<a@b@c.example>", nothing) == '"a@b"@c.example'
    assert address("<a:b%c@c.example>", nothing) == '"a:b%c"@c.example'
    assert reason("<a@b@c.example>", having(STRICT, reject_local_characters=""))
    everything = having(reject_local_characters="".join(map(chr, range(33, 127))))
    assert reason("<a@c.example>", everything) == "'a' is not allowed in the local part"


def test_length_of_local_part() -> None:
    longest = "a" * LOCAL_PART_OCTETS_MAX
    for rules in (LOOSE, STRICT):
        assert address(f"<{longest}@b.example>", rules) == f"{longest}@b.example"
    # RFC 5321, 4.5.3.1: a minimum that must be taken, and return paths go beyond it
    assert address(f"<{longest}a@b.example>") == f"{longest}a@b.example"
    assert reason(f"<{longest}a@b.example>", STRICT) == "local part too long"
    assert reason(f"<{'ä' * 33}@b.example>", STRICT) == "local part too long"


@BOTH
def test_length_of_domain_and_path(rules: AddressRules) -> None:
    domain = ".".join(["a" * 61] * 4)  # 247 octets
    local = "b" * (ADDRESS_OCTETS_MAX - 1 - len(domain))
    assert address(f"<{local}@{domain}>", rules) == f"{local}@{domain}"
    assert reason(f"<{local}b@{domain}>", rules) == "address too long"
    assert reason(f"<b@a.{domain}.aaaaa.b>", rules) == "domain too long"
    assert reason(f"<b@{'ä.' * 86}b>", rules) == "domain too long"
    assert reason(f"<b@{'a' * 64}.example>", rules) == "label of the domain too long"
    assert reason(f"<b@ä.{'a' * 64}.example>", rules) == "label of the domain too long"


@BOTH
@pytest.mark.parametrize("piece", ["<", ">", "(", ")", '"', "\\", "a@", "@a,", '"a".', "a\0", "=<"])
def test_long_hostile_text_is_refused(piece: str, rules: AddressRules) -> None:
    for argument in (piece * 20_000, f"<{piece * 20_000}>", f"<a@{piece * 20_000}>"):
        assert reason(argument, rules)


def test_error_is_fit_for_a_log_line() -> None:
    with pytest.raises(AddressError) as caught:
        address(f"<{'a' * 10_000}@b.example>")
    assert len(caught.value.part) == PART_CHARACTERS_MAX
    assert str(caught.value).startswith("address too long: 'aaa")


def test_to_ascii() -> None:
    assert to_ascii("jörg@bücher.example") == "jörg@xn--bcher-kva.example"
    assert to_ascii("jörg@b.example") == "jörg@b.example"
    assert to_ascii("jörg") == "jörg"
    assert to_ascii("") == ""
    with pytest.raises(AddressError):
        to_ascii("a@b\udcfc.example")


def test_mailboxes_of_a_configuration() -> None:
    assert parse_mailbox(" Ops <ops@Corp.example> ") == "ops@corp.example"
    assert parse_mailbox("root", LOOSE) == "root"
    for text in ("ops", "ops@corp", "", "<>", "ops@corp.example noc@corp.example"):
        with pytest.raises(AddressError):
            parse_mailbox(text)


def test_problems_of_the_rules() -> None:
    assert list(LOOSE.problems()) == []
    (problem,) = having(address_literals=("192.0.2.1", "nonsense")).problems()
    assert problem.path == "address_literals[1]"
    assert "'nonsense'" in problem.message
