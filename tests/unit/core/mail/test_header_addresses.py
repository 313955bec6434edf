"""Addresses in header fields: found, replaced, and nothing else touched (RFC 5322, 3.4)."""

import pytest

from mailwarden.core.mail.address import ADDRESS_OCTETS_MAX
from mailwarden.core.mail.header import LINE_BYTES_MAX, split_fields, unfold
from mailwarden.core.mail.header_addresses import (
    ADDRESSES_MAX,
    SCANNED_BYTES_MAX,
    Change,
    RewrittenHeader,
    UnreadField,
    find_addresses,
    replace_addresses,
    rewrite_header,
)


def outer(address: str) -> str | None:
    """Move whoever is below corp.example up to it, and give a domain to who has none."""
    local, _, domain = address.rpartition("@")
    if "@" not in address or address.endswith('"'):
        return f"{address}@corp.example"
    return f"{local}@corp.example" if domain.endswith(".corp.example") else None


def rewritten(value: bytes) -> RewrittenHeader:
    return rewrite_header(b"To:" + value + b"\r\n\r\n", outer)


REPLACED = [
    (b" ann@in.corp.example", b" ann@corp.example"),
    (b"ann@in.corp.example", b"ann@corp.example"),
    (b" Ann@IN.Corp.Example", b" Ann@corp.example"),
    (b" Ann <ann@in.corp.example>", b" Ann <ann@corp.example>"),
    (b" <ann@in.corp.example> ", b" <ann@corp.example> "),
    (b' "Doe, Ann <x@in.corp.example>" <ann@in.corp.example>',
     b' "Doe, Ann <x@in.corp.example>" <ann@corp.example>'),
    (b" ann@in.corp.example (ann@in.corp.example (home) \\) )",
     b" ann@corp.example (ann@in.corp.example (home) \\) )"),
    (b" =?utf-8?q?Ann=40in.corp.example?= <ann@in.corp.example>",
     b" =?utf-8?q?Ann=40in.corp.example?= <ann@corp.example>"),
    (b" a@in.corp.example,b@x.example ,\r\n\tC <c@in.corp.example>",
     b" a@corp.example,b@x.example ,\r\n\tC <c@corp.example>"),
    (b"\r\n ann@in.corp.example\r\n ", b"\r\n ann@corp.example\r\n "),
    (b" Ann\n <ann@in.corp.example>", b" Ann\n <ann@corp.example>"),
    (b" team: a@in.corp.example, B <b@in.corp.example>;",
     b" team: a@corp.example, B <b@corp.example>;"),
    (b' x@x.example, "a;b":a@in.corp.example;, b@in.corp.example',
     b' x@x.example, "a;b":a@corp.example;, b@corp.example'),
    (b" g: a@in.corp.example; b@in.corp.example", b" g: a@corp.example; b@corp.example"),
    (b" g:;, a@in.corp.example", b" g:;, a@corp.example"),
    (b' "ann doe"@in.corp.example', b' "ann doe"@corp.example'),
    (b' "ann"@in.corp.example', b' "ann"@corp.example'),
    (b' "a\\"@b"@in.corp.example', b' "a\\"@b"@corp.example'),
    (b" <@a.example,@b.example:ann@in.corp.example>", b" <@a.example,@b.example:ann@corp.example>"),
    (b" ann (a) @ (b) in.corp.example (c)", b" ann (a) @ (b) corp.example (c)"),
    (b" ann . doe@in.corp.example", b" ann . doe@corp.example"),
    (b" ann@in (x).corp\r\n .example (y)", b" ann@corp.example (x)\r\n  (y)"),
    (b" a@b.corp.example <ann@in.corp.example>", b" a@b.corp.example <ann@corp.example>"),
    (b" A. B. [x] <ann@in.corp.example>", b" A. B. [x] <ann@corp.example>"),
    (b" ,, ann@in.corp.example,", b" ,, ann@corp.example,"),
    (b" <>, ann@in.corp.example", b" <>, ann@corp.example"),
    (b" m\xc3\xbcller@in.corp.example", b" m\xc3\xbcller@corp.example"),
    (b" M\xfc\xff <m\xfc@in.corp.example>", b" M\xfc\xff <m\xfc@corp.example>"),
    (b" ann", b" ann@corp.example"),
    (b" ann (Ann), bob", b" ann@corp.example (Ann), bob@corp.example"),
    (b" Ann <ann>", b" Ann <ann@corp.example>"),
    (b' Ann <"ann doe">', b' Ann <"ann doe"@corp.example>'),
    (b" Doe, Ann <ann@in.corp.example>", b" Doe, Ann <ann@corp.example>"),
    (b" van Doe, Ann <ann@in.corp.example>", b" van Doe, Ann <ann@corp.example>"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "after"), REPLACED)
