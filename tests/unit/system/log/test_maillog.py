"""The lines of the mail log, compared with mailflow 8, and what a reader makes of them."""

import inspect
import json
import re
import time
from pathlib import Path

import msgspec
import pytest

from mailwarden.system.log.maillog import MailLog, silent_log
from mailwarden.system.log.settings import Level
from tests.unit.system.log.examples import (
    ANN,
    BOB,
    CONNECTION,
    DELIVERY,
    EXAMPLES,
    MESSAGE,
    UNKNOWN,
    Call,
)
from tests.unit.system.log.readers import LINE_FORMS, MESSAGE_FORMS
from tests.unit.system.log.recorder import Recorder

GUIDE = Path(__file__).parents[4] / "docs" / "guide" / "logs.md"
STAMP = "Tue Nov  9 10:15:02 2010"
FRAME = f"{STAMP} Info: "

WITHOUT_EXAMPLE = {"direct", "emit", "info", "warning", "critical", "debug"}


def framed(text: str) -> str:
    """Return the line of an event: a stage that fails is a warning, the mail's way is not."""
    return f"{STAMP} Warning: {text}" if " deferred by " in text else FRAME + text


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(("call", "text"), EXAMPLES, ids=[text for _, text in EXAMPLES])
def test_text_line(call: Call, text: str) -> None:
    recorder = Recorder(json=False)
    call(recorder.log)
    assert recorder.text == [framed(text)]
    assert recorder.events == []


@pytest.mark.parametrize(("call", "text"), EXAMPLES, ids=[text for _, text in EXAMPLES])
def test_json_line_has_the_same_text(call: Call, text: str) -> None:
    recorder = Recorder()
    call(recorder.log)
    (line,) = recorder.events
    event = json.loads(line)
    assert list(event)[:3] == ["time", "level", "event"]
    assert event["time"] == "2010-11-09T10:15:02.000Z"
    assert event["text"] == text
    assert recorder.text == [framed(text)]


def public_methods() -> set[str]:
    return {name for name, _ in inspect.getmembers(MailLog, inspect.isfunction) if name[0] != "_"}


def test_every_method_has_an_example() -> None:
    recorder = Recorder()
    for call, _ in EXAMPLES:
        call(recorder.log)
    seen = {json.loads(line)["event"] for line in recorder.events}
    assert seen >= public_methods() - WITHOUT_EXAMPLE


def test_guide_names_every_event_and_key() -> None:
    guide = GUIDE.read_text()
    rows = {}
    for row in re.findall(r"^\| `(\w+)` \| (.*?) \|", guide, re.MULTILINE):
        rows[row[0]] = set(re.findall(r"`(\w+)`", row[1]))
    recorder = Recorder()
    for call, _ in (*CONNECTION, *MESSAGE, *DELIVERY):
        call(recorder.log)
    for line in recorder.events:
        event = json.loads(line)
        keys = set(event) - {"time", "level", "event", "text"}
        assert rows.get(event["event"]) == keys, event["event"]


def test_row_87_log_round_trip() -> None:
    recorder = Recorder(json=False)
    log = recorder.log
    log.start_mid(7001, 501)
    log.mail_from(7001, 501, "ann@partner.example")
    log.rcpt_to(7001, 501, 0, "bob@corp.example")
    log.ready(7001, 2481, "ann@partner.example")
    log.queued(7001)
    log.finished(7001)
    found = {
        pattern: [match.groups() for line in recorder.text if (match := re.search(pattern, line))]
        for pattern in (
            r"Start MID (\d+) ICID (\d+)$",
            r"MID (\d+) ICID \d+ RID \d+ To: \<(.*)\>",
            r"MID (\d+) (queued for delivery)",
            r"Message finished MID (\d+) (aborted|done)",
        )
    }
    assert list(found.values()) == [
        [("7001", "501")],
        [("7001", "bob@corp.example")],
        [("7001", "queued for delivery")],
        [("7001", "done")],
    ]


def test_a_reader_recognises_every_line_by_exactly_one_form() -> None:
    recorder = Recorder(json=False)
    for call, _ in EXAMPLES:
        call(recorder.log)
    for line in recorder.text:
        frame = re.fullmatch(
            r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} (Critical|Warning|Info|Debug|Trace): (.*)",
            line,
        )
        assert frame is not None
        forms = [name for name, form in LINE_FORMS.items() if re.fullmatch(form, frame[2])]
        assert len(forms) == 1, (line, forms)


