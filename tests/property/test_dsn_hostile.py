"""Reports about anything at all are well-formed mail."""

import email
import email.policy
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.dsn import (
    Action,
    DeliveryReport,
    ReportedRecipient,
    build_dsn,
    build_plain_report,
)
from mailwarden.core.mail.dsn_copy import build_copy

TEXT = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    ["\r\nX: y", "a" * 3000, "\u00e9" * 3000, "\udcff", "", "--", "=?utf-8?q?x?=", '"', "<>"]
)
PIECE = st.sampled_from([b"\r\n", b"\r", b"\n", b"\0", b"Subject: x", b" ", b"\xe9", b"a" * 600])
DATA = st.lists(PIECE | st.binary(max_size=30), max_size=20).map(b"".join)
REPORT = st.builds(
    DeliveryReport,
    action=st.sampled_from(Action),
    recipients=st.lists(st.builds(ReportedRecipient, TEXT, TEXT), min_size=1, max_size=4).map(
        tuple
    ),
    reason=TEXT,
    response=TEXT,
    remote=TEXT,
    attempts=st.integers(0, 10**9),
    hostname=TEXT,
    to=TEXT,
    subject=TEXT,
    message_id=TEXT,
    token=TEXT,
    now=st.floats(0, 1e12),
    arrived_at=st.floats(0, 1e12),
    retry_until=st.floats(0, 1e12),
    envelope_id=TEXT,
    is_international=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(REPORT, DATA, DATA, st.integers(0, 2000), st.booleans(), st.booleans())
@example(
    DeliveryReport(
        action=Action.FAILED,
        recipients=(ReportedRecipient("b@c"),),
        hostname="",
        to="a@b",
        subject="",
        message_id="",
        token="",
        now=0,
        arrived_at=0,
    ),
    b"",
    b"--.\r\n.",
    2000,
    False,
    True,
)
def test_reports_are_well_formed(
    report: DeliveryReport, added: bytes, data: bytes, limit: int, header_only: bool, plain: bool
) -> None:
    copy = build_copy(
        added,
        InlineContent(data),
        size_max_bytes=limit,
        header_only=header_only,
        is_international=report.is_international,
    )
    built = build_plain_report(report, copy) if plain else build_dsn(report, copy)
    content = built.content
    assert b"\0" not in content
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert built.is_8bit is not content.isascii()
    header = content.partition(b"\r\n\r\n")[0]
    assert header.isascii() or built.is_international
    header.decode()
    names = re.findall(rb"^([^ :]+):", header, re.MULTILINE)
    assert names == [
        b"Date",
        b"From",
        b"To",
        b"Subject",
        b"Message-ID",
        b"Auto-Submitted",
        b"MIME-Version",
        b"Content-Type",
        b"Content-Transfer-Encoding",
    ]
    message = email.message_from_bytes(content, policy=email.policy.compat32)
    assert not message.defects
    if plain:
        assert not message.is_multipart()
        return
    parts = message.get_payload()
    assert isinstance(parts, list)
    assert len(parts) == 3
    assert parts[1].get_content_subtype().endswith("delivery-status")
    status = content.split(b"delivery-status\r\n", 1)[1].partition(b"\r\n\r\n")[2]
    blocks = re.split(rb"\r\n\r\n", status)
    assert blocks[0].startswith(b"Reporting-MTA: dns; ")
    for block in blocks[1 : 1 + len(report.recipients)]:
        assert block.count(b"Final-Recipient: ") >= 1
        assert re.search(rb"^Action: (failed|delayed|delivered|relayed)\r$", block, re.MULTILINE)
