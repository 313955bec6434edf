"""The generated parts of docs/benchmarks.md: they stand between markers, the rest is by hand."""

from pathlib import Path
from typing import Final

from mailwarden.app.bench.charts import draw_charts
from mailwarden.app.bench.machine import Machine
from mailwarden.app.bench.report import (
    as_markdown,
    label_of_profile,
    label_of_target,
    sentences,
    table_of_floor,
    table_of_profile,
    table_of_times,
    table_of_workers,
)
from mailwarden.app.bench.results import Results
from mailwarden.app.bench.workplace import BenchError

_PAGE: Final = Path("docs/benchmarks.md")
_IMAGES: Final = Path("docs/images")
_BEGIN: Final = "<!-- {name}: written by `mailwarden bench --write-docs` -->"
_END: Final = "<!-- end of {name} -->"
_GIB: Final = 1024**3


def write_page(checkout: Path, results: Results) -> list[Path]:
    """Put the results into the page and draw the charts; return what was written.

    Raises:
        BenchError: the page has lost its markers, or there is nothing to write.
    """
    if results.machine is None or not results.runs:
        raise BenchError("there are no paired runs to write about")
    page = checkout / _PAGE
    text = page.read_text(encoding="utf-8")
    text = replace_part(text, "machine", describe(results.machine, results))
    text = replace_part(text, "results", result_part(results))
    charts = draw_charts(results, checkout / _IMAGES)
    page.write_text(text, encoding="utf-8")
    return [page, *charts]


def replace_part(text: str, name: str, content: str) -> str:
    """Return `text` with what stands between the markers of `name` replaced.

    Raises:
        BenchError: a marker is missing.
    """
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise BenchError(f"{_PAGE} lacks the markers of {name!r}: {begin} ... {end}")
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"


def describe(machine: Machine, results: Results) -> str:
    """Return the machine, how Mailwarden ran and what was left out, as a list."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    without = "".join(
        f"- Without {label_of_target(name)}: {why}\n" for name, why in results.missing().items()
    )
    gib = f"{machine.memory_bytes / _GIB:.0f} GiB"
    return f"""
- Measured at {machine.measured_at} UTC, load average before: {machine.load_average:.1f}
- {machine.processors} processors ({machine.processor}), {gib} of memory
- {machine.system}, kernel {machine.kernel}, {machine.file_system}; a synced append of 4 KB takes
  {machine.sync_us:.0f} microseconds (median)
- Mailwarden ran {" and ".join(results.builds)}
- {versions}
{without}"""


def result_part(results: Results) -> str:
    """Return tables, charts' places and sentences."""
    parts = [
        f"![{alt}](images/bench-{name}.svg)"
        for name, alt in (
            ("rate", "Messages a second, end to end"),
            ("cpu", "CPU seconds for 1,000 messages"),
            ("memory", "Peak memory"),
        )
    ]
    for profile in results.profiles():
        rounds = len(results.rounds(profile, "end_to_end_rate"))
        parts.append(f"### {label_of_profile(profile)}")
        parts.append(f"Medians of {rounds} rounds.")
        parts.append(as_markdown(table_of_profile(results, profile)))
        parts.append(as_markdown(table_of_times(results, profile)))
    for title, table in (
        ("One worker and two", table_of_workers(results)),
        ("The floor and Mailwarden", table_of_floor(results)),
    ):
        if len(table) > 1:
            parts += [f"### {title}", as_markdown(table)]
    if others := sentences(results):
        parts += ["### Other measurements", "\n".join(f"- {sentence}" for sentence in others)]
    failed = results.problems()
    parts.append(
        "Every accepted message arrived exactly once and byte-identical, in every run of every "
        "server."
        if not failed
        else "**Failures:**\n\n" + "\n".join(f"- {problem}" for problem in failed)
    )
    return "\n\n".join(parts)
