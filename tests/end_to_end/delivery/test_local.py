"""Deliveries that end on this machine."""

import mailbox
import os
import re
from pathlib import Path

from mailwarden.core.mail.envelope import Notify, Recipient
from mailwarden.core.policy.destinations import DestinationRow
from mailwarden.mailflow.delivery import maildir
from mailwarden.stores.spool.spool import ReportKind
from tests.unit.mailflow.delivery.office import CONTENT, HEADER, Office


async def test_maildir(tmp_path: Path) -> None:
    folder = tmp_path / "mail" / "office"
    async with Office(routes={"partner.example": f"maildir:{folder}"}) as office:
        office.put("u@partner.example", "v@partner.example")
        await office.empty()
        assert office.lines == [
            "Delivery start DCID 88 MID 7001 to RID [0, 1]",
            "Message done DCID 88 MID 7001 to RID [0, 1]",
            "Message finished MID 7001 done",
        ]
        (row,) = office.delivery.destinations()
        assert (row.name, row.status.value) == (f"maildir:{folder}", "up")
    names = sorted(os.listdir(folder / "new"))
    assert names == [f"1289297702.M7001R{rid}.gw1.corp.example" for rid in (0, 1)]
    assert os.listdir(folder / "tmp") == []
    written = (folder / "new" / names[1]).read_bytes()
    top = b"Return-Path: <ann@corp.example>\r\nDelivered-To: v@partner.example\r\n"
    assert written == top + HEADER + CONTENT
    assert [message["Subject"] for message in mailbox.Maildir(folder)] == ["hello"] * 2


async def test_a_second_delivery_after_a_crash_takes_the_same_place(tmp_path: Path) -> None:
    async with Office(routes={"ALL": f"maildir:{tmp_path}/m"}) as office:
        office.put("u@partner.example")
        await office.empty()
        office.numbers._mids = iter([7001])
        office.put("u@partner.example")
        await office.empty()
    assert len(os.listdir(tmp_path / "m" / "new")) == 1


async def test_many_at_once_share_a_sync(tmp_path: Path, monkeypatch) -> None:
    synced = []
    monkeypatch.setattr(maildir, "_sync_folder", lambda folder: synced.append(folder.name))
    async with Office(routes={"ALL": f"maildir:{tmp_path}/m"}) as office:
        for _ in range(300):
            office.put("u@partner.example")
        await office.empty()
        dcids = {re.search(r"DCID (\d+)", line)[1] for line in office.with_text("Delivery start")}
        assert len(dcids) <= 10
    assert len(os.listdir(tmp_path / "m" / "new")) == 300
    assert synced.count("new") <= 10


async def test_a_maildir_that_cannot_be_written_delays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with Office(routes={"ALL": f"maildir:{tmp_path}/file"}) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        assert "4.3.0 - Other mail system problem" in office.with_text("Delayed: ")[0]
        (tmp_path / "file").unlink()
        await office.pass_time(62)
        await office.empty()
    assert len(os.listdir(tmp_path / "file" / "new")) == 1


async def test_a_full_disk(tmp_path: Path, monkeypatch) -> None:
    real = os.fsync

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "m" / "cur").mkdir(parents=True)
    (tmp_path / "m" / "tmp").mkdir()
    (tmp_path / "m" / "new").mkdir()
    async with Office(routes={"ALL": f"maildir:{tmp_path}/m"}) as office:
        office.put("u@partner.example")
        await office.logged("pending till")
        assert (
            "4.3.1 - Mail system full ('000', ['No space left on device'])"
            in (office.with_text("Delayed: ")[0])
        )
        assert os.listdir(tmp_path / "m" / "tmp") == []
        monkeypatch.setattr(os, "fsync", real)
        await office.pass_time(62)
        await office.empty()


async def test_reports_of_success_are_ours_to_make(tmp_path: Path) -> None:
    routes = {"a.example": f"maildir:{tmp_path}/m", "b.example": "null:"}
    async with Office(routes=routes) as office:
        office.put(
            Recipient("u@a.example", Notify.SUCCESS), Recipient("u@b.example", Notify.SUCCESS)
        )
        await office.until(lambda: len(office.reports) == 2)
        assert {report.kind for report in office.reports} == {ReportKind.DELIVERED}


async def test_the_null_sink() -> None:
    rows = {"DEFAULT": DestinationRow(max_messages_per_connection=2)}
    async with Office(routes={"ALL": "null:"}, destinations=rows) as office:
        for _ in range(3):
            office.put("u@partner.example")
        await office.empty()
        assert office.with_text("Message done") == [
            "Message done DCID 88 MID 7001 to RID [0]",
            "Message done DCID 88 MID 7002 to RID [0]",
            "Message done DCID 89 MID 7003 to RID [0]",
        ]
        assert office.delivery.counters["delivered"] == 3
        office.delivery.suspend()
        office.put("u@partner.example")
        assert len(office.with_text("Message done")) == 3
        office.delivery.resume()
        assert len(office.with_text("Message done")) == 4


async def test_logged_headers() -> None:
    async with Office(routes={"ALL": "null:"}, logged_headers=("Subject", "X-SBRS")) as office:
        office.put("u@partner.example", content=b"X-Y: 1\r\nsubject: a\r\n b\r\n\r\nX-SBRS: 1\r\n")
        await office.empty()
        assert office.with_text("Message done")[0] == (
            "Message done DCID 88 MID 7001 to RID [0] [('Subject', 'a b'), ('X-SBRS', 'None')]"
        )