def test_a_reader_puts_a_message_together() -> None:
    """What a third-party tracker keeps by MID, and links by ICID and DCID."""
    recorder = Recorder(json=False)
    log = recorder.log
    log.new_smtp_icid(501, "In", "203.0.113.5", "192.0.2.25", "mail.partner.example", True)
    log.start_mid(7001, 501)
    log.mail_from(7001, 501, "ann@partner.example")
    log.rcpt_to(7001, 501, 0, "bob@corp.example")
    log.rcpt_to(7001, 501, 1, "eve@corp.example")
    log.subject(7001, "it's > here <")
    log.ready(7001, 2481, "ann@partner.example")
    log.delivery_start(88, 7001, [0, 1])
    log.message_done(88, 7001, [0, 1])
    log.finished(7001)
    message: dict[str, list[tuple[str, ...]]] = {}
    for line in recorder.text:
        for name, form in MESSAGE_FORMS.items():
            if match := re.search(form, line):
                message.setdefault(name, []).append(match.groups())
    assert message == {
        "start": [("7001", "501")],
        "sender": [("7001", "ann@partner.example")],
        "recipient": [("7001", "0", "bob@corp.example"), ("7001", "1", "eve@corp.example")],
        "subject": [("7001", "it's > here <")],
        "size": [("7001", "2481")],
        "delivery": [("88", "7001", "0, 1")],
        "done": [("88", "7001", "0, 1")],
        "finished": [("7001", "done")],
    }


def test_bounce_log() -> None:
    recorder = Recorder(json=False)
    recorder.log.bounced(91, 7017, 0, ANN, BOB, UNKNOWN, "550", ["no such user"])
    recorder.log.delayed(91, 7017, 1, "", BOB, "4.1.0 - x", "451", ["a", "b"], [("xname", "v")])
    assert recorder.bounces == [
        (
            f"{FRAME}Bounced: 7017:0 From:<ann@corp.example> To:<bob@partner.example> "
            "Reason: \"5.1.0 - Unknown address error\" Response: \"('550', ['no such user'])\""
        ),
        (
            f"{FRAME}Delayed: 7017:1 From:<> To:<bob@partner.example> "
            "Reason: \"4.1.0 - x\" Response: \"('451', ['a', 'b'])\" Headers: ['xname: v']"
        ),
    ]


def test_levels() -> None:
    recorder = Recorder(level=Level.WARNING)
    recorder.log.start_mid(1, 2)
    recorder.log.info("no")
    recorder.log.debug("no")
    recorder.log.warning("disk is filling")
    recorder.log.critical("disk is full")
    assert [line[25:] for line in recorder.text] == [
        "Warning: disk is filling",
        "Critical: disk is full",
    ]
    assert [json.loads(line)["level"] for line in recorder.events] == ["warning", "critical"]


def test_event_without_a_method_of_its_own() -> None:
    recorder = Recorder()
    recorder.log.emit("verdict", "MID 1 antivirus negative", mid=1, engine="x\ny", score=None)
    assert json.loads(recorder.events[0]) == {
        "time": "2010-11-09T10:15:02.000Z",
        "level": "info",
        "event": "verdict",
        "mid": 1,
        "engine": "x\\ny",
        "score": None,
        "text": "MID 1 antivirus negative",
    }


def test_silent_log_takes_everything() -> None:
    log = silent_log()
    for call, _ in EXAMPLES:
        call(log)
    log.critical("nobody hears")


def test_direct_changes_the_sinks() -> None:
    first, second = Recorder(), Recorder()
    first.log.direct(None, second.events, None, level=Level.INFO)
    first.log.start_mid(1, 2)
    first.log.bounced(91, 7017, 0, ANN, BOB, UNKNOWN, "550", ["no such user"])
    assert not first.text
    assert not first.events
    assert not first.bounces
    assert len(second.events) == 2


def test_json_is_what_msgspec_reads_too() -> None:
    recorder = Recorder()
    recorder.log.subject(1, 'a "quoted" \\ one \u00e9 \u4e2d')
    assert msgspec.json.decode(recorder.events[0])["subject"] == 'a "quoted" \\ one \u00e9 \u4e2d'
