"""Files of a Maildir: names, modes, and what is left after trouble."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.mailflow.delivery.maildir import Letter, file_name, write_letters
from mailwarden.stores.spool.spool import DamagedError, Stored


def letter(name: str, content: object = None, sender: str = "a@b") -> Letter:
    envelope = Envelope(
        mid=7, icid=1, sender=sender, recipients=(Recipient("c@d"),), received_at=0.0
    )
    return Letter(0, Stored(envelope, b"H: 1\r\n", content or InlineContent(b"\r\nhi\r\n")), name)


def test_names_hold_no_separators() -> None:
    assert file_name(12.7, 3, 4, "a/b:c") == r"12.M3R4.a\057b\072c"


def test_written_whole_and_private(tmp_path: Path) -> None:
    assert write_letters(str(tmp_path / "x"), [letter("1"), letter("2")]) == [None, None]
    new = tmp_path / "x" / "new"
    assert sorted(os.listdir(new)) == ["1", "2"]
    assert (new / "1").read_bytes() == (
        b"Return-Path: <a@b>\r\nDelivered-To: c@d\r\nH: 1\r\n\r\nhi\r\n"
    )
    assert stat.S_IMODE((new / "1").stat().st_mode) == 0o600
    assert stat.S_IMODE(new.stat().st_mode) == 0o700


def test_what_a_crash_left_in_tmp_is_overwritten(tmp_path: Path) -> None:
    write_letters(str(tmp_path), [])
    (tmp_path / "tmp" / "1").write_text("half of something longer than the letter" * 10)
    assert write_letters(str(tmp_path), [letter("1")]) == [None]
    assert (tmp_path / "new" / "1").read_bytes().endswith(b"\r\nhi\r\n")


def test_a_line_end_in_an_address_adds_no_line(tmp_path: Path) -> None:
    write_letters(str(tmp_path), [letter("1", sender="a\r\nX: 1@b")])
    assert (tmp_path / "new" / "1").read_bytes().startswith(b"Return-Path: <aX: 1@b>\r\nDeli")


def test_one_bad_letter_does_not_stop_the_others(tmp_path: Path) -> None:
    class Torn:
        size = 3
        dotted = False

        def chunks(self) -> Iterator[bytes]:
            yield b"abc"
            raise DamagedError("checksum")

        def read(self, limit: int = -1) -> bytes:
            return b"abc"

    troubles = write_letters(str(tmp_path), [letter("1", Torn()), letter("2")])
    assert troubles[0].detail == "checksum"
    assert troubles[1] is None
    assert os.listdir(tmp_path / "new") == ["2"]
    assert os.listdir(tmp_path / "tmp") == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (trouble,) = write_letters(str(tmp_path / "file" / "x"), [letter("1")])
    assert not trouble.is_full
    assert trouble.detail == "Not a directory"
