"""What `spool` shows of the files."""

import json
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.spool import run_spool
from mailwarden.stores.spool.spool import State
from mailwarden.stores.spool.tools import Inspection
from tests.unit.stores.spool.bench import Bench
from tests.unit.stores.spool.harness import message

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command about a spool with one message, deferred, from a hostile sender."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    bench = Bench()
    stored = message(7)
    envelope = msgspec.structs.replace(stored.envelope, helo="\x1b[2J", received_at=1_289_297_702.0)
    entries = []
    bench.spool.put(
        stored._replace(envelope=envelope), State.RECEIVED, lambda entry, _: entries.append(entry)
    )
    bench.settle_down()
    bench.spool.requeue(entries[0], 1_289_297_762.0, "antivirus: no answer")
    bench.settle_down()
    monkeypatch.setattr(
        "mailwarden.control.cli.spool._inspect",
        lambda _: Inspection(bench.disk, bench.clock, Path("/spool")),
    )

    def run(action: str, **more: object) -> int:
        arguments = Namespace(**{"action": action, "directory": tmp_path, "json": False, **more})
        return run_spool(arguments, lambda: tmp_path)

    return run


def test_one_message_is_shown_for_people(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", mid=7) == ExitCode.DONE
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "received at: Tue Nov  9 10:15:02 2010" in lines
    assert "reason: antivirus: no answer" in lines
    assert "helo: \\x1b[2J" in lines
    assert "sender: <ann@partner.example>" in lines
    assert not any(line.startswith(("hold", "policy", "parent")) for line in lines)


def test_one_message_is_shown_for_programs(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("show", mid=7, json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["mid"], shown["received_at"], shown["hold"]) == (7, 1_289_297_702.0, "")


def test_the_list_says_why_a_message_waits(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("list")
    assert "antivirus: no answer" in capsys.readouterr().out


def test_what_is_not_there(run: Run) -> None:
    with pytest.raises(CommandError, match="no message 8 in the spool"):
        run("show", mid=8)
    with pytest.raises(CommandError, match="there is no spool in"):
        run("list", directory=Path("/nowhere"))
