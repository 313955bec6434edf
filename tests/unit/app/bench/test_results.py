"""Results survive the file of JSON lines, and the figures are gathered by round."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.app.bench.build import Build
from mailwarden.app.bench.compare import TRIAL_ROUND
from mailwarden.app.bench.machine import Machine
from mailwarden.app.bench.measure import Run
from mailwarden.app.bench.report import (
    as_markdown,
    as_text,
    describe_run,
    sentences,
    table_of_floor,
    table_of_profile,
    table_of_times,
    table_of_workers,
)
from mailwarden.app.bench.results import (
    AccessResult,
    CorpusResult,
    GrowthResult,
    IdleResult,
    Record,
    ReplayResult,
    ResultFile,
    Results,
    read_results,
)
from mailwarden.app.bench.workplace import BenchError

MIB = 1024 * 1024
MACHINE = Machine(
    measured_at="2026-01-02 03:04", processor="P", processors=2, memory_bytes=1 << 34, system="S",
    kernel="K", file_system="ext4", sync_us=200.0, load_average=0.1, python="3.11",
    versions={"postfix": "3.7"},
    build=Build(compiled=True, said="compiled", python="CPython 3.11.2", compiler="GCC 12.2.0",
                of_system=True),
    missing={"exim": "not installed: tools/bench/peers.sh exim", "postfix": "was not there once"},
)  # fmt: skip


def run(target: str, number: int, rate: float, **more: float) -> Run:
    return Run(
        target=target, profile="4k-20", round=number, messages=100, accept_rate=rate + 1,
        end_to_end_rate=rate, cpu_per_1000=rate / 1000, **more,  # type: ignore[arg-type]  # figures
    )  # fmt: skip


RUNS = [
    run("postfix", TRIAL_ROUND, 1.0, pss_bytes=200 * MIB, processes=90),
    run("mailwarden-1", TRIAL_ROUND, 1.0, pss_bytes=30 * MIB, processes=2),
    run("mailwarden-2", TRIAL_ROUND, 1.0, pss_bytes=40 * MIB, processes=3),
    run("postfix", 0, 1000.0),
    run("mailwarden-1", 0, 5000.0),
    run("mailwarden-2", 0, 8000.0),
    run("mailwarden-2", 1, 4000.0),
    run("mailwarden-1", 1, 2000.0),
    run("postfix", 1, 400.0),
]
OTHERS: list[Record] = [
    MACHINE,
    IdleResult(connections=10_000, still_open=10_000, pss_without_bytes=50 * MIB,
               pss_with_bytes=120 * MIB, rate_without=900.0, rate_with=800.0),
    AccessResult(profile="4k-20", hat_lines=10_000, rat_entries=100_000, tracked=1_000_000,
                 rate_without=4000.0, rate_with=3600.0, ratio=0.9, ratio_least=0.88,
                 ratio_most=0.95, cpu_without=0.25, cpu_with=0.275),
    ReplayResult(messages=1_000_000, seconds=30.0, pss_peak_bytes=500 * MIB,
                 spool_messages=500_000, spool_seconds=12.0, spool_peak_bytes=250 * MIB,
                 bytes_per_recipient=400.0),
    GrowthResult(messages=1000, wanted=1000, seconds=2.0,
                 pss=((50, 10 * MIB), (100, 20 * MIB), (1000, 21 * MIB)),
                 spool_peak_bytes=5 * MIB, log_bytes=MIB),
    CorpusResult(messages=5, bytes=3 * MIB, seconds=1.0),
]  # fmt: skip


def gathered(records: list[Record]) -> Results:
    results = Results()
    for record in records:
        results.add(record)
    return results


def test_everything_written_is_read_back(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "deep" / "r.jsonl")
    for record in [*OTHERS, *RUNS]:
        file.write(record)
    assert read_results([file.path]) == gathered([*OTHERS, *RUNS])


@pytest.mark.parametrize("text", ["{", "[]", '{"kind":"run"}', '{"kind":"x","record":{}}', "1"])
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(BenchError, match=r"r\.jsonl:1"):
        read_results([path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cannot read"):
        read_results([tmp_path / "none"])


def test_rates_leave_out_the_trial_and_memory_comes_from_it() -> None:
    results = gathered(list(RUNS))
    assert results.rounds("4k-20", "end_to_end_rate") == [
        {"postfix": 1000.0, "mailwarden-1": 5000.0, "mailwarden-2": 8000.0},
        {"postfix": 400.0, "mailwarden-1": 2000.0, "mailwarden-2": 4000.0},
    ]
    assert results.memory("4k-20", "postfix") == (200 * MIB, 90)


def test_the_table_has_medians_and_ratios() -> None:
    head, *rows = table_of_profile(gathered(list(RUNS)), "4k-20")
    by_label = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    two = by_label["Mailwarden, 2 workers"]
    assert two["end to end/s"] == "6,000"
    assert two["x Postfix"] == "9.00"
    assert two["range"] == "8.00 - 10.00"
    assert two["memory MiB"] == "40"
    assert by_label["Postfix"]["x Postfix"] == "1.00"


def test_failed_runs_count_as_problems_and_not_as_figures() -> None:
    bad = Run(target="exim", profile="4k-20", round=0, messages=5, problems=("1 of 5 missing",))
    results = gathered([bad])
    assert results.problems() == ["exim, 4k-20: 1 of 5 missing"]
    assert results.rounds("4k-20", "accept_rate") == []
    assert table_of_profile(results, "4k-20")[1][1:4] == ("-", "-", "-")
    assert "FAILED: 1 of 5 missing" in describe_run(bad)


def test_two_workers_are_compared_with_one() -> None:
    rows = table_of_workers(gathered(list(RUNS)))
    assert rows[1][1:4] == ("3,500", "6,000", "1.80")
    assert len(table_of_workers(gathered([RUNS[0]]))) == 1


def test_every_other_result_has_its_sentence() -> None:
    said = " ".join(sentences(gathered(OTHERS)))
    assert "10,000 idle connections" in said
    assert "+70 MiB" in said
    assert "3,600 messages/s accepted with a HAT of 10,000 lines" in said
    assert "+10% is what they cost (+5% to +12% in single rounds)" in said
    assert "30.0 s until the gateway takes mail, peak 500 MiB" in said
    assert "500,000 messages in 12.0 s, peak 250 MiB, 400 bytes" in said
    assert "20 MiB after 100 messages, 21 MiB at the end, 21 MiB at most" in said
    assert "spool 5 MiB at most, log 1 MiB" in said
    assert "all arrived once, content intact" in said


def test_an_older_file_is_read_without_what_it_has_not(tmp_path: Path) -> None:
    file = ResultFile(tmp_path / "r.jsonl")
    file.write(MACHINE)
    file.write(run("postfix", 0, 100.0, p99_ms=7.0, transaction_p99_ms=9.0))
    old = []
    for line in file.path.read_text(encoding="utf-8").splitlines():
        kept = json.loads(line)
        for name in list(kept["record"]):
            if name.startswith("transaction_") or name in ("build", "missing"):
                del kept["record"][name]
        old.append(json.dumps(kept))
    file.path.write_text("\n".join(old), encoding="utf-8")
    results = read_results([file.path])
    assert table_of_times(results, "4k-20")[1] == [
        "Postfix", "0.0", "0.0", "7.0", "0.0", "-", "-", "-", "-",
    ]  # fmt: skip
    assert results.builds == ["interpreted or compiled (older results do not say), 3.11"]
    assert results.missing() == {}


def test_times_are_medians_and_the_greatest_of_all() -> None:
    of = {"p99_ms": 5.0, "max_ms": 50.0, "transaction_p50_ms": 3.0, "transaction_max_ms": 60.0}
    other = {"p99_ms": 7.0, "max_ms": 20.0, "transaction_p50_ms": 5.0, "transaction_max_ms": 80.0}
    results = gathered([run("exim", 0, 1.0, **of), run("exim", 1, 1.0, **other)])
    head, row = table_of_times(results, "4k-20")
    assert len(head) == len(row)
    assert row[3:6] == ["6.0", "50.0", "4.0"]
    assert row[8] == "80.0"


def test_the_floor_is_compared_with_the_first_gateway() -> None:
    floor = [run("floor", 0, 10_000.0), run("floor", 1, 8_000.0)]
    ours = [run("mailwarden-2", 0, 5_000.0), run("mailwarden-2", 1, 2_000.0)]
    rows = table_of_floor(gathered([*floor, *ours]))
    assert rows[1][1:] == ("9,000", "3,500", "0.38", "9.000", "3.500", "-5.500")
    assert len(table_of_floor(gathered(list(RUNS)))) == 1


def test_whoever_was_left_out_is_named_unless_another_file_has_it() -> None:
    results = gathered([MACHINE, *RUNS])
    assert results.missing() == {"exim": "not installed: tools/bench/peers.sh exim"}


def test_different_ways_to_run_are_all_named() -> None:
    interpreted = Build(compiled=False, said="interpreted", python="CPython 3.12.1",
                        compiler="GCC 12.2.0", of_system=False)  # fmt: skip
    results = gathered([MACHINE, replace(MACHINE, build=interpreted), MACHINE])
    assert results.builds == [
        "compiled, CPython 3.11.2 (GCC 12.2.0, the system's)",
        "interpreted, CPython 3.12.1 (GCC 12.2.0, not the system's)",
    ]


def grown(*sizes: int, step: int = 20_000) -> GrowthResult:
    pss = tuple((number * step, size * MIB) for number, size in enumerate(sizes, 1))
    return GrowthResult(messages=pss[-1][0], seconds=1.0, pss=pss)


def test_memory_that_fills_and_rests_does_not_grow() -> None:
    result = grown(50, 70, 90, *[90, 92] * 8)
    assert result.verdict.startswith("memory does not grow (+")
    assert result.growth_bytes == 2 * MIB


def test_memory_that_goes_on_growing_is_found() -> None:
    assert grown(*range(50, 70)).verdict == "memory grows (+12.0 MiB from message 80,000 on)"


def test_a_short_run_says_nothing_of_growth() -> None:
    assert "too short to say" in grown(50, 60, 70, 80, step=20_000).verdict
    assert "too short to say" in grown(*range(50, 70), step=1000).verdict


def test_a_stopped_run_says_so() -> None:
    (said,) = sentences(gathered([replace(grown(50, 60), wanted=1_000_000)]))
    assert "40,000 messages (stopped; 1,000,000 were wanted)" in said


def test_tables_for_terminal_and_page() -> None:
    rows = [("a", "bb"), ("ccc", "d")]
    assert as_text(rows) == "  a    bb\n  ccc   d"
    assert as_markdown(rows) == "| a | bb |\n| --- | --: |\n| ccc | d |"
