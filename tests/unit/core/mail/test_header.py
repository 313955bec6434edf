"""Where a header ends, what it says, its fields byte by byte (RFC 5322)."""

import pytest

from mailwarden.core.mail.header import (
    FIELDS_MAX,
    LINE_BYTES_MAX,
    MAILBOX_LINE_NAME,
    SCANNED_VALUE_BYTES_MAX,
    Defect,
    HeaderScan,
    byte_defects,
    field_defects,
    has_empty_line,
    header_end,
    scan_header,
    split_fields,
    unfold,
)

ENDS = [  # header and body
    (b"", b""),
    (b"A: b\r\n\r\n", b"body\r\n\r\nmore"),
    (b"A: b\r\n\r\n", b""),
    (b"A: b\r\n c\r\n\td\r\nE: f\r\n\r\n", b"body: x\r\n"),
    (b"A: b\r\n \r\nC: d\r\n\r\n", b"body"),  # a blank line is none: it continues the field
    (b"\r\n", b"body\r\n\r\n"),
    (b"\n", b"A: b\r\n"),
    (b"A: b\n\n", b"body\r\n\r\n"),
    (b"A: b\r\nC: d\n\r\n", b"body"),
    (b"A: b\r\n\n", b"body"),
    (b"A: b\r\nC: d\r\n", b""),  # no empty line at all
    (b"A: b", b""),
    (b"A:", b""),
    (b"A : b\r\nC\t:d\r\n\r\n", b"body"),
    (b"!#:\r\n\r\n", b"body"),
    (b"A: b\r\n", b"no field\r\n\r\nmore"),  # the body begins without an empty line
    (b"A: b\r\n", b": no name\r\n\r\n"),
    (b"A: b\r\n", b"N\xc3\xa4me: 8 bits\r\n\r\n"),
    (b"A: b\r\n", b"cut"),
    (b"", b"no field\r\nA: b\r\n\r\n"),
    (b"", b" A: begins with a blank\r\n\r\n"),
    (b"From ann@a.example Tue Nov  9\r\nA: b\r\n\r\n", b"body"),
    (b">From ann@a.example Tue Nov  9\r\nA: b\r\n\r\n", b"body"),
    (b"", b"From here on\r\nit is text\r\n"),
    (b"From : ann@a.example\r\nA: b\r\n\r\n", b"body"),
    (b"A: b\rC\r\n\r\n", b"body"),
    (b"A: b\r\r\n\r\n", b"body"),
    (b"A: b\r\n", b"\r\r\nbody"),
]


@pytest.mark.parametrize(("header", "body"), ENDS)
def test_where_a_header_ends(header: bytes, body: bytes) -> None:
    assert header_end(header + body) == len(header)


def test_scan() -> None:
    block = (
        b"Received: from a\r\n by b\r\n"
        b"RECEIVED: from c\r\n"
        b"Received-SPF: None\r\n"
        b"X-Received: from d\r\n"
        b"Subject:  Quarterly\r\n  numbers \r\n"
        b"subject: second\r\n"
        b"Message-Id: <4f1a@partner.example>\r\n"
        b"X: Date: no\r\n"
        b" From: no\r\n"
        b"Date: Tue, 9 Nov 2010 10:15:02 +0000\r\n"
        b"\r\n"
    )
    assert scan_header(block) == HeaderScan(
        lines=12,
        received=2,
        message_id=b"<4f1a@partner.example>",
        subject=b"Quarterly\r\n  numbers",
        has_date=True,
        has_from=False,
        has_mailbox_line=False,
    )


def test_scan_of_the_first_field_and_of_old_forms() -> None:
    scan = scan_header(b"From : a@b.example\nReceived\t: x\nMessage-ID:\nSubject:")
    assert scan == HeaderScan(4, 1, b"", b"", False, True, False)
    assert scan.has_message_id


@pytest.mark.parametrize("block", [b"", b"\r\n", b"\n"])
def test_scan_of_nothing(block: bytes) -> None:
    scan = scan_header(block)
    assert scan == HeaderScan(0, 0, None, None, False, False, False)
    assert not scan.has_message_id


@pytest.mark.parametrize(
    ("block", "lines"), [(b"A: b\r\n", 1), (b"A: b\r\nC: d\r\n\r\n", 2), (b"A: b\nC", 2)]
)
def test_count_of_lines(block: bytes, lines: int) -> None:
    assert scan_header(block).lines == lines


def test_scanned_values_are_cut() -> None:
    for end in (b"\r\n\r\n", b"\r\n and on", b""):
        scan = scan_header(b"Subject:" + b"x" * 5_000 + end)
        assert scan.subject == b"x" * SCANNED_VALUE_BYTES_MAX


