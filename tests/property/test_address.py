"""Whatever a peer sends as an address gives a path or a named error."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.mail import address as address_module
from mailwarden.core.mail.address import (
    ADDRESS_OCTETS_MAX,
    AddressError,
    AddressRules,
    ParserMode,
    Path,
    SourceRouting,
    parse_path,
    to_ascii,
)
from mailwarden.core.mail.domain import domain_to_ascii, normalize_domain

RULES = st.builds(
    AddressRules,
    mode=st.sampled_from(ParserMode),
    allow_8bit_local=st.booleans(),
    allow_8bit_domain=st.booleans(),
    allow_partial_domain=st.booleans(),
    source_routing=st.sampled_from(SourceRouting),
    address_literals=st.sampled_from([(), ("192.0.2.1", "2001:db8::1")]),
    reject_local_characters=st.sampled_from(["%!:@", "", "@", "a.\\-", '" ']),
)
MARKS = st.sampled_from('<>()"\\@:,;[]. \t=%-')
LETTERS = st.sampled_from("aBüΣİ\u0301\u3002\u2028\udcff\0")
WHOLES = st.sampled_from(["ann", "b.example", '"a.b"', "AUTH=<>", "postmaster"])
HOSTS = st.sampled_from(["@hop.example:", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
PIECES = MARKS | LETTERS | WHOLES | HOSTS
ARGUMENTS = st.one_of(
    st.text(),
    st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=8).map(lambda pieces: f"<{''.join(pieces)}@b.example>"),
    st.text().map(lambda text: f"<a@{text}.example>"),
)


def outcome(argument: str, rules: AddressRules, *, sender: bool = True) -> Path | None:
    try:
        return parse_path(argument, rules, sender=sender)
    except AddressError:
        return None


@given(ARGUMENTS, RULES, st.booleans())
def test_what_is_accepted_reads_back_as_itself(
    argument: str, rules: AddressRules, sender: bool
) -> None:
    path = outcome(argument, rules, sender=sender)
    if path is None:
        return
    address, parameters = path
    assert parse_path(f"<{address}>", rules, sender=sender) == (address, "")
    assert parse_path(f"<{address}> {parameters}", rules, sender=sender).address == address
    assert parameters == parameters.strip(" \t")
    assert "\r" not in address
    assert "\n" not in address
    assert "\0" not in address
    assert len(address.encode("utf-8", "surrogateescape")) <= ADDRESS_OCTETS_MAX
    assert address or sender


@given(ARGUMENTS, RULES)
def test_default_domain_goes_only_where_there_is_none(argument: str, rules: AddressRules) -> None:
    before = outcome(argument, rules)
    try:
        after = parse_path(argument, rules, sender=True, default_domain="corp.example")
    except AddressError:
        assert before is None or "@" not in before.address.rpartition('"')[2]
        return
    assert before is not None
    bare = f"{before.address}@corp.example"
    assert after.address in ((before.address, bare) if rules.allow_partial_domain else before)


@given(ARGUMENTS, st.sampled_from(["", " ", "\t", "  "]), st.sampled_from(["", " ", " \t"]))
@pytest.mark.parametrize("mode", ParserMode)
def test_blanks_around_never_matter(mode: ParserMode, argument: str, left: str, right: str) -> None:
    rules = AddressRules(mode=mode)
    assert outcome(left + argument + right, rules) == outcome(argument, rules)


WORDS = st.text("abcXYZ019!#$&'*+-/=?^_`{|}~.", min_size=1, max_size=70)
LABELS = st.text("abcXYZ019-_", min_size=1, max_size=66)


@given(
    WORDS,
    st.lists(LABELS, min_size=1, max_size=6).map(".".join),
    st.sampled_from(["", " ", " SIZE=1", "\tX=<y> (z)", " (x)"]),
    RULES,
)
def test_the_fast_way_means_the_same(
    local: str, domain: str, rest: str, rules: AddressRules
) -> None:
    argument = f"<{local}@{domain}>{rest}"
    try:
        slow = address_module._parse_unusual(argument, rules, sender=True, default_domain="")
    except AddressError:
        slow = None
    assert outcome(argument, rules) == slow


@given(ARGUMENTS)
def test_strict_takes_nothing_that_loose_refuses(argument: str) -> None:
    strict = outcome(argument, AddressRules(mode=ParserMode.STRICT))
    if strict is not None and not strict.parameters:
        assert outcome(argument, AddressRules()) == strict


@given(ARGUMENTS, RULES)
def test_options_are_kept(argument: str, rules: AddressRules) -> None:
    path = outcome(argument, rules)
    if path is None or not path.address:
        return
    local, at, domain = path.address.rpartition("@") if "@" in path.address else (path[0], "", "")
    if local.count('"') % 2:  # the @ was inside quotes: no domain
        local, at, domain = path.address, "", ""
    assert rules.allow_8bit_local or local.isascii()
    assert rules.allow_8bit_domain or domain.isascii()
    assert rules.allow_partial_domain or "." in domain or domain.startswith("[")
    assert domain == domain.lower()
    assert at == "" or domain
    if not local.startswith('"'):
        assert not set(rules.reject_local_characters) & set(local)


@given(st.text())
def test_domains(text: str) -> None:
    try:
        domain = normalize_domain(text)
    except AddressError:
        return
    assert normalize_domain(domain) == domain
    try:
        name = domain_to_ascii(domain)
    except AddressError:
        return
    assert name.isascii()
    assert to_ascii(f"ä@{domain}") == f"ä@{name}"
    assert domain_to_ascii(name) == name


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=40))
def test_any_printable_local_part_can_be_quoted(value: str) -> None:
    rules = dataclasses.replace(AddressRules(), reject_local_characters="")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    address = parse_path(f'<"{quoted}"@b.example>', rules, sender=True).address
    local = address.removesuffix("@b.example")
    assert local in (value, f'"{quoted}"')
