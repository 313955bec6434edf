"""`trace`: the dialogue, and the whole way of a message (admin 1.6.5)."""

import base64
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.management.tracer import GatewayTracer
from mailwarden.control.commands.trace import parse_envelope_address
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.control.operations import tracing
from mailwarden.control.operations.tracer import Traced, TracedMail, TraceRefusedError
from mailwarden.core.access.roles import Role
from mailwarden.core.features import Feature
from tests.unit.control.commands.counter import Counter, run_line, sit

ENVELOPE = {
    "found": True, "sender": "eve@partner.example",
    "envelope": {"listener": "Public", "client": "192.0.2.25", "helo": "mx.partner.example"},
    "recipients": [{"address": "bob@corp.example"}, {"address": "ann@corp.example"}],
}  # fmt: skip
CONTENT = b"Subject: Hi\r\n\r\nText.\r\n"


class FakeTracer:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.traced: list[tuple[GatewayConfig, TracedMail, str]] = []
        self.refuses = ""

    async def trace(self, config: GatewayConfig, mail: TracedMail, configuration: str) -> Traced:
        if self.refuses:
            raise TraceRefusedError(self.refuses)
        self.traced.append((config, mail, configuration))
        return Traced("Result: the message is taken", {"outcome": "queued"})


@pytest.fixture
def tracer(counter: Counter) -> FakeTracer:
    """What traces, instead of the real thing."""
    counter.administration.tracer = made = FakeTracer()
    return made


def queue(counter: Counter, *pieces: dict[str, Any]) -> None:
    """Let message 7 be in the queue."""
    counter.gateway.answers["queue_show"] = [{"workers": [{"found": False}, ENVELOPE]}]
    counter.gateway.answers["queue_archive"] = list(pieces)


def test_a_pasted_message(counter: Counter, tracer: FakeTracer) -> None:
    sitting = sit(
        counter.desk(), "trace", "", "Subject: Hi", "", "Text.", ".", "192.0.2.25", "",
        "mx.example", "2", "3.4", "<>", "bob@corp.example, ann@corp.example",
    )  # fmt: skip
    assert "Enter '.' on a line by itself to end." in sitting.shown
    assert "Result: the message is taken\n" in sitting.shown
    ((config, mail, configuration),) = tracer.traced
    assert config is counter.administration.config
    assert configuration == tracing.RUNNING
    assert mail == TracedMail(
        listener="Private", client_address="192.0.2.25", sender="", client_name=None, score=3.4,
        recipients=("bob@corp.example", "ann@corp.example"), helo="mx.example",
        content=b"Subject: Hi\n\nText.\n",
    )  # fmt: skip


def test_a_file_and_pending_changes(counter: Counter, tracer: FakeTracer) -> None:
    (counter.administration.files / "mail.eml").write_bytes(CONTENT)
    typed = ("trace", "file", "mail.eml", "192.0.2.25", "client.example", "", "1", "",
             "a@b.example", "bob@corp.example")  # fmt: skip
    desk = counter.desk()
    sitting = sit(desk, "sethostname", "new.example.test", *typed, "y", *typed, "n")
    assert sitting.shown.count("Do you want to trace with your pending changes? [Y]> ") == 2
    (with_changes, mail, name), (without, _, _) = tracer.traced
    assert (with_changes.hostname, name) == ("new.example.test", tracing.PENDING)
    assert without is counter.administration.config
    assert (mail.content, mail.client_name) == (CONTENT, "client.example")


def test_a_message_of_the_queue(counter: Counter, tracer: FakeTracer) -> None:
    piece = {"found": True, "data": base64.b64encode(CONTENT).decode()}
    queue(counter, {}, {"found": False}, piece, {"found": True, "done": True})
    sitting = sit(counter.desk(), "trace", "queue", "7", "", "", "", "", "", "", "")
    assert "Enter the source IP: [192.0.2.25]> " in sitting.shown
    ((_, mail, _),) = tracer.traced
    assert (mail.listener, mail.helo) == ("Public", "mx.partner.example")
    assert (mail.sender, mail.content) == ("eve@partner.example", CONTENT)
    assert mail.recipients == ("bob@corp.example", "ann@corp.example")
    assert counter.gateway.asked[-1] == {
        "command": "queue_archive", "mid": 7, "as_received": True, "by": "admin",
    }  # fmt: skip
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.detail) == ("trace", "MID 7")


def test_messages_that_cannot_be_had(
    counter: Counter, tracer: FakeTracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(counter, {"found": True, "data": base64.b64encode(CONTENT).decode()})
    assert "MID 7 is not in the queue any more." in sit(counter.desk(), "trace", "3", "7").screen
    monkeypatch.setattr(tracing, "CONTENT_BYTES_MAX", 10)
    assert "MID 7 is larger than 10 bytes." in sit(counter.desk(), "trace", "3", "7").screen
    counter.gateway.answers["queue_show"] = [{"workers": [{"found": False}]}]
    assert "MID 7 is not in the queue, or" in sit(counter.desk(), "trace", "3", "7").screen
    assert "/configuration/x: No such file" in sit(counter.desk(), "trace", "2", "x").screen
    assert not tracer.traced


def test_what_is_asked_again(counter: Counter, tracer: FakeTracer) -> None:
    sitting = sit(
        counter.desk(), "trace", "", "x", ".", "192.0.2", "192.0.2.1", "a..b", "", "", "", "11",
        "nan", "", "a b", "a@b.example", "bob@corp.example,", "bob@corp.example",
    )  # fmt: skip
    for text in (
        "is not an IP address", "is not a host name", "A score is from -10 to 10.",
        "'a b' is not an address.", "A comma stands where an item is missing.",
    ):  # fmt: skip
        assert text in sitting.shown
    assert len(tracer.traced) == 1
    tracer.refuses = "there is no recipient"
    last = sit(counter.desk(), "trace", "", "x", ".", "192.0.2.1", "", "", "", "", "<>", "a@b.c")
    assert "there is no recipient" in last.screen
    assert "Abandoned." in sit(counter.desk(), "trace", Key.CTRL_C).screen


def test_who_may(counter: Counter) -> None:
    refused = sit(counter.desk("rita", Role.READ_ONLY_OPERATOR), "trace")
    assert "You do not have permission to run trace" in refused.screen
    assert "is a dialogue" in run_line(counter.desk(), "trace x").errors


@pytest.mark.parametrize("text", ["a\x1bb", "a b@c", "x" * 1001, "a\u202e@b"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        parse_envelope_address(text)


def test_the_real_way_of_a_message(counter: Counter, tmp_path: Path) -> None:
    counter.administration.tracer = GatewayTracer(tmp_path, lambda: frozenset({Feature.DANE}))
    sitting = sit(
        counter.desk(), "trace", "", "Subject: Hi", "", "Text.", ".", "127.0.0.1",
        "client.example", "client.example", "1", "0.0", "eve@partner.example",
        "bob@nowhere.invalid", is_interactive=False,
    )  # fmt: skip
    assert "Mail from <eve@partner.example> at 127.0.0.1 through Public" in sitting.shown
    assert f"Configuration: {tracing.RUNNING}" in sitting.shown
    assert "Result: the message is refused: 550" in sitting.shown
    assert "Features that are switched off: DANE." in sitting.shown
    nonsense = sit(
        counter.desk(), "trace", "", "x", ".", "127.0.0.1", "client.example", "", "1", "0", "<>",
        ",".join(f"a{number}@corp.example" for number in range(1001)),
    )  # fmt: skip
    assert "there are more than 1000 recipients" in nonsense.screen