def test_only_the_address_changes(value: bytes, after: bytes) -> None:
    result = rewritten(value)
    assert result.block == b"To:" + after + b"\r\n\r\n"
    assert result.unread == ()


UNCHANGED = [
    b"", b" ", b" <>", b" undisclosed-recipients:;", b" (nobody)", b" Ann <ann@x.example>",
    b" ann@[192.0.2.1]", b" ann@[IPv6:2001:db8::1]",
    b" ann@in..corp.example",  # no domain: it could be in no envelope
    b" ann@-in.corp.example",
    b' "a\0b"@in.corp.example',
    b" " + b"a" * ADDRESS_OCTETS_MAX + b"@in.corp.example",
]  # fmt: skip


@pytest.mark.parametrize("value", UNCHANGED)
def test_what_no_envelope_could_hold_stays(value: bytes) -> None:
    block = b"To:" + value + b"\r\n\r\n"
    result = rewrite_header(block, outer)
    assert result.block is block
    assert result == RewrittenHeader(block, (), ())


UNREADABLE = [
    (b" Ann Doe", "words that are no address"),
    (b' "Ann Doe"', "words that are no address"),
    (b" =?utf-8?q?Ann?=", "words that are no address"),
    (b" Ann <ann@in.corp.example", "not closed"),
    (b" Ann ann@in.corp.example>", "'>'"),
    (b" <<ann@in.corp.example>>", "'<'"),
    (b" <ann@in.corp.example> <bob@in.corp.example>", "'<'"),
    (b" <ann@in.corp.example> Ann", "behind an angle bracket"),
    (b" <ann@in.corp.example>@x.example", "behind an angle bracket"),
    (b" ann@in.corp.example Ann", "blank"),
    (b" Ann ann@in.corp.example", "blank"),
    (b" ann@bob@in.corp.example", "more than an address"),
    (b" <ann@in.corp.example, bob@in.corp.example>", "more than an address"),
    (b" ann@in.corp.example; bob@in.corp.example", "';'"),
    (b" a: b: ann@in.corp.example;;", "':'"),
    (b" : ann@in.corp.example;", "':'"),
    (b" a: ann@in.corp.example", "not closed"),
    (b" a: <ann@in.corp.example;>", "';'"),
    (b" ann@", "missing"),
    (b" @in.corp.example", "missing"),
    (b" <@a.example>", "missing"),
    (b" <@a.example:>", "missing"),
    (b' ann@"in".corp.example', "illegal"),
    (b" ann@[192.0.2.1", "unclosed '['"),
    (b' "ann@in.corp.example', "unclosed '\"'"),
    (b' "ann@in.corp.example\\"', "unclosed '\"'"),
    (b" (ann) bob@in.corp.example (", "comment not closed"),
    (b" (ann@in.corp.example \\)", "comment not closed"),
    (b" ann\\@in.corp.example", r"'\\'"),
    (b" a\0nn@in.corp.example", r"'\x00'"),
    (b" ann@in.corp.example\r, bob@x.example", r"'\r'"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "reason"), UNREADABLE)
def test_what_cannot_be_read_is_left_alone_and_named(value: bytes, reason: str) -> None:
    block = b"tO: x@in.corp.example\r\nCc :" + value + b"\r\nFrom: y@in.corp.example\r\n\r\n"
    result = rewrite_header(block, outer)
    assert result.block == (
        b"tO: x@corp.example\r\nCc :" + value + b"\r\nFrom: y@corp.example\r\n\r\n"
    )
    assert [change.field for change in result.changes] == ["tO", "From"]
    (unread,) = result.unread
    assert unread.name == "Cc"
    assert reason in unread.reason


def test_which_fields() -> None:
    block = (
        b"From ann@in.corp.example Tue Nov  9\r\nReply-To: a@in.corp.example\r\n"
        b"X: a\r\n To: b@in.corp.example\r\nX-To: c@in.corp.example\r\n"
        b"To\t:d@in.corp.example\r\n\r\n"
    )
    assert [field.name for field in find_addresses(block).fields] == ["To"]
    assert rewrite_header(block, outer).changes == (
        Change("To", "d@in.corp.example", "d@corp.example"),
    )
    result = rewrite_header(block, outer, ("reply-to",))
    assert result.changes == (Change("Reply-To", "a@in.corp.example", "a@corp.example"),)


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n", b"\r\n\r\n"])
def test_the_last_field_of_all(end: bytes) -> None:
    result = rewrite_header(b"Cc: a@in.corp.example" + end, outer)
    assert result.block == b"Cc: a@corp.example" + end


