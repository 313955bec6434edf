"""The end of data, dots, bare CR and LF, and the limits of content."""

import itertools

import pytest

from mailwarden.core.smtp.content import (
    BareCrLf,
    ChunkReader,
    ContentLimits,
    DataReader,
    Fault,
    clean_line_ends,
    has_bare_line_end,
)

from .caller import transfer

HEADER = b"Subject: x\r\n\r\n"
BARE = b"554 message body contains illegal bare CR/LF characters.".decode()
SIZE = "552 #5.3.4 message size exceeds limit"
HEADER_SIZE = "552 #5.3.4 message header size exceeds limit"


def limits(
    *, size: int = 1000, header: int = 500, lines: int = 20, bare: BareCrLf = BareCrLf.CLEAN
) -> ContentLimits:
    return ContentLimits(size, header, lines, bare)


CONTENTS = [
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"a\r\n.\r\n", b"a\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b".a\r\n.\r\n", b"a\r\n"),
    (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
    (b"a\r\n..b\r\n...\r\nc.\r\n.\r\n", b"a\r\n.b\r\n..\r\nc.\r\n"),
    (b"a\r\n.b\r\n.\r\n", b"a\r\nb\r\n"),
    (b"a\r\n..\r\n..\r\n.\r\n", b"a\r\n.\r\n.\r\n"),
    (b"a.\r\n.\r\n", b"a.\r\n"),
    (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
]
# What other servers have taken for the end of data, each followed by what a smuggler adds.
NO_ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r.\n",
    b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\n .\r\n",
    b"\r\n. \r\n", b"\n\n.\n\n", b"\r\n.\n\r\n", b"\r\n.\x85\r\n", b"\x0b.\x0b",
]  # fmt: skip


@pytest.mark.parametrize(("wire", "content"), CONTENTS)
def test_dots(wire: bytes, content: bytes) -> None:
    assert transfer(wire) == ("250 ok:  Message 1 accepted", content)


@pytest.mark.parametrize(("wire", "content"), CONTENTS)
def test_every_pair_of_cuts_gives_the_same(wire: bytes, content: bytes) -> None:
    for cuts in itertools.combinations_with_replacement(range(len(wire) + 1), 2):
        assert transfer(wire, *cuts) == ("250 ok:  Message 1 accepted", content)
    assert transfer(wire, *range(len(wire)))[1] == content


@pytest.mark.parametrize("no_end", NO_ENDS)
@pytest.mark.parametrize("bare", BareCrLf)
def test_nothing_but_crlf_dot_crlf_ends_data(no_end: bytes, bare: BareCrLf) -> None:
    wire = b"a" + no_end + b"MAIL FROM:<evil@x.example>\r\n"
    for cut in range(len(wire) + 1):
        assert transfer(wire, cut, bare_cr_lf=bare) == ("", b"")
        reply, content = transfer(wire + b"\r\n.\r\n", cut, bare_cr_lf=bare)
        if bare is BareCrLf.REJECT and has_bare_line_end(no_end):
            assert reply == BARE
        else:
            assert reply.startswith("250")
            assert b"MAIL FROM:<evil" in content
        if bare is not BareCrLf.ALLOW:
            assert not has_bare_line_end(content)


def test_row_11_body_with_bare_lf() -> None:
    wire = HEADER + b"a\nb\rc\r\r\n\n\r\r\n.\r\n"
    clean = HEADER + b"a\r\nb\r\nc\r\n\r\n\r\n\r\n\r\n"
    for cut in range(len(wire)):
        assert transfer(wire, cut) == ("250 ok:  Message 1 accepted", clean)
        assert transfer(wire, cut, bare_cr_lf=BareCrLf.REJECT) == (BARE, b"")
        allowed = transfer(wire, cut, bare_cr_lf=BareCrLf.ALLOW)
        assert allowed == ("250 ok:  Message 1 accepted", wire[:-3])


def test_whole_message_is_one_slice() -> None:
    reader = DataReader(limits())
    wire = HEADER + b"text.\r\n.\r\nQUIT\r\n"
    piece, behind = reader.read(wire, 0)
    assert (piece, wire[behind:], reader.ended) == (HEADER + b"text.\r\n", b"QUIT\r\n", True)
    assert not reader.check.dotted


@pytest.mark.interpreted
def test_piece_without_end_is_not_copied() -> None:
    reader = DataReader(limits())
    data = b"no end in here"
    piece, behind = reader.read(data, 0)
    assert piece is data
    assert behind == len(data)


@pytest.mark.parametrize("tail", [b"\r", b"\r\n", b"\r\n.", b"\r\n.\r"])
def test_what_may_be_the_end_waits(tail: bytes) -> None:
    reader = DataReader(limits())
    assert reader.read(b"abc" + tail, 0) == (b"abc", 3)
    assert not reader.ended


@pytest.mark.parametrize(
    ("wire", "is_dotted"),
    [
        (b"a\r\n.\r\n", False),
        (b"a.b\r\n.\r\n", False),
        (b"..a\r\n.\r\n", True),
        (b"a\r\n..b\r\n.\r\n", True),
        (b"a\n.b\r\n.\r\n", True),  # cleaned, the dot begins a line
    ],
)
def test_dotted_says_whether_dots_need_stuffing(wire: bytes, is_dotted: bool) -> None:
    for cut in range(len(wire) + 1):
        reader = DataReader(limits())
        behind = 0
        if cut:
            _, behind = reader.read(wire[:cut], 0)
        if not reader.ended:
            reader.read(wire, behind)
        assert reader.check.dotted is is_dotted


@pytest.mark.parametrize(
    ("data", "is_bare"),
    [
        (b"", False), (b"a", False), (b"\r\n", False), (b"a\r\nb\r\n", False), (b"\n", True),
        (b"\r", True), (b"\n\r", True), (b"\r\r\n", True), (b"\r\n\n", True), (b"a\rb\n", True),
        (b"a\r\n" * 9000, False), (b"a\r\n" * 9000 + b"\r", True), (b"\n\r" * 9000, True),
    ],
)  # fmt: skip
def test_bare_line_ends_are_found(data: bytes, is_bare: bool) -> None:
    assert has_bare_line_end(data) is is_bare
    assert has_bare_line_end(clean_line_ends(data)) is False


# Limits.


def test_row_15_oversize_is_read_to_its_end() -> None:
    wire = HEADER + b"x" * 100 + b"\r\n.\r\n"
    for cut in range(len(wire)):
        assert transfer(wire, cut, max_message_size=100) == (SIZE, b"")
    exact = len(wire) - 3
    assert transfer(wire, max_message_size=exact)[0].startswith("250")
    assert transfer(wire, max_message_size=exact - 1)[0] == SIZE


def test_size_counts_neither_stuffed_dots_nor_cleaned_line_ends() -> None:
    wire = HEADER + b"..a\r\n" + b"\n" * 10 + b"\r\n.\r\n"
    size = len(wire) - 3 - 1
    for cut in range(len(wire)):
        assert transfer(wire, cut, max_message_size=size)[0].startswith("250")
        assert transfer(wire, cut, max_message_size=size - 1)[0] == SIZE


def test_row_17_header_lines() -> None:
    header = b"X: y\r\n" * 1001
    wire = header + b"\r\nbody\r\n.\r\n"
    assert transfer(wire) == (HEADER_SIZE, b"")
    assert transfer(wire, 1, 3000, 6000)[0] == HEADER_SIZE
    assert transfer(wire, max_header_lines=0)[1] == wire[:-3]
    assert transfer(wire[6:])[1] == wire[6:-3]


def test_body_lines_are_not_header_lines() -> None:
    wire = HEADER + b"\r\n" * 3000 + b".\r\n"
    for cut in (1, len(HEADER) - 3, len(HEADER) - 2, len(HEADER) - 1, len(HEADER), 500):
        assert transfer(wire, cut)[1] == wire[:-3]
    assert transfer(b"\r\n" + wire)[1] == b"\r\n" + wire[:-3]  # there is no header at all


def test_header_ends_at_an_empty_line_of_lf() -> None:
    wire = b"A: b\n\n" + b"line\n" * 3000 + b"\r\n.\r\n"
    for cut in range(10):
        assert transfer(wire, cut)[0].startswith("250")
        assert transfer(wire, cut, bare_cr_lf=BareCrLf.ALLOW)[1] == wire[:-3]


@pytest.mark.parametrize("bare", BareCrLf)
def test_content_without_header_has_no_header_lines(bare: BareCrLf) -> None:
    wire = b"\r\n" + b"line\r\n" * 5 + b"\r\nline\r\n.\r\n"
    for cut in range(8):
        reply, _ = transfer(wire, cut, bare_cr_lf=bare, max_header_lines=1)
        assert reply.startswith("250")


def test_header_bytes() -> None:
    wire = b"X: " + b"y" * 500 + b"\r\n\r\nbody\r\n.\r\n"
    for cut in range(0, len(wire), 7):
        assert transfer(wire, cut, max_header_size=505)[0].startswith("250")
        assert transfer(wire, cut, max_header_size=504)[0] == HEADER_SIZE


def test_endless_header_line_keeps_nothing() -> None:
    reader = DataReader(limits(header=10**6, size=10**8))
    pieces = [reader.read(b"x" * 50_000, 0) for _ in range(30)]
    assert [piece for piece, _ in pieces[20:]] == [b""] * 10
    assert reader.check.fault is Fault.HEADER_SIZE
    assert reader.check.size == 1_500_000
    reader.read(b"\r\n.\r\n", 0)
    assert reader.ended


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (b"\n" + b"A: b\r\n" * 30 + b"x" * 900 + b"\r\n.\r\n", SIZE),
        (b"A: b\n" * 30 + b"\r\n.\r\n", HEADER_SIZE),
        (b"A: b\r\n" * 30 + b"\n\r\n.\r\n", HEADER_SIZE),
        (b"A: b\r\n\r\n" * 3 + b"\n\r\n.\r\n", BARE),
    ],
)
def test_worst_fault_is_told_however_it_is_cut(wire: bytes, reply: str) -> None:
    for cut in range(len(wire)):
        got, _ = transfer(
            wire, cut, bare_cr_lf=BareCrLf.REJECT, max_message_size=1000, max_header_lines=20
        )
        assert got == reply


