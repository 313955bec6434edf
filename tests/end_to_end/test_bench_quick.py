"""`mailwarden bench --quick` measures a real gateway in all parts, and finds nothing lost."""

from argparse import ArgumentParser
from pathlib import Path

import pytest

from mailwarden.app.bench.arguments import add_bench_arguments
from mailwarden.app.bench.command import run
from mailwarden.app.bench.results import read_results

HARD_MAIL = {
    "dots.eml": b"Subject: dots\n\n.\n..\n.a\n\n.\n",
    "bare.eml": b"Subject: bare\r\n\r\na\rb\r\r\n",
    "eight.eml": b"Subject: \xe4\xf6\xfc\n\n\x80\xff\x00 end",
    "long.eml": b"Subject: long\n\n" + b"x" * 20_000 + b"\n",
    "header_only.eml": b"Subject: none\n",
}


def bench(*words: str) -> int:
    parser = ArgumentParser()
    add_bench_arguments(parser)
    return run(parser.parse_args(words))


def test_a_quick_run_of_every_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--quick", "--peers", "none", "--directory", str(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "Mailwarden, 2 workers" in said
    assert "every accepted message arrived exactly once and byte-identical" in said
    (file,) = (tmp_path / "results").iterdir()
    results = read_results([file])
    (run,) = results.runs
    assert (run.target, run.messages, run.problems) == ("mailwarden-2", 300, ())
    assert results.idle is not None
    assert results.idle.still_open == 200
    assert {name: access.rate_with > 0 for name, access in results.access.items()} == {
        "4k-20": True,
        "4k-100": True,
    }
    assert results.replay is not None
    assert results.replay.spool_messages == 1000


def test_a_folder_of_hard_messages_passes_intact(tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    mail.mkdir()
    for name, content in HARD_MAIL.items():
        (mail / name).write_bytes(content)
    state = tmp_path / "state"
    assert bench("--corpus", str(mail), "--directory", str(state)) == 0
    (file,) = (state / "results").iterdir()
    corpus = read_results([file]).corpus
    assert corpus is not None
    assert (corpus.messages, corpus.problems) == (len(HARD_MAIL), ())
