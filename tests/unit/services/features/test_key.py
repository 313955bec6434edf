"""Switches as text, and the folder that holds them."""

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from mailwarden.services.features.expiry import EXPIRED, NEVER, days_left, stage_of
from mailwarden.services.features.folder import FILES_MAX, Found, read_folder
from mailwarden.services.features.key import Key, State, SwitchTextError, end_of, parse_key
from mailwarden.services.features.record import RecordError, parse_record

DAY = 86_400.0


def text(**changes: object) -> bytes:
    return json.dumps({"feature": "dane", "state": "active", **changes}).encode()


def test_key_04_a_switch_is_json() -> None:
    assert parse_key(text()) == Key("dane", State.ACTIVE)
    assert parse_key(text(state="Dormant", expires=None, note="n")) == Key(
        "dane", State.DORMANT, None, "n"
    )
    assert parse_key(text(expires="2011-02-09")).expires == dt.date(2011, 2, 9)


WRONG = [
    (b"", "is no switch"),
    (b"[]", "is no switch"),
    (b"\xff\xfe", "is no switch"),
    (b"[" * 10_000, "is no switch"),
    (b" " * 20_000, "at most"),
    (b'{"feature": "dane"}', "is no switch"),
    (text(more=1), "is no switch"),
    (text(feature="\x1b[2J"), "no name of a feature"),
    (text(feature="x" * 65), "no name of a feature"),
    (text(state="on"), "active or dormant"),
    (text(expires="soon"), "no day"),
    (text(expires="2011-02-30"), "no day"),
    (text(expires="9999-12-31"), "no day"),
    (text(expires=20110209), "is no switch"),
    (text(state="dormant", expires="2011-02-09"), "cannot expire"),
    (text(note="x" * 201), "at most 200 letters"),
    (text(note="a\nb"), "cannot be shown"),
]


@pytest.mark.parametrize(("content", "message"), WRONG)
def test_key_04_a_wrong_switch_is_an_error(content: bytes, message: str) -> None:
    with pytest.raises(SwitchTextError, match=message):
        parse_key(content)


def test_key_05_when_people_are_told() -> None:
    end = end_of(dt.date(2011, 2, 9))
    assert end == dt.datetime(2011, 2, 10, tzinfo=dt.UTC).timestamp()
    stages = [stage_of(end, end - days * DAY) for days in (91, 90, 61, 60, 30, 16, 15, 5, 1.5, 1)]
    assert stages == [NEVER, 90, 90, 60, 30, 30, 15, 5, 5, 1]
    assert [stage_of(end, end + s) for s in (-1, 0, 1)] == [1, EXPIRED, EXPIRED]
    assert stage_of(None, end) == NEVER
    assert [days_left(end, end - s) for s in (DAY + 1, DAY, 1, 0, -5)] == [2, 1, 1, 0, 0]


def test_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.key").write_bytes(text())
    (tmp_path / "a.key").write_bytes(text(state="dormant"))
    (tmp_path / "a.key.swp").write_bytes(text())
    (tmp_path / ".hidden.key").write_bytes(text())
    (tmp_path / "bad.key").write_bytes(b"{")
    (tmp_path / "link.key").symlink_to("a.key")
    (tmp_path / "dangling.key").symlink_to("nowhere")
    (tmp_path / "folder.key").mkdir()
    os.mkfifo(tmp_path / "pipe.key")
    found = read_folder(tmp_path)
    assert list(found.keys) == ["a.key", "b.key", "link.key"]
    assert sorted(found.faults) == ["bad.key", "folder.key", "pipe.key"]
    assert found.faults["pipe.key"] == "is not a file"


def test_a_folder_that_is_not_there_has_no_keys(tmp_path: Path) -> None:
    assert read_folder(tmp_path / "missing") == Found({}, {})
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="Not a directory"):
        read_folder(tmp_path / "file")


def test_a_name_that_a_terminal_would_act_on(tmp_path: Path) -> None:
    (tmp_path / "\x1b[2J.key").write_bytes(text())
    assert list(read_folder(tmp_path).keys) == [r"\x1b[2J.key"]


def test_too_many_files(tmp_path: Path) -> None:
    for number in range(FILES_MAX + 1):
        (tmp_path / f"{number:04}.key").write_bytes(text())
    found = read_folder(tmp_path)
    assert len(found.keys) == FILES_MAX
    assert "the rest is left out" in found.faults[""]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b'{"entered": 1}', b" " * 2_000_000, b"\xff",
        b'{"entered": {"dane": {"state": "x", "by": "a", "at": 1}}}',
        b'{"entered": {"dane": {"state": "active", "by": "a", "at": -1}}}',
        b'{"entered": {"dane": {"state": "active", "by": "a", "at": 1, "expires": "9999-12-31"}}}',
        b'{"entered": {"dane": {"state": "active", "by": "a", "at": 1, "note": "\\n"}}}',
        b'{"seen": {"dane": {"is_active": true, "source": "", "by": "", "since": 1e300}}}',
        b'{"applied": {"a.key": ["dane", "x", null, ""]}}',
        b'{"applied": {"a.key": ["\\u001b", "active", null, ""]}}',
        b'{"applied": {"a.key": ["dane", "active", "9999-12-31", ""]}}',
        b'{"applied": {"a.key": ["dane", "active", null, "\\u001b"]}}',
        b'{"seen": {"x": {"is_active": true, "source": "", "by": "", "since": 1, "stage": "a"}}}',
    ],
)  # fmt: skip
def test_what_is_no_record(content: bytes) -> None:
    with pytest.raises(RecordError):
        parse_record(content)