# Chunks of BDAT.


def read_chunks(
    *chunks: bytes, cut: int | None = None, bare: BareCrLf = BareCrLf.CLEAN
) -> tuple[bytes, Fault | None]:
    reader = ChunkReader(limits(bare=bare))
    content = b""
    for number, chunk in enumerate(chunks):
        reader.begin(len(chunk), is_last=number == len(chunks) - 1)
        for part in (chunk,) if cut is None else (chunk[:cut], chunk[cut:]):
            if part or not chunk:
                content += reader.read(part, 0)[0]
            if reader.ended:
                break
    return content, reader.check.fault


@pytest.mark.parametrize(
    ("chunks", "content"),
    [
        ((b"",), b""),
        ((b"a\r\n",), b"a\r\n"),
        ((b"a\r\n.\r\nb\r\n",), b"a\r\n.\r\nb\r\n"),
        ((b"..a\r\n", b""), b"..a\r\n"),
        ((b"a\r", b"\nb\r\n"), b"a\r\nb\r\n"),
        ((b"a\r", b"", b"\nb\r\n"), b"a\r\nb\r\n"),
        ((b"a", b"b", b""), b"ab\r\n"),
        ((b"a\nb\r", b"c\r"), b"a\r\nb\r\nc\r\n"),
        ((b"a\n", b""), b"a\r\n"),
    ],
)
def test_chunks(chunks: tuple[bytes, ...], content: bytes) -> None:
    for cut in (None, 0, 1, 2, 3):
        assert read_chunks(*chunks, cut=cut) == (content, None)


@pytest.mark.parametrize(
    ("chunks", "is_bare"),
    [
        ((b"a\r", b"\nb\r\n"), False),
        ((b"a\r", b"b\r\n"), True),
        ((b"a\n", b"b\r\n"), True),
        ((b"a\r",), True),
        ((b"a",), False),
    ],
)
def test_bare_line_ends_in_chunks(chunks: tuple[bytes, ...], is_bare: bool) -> None:
    for cut in (None, 0, 1, 2):
        assert read_chunks(*chunks, cut=cut, bare=BareCrLf.REJECT)[1] == (
            Fault.BARE_CR_LF if is_bare else None
        )
        assert read_chunks(*chunks, cut=cut, bare=BareCrLf.ALLOW)[1] is None


def test_size_limit_counts_over_chunks() -> None:
    assert read_chunks(HEADER, *[b"x" * 100] * 9)[1] is None
    assert read_chunks(HEADER, *[b"x" * 100] * 10)[1] is Fault.MESSAGE_SIZE


def test_chunk_takes_no_byte_too_many() -> None:
    reader = ChunkReader(limits())
    reader.begin(3, is_last=True)
    assert reader.read(b"..a\r\nQUIT\r\n", 2) == (b"a\r\n", 5)
    assert reader.ended
