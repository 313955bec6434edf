"""The charts of the documentation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from mailwarden.app.bench.report import label_of_profile, label_of_target
from mailwarden.app.bench.results import Results
from mailwarden.app.bench.statistics import median_of_target
from mailwarden.app.bench.workplace import BenchError

_COLOURS: Final = {
    "mailwarden-2": "#0b6e4f",
    "mailwarden-1": "#74b49b",
    "postfix": "#34495e",
    "haraka": "#b8860b",
    "opensmtpd": "#8d99ae",
    "exim": "#bc6c5c",
    "floor": "#cccccc",
}
_MIB: Final = 1024 * 1024


def draw_charts(results: Results, folder: Path) -> list[Path]:
    """Write the charts as SVG; return their paths.

    Raises:
        BenchError: matplotlib is not there: it comes with `make setup-dev`.
    """

    def figure(name: str) -> Callable[[str, str], float]:
        return lambda profile, target: (
            median_of_target(results.rounds(profile, name), target) or 0.0
        )

    def memory(profile: str, target: str) -> float:
        return results.memory(profile, target)[0] / _MIB

    folder.mkdir(parents=True, exist_ok=True)
    rate, cpu = figure("end_to_end_rate"), figure("cpu_per_1000")
    charts = (
        ("bench-rate.svg", "Messages a second, end to end (more is better)", rate),
        ("bench-cpu.svg", "CPU seconds for 1,000 messages (less is better)", cpu),
        ("bench-memory.svg", "Peak memory, MiB of PSS (less is better)", memory),
    )
    return [_draw(results, title, value, folder / name) for name, title, value in charts]


def _draw(results: Results, title: str, value: Callable[[str, str], float], path: Path) -> Path:
    try:
        import matplotlib as mpl  # noqa: PLC0415  of the developer's tools only

        mpl.use("svg")
        from matplotlib import pyplot as plt  # noqa: PLC0415  as above
    except ImportError as error:
        raise BenchError("charts need matplotlib: make setup-dev") from error
    # Text stays text, and the file does not change when the figures do not.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9})
    profiles = results.profiles()
    figure, axes = plt.subplots(1, len(profiles), figsize=(2.6 * len(profiles) + 1, 2.8))
    for at, profile in enumerate(profiles):
        _bars(axes if len(profiles) == 1 else axes[at], results, profile, value)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _bars(
    axes: Any,  # noqa: ANN401  matplotlib has no types here
    results: Results,
    profile: str,
    value: Callable[[str, str], float],
) -> None:
    targets = _in_order(results.targets(profile))
    heights = [value(profile, target) for target in targets]
    bars = axes.barh(
        [label_of_target(t) for t in targets],
        heights,
        color=[_COLOURS.get(t, "#999999") for t in targets],
    )
    axes.bar_label(bars, [f"{h:,.0f}" if h >= 10 else f"{h:.2f}" for h in heights], padding=2)
    axes.set_title(label_of_profile(profile).replace(", ", "\n", 1), fontsize=8)
    axes.set_xlim(0, max(heights, default=1) * 1.3 or 1)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelsize=7)
    axes.label_outer()


def _in_order(targets: Sequence[str]) -> list[str]:
    """Return the targets in the order of the colours, which is that of the legend."""
    known = [name for name in _COLOURS if name in targets]
    return known + [name for name in targets if name not in known]
