"""The targets' configurations are complete and right."""

from argparse import ArgumentParser
from pathlib import Path

import pytest

from mailwarden.app.bench import peers
from mailwarden.app.bench.arguments import PEER_NAMES, add_bench_arguments
from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.target import fill_template, remove_files
from mailwarden.app.bench.workplace import BenchError, Workplace
from mailwarden.control.config.reader import load_config

ROOT = Path(__file__).parents[4]


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(checkout=ROOT, state=tmp_path)


def test_the_gateways_configuration_has_no_problems(workplace: Workplace) -> None:
    launch = Gateway(workplace, 2).prepare(2601, 2602)
    file = Path(launch.command[launch.command.index("--config") + 1])
    config = load_config(file)
    assert config.workers == 2
    assert {listener.name: listener.type.value for listener in config.listeners} == {
        "Public": "public",
        "Private": "private",
    }
    assert config.listeners[0].port == 2601
    assert config.smtp_routes["ALL"] == "[127.0.0.1]:2602"
    assert not any(listener.reverse_dns for listener in config.listeners)
    assert config.logs.text


def test_nothing_of_an_earlier_run_is_left(workplace: Workplace) -> None:
    gateway = Gateway(workplace, 1)
    gateway.prepare(2601, 2602)
    (gateway.state / "spool").mkdir()
    (gateway.state / "spool" / "old").touch()
    gateway.prepare(2601, 2602)
    assert not (gateway.state / "spool").exists()


def test_bare_cr_passes_only_where_asked(workplace: Workplace) -> None:
    for keeps, word in ((False, "clean"), (True, "allow")):
        settings = Gateway(workplace, 1, keeps_bare_cr_lf=keeps).settings(1, 2, 3)
        assert [listener["bare_cr_lf"] for listener in settings["listeners"]] == [word, word]


@pytest.mark.parametrize(
    "template", ["postfix.main.cf", "exim.conf", "opensmtpd.conf", "haraka.js"]
)
def test_every_template_is_filled(template: str, tmp_path: Path) -> None:
    values = {"STATE": "/state", "PORT": "2601", "SINK": "2602"}
    fill_template(ROOT / "tools/bench/peers" / template, tmp_path / "deep" / "filled", values)
    text = (tmp_path / "deep" / "filled").read_text(encoding="utf-8")
    assert "2602" in text
    assert not any(f"@{name}@" in text for name in values)


def test_every_peer_of_the_command_line_is_known() -> None:
    assert set(PEER_NAMES) == set(peers.PEERS)


def test_the_floor_needs_nothing_and_starts_empty(workplace: Workplace) -> None:
    assert peers.why_missing("floor", workplace) is None
    (workplace.state / "floor").mkdir()
    (workplace.state / "floor" / "old").touch()
    launch = peers.Floor(workplace).prepare(2601, 2602)
    assert launch.command[3:6] == ["2601", "2602", str(workplace.state / "floor")]
    assert list((workplace.state / "floor").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "mode"),
    [("opensmtpd", "pipelined"), ("opensmtpd", "bdat"), ("haraka", "bdat"), ("floor", "bdat")],
)
def test_a_peer_without_the_extension_is_left_out(
    workplace: Workplace, name: str, mode: str
) -> None:
    assert f"--mode {mode} needs" in str(peers.why_missing(name, workplace, mode))
    assert f"--mode {mode}" not in str(peers.why_missing(name, workplace))


def test_a_missing_peer_says_what_would_help(workplace: Workplace) -> None:
    for name in ("exim", "opensmtpd", "haraka"):
        assert f"tools/bench/peers.sh {name}" in str(peers.why_missing(name, workplace))


def test_a_folder_that_peers_cannot_enter_is_named(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workplace.peers / "exim").mkdir(parents=True)
    (workplace.peers / "exim" / "ready").touch()
    workplace.state.chmod(0o700)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "cannot enter" in str(peers.why_missing("exim", workplace))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "root" in str(peers.why_missing("exim", workplace))


def test_files_go_and_folders_stay(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    remove_files(tmp_path)
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "b"]
    remove_files(tmp_path / "missing")


def parsed(*words: str) -> dict[str, object]:
    parser = ArgumentParser()
    add_bench_arguments(parser)
    return vars(parser.parse_args(words))


def test_names_are_checked() -> None:
    assert parsed()["peers"] is None
    assert parsed("--peers", "all")["peers"] == PEER_NAMES
    assert parsed("--peers", "none")["peers"] == ()
    assert parsed("--peers", "postfix,exim")["peers"] == ("postfix", "exim")
    assert parsed("--workers", "1,2")["workers"] == (1, 2)


@pytest.mark.parametrize(
    "words",
    [("--peers", "sendfix"), ("--profiles", "5k"), ("--rounds", "0"), ("--workers", "x"),
     ("--part", "all"), ("--mode", "fast")],
)  # fmt: skip
def test_wrong_words_are_refused(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert words[0] in capsys.readouterr().err


def test_the_help_explains_itself() -> None:
    parser = ArgumentParser()
    add_bench_arguments(parser)
    text = parser.format_help()
    assert "ratio within a round" in text
    assert "--write-docs" in text
    assert all(action.help for action in parser._actions)


def test_a_compiler_error_is_shown(workplace: Workplace, tmp_path: Path) -> None:
    broken = Workplace(checkout=tmp_path, state=tmp_path / "state")
    broken.tools.mkdir(parents=True)
    for source in (ROOT / "tools" / "bench").glob("*.[ch]"):
        (broken.tools / source.name).write_text("int main(void) { return }\n", encoding="ascii")
    with pytest.raises(BenchError, match="failed"):
        broken.build_tools()
