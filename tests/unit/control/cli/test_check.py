"""`check`: what is wrong with a configuration, or what it means."""

import json
from pathlib import Path

import pytest

from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.main import run
from mailwarden.control.config.reader import demo_text
from mailwarden.control.config.schema import build_schema
from tests.unit.control.config.sample import SAMPLE


def test_a_right_file_says_what_the_gateway_would_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    routes = "smtp_routes: {corp.example: 'a.example/pri=1, [10.0.0.9]:26', ALL: USEDNS}\n"
    path.write_text(SAMPLE + routes, encoding="utf-8")
    assert run(["check", str(path)], {}) == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        f"{path} is right.",
        "",
        "gw1.corp.example, a worker a processor, state in /var/lib/mailwarden",
        "",
        "Listener  Type     Address         TLS  AUTH  Takes",
        "In        public   203.0.113.5:25  off  off   corp.example",
        "Out       private  10.0.0.5:25     off  off   10.0.0.0/8",
        "",
        "Mail for      Goes to",
        "corp.example  10.0.0.9:26, a.example:25",
        "ALL           its MX hosts",
        "",
        "Note: DANE is off: `dns.trusted_servers` names no server that checks DNSSEC",
    ]


def test_what_has_no_effect_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mailwarden.yaml"
    lists = "reputation: {order: [history], dns_lists: [{zone: bl.example.org}]}\n"
    path.write_text(SAMPLE.replace("type: public", "type: blackhole") + lists, encoding="utf-8")
    assert run(["check", str(path)], {}) == ExitCode.DONE
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Note: ")]
    assert notes[1:] == [
        "Note: `reputation.dns_lists` are never asked: `reputation.order` does not name dns_lists",
        "Note: `accepted_domains` of In means nothing: a blackhole takes all recipients",
    ]


def test_a_wrong_file_shows_all_its_problems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"{SAMPLE}workers: x\nuser: ''\nlog: {{}}\n", encoding="utf-8")
    assert run(["--config", str(path), "check"], {}) == ExitCode.PROBLEM
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"{path}:14:10: workers: 'x' is not a whole number from 0 to 64",
        f"{path}:16:1: log: is not a setting here; did you mean logs?",
    ]
    assert captured.err == "2 problems found\n"


def test_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--schema"], {}) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == build_schema()


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--example"], {}) == ExitCode.DONE
    assert capsys.readouterr().out == demo_text()


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    here, there = tmp_path / "mailwarden.yaml", tmp_path / "etc" / "mailwarden.yaml"
    given, named = tmp_path / "given", tmp_path / "named"
    environment = {"MAILWARDEN_CONFIG": str(named)}
    assert find_config(given, environment, (here, there)) == given
    assert find_config(None, environment, (here, there)) == named
    with pytest.raises(CommandError) as caught:
        find_config(None, {"MAILWARDEN_CONFIG": ""}, (here, there))
    assert f"{here} and {there}" in caught.value.what
    assert caught.value.code == ExitCode.USAGE
    there.parent.mkdir()
    there.touch()
    assert find_config(None, {}, (here, there)) == there
    here.touch()
    assert find_config(None, {}, (here, there)) == here
