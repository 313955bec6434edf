"""Whatever stands in a header, only addresses change, and the rest is byte for byte the same."""

from hypothesis import example, given
from hypothesis import strategies as st

from mailwarden.core.mail.address import ADDRESS_OCTETS_MAX
from mailwarden.core.mail.header import LINE_BYTES_MAX
from mailwarden.core.mail.header_addresses import find_addresses, rewrite_header

BLANKS = st.sampled_from([b"", b" ", b"\t", b"\r\n ", b" (a@in.example, <b>)", b"(\\)(x))\n\t"])
DISPLAY_NAMES = st.sampled_from(
    [b"", b"Ann", b"Ann D. Doe", b'"Doe, Ann <a@in.example>"', b"=?utf-8?q?=40?=", b"J\xf6 (x) B"]
)
LOCAL_PARTS = st.sampled_from([b"ann", b"a.b", b'"a b"', b'"@\\""', b"M\xc3\xbc", b"x+y=z"])
DOMAINS = st.sampled_from([b"in.example", b"IN.example", b"a.in.example", b"else.example"])
PIECES = st.one_of(
    st.sampled_from(
        [b"<", b">", b"@", b",", b":", b";", b'"', b"(", b")", b"[", b"]", b"\\", b"."]
    ),
    st.sampled_from([b"\r\n ", b" ", b"ann", b"in.example", b"=?utf-8?q?x?=", b"\0", b"\xff"]),
    st.sampled_from([b"\r", b"\nTo:", b"\nFrom: a@in.example", b"l" * 70]),
)
ANYTHING = st.one_of(
    st.binary().map(b"To:".__add__),
    st.lists(PIECES, max_size=20).map(lambda pieces: b"To:" + b"".join(pieces)),
)


def outer(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    is_inner = at and domain.endswith("in.example") and len(address) < ADDRESS_OCTETS_MAX - 10
    return f"{local}@out.example" if is_inner else None


@st.composite
def mailboxes(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a mailbox as it is and as it is to become."""
    name, local, domain = draw(DISPLAY_NAMES), draw(LOCAL_PARTS), draw(DOMAINS)
    before, behind, around = draw(BLANKS), draw(BLANKS), draw(BLANKS)
    new = b"out.example" if domain.lower().endswith(b"in.example") else domain
    is_bracketed = draw(st.booleans())

    def mailbox(domain: bytes) -> bytes:
        address = before + local + around + b"@" + around + domain + behind
        return name + b" <" + address + b">" + around if is_bracketed else address

    return mailbox(domain), mailbox(new)


@st.composite
def lists(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return an address-list of mailboxes and groups as it is and as it is to become."""
    old, new = [], []
    for group in draw(st.lists(st.booleans(), min_size=1, max_size=4)):
        members = draw(st.lists(mailboxes(), max_size=3)) if group else [draw(mailboxes())]
        for texts, member in ((old, [m[0] for m in members]), (new, [m[1] for m in members])):
            joined = b", ".join(member)
            texts.append(
                b"The, Group".replace(b",", b"") + b":" + joined + b";" if group else joined
            )
    return b" " + b",".join(old), b" " + b",".join(new)


@given(lists(), st.sampled_from([b"\r\n", b"\n"]))
def test_only_addresses_change(value: tuple[bytes, bytes], end: bytes) -> None:
    old, new = value
    result = rewrite_header(b"Subject: a@in.example" + end + b"Cc:" + old + end + end, outer)
    assert result.unread == ()
    wanted = b"Subject: a@in.example" + end + b"Cc:" + new + end + end
    if all(len(line) < LINE_BYTES_MAX for line in wanted.split(b"\n")):
        assert result.block == wanted
    assert rewrite_header(result.block, outer).changes == ()


@given(ANYTHING)
@example(b"To:<@a:b(\r\n )@in.example")
def test_any_bytes(block: bytes) -> None:
    found = find_addresses(block)
    end = 0
    for field in found.fields:
        assert end <= field.start < field.end <= len(block)
        end = field.start
        for place in field.places:
            spans = place.local + place.domain
            assert end <= place.start <= spans[0][0]
            for start, behind in spans:
                assert end <= start < behind <= field.end
                end = behind
    result = rewrite_header(block, outer)
    assert result.unread == found.unread
    assert (result.block is block) == (not result.changes)
    again = rewrite_header(result.block, outer)
    assert again.block is result.block
    assert again.unread == result.unread


@given(ANYTHING)
def test_no_change_is_no_change(block: bytes) -> None:
    assert rewrite_header(block, lambda address: address).block is block


@given(st.lists(mailboxes().map(lambda pair: pair[0]), min_size=20, max_size=40))
def test_lines_get_no_longer_than_they_may(values: list[bytes]) -> None:
    block = b"To: " + b", ".join(
        value.replace(b"\r\n", b"").replace(b"\n", b"") for value in values
    )
    long = "l" * 60
    result = rewrite_header(block, lambda address: f"{long}@{long}.example")
    assert len(result.changes) == len(values)
    assert max(map(len, result.block.split(b"\r\n"))) <= max(LINE_BYTES_MAX, len(block))
    if len(block) <= LINE_BYTES_MAX:
        assert max(map(len, result.block.split(b"\r\n"))) <= LINE_BYTES_MAX
    assert [change.old for change in rewrite_header(result.block, outer).changes] == []
