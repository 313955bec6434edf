"""Bounce verification (mailflow 7.6) by real clients: tags that leave, and bounces that come."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailwarden.core.mail.bounce_tag import tag_sender
from mailwarden.services.bounce_tags import load_keys
from tests.end_to_end.gateway import Client, Gateway, base_config, message, wait_until
from tests.end_to_end.sink import Sink

DAY = 86_400
TAGGED = re.compile(r"prvs=ann=[0-9]{4}[0-9a-f]{6}@corp\.example\Z")
DSN = (
    b"From: MAILER-DAEMON@mail.partner.example\r\nSubject: Undelivered\r\n"
    b"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
    b"\r\n--b\r\n\r\nIt did not work.\r\n--b--\r\n"
)
VACATION = (
    b"From: bob@partner.example\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\n"
    b"\r\nI am away.\r\n"
)
REJECTED = "550 #5.7.1 Invalid bounce: no such message was sent from here"


class Verified:
    """A gateway with a key, which tags what it sends to partner.example, a sink."""

    def __init__(self, folder: Path) -> None:
        self.sink = Sink()
        destinations = {"partner.example": {"bounce_validation": True}}
        routes = {
            "corp.example": f"maildir:{folder}/maildir",
            "partner.example": f"127.0.0.1:{self.sink.port}",
            "other.example": f"127.0.0.1:{self.sink.port}",
        }
        config = base_config(folder, smtp_routes=routes, destinations=destinations)
        self.gateway = Gateway(folder, config)
        self.gateway.write_config()
        Path(config["state_directory"]).mkdir()

    def keys(self, *words: str, given: str = "") -> str:
        """Run `mailwarden bounce-keys`; return what it says."""
        argv = ["-m", "mailwarden.app", "--config", str(self.gateway.path), "bounce-keys", *words]
        done = subprocess.run(
            [sys.executable, *argv], input=given, capture_output=True, text=True, check=True
        )
        return done.stdout

    def change(self, **changes: Any) -> None:
        self.gateway.config.update(changes)
        self.gateway.write_config()
        self.reload()

    def reload(self) -> None:
        assert self.gateway.ask("reload")["problems"] == []

    def send(self, sender: str, to: str) -> str:
        """Send from within; return the envelope sender that arrives."""
        count = self.sink.count
        with Client(self.gateway.port("Out")) as client:
            client.command("EHLO x")
            assert client.message([to], message(), sender=sender).startswith("250")
        wait_until(lambda: self.sink.count == count + 1, "the message")
        return self.sink.envelopes[-1][0].decode()

    def bounce(self, *recipients: str, content: bytes = DSN, sender: str = "") -> list[str]:
        """Let the world send to us; return the replies to RCPT and, if there was one, content."""
        with Client(self.gateway.port()) as client:
            client.command("EHLO x")
            client.command(f"MAIL FROM:<{sender}>")
            heard = [client.command(f"RCPT TO:<{address}>") for address in recipients]
            if any(reply.startswith("250") for reply in heard):
                assert client.command("DATA").startswith("354")
                client.send(content + b".\r\n")
                heard.append(client.reply())
        return [reply if reply.startswith("5") else reply[:3] for reply in heard]

    def old(self, days: float) -> str:
        """Return the address of ann with a tag that was made some days ago."""
        keys = load_keys(self.gateway.state / "bounce-keys")
        return tag_sender("ann@corp.example", keys, time.time() - days * DAY)


@pytest.fixture
def verified(tmp_path: Path) -> Iterator[Verified]:
    made = Verified(tmp_path)
    made.keys("new")
    made.gateway.start()
    try:
        yield made
    finally:
        made.gateway.stop()
        made.sink.close()


def test_row_78_tagged_senders_and_their_bounces(verified: Verified) -> None:
    gateway = verified.gateway
    tagged = verified.send("ann@corp.example", "bob@partner.example")
    assert TAGGED.match(tagged)
    assert verified.send("ann@corp.example", "bob@other.example") == "ann@corp.example"
    assert verified.send("", "bob@partner.example") == ""
    assert verified.send(tagged, "bob@partner.example") == tagged

    assert verified.bounce(tagged) == ["250", "250"]
    (delivered,) = gateway.wait_maildir(1)
    assert b"It did not work." in delivered
    gateway.wait_log("RID 0 To: <ann@corp.example>")

    assert verified.bounce("ann@corp.example") == ["250", REJECTED]
    line = gateway.wait_log("rejected by bounce verification.")
    assert re.search(
        r"Info: MID \d+ ICID \d+ invalid bounce, rcpt address <ann@corp.example> rejected by "
        r"bounce verification\.$",
        line,
    )
    assert verified.bounce("prvs=ann=0123abcdef@corp.example") == [REJECTED]
    assert gateway.status()["totals"]["invalid_bounces"] == 2

    public = gateway.listener()
    public["policy"] = {"untagged_bounces": True}
    verified.change()
    assert verified.bounce("ann@corp.example") == ["250", "250"]
    assert verified.bounce("prvs=ann=0123abcdef@corp.example") == [REJECTED]
    gateway.wait_maildir(2)


def test_row_79_a_tag_of_eight_days(verified: Verified) -> None:
    assert verified.bounce(verified.old(6)) == ["250", "250"]
    assert verified.bounce(verified.old(8)) == [REJECTED]
    letter = message()
    assert verified.bounce(verified.old(8), content=letter, sender="bob@partner.example") == [
        "250",
        "250",
    ]
    verified.gateway.wait_maildir(2)
    wait_until(
        lambda: verified.gateway.log().count("RID 0 To: <ann@corp.example>") == 2, "both in the log"
    )
    assert "To: <prvs=" not in verified.gateway.log()


def test_answers_of_programs_are_let_through_unless_told_otherwise(verified: Verified) -> None:
    assert verified.bounce("ann@corp.example", content=VACATION) == ["250", "250"]
    verified.gateway.wait_maildir(1)
    verified.change(bounce_verification={"smart_exceptions": False})
    assert verified.bounce("ann@corp.example", content=VACATION) == [REJECTED]


def test_an_invalid_bounce_may_get_a_header_field_instead(verified: Verified) -> None:
    verified.change(
        bounce_verification={"action": "add_header", "header_name": "X-Bad", "header_value": "yes"}
    )
    assert verified.bounce("ann@corp.example") == ["250", "250"]
    assert verified.bounce(verified.old(1)) == ["250", "250"]
    marked = [b"\r\nX-Bad: yes\r\n" in each for each in verified.gateway.wait_maildir(2)]
    assert sorted(marked) == [False, True]
    line = verified.gateway.wait_log("invalid bounce, tagging")
    assert re.search(r"Info: MID \d+ ICID \d+ invalid bounce, tagging$", line)


def test_while_it_is_off_nothing_is_tagged_or_refused(verified: Verified) -> None:
    tagged = verified.send("ann@corp.example", "bob@partner.example")
    verified.change(bounce_verification={"enabled": False})
    assert verified.send("ann@corp.example", "bob@partner.example") == "ann@corp.example"
    assert verified.bounce("ann@corp.example") == ["250", "250"]
    assert verified.bounce(tagged) == ["250", "250"]
    verified.gateway.wait_maildir(2)
    wait_until(
        lambda: verified.gateway.log().count("RID 0 To: <ann@corp.example>") == 2, "both in the log"
    )


def test_bounces_of_both_kinds_come_one_after_the_other(verified: Verified) -> None:
    tagged = verified.old(0)
    assert verified.bounce(tagged, "ann@corp.example") == ["250", "452", "250"]
    assert verified.bounce("ann@corp.example", tagged) == ["250", "452", REJECTED]
    assert verified.bounce("ann@corp.example", "bob@corp.example") == ["250", "250", REJECTED]


def test_bounces_from_within_are_no_bounces_of_ours(verified: Verified) -> None:
    assert verified.send("", "bob@other.example") == ""


def test_keys_are_rotated_carried_elsewhere_and_purged(verified: Verified) -> None:
    gateway = verified.gateway
    before = verified.old(1)
    given = "the-same-key-on-all-gateways"
    assert "key 1 (" in verified.keys("new", "--given", given=f"{given}\n")
    verified.reload()
    assert (gateway.state / "bounce-keys").stat().st_mode & 0o777 == 0o600
    after = verified.send("ann@corp.example", "bob@partner.example")
    assert after.startswith("prvs=ann=1")
    assert verified.bounce(before) == ["250", "250"]
    assert verified.bounce(after) == ["250", "250"]
    listed = verified.keys("list")
    assert given not in listed
    assert len(listed.splitlines()) == 3
    assert given in verified.keys("list", "--secrets")
    assert "nothing was changed" in verified.keys("purge", "--unused", "year")
    assert "1 key removed" in verified.keys("purge", "--unused", "all")
    verified.reload()
    assert verified.bounce(before) == [REJECTED]
    assert verified.bounce(after) == ["250", "250"]


def test_tagging_without_a_key_is_a_problem(tmp_path: Path) -> None:
    verified = Verified(tmp_path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mailwarden.app", "check", str(verified.gateway.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "destinations[partner.example].bounce_validation: needs a key" in done.stdout
        assert "`mailwarden bounce-keys new` makes one" in done.stdout
        assert "0 keys" in verified.keys("list")
    finally:
        verified.sink.close()