def test_addresses_are_asked_for_as_in_an_envelope() -> None:
    block = (
        b'To: "ann"@A.Example, b . c@b.example, "d e" (x) @ c.example., <f@[IPv6:2001:DB8::1]>\r\n'
    )
    (field,) = find_addresses(block).fields
    assert [place.address for place in field.places] == [
        "ann@a.example",
        "b.c@b.example",
        '"d e"@c.example',
        "f@[ipv6:2001:db8::1]",
    ]


NEW = [
    (b"<ann@a.example>", "bob@b.example", b"<bob@b.example>"),
    (b"<ann (x) @ a.example>", "bob@a.example", b"<bob (x) @ a.example>"),
    (b"<ann@A.Example>", "bob@a.example", b"<bob@A.Example>"),
    (b"<ann@a.example>", '"b ob"@b.example', b'<"b ob"@b.example>'),
    (b'<"a nn"@a.example>', "ann@a.example", b"<ann@a.example>"),
    (b"<a. (x) nn@a.example>", "bob@a.example", b"<bob (x) @a.example>"),
    (b"<ann>", "bob@a.example", b"<bob@a.example>"),
    (b"<ann@a.example>", '"b ob"@localhost', b'<"b ob"@localhost>'),
    (b"<ann@a.example>", f"{'b' * 100}.@b.example", b"<" + b"b" * 100 + b".@b.example>"),
    (b"<ann@a.example>", "ann@a.example", b"<ann@a.example>"),
    (b"<ann@a.example>", "b\u00f6b@b.example", b"<b\xc3\xb6b@b.example>"),
]


@pytest.mark.parametrize(("old", "new", "after"), NEW)
def test_whatever_is_new_is_put(old: bytes, new: str, after: bytes) -> None:
    assert rewrite_header(b"To: " + old + b"\r\n", lambda _: new).block == b"To: " + after + b"\r\n"


@pytest.mark.parametrize(
    "new", ["", "bob", "a b@b.example", "a@b.example\r\nX: y", "<a@b.example>", "a@b.example>",
            "@b.example", "a@b.example, c@d.example", '"a"@b.example', "a@b.example> x"],
)  # fmt: skip
def test_what_is_no_address_gets_into_no_header(new: str) -> None:
    with pytest.raises(ValueError):
        rewrite_header(b"To: ann@a.example\r\n", lambda _: new)


def test_long_lines_are_folded() -> None:
    names = [f"person{number}@in.corp.example" for number in range(38)]
    block = b"To: " + ", ".join(names).encode() + b"\r\n\r\n"
    assert len(block) < LINE_BYTES_MAX + 4
    result = rewrite_header(block, lambda address: address.replace("@in", "@in.the.building"))
    lines = result.block.split(b"\r\n")
    assert [len(line) > LINE_BYTES_MAX for line in lines] == [False, False, False, False]
    (before,), _ = split_fields(block, is_added=False)
    (after,), _ = split_fields(result.block, is_added=False)
    expected = before.value.replace(b"@in", b"@in.the.building")
    assert unfold(after.value).replace(b"  ", b" ") == expected.strip()


def test_long_lines_that_nobody_touches_stay() -> None:
    block = b"To: a@in.corp.example\r\nCc: " + b"a@x.example, " * 100 + b"b@x.example\r\n\r\n"
    assert rewrite_header(block, outer).block == block.replace(b"in.corp", b"corp")


def test_what_is_read_is_bounded() -> None:
    small = b"To: a@in.corp.example\r\n"
    large = b"Cc: " + b"(x) " * (SCANNED_BYTES_MAX // 4) + b"\r\n"
    result = rewrite_header(small + large + small, outer)
    assert result.block == small.replace(b"in.", b"") + large + small
    assert result.unread == (UnreadField("Cc", f"more than {SCANNED_BYTES_MAX} bytes to be read"),)


@pytest.mark.parametrize("fields", [1, 2])
def test_addresses_are_bounded(fields: int) -> None:
    values = [b"a@in.corp.example"] + [b"a@b," * (ADDRESSES_MAX // fields)] * fields
    block = b"".join(b"To: " + value + b"\r\n" for value in values)
    result = rewrite_header(block + b"\r\n", outer)
    assert len(result.changes) == 1
    assert [unread.reason for unread in result.unread] == [f"more than {ADDRESSES_MAX} addresses"]


def test_asking_and_replacing_can_be_apart() -> None:
    block = b"From: a@in.corp.example\r\nTo: b@in.corp.example, c@x.example\r\n\r\n"
    found = find_addresses(block)
    answers = {
        place.address: outer(place.address) for field in found.fields for place in field.places
    }
    assert replace_addresses(block, found, answers.get) == rewrite_header(block, outer)
