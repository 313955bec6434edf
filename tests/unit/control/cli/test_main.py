"""One command from its words to its exit code."""

import platform
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

import pytest

from mailwarden import BUILD, __version__
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.main import INTERRUPTED, Handler, run
from mailwarden.control.config.problems import ConfigError, LocatedProblem


def recording(calls: list[tuple[str, Namespace]], *names: str) -> Mapping[str, Handler]:
    def handler(name: str) -> Handler:
        def handle(arguments: Namespace) -> int:
            calls.append((name, arguments))
            return ExitCode.DONE

        return handle

    return {name: handler(name) for name in names}


COMMANDS = [
    (["run"], "run", {"demo": False, "config": None}),
    (["run", "--demo"], "run", {"demo": True}),
    (["--config", "a.yaml", "run"], "run", {"config": Path("a.yaml")}),
    (["run", "--config", "a.yaml"], "run", {"config": Path("a.yaml")}),
    (["status", "--json", "--watch"], "status", {"json": True, "watch": True, "interval": 2.0}),
    (["queue", "list", "--limit", "0"], "queue list", {"limit": 0, "json": False}),
    (["queue", "show", "7"], "queue", {"action": "show", "mid": 7}),
    (["queue", "retry"], "queue", {"action": "retry", "domain": "all"}),
    (["queue", "retry", "a.example"], "queue", {"domain": "a.example"}),
    (["--config", "a", "queue", "hold", "7"], "queue", {"config": Path("a"), "mid": 7}),
    (["spool", "verify", "--directory", "d"], "spool", {"directory": Path("d")}),
    (["spool", "export", "7", "8", "--to", "d"], "spool", {"mids": [7, 8], "to": Path("d")}),
    (["spool", "repair", "--dry-run"], "spool", {"dry_run": True}),
    (["reload"], "reload", {}),
    (["bench"], "bench", {}),
]


@pytest.mark.parametrize(("argv", "name", "values"), COMMANDS)
def test_commands_reach_their_handlers(
    argv: list[str], name: str, values: dict[str, object]
) -> None:
    calls: list[tuple[str, Namespace]] = []
    names = ("run", "status", "queue list", "queue", "spool", "reload", "bench")
    assert run(argv, recording(calls, *names)) == ExitCode.DONE
    [(called, arguments)] = calls
    assert called == name
    assert {key: getattr(arguments, key) for key in values} == values


WRONG = [
    ["frobnicate"],
    ["queue"],
    ["queue", "show"],
    ["queue", "show", "0"],
    ["queue", "show", "-1"],
    ["queue", "show", "7x"],
    ["queue", "show", "9" * 100],
    ["queue", "list", "--limit", "many"],
    ["status", "--interval", "0"],
    ["status", "--interval", "soon"],
    ["status", "--jso"],
    ["check", "--schema", "--example"],
    ["credentials", "add"],
    ["credentials", "add", "ann", "secret"],
    ["spool", "export"],
]


@pytest.mark.parametrize("argv", WRONG)
def test_wrong_words_end_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv, {}) == ExitCode.USAGE
    assert "usage: mailwarden" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([], {}) == ExitCode.USAGE
    assert "commands:" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--help"], ["queue", "list", "--help"]])
def test_help_is_no_failure(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv, {}) == ExitCode.DONE
    assert "example" in capsys.readouterr().out


def test_bench_gets_its_options_from_elsewhere() -> None:
    calls: list[tuple[str, Namespace]] = []
    argv = ["bench", "--peers", "all"]
    handlers = recording(calls, "bench")
    assert run(argv, handlers, lambda parser: parser.add_argument("--peers")) == ExitCode.DONE
    assert calls[0][1].peers == "all"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"], {}) == ExitCode.DONE
    shown = f"Mailwarden {__version__} ({BUILD}), Python {platform.python_version()}\n"
    assert capsys.readouterr().out == shown


def failing(error: BaseException) -> Handler:
    def handle(_arguments: Namespace) -> int:
        raise error

    return handle


def test_a_person_reads_what_is_wrong_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    error = CommandError("no gateway is running", "start it with `run`", ExitCode.NOT_RUNNING)
    assert run(["status"], {"status": failing(error)}) == 3
    captured = capsys.readouterr()
    assert captured.err == "mailwarden: no gateway is running\n  start it with `run`\n"
    assert captured.out == ""


def test_a_configuration_that_is_wrong_shows_its_problems(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = ConfigError([LocatedProblem("a.yaml", 2, 3, "workers", "is wrong")])
    assert run(["run"], {"run": failing(error)}) == ExitCode.PROBLEM
    assert capsys.readouterr().err == (
        "a.yaml:2:3: workers: is wrong\nmailwarden: the configuration has 1 problem\n"
    )


def test_a_command_that_this_program_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run"], {}) == ExitCode.USAGE
    assert "`run` is not part of this program" in capsys.readouterr().err


def test_an_interrupted_command() -> None:
    assert run(["run"], {"run": failing(KeyboardInterrupt())}) == INTERRUPTED


def test_a_reader_that_has_seen_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert run(["status"], {"status": failing(BrokenPipeError())}) == ExitCode.DONE


def test_our_own_mistakes_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(["status"], {"status": failing(ZeroDivisionError())})
