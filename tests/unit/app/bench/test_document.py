"""Only what stands between the markers is replaced."""

from pathlib import Path

import pytest

from mailwarden.app.bench.document import describe, replace_part, result_part, write_page
from mailwarden.app.bench.results import Results
from mailwarden.app.bench.workplace import BenchError
from tests.unit.app.bench.test_results import MACHINE, OTHERS, RUNS, gathered

ROOT = Path(__file__).parents[4]
PAGE = (
    "# Title\n\n<!-- machine: written by `mailwarden bench --write-docs` -->\nold\n"
    "<!-- end of machine -->\nby hand\n"
)


def test_what_was_written_by_hand_stays() -> None:
    new = replace_part(PAGE, "machine", "new\n")
    assert new.startswith("# Title\n")
    assert "\nnew\n" in new
    assert "old" not in new
    assert new.endswith("by hand\n")
    assert replace_part(new, "machine", "new") == new


@pytest.mark.parametrize("lost", ["<!-- machine", "<!-- end of machine -->"])
def test_lost_markers_are_an_error(lost: str) -> None:
    with pytest.raises(BenchError, match="markers"):
        replace_part(PAGE.replace(lost, ""), "machine", "new")


def test_the_page_of_the_project_has_the_markers() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name in ("machine", "results"):
        assert "NEW" in replace_part(text, name, "NEW")


def test_the_results_are_all_there() -> None:
    part = result_part(gathered([*OTHERS, *RUNS]))
    assert "### 4 KB, 20 sessions, 1 message a connection\n\nMedians of 2 rounds." in part
    assert "### One worker and two" in part
    assert "exactly once and byte-identical" in part
    said = describe(MACHINE, gathered([MACHINE, *RUNS]))
    assert "postfix 3.7" in said
    assert "Mailwarden ran compiled, CPython 3.11.2" in said
    assert "Without Exim: not installed" in said


def test_failures_are_not_hidden() -> None:
    bad = [*RUNS, RUNS[0].__class__(target="x", profile="4k-20", round=1, messages=1,
                                    problems=("1 of 1 missing",))]  # fmt: skip
    assert "**Failures:**\n\n- x, 4k-20: 1 of 1 missing" in result_part(gathered(list(bad)))


def test_nothing_is_written_without_results(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no paired runs"):
        write_page(tmp_path, Results())


def test_page_and_charts_are_written(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    (tmp_path / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    written = write_page(tmp_path, gathered([*OTHERS, *RUNS]))
    assert [path.name for path in written] == [
        "benchmarks.md", "bench-rate.svg", "bench-cpu.svg", "bench-memory.svg",
    ]  # fmt: skip
    assert "Mailwarden, 2 workers" in written[1].read_text(encoding="utf-8")