def test_fields_keep_every_byte() -> None:
    block = b"A: b \r\nC :\tdd\r\n e\r\n\r\n"
    fields, defects = split_fields(block, is_added=False)
    assert [tuple(field) for field in fields] == [
        ("A", b" b ", 0, 7, False),
        ("C", b"\tdd\r\n e", 7, 19, False),
    ]
    assert [block[field.start : field.end] for field in fields] == [
        b"A: b \r\n",
        b"C :\tdd\r\n e\r\n",
    ]
    assert defects == {Defect.BLANK_BEFORE_COLON}


def test_fields_without_a_final_line_end() -> None:
    fields, _ = split_fields(b"A: b\nC:", is_added=True)
    assert [tuple(field) for field in fields] == [("A", b" b", 0, 5, True), ("C", b"", 5, 7, True)]


def test_mailbox_line_is_no_field() -> None:
    fields, defects = split_fields(b"From ann Tue\r\nA: b\r\n\r\n", is_added=False)
    assert [field.name for field in fields] == ["A"]
    assert defects == {Defect.MAILBOX_LINE}


@pytest.mark.parametrize("line", [b"From ann Tue\r\n", b">>From ann Tue\r\n"])
def test_mailbox_line_below_a_field_of_ours(line: bytes) -> None:
    content = line + b"A: b\r\n\r\nbody"
    assert scan_header(content[: header_end(content)]).has_mailbox_line
    assert header_end(b"X: y\r\n" + content) == len(b"X: y\r\n")
    whole = b"X: y\r\n" + MAILBOX_LINE_NAME + content
    assert header_end(whole) == len(whole) - len(b"body")
    names = [field.name for field in split_fields(whole, is_added=False)[0]]
    assert names == ["X", "X-Mailbox-Line", "A"]
    assert not scan_header(whole).has_mailbox_line
    assert not scan_header(b"From: a\r\n").has_mailbox_line


def test_count_of_fields_is_limited() -> None:
    fields, defects = split_fields(b"A:\r\n" * FIELDS_MAX, is_added=False)
    assert (len(fields), defects) == (FIELDS_MAX, set())
    fields, defects = split_fields(b"A:\r\n" * (FIELDS_MAX + 1), is_added=False)
    assert (len(fields), defects) == (FIELDS_MAX, {Defect.TOO_MANY_FIELDS})


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"A: b\r\n\r\n", set()),
        (b"A: b\rc\r\n", {Defect.BARE_CR}),
        (b"A: b\n", {Defect.BARE_LF}),
        (b"A: b\r", {Defect.BARE_CR}),
        (b"A: \0\r\n", {Defect.NUL}),
        (b"A: \xe4\r\n", {Defect.EIGHT_BIT}),
        (b"A:" + b"b" * (LINE_BYTES_MAX - 2) + b"\r\n", set()),
        (b"A:" + b"b" * (LINE_BYTES_MAX - 1) + b"\r\n", {Defect.LONG_LINE}),
    ],
)
def test_defects_of_bytes(block: bytes, expected: set[Defect]) -> None:
    assert set(byte_defects(block)) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"Date: x\r\nFROM: y\r\nReceived: a\r\nReceived: b\r\n", []),
        (b"Date: x\r\n", [Defect.MISSING_FIELD]),
        (b"From: x\r\nfrom: y\r\n", [Defect.MISSING_FIELD, Defect.REPEATED_FIELD]),
        (b"Date: x\r\nFrom: y\r\nSubject: a\r\nSUBJECT: b\r\n", [Defect.REPEATED_FIELD]),
    ],
)
def test_defects_of_fields(block: bytes, expected: list[Defect]) -> None:
    assert list(field_defects(split_fields(block, is_added=False)[0])) == expected


def test_empty_line() -> None:
    assert all(map(has_empty_line, (b"A: b\r\n\r\n", b"A: b\n\n", b"A: b\n\r\n", b"\r\n", b"\n")))
    assert not any(map(has_empty_line, (b"", b"A: b\r\n", b"A: b\n", b"A: b")))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" a ", b"a"),
        (b" a\r\n b\n\tc \r\n", b"a b\tc"),
        (b"\r\n\r\n", b""),
        (b"a\rb", b"a\rb"),
    ],
)
def test_unfold(value: bytes, expected: bytes) -> None:
    assert unfold(value) == expected


@pytest.mark.parametrize("piece", [b"\r\n ", b"a:\r\n", b"a", b"a:", b"From ", b">", b"a \t"])
def test_long_hostile_headers(piece: bytes) -> None:
    for block in (piece * 50_000, b"A: b\r\n" + piece * 50_000):
        end = header_end(block)
        assert 0 <= end <= len(block)
        assert scan_header(block[:end]).lines <= block.count(b"\n") + 1
