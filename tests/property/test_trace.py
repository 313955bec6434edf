"""Whatever a message and its client are, a trace ends with a report that can be shown."""

import asyncio
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mailwarden.app.tracing.render import render
from mailwarden.app.tracing.report import Outcome
from mailwarden.app.tracing.request import TraceError
from tests.unit.app.tracing.traced import configured, listener, requested, traced

CONFIG = configured(
    Path(tempfile.gettempdir()),
    inbound={"aliases": "sales: ann@corp.example\n", "max_header_size": 1024},
    listeners=[
        listener(
            accepted_domains=["corp.example"],
            domain_map="@old.example @corp.example\n",
            masquerade="@partner.example @b.example\n",
            masquerade_envelope_sender=True,
            policy={"max_message_size": 4096},
        ),
        listener("Out", "private", bare_cr_lf="reject"),
    ],
)
PIECES = st.sampled_from(
    [b"\r\n", b"\n", b"\r", b".", b"\r\n.\r\n", b"From: a@partner.example\r\n", b"Received: x\r\n",
     b"To: =?utf-8?q?x?= <b@partner.example>\r\n", b"\xff", b"x" * 5000, b"\0", b"From x\r\n"]
)  # fmt: skip
CONTENTS = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=8).map(b"".join))
ADDRESSES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["ann@partner.example", "sales@old.example", "bob@corp.example", '"a b"@corp.example',
         "postmaster", "", "a@[192.0.2.1]", "ü@corp.example", "a@b@corp.example", "<>"]
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    CONTENTS, ADDRESSES, st.lists(ADDRESSES, min_size=1, max_size=4), st.text(max_size=20),
    st.sampled_from(["In", "Out"]),
)  # fmt: skip
def test_any_message_gives_a_report(
    content: bytes, sender: str, recipients: list[str], helo: str, name: str
) -> None:
    request = requested(
        listener=name, content=content, sender=sender, recipients=tuple(recipients), helo=helo
    )
    try:
        report = asyncio.run(traced(CONFIG, request))
    except TraceError as error:
        assert "line end" in str(error)  # noqa: PT017  both ends are right
        return
    assert report.outcome is not Outcome.UNFINISHED
    assert all(line.isprintable() for line in render(report))
    assert json.loads(json.dumps(report.as_json()))["outcome"] == report.outcome.value
    taken = {each.code for each in report.exchanges[-1:]} <= {250}
    assert taken or report.outcome is Outcome.REFUSED
