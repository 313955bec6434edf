"""The stage that rewrites inner addresses: what changes, what stays, what the log says."""

import asyncio
from collections.abc import Iterator

from mailwarden.core.mail.content import Content, InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.core.policy.masquerade import MasqueradeIndex, MasqueradeRules, parse_masquerade
from mailwarden.mailflow.workqueue.settings import MailPolicies
from mailwarden.mailflow.workqueue.stage import Plan
from mailwarden.mailflow.workqueue.stages import masquerade
from mailwarden.stores.spool.spool import State, Stored
from mailwarden.system.log.maillog import MailLog
from mailwarden.system.log.settings import Level
from tests.unit.mailflow.workqueue.test_workqueue import Bench, Lines

TABLE = "ALL @corp.example\n@.corp.example @corp.example\njoe joe@x.example\n"
FIELDS = ("From", "To", "Cc")


def rules(*, sender: bool = False, fields: tuple[str, ...] = FIELDS) -> MasqueradeRules:
    return MasqueradeRules(MasqueradeIndex(parse_masquerade(TABLE).table), fields, sender)


def bench(*, sender: bool = False, fields: tuple[str, ...] = FIELDS) -> Bench:
    """Return a work queue in which the listener Out masquerades."""
    return Bench(masquerades={"Out": rules(sender=sender, fields=fields)})


def put(made: Bench, content: bytes | Content, sender: str = "", listener: str = "Out") -> None:
    envelope = Envelope(
        mid=7,
        icid=1,
        sender=sender,
        recipients=(Recipient("bob@partner.example"),),
        received_at=made.clock.time(),
        listener=listener,
    )
    if isinstance(content, bytes):
        content = InlineContent(content, dotted=False)
    made.spool.put(Stored(envelope, b"Received: x\r\n", content), State.RECEIVED, lambda *_: None)


def delivered(made: Bench) -> Stored:
    (entry,) = made.delivered
    return made.spool.load(entry)


def test_a_header_is_rewritten_and_the_message_gets_a_new_mid() -> None:
    made = bench()
    body = b"\r\nann@ex1.corp.example\r\n"
    put(made, b"From: Ann <ann@ex1.corp.example>\r\nTo: joe, x@a.example\r\n" + body, "a@b.example")
    stored = delivered(made)
    assert stored.content.read() == (
        b"From: Ann <ann@corp.example>\r\nTo: joe@x.example, x@a.example\r\n" + body
    )
    assert stored.header == b"Received: x\r\n"
    assert (stored.envelope.sender, stored.envelope.mid) == ("a@b.example", 1000)
    assert made.lines[:3] == [
        "MID 7 masquerading header 'From' from 'ann@ex1.corp.example' to 'ann@corp.example'",
        "MID 7 masquerading header 'To' from 'joe' to 'joe@x.example'",
        "MID 7 rewritten to MID 1000 by masquerading",
    ]
    assert sum("masquerading header" in line for line in made.lines) == 2  # and not once more


def test_the_envelope_sender_is_rewritten_where_that_is_wanted() -> None:
    made = bench(sender=True, fields=())
    put(made, b"From: joe\r\n\r\n", "ann")
    stored = delivered(made)
    assert stored.envelope.sender == "ann@corp.example"
    assert stored.content.read() == b"From: joe\r\n\r\n"
    assert made.lines[0] == ("MID 7 masquerading envelope sender from 'ann' to 'ann@corp.example'")


def test_the_null_sender_stays() -> None:
    made = bench(sender=True)
    put(made, b"Subject: x\r\n\r\n")
    assert delivered(made).envelope.sender == ""
    assert made.delivered[0].mid == 7


def test_what_no_entry_concerns_goes_on_untouched() -> None:
    made = bench(sender=True)
    content = b"From: ann@other.example\r\nTo: Bob <bob@a.example>\r\n\r\njoe\r\n"
    put(made, content, "ann@other.example")
    assert made.delivered[0].mid == 7
    assert delivered(made).content.read() == content
    assert not any("masquerading" in line for line in made.lines)


def test_without_a_table_there_is_no_such_stage() -> None:
    made = Bench()
    spill = made.spool.spill
    plan = Plan(policies=MailPolicies(), masquerades={}, spill=spill, log=made.log)
    assert masquerade.build(plan) is None


def test_other_listeners_and_bare_content_are_left_alone() -> None:
    for listener, content in (("In", b"From: joe\r\n\r\n"), ("Out", b"no header at all\r\n")):
        made = bench()
        put(made, content, listener=listener)
        assert delivered(made).content.read() == content


def test_a_field_that_cannot_be_read_stays_and_is_named() -> None:
    made = bench()
    put(made, b"From: Ann Doe\r\nTo: Joe <joe>\r\nCc: a; b\r\n" + b"Cc: ;;\r\n" * 100 + b"\r\n")
    block = delivered(made).content.read()
    assert block.startswith(b"From: Ann Doe\r\nTo: Joe <joe@x.example>\r\nCc: a; b\r\n")
    named = [line for line in made.lines if "left header" in line]
    assert len(named) == masquerade.UNREAD_LOGGED_MAX
    assert named[0].startswith("MID 7 masquerading left header 'From' as it is: ")


class OnDisk:
    """Content that is not in memory as a whole."""

    dotted = False

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def chunks(self) -> Iterator[bytes]:
        for at in range(0, self.size, 10):
            yield self._data[at : at + 10]

    def read(self, limit: int = -1) -> bytes:
        return self._data if limit < 0 else self._data[:limit]


async def test_large_content_is_written_anew_piece_by_piece() -> None:
    made = bench(sender=True)
    body = b"\r\n" + b"From: joe\r\n" * 50
    put(made, OnDisk(b"From: a long name that needs two pieces <joe>\r\n" + body), "joe")
    while not made.delivered:
        await asyncio.sleep(0)
    stored = delivered(made)
    assert stored.content.read() == (
        b"From: a long name that needs two pieces <joe@x.example>\r\n" + body
    )
    assert stored.envelope.sender == "joe@x.example"


class FullDisk:
    """A file that takes nothing."""

    def __init__(self) -> None:
        self.is_abandoned = False

    def write(self, _data: bytes) -> None:
        raise OSError("no space left")

    def abandon(self) -> None:
        self.is_abandoned = True


async def test_a_full_disk_defers_the_message() -> None:
    disk = FullDisk()
    lines = Lines()
    log = MailLog(lines, None, None, level=Level.INFO, stamp=str, iso=str)
    stage = masquerade.Masquerade({"Out": rules()}, lambda: disk, log)
    made = Bench([stage])
    put(made, OnDisk(b"From: <joe>\r\n\r\nx"))
    while not any("no space left" in line for line in made.lines):
        await asyncio.sleep(0)
    assert disk.is_abandoned
    assert not made.delivered
