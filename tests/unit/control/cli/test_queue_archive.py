"""A message of the running gateway in a file."""

import base64
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.queue_archive import write_archive

CONTENT = b"Subject: \xff\r\n\r\n.\r\n\0\r\n"


def answers(*, whole: bool = True) -> Iterator[dict[str, Any]]:
    yield {"found": False}
    for piece in (CONTENT[:7], CONTENT[7:]):
        yield {"found": True, "data": base64.b64encode(piece).decode()}
    if not whole:
        raise CommandError("MID 7: bytes do not match their checksum")
    yield {"found": True, "done": True, "size": len(CONTENT)}
    raise AssertionError("nobody asks for more")


def test_exact_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = Namespace(mid=7, file=tmp_path / "7.eml")
    assert write_archive(arguments, answers()) == ExitCode.DONE
    assert arguments.file.read_bytes() == CONTENT
    assert arguments.file.stat().st_mode & 0o777 == 0o600
    assert f"is written to {arguments.file}: {len(CONTENT)} bytes" in capsys.readouterr().out
    with pytest.raises(CommandError, match="cannot be written: File exists"):
        write_archive(arguments, answers())
    assert arguments.file.read_bytes() == CONTENT


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_archive(Namespace(mid=7, file=Path("-")), answers())
    assert capfdbinary.readouterr().out == CONTENT


@pytest.mark.parametrize("found", [True, False])
def test_half_a_message_is_none(tmp_path: Path, *, found: bool) -> None:
    arguments = Namespace(mid=7, file=tmp_path / "7.eml")
    with pytest.raises(CommandError, match="checksum" if found else "no message 7"):
        write_archive(arguments, answers(whole=False) if found else [{"found": False}])
    assert list(tmp_path.iterdir()) == []
