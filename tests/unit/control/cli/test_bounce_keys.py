"""`bounce-keys`: the keys of bounce verification, from the command line."""

import io
import sys
from pathlib import Path

import pytest

from mailwarden.control.cli.failure import ExitCode
from mailwarden.control.cli.main import run
from mailwarden.control.operations import bounce_keys
from mailwarden.core.mail.bounce_tag import Purge
from mailwarden.core.policy.bounce_keys import fingerprint
from mailwarden.services.bounce_tags import load_keys
from tests.unit.control.config.sample import SAMPLE

DAY = 86_400
NOW = 20_000.0 * DAY
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailwarden.yaml"
    path.write_text(f"{SAMPLE}bounce_verification: {{keys_file: keys}}\n", encoding="utf-8")
    return path


def test_make_list_and_purge(config: Path, capsys: Capture) -> None:
    argv = ["--config", str(config), "bounce-keys"]
    assert run([*argv, "list"], {}) == ExitCode.DONE
    assert "0 keys; `mailwarden bounce-keys new` makes one" in capsys.readouterr().out
    assert run([*argv, "new"], {}) == ExitCode.DONE
    assert run([*argv, "new"], {}) == ExitCode.DONE
    assert capsys.readouterr().out.count("`mailwarden reload` makes it valid") == 2
    path = config.parent / "keys"
    assert path.stat().st_mode & 0o777 == 0o600
    secrets = [key.secret.decode() for key in load_keys(path).keys]
    assert len(set(secrets)) == 2
    assert run([*argv, "list"], {}) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines()] == ["key", "1", "0"]
    assert not any(secret in shown for secret in secrets)
    assert run([*argv, "list", "--secrets"], {}) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert all(secret in shown for secret in secrets)
    assert run([*argv, "purge", "--unused", "month"], {}) == ExitCode.DONE
    assert "nothing was changed" in capsys.readouterr().out
    assert run([*argv, "purge", "--unused", "all"], {}) == ExitCode.DONE
    assert [key.secret.decode() for key in load_keys(path).keys] == secrets[:1]


def test_a_given_key(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    argv = ["--config", str(config), "bounce-keys", "new", "--given"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("too-short\n"))
    assert run(argv, {}) == ExitCode.PROBLEM
    assert "a key has 12 to 64" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.StringIO("one-for-all-of-us\r\n"))
    assert run(argv, {}) == ExitCode.DONE
    assert load_keys(config.parent / "keys").keys[0].secret == b"one-for-all-of-us"


def test_a_file_that_is_none_of_keys_stays(config: Path, capsys: Capture) -> None:
    path = config.parent / "keys"
    path.write_text("hello\n")
    assert run(["--config", str(config), "bounce-keys", "new"], {}) == ExitCode.PROBLEM
    assert "line 1: a key has four words" in capsys.readouterr().err
    assert path.read_text() == "hello\n"


def test_what_is_used_is_not_purged(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    for number, given in enumerate(("first-secret-1", "second-secret-2", "third-secret-3")):
        bounce_keys.new_key(path, NOW + number * 40 * DAY, given)
    uses = {fingerprint(load_keys(path).keys[2]): NOW + 300 * DAY}
    purged = bounce_keys.purge_keys(path, Purge.YEAR, NOW + 440 * DAY, uses)
    assert purged == []
    purged = bounce_keys.purge_keys(path, Purge.SIX_MONTHS, NOW + 440 * DAY, uses)
    assert [key.secret for key in purged] == ["second-secret-2"]
    listed = bounce_keys.list_keys(path, uses)
    assert [(key.digit, key.used_at) for key in listed] == [(2, None), (0, NOW + 300 * DAY)]
