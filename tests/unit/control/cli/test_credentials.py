"""`credentials`: the users of SMTP AUTH, from the command line."""

import getpass
import io
import sys
from pathlib import Path

import pytest

from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.main import run
from mailwarden.services.directory import local
from tests.unit.control.config.sample import SAMPLE


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mailwarden.control.operations.credentials.add_user.__kwdefaults__", {"iterations": 1000}
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def credentials(monkeypatch: pytest.MonkeyPatch, stdin: str, *words: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    return run(["credentials", *words], {})


def test_add_verify_list_and_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ("--file", str(tmp_path / "users"))
    assert credentials(monkeypatch, "secret\n", "add", "ann", *file) == ExitCode.DONE
    assert credentials(monkeypatch, "other\r\nignored", "add", "bob", *file) == ExitCode.DONE
    capsys.readouterr()
    assert credentials(monkeypatch, "", "list", *file) == ExitCode.DONE
    assert capsys.readouterr().out == "ann\nbob\n"
    assert credentials(monkeypatch, "other", "verify", "bob", *file) == ExitCode.DONE
    assert credentials(monkeypatch, "secret", "verify", "bob", *file) == ExitCode.PROBLEM
    assert credentials(monkeypatch, "secret", "verify", "eve", *file) == ExitCode.PROBLEM
    assert credentials(monkeypatch, "", "remove", "bob", *file) == ExitCode.DONE
    assert credentials(monkeypatch, "", "remove", "bob", *file) == ExitCode.PROBLEM
    assert list(local.load_credentials(tmp_path / "users").entries) == ["ann"]


def test_the_password_is_asked_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["secret", "secert", "secret", "secret"])
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(answers))
    monkeypatch.setattr(sys, "stdin", Terminal())
    argv = ["credentials", "add", "ann", "--file", str(tmp_path / "users")]
    assert run(argv, {}) == ExitCode.PROBLEM
    assert "the two passwords differ" in capsys.readouterr().err
    assert not (tmp_path / "users").exists()
    assert run(argv, {}) == ExitCode.DONE


def test_the_file_comes_from_the_configuration_even_before_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(f"{SAMPLE}inbound: {{credentials: users}}\n", encoding="utf-8")
    words = ("add", "ann", "--config", str(config))
    assert credentials(monkeypatch, "secret", *words) == ExitCode.DONE
    assert (tmp_path / "users").exists()
    config.write_text(SAMPLE, encoding="utf-8")
    assert credentials(monkeypatch, "secret", *words) == ExitCode.PROBLEM
    assert "set inbound.credentials" in capsys.readouterr().err


FAILURES = [
    (("list",), "", "users does not exist"),
    (("verify", "ann"), "x", "users does not exist"),
    (("add", "a:b"), "x", "has no colon"),
    (("add", "ann"), "", "the password is empty"),
]


@pytest.mark.parametrize(("words", "stdin", "part"), FAILURES)
def test_failures_say_what_is_wrong(
    words: tuple[str, ...],
    stdin: str,
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = ("--file", str(tmp_path / "users"))
    assert credentials(monkeypatch, stdin, *words, *file) == ExitCode.PROBLEM
    assert part in capsys.readouterr().err
    assert not (tmp_path / "users").exists()
