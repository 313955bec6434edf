"""A report as text and as data: nothing that a message holds does anything to a terminal."""

import json
from pathlib import Path

from mailwarden.app.tracing.render import render
from tests.unit.app.tracing.traced import configured, requested, traced

CONTENT = b"Subject: \x1b]0;x\x07 \xe2\x80\xae\xff\r\nX-\x1b[2J: y\r\n\r\nHello.\r\n"


async def test_hostile_texts_are_shown_as_text(tmp_path: Path) -> None:
    report = await traced(
        configured(tmp_path),
        requested(
            listener="Out",
            sender="a\x1b[31m@partner.example",
            recipients=("\u202eb@corp.example", "bob@corp.example"),
            helo="\x9b\udcff",
            content=CONTENT,
        ),
        configuration="\x1b[2J",
    )
    lines = render(report)
    assert [line for line in lines if not line.isprintable()] == []
    assert "Configuration: \\x1b[2J" in lines
    text = json.dumps(report.as_json())
    assert text.isascii()
    assert text.isprintable()


async def test_the_sections_stand_in_the_order_of_the_way(tmp_path: Path) -> None:
    report = await traced(configured(tmp_path), requested(listener="Out"))
    lines = render(report)
    heads = [line for line, before in zip(lines[1:], lines, strict=False) if not before and line]
    assert heads[:6] == [
        "Connection", "Sender", "Recipients", "Content", "Work queue", "Message MID 1",
    ]  # fmt: skip
    assert lines[0] == "Mail from <ann@partner.example> at 192.0.2.25 through Out"
    assert lines[-1].startswith("Result: the message is taken, and goes on to delivery [")


async def test_data_has_values_and_pairs(tmp_path: Path) -> None:
    report = await traced(configured(tmp_path), requested(listener="Out"))
    tree = report.as_json()
    assert tree["outcome"] == "queued"
    assert tree["exchanges"][1]["said"] == "EHLO [192.0.2.25]"
    destination = tree["messages"][0]["destinations"][0]
    assert destination["fate"] == "bounce"
    assert {"name": "limit_type", "text": "host"} in destination["limits"]


async def test_a_refusal_has_the_reply_that_the_client_would_get(tmp_path: Path) -> None:
    report = await traced(configured(tmp_path), requested(recipients=("x@far.example",)))
    lines = render(report)
    assert any(
        line.startswith("  RCPT TO:<x@far.example>: 550 #5.1.0 Address rejected.") for line in lines
    )
    assert lines[-1].startswith("Result: the message is refused: 550 #5.1.0 Address rejected.")
