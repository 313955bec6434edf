"""Mail that an administrator has the gateway send: durable before it is told, and logged."""

import pytest

from mailwarden.core.mail.envelope import Direction, Notify
from mailwarden.mailflow.origination.letters import (
    LINE_BYTES_MAX,
    RECIPIENTS_MAX,
    LetterError,
    Letters,
)
from mailwarden.stores.spool.memory import MemorySpool
from mailwarden.stores.spool.spool import SpoolFailure
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.log.maillog import MailLog
from mailwarden.system.log.settings import Level
from tests.unit.mailflow.origination.station import Lines, Numbers

MAIL = b"Subject: x\r\n\r\nHello.\r\n"


class Office:
    """Letters over a spool in memory."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.spool = MemorySpool(self.clock)
        self.lines = Lines()
        log = MailLog(self.lines, None, None, level=Level.INFO, stamp=lambda: " " * 24, iso=str)
        self.letters = Letters(self.spool, Numbers(), log, self.clock)


async def test_a_letter_waits_for_delivery() -> None:
    office = Office()
    mid = await office.letters.send(MAIL, ["a@b.example", "c@B.example", "a@b.example"], "ann")
    entry = office.spool.get(mid)
    assert entry is not None
    stored = office.spool.load(entry)
    envelope = stored.envelope
    assert (stored.header, stored.content.read()) == (b"", MAIL)
    assert [each.address for each in envelope.recipients] == ["a@b.example", "c@b.example"]
    assert {each.notify for each in envelope.recipients} == {Notify.NEVER}
    assert (envelope.sender, envelope.direction) == ("", Direction.GENERATED)
    assert office.lines[0] == "MID 7013 was written for administrator ann"
    assert "queued for delivery" in office.lines[-1]


async def test_what_the_spool_does_not_take_is_told() -> None:
    office = Office()
    office.spool.failure = SpoolFailure("no room", full=True)
    with pytest.raises(SpoolFailure, match="no room"):
        await office.letters.send(MAIL, ["a@b.example"], "ann")
    assert office.lines == []


@pytest.mark.parametrize(
    ("mail", "to"),
    [
        (MAIL, []),
        (MAIL, ["nobody"]),
        (MAIL, ["a@b.example\r\nRCPT TO:<x@y.example>"]),
        (MAIL, ["jürgen@b.example"]),
        (MAIL, [f"a{number}@b.example" for number in range(RECIPIENTS_MAX + 1)]),
        (b"Subject: x\n\nHello.\n", ["a@b.example"]),
        (b"Subject: x\r\n\r\nHello.", ["a@b.example"]),
        (b"Subject: x\r\n\r\nH\rello.\r\n", ["a@b.example"]),
        (b"Subject: x\r\n\r\nH\xe9llo.\r\n", ["a@b.example"]),
        (b"Subject: x\r\n\r\nH\0llo.\r\n", ["a@b.example"]),
        (b"Subject: x\r\n\r\n" + b"a" * (LINE_BYTES_MAX + 1) + b"\r\n", ["a@b.example"]),
    ],
)
async def test_what_is_no_letter(mail: bytes, to: list[str]) -> None:
    office = Office()
    with pytest.raises(LetterError):
        await office.letters.send(mail, to, "ann")
    assert office.lines == []
