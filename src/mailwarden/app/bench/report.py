"""What the terminal shows, and the tables of the documentation."""

from collections.abc import Sequence
from typing import Final

from mailwarden.app.bench.compare import TRIAL_ROUND
from mailwarden.app.bench.measure import Run
from mailwarden.app.bench.profile import PROFILES
from mailwarden.app.bench.results import AccessResult, CommitResult, GrowthResult, Results
from mailwarden.app.bench.statistics import median, median_of_target, median_ratio, spread

BASELINE: Final = "postfix"
_MIB: Final = 1024 * 1024
_LABELS: Final = {
    "postfix": "Postfix",
    "exim": "Exim",
    "opensmtpd": "OpenSMTPD",
    "haraka": "Haraka",
    "floor": "Floor (no mail server)",
    "mailwarden-1": "Mailwarden, 1 worker",
    "mailwarden-2": "Mailwarden, 2 workers",
}
Row = Sequence[str]

_HEAD: Final[Row] = (
    *("target", "accept/s", "end to end/s", "x Postfix", "range"),
    *("CPU s/1,000", "p99 ms", "memory MiB", "processes"),
)
_QUANTILES: Final = ("p50", "p90", "p99", "max")
_TIMES_HEAD: Final[Row] = (
    "milliseconds",
    *(f"end of data to 250: {_QUANTILES[0]}", *_QUANTILES[1:]),
    *(f"MAIL to 250: {_QUANTILES[0]}", *_QUANTILES[1:]),
)
_FLOOR_HEAD: Final[Row] = (
    *("load", "end to end/s: floor", "Mailwarden", "ratio"),
    *("CPU s/1,000: floor", "Mailwarden", "of it ours"),
)


def label_of_target(name: str) -> str:
    """Return the name that readers see."""
    return _LABELS.get(name, name)


def label_of_profile(name: str) -> str:
    """Return the load in words."""
    return next((profile.label for profile in PROFILES if profile.name == name), name)


def describe_run(run: Run) -> str:
    """Return one line about a run that has just ended."""
    number = "trial  " if run.round == TRIAL_ROUND else f"round {run.round + 1}"
    line = f"  {number}  {run.target:<13}"
    if run.accept_rate:
        line += (
            f"{run.messages:>8,} messages{run.accept_rate:>9,.0f} accepted/s"
            f"{run.end_to_end_rate:>9,.0f} end to end/s{run.cpu_per_1000:>8.3f} CPU s/1,000"
            f"{run.p99_ms:>8.1f} ms p99"
        )
    return line + "".join(f"\n    FAILED: {problem}" for problem in run.problems)


def table_of_profile(results: Results, profile: str) -> list[Row]:
    """Return head and rows: medians over the rounds, ratios within the rounds."""
    return [_HEAD, *(_row(results, profile, name) for name in results.targets(profile))]


def _row(results: Results, profile: str, target: str) -> Row:
    def figure(name: str, form: str) -> str:
        value = median_of_target(results.rounds(profile, name), target)
        return "-" if value is None else format(value, form)

    rates = results.rounds(profile, "end_to_end_rate")
    ratio, reach = median_ratio(rates, target, BASELINE), spread(rates, target, BASELINE)
    pss, processes = results.memory(profile, target)
    return (
        label_of_target(target),
        figure("accept_rate", ",.0f"),
        figure("end_to_end_rate", ",.0f"),
        "-" if ratio is None else f"{ratio:.2f}",
        "-" if reach is None else f"{reach[0]:.2f} - {reach[1]:.2f}",
        figure("cpu_per_1000", ".3f"),
        figure("p99_ms", ".1f"),
        f"{pss / _MIB:.0f}" if pss else "-",
        str(processes) if processes else "-",
    )


def table_of_times(results: Results, profile: str) -> list[Row]:
    """Return head and rows: medians over the rounds, but the greatest of all for `max`."""
    rows: list[Row] = [_TIMES_HEAD]
    for target in results.targets(profile):
        cells = [label_of_target(target)]
        for of in ("", "transaction_"):
            for name in _QUANTILES:
                rounds = results.rounds(profile, f"{of}{name}_ms")
                figures = [of_round[target] for of_round in rounds if target in of_round]
                value = max(figures, default=None) if name == "max" else median(figures)
                cells.append("-" if value is None else f"{value:,.1f}")
        rows.append(cells)
    return rows


def table_of_floor(results: Results) -> list[Row]:
    """Return the floor and Mailwarden, with as many workers as it was run with first."""
    rows: list[Row] = [_FLOOR_HEAD]
    for profile in results.profiles():
        name = next((t for t in results.targets(profile) if t.startswith("mailwarden")), "")
        rates = results.rounds(profile, "end_to_end_rate")
        cpu = results.rounds(profile, "cpu_per_1000")
        share = median_ratio(rates, name, "floor")
        ours, floors = median_of_target(cpu, name), median_of_target(cpu, "floor")
        if share is None or ours is None or floors is None:
            continue
        rows.append(
            (
                label_of_profile(profile),
                f"{median_of_target(rates, 'floor') or 0:,.0f}",
                f"{median_of_target(rates, name) or 0:,.0f}",
                f"{share:.2f}",
                f"{floors:.3f}",
                f"{ours:.3f}",
                f"{ours - floors:.3f}",
            )
        )
    return rows


def table_of_workers(results: Results) -> list[Row]:
    """Return two workers against one: end-to-end rate, within the rounds."""
    rows: list[Row] = [
        ("load", "1 worker, end to end/s", "2 workers", "ratio", "CPU s/1,000 of load and sink")
    ]
    for profile in results.profiles():
        rates = results.rounds(profile, "end_to_end_rate")
        ratio = median_ratio(rates, "mailwarden-2", "mailwarden-1")
        if ratio is None:
            continue
        one, two = (median_of_target(rates, f"mailwarden-{n}") or 0.0 for n in (1, 2))
        around = sum(
            median_of_target(results.rounds(profile, figure), "mailwarden-2") or 0.0
            for figure in ("load_cpu_per_1000", "sink_cpu_per_1000")
        )
        rows.append(
            (
                label_of_profile(profile),
                f"{one:,.0f}",
                f"{two:,.0f}",
                f"{ratio:.2f}",
                f"{around:.3f}",
            )
        )
    return rows


def sentences(results: Results) -> list[str]:
    """Return what was measured besides the paired runs, one sentence each."""
    found = []
    if idle := results.idle:
        found.append(
            f"{idle.connections:,} idle connections, {idle.still_open:,} of them still open after "
            f"the mail: {idle.extra_bytes / _MIB:+.0f} MiB "
            f"({idle.pss_without_bytes / _MIB:.0f} MiB without, {idle.pss_with_bytes / _MIB:.0f} "
            f"with them); {idle.rate_without:,.0f} messages/s without, {idle.rate_with:,.0f} with."
        )
    found += [_sentence_of_access(access) for access in results.access.values()]
    if commit := results.commit:
        found.append(_sentence_of_commit(commit))
    if replay := results.replay:
        found.append(
            f"Start-up with {replay.messages:,} waiting messages: {replay.seconds:.1f} s until the "
            f"gateway takes mail, peak {replay.pss_peak_bytes / _MIB:.0f} MiB. The spool alone: "
            f"{replay.spool_messages:,} messages in {replay.spool_seconds:.1f} s, peak "
            f"{replay.spool_peak_bytes / _MIB:.0f} MiB, {replay.bytes_per_recipient:.0f} bytes a "
            f"waiting recipient."
        )
    if growth := results.growth:
        found.append(_sentence_of_growth(growth))
    if corpus := results.corpus:
        found.append(
            f"{corpus.messages:,} real messages, {corpus.bytes / _MIB:.0f} MiB, in "
            f"{corpus.seconds:.1f} s: "
            + ("all arrived once, content intact." if not corpus.problems else "FAILED.")
        )
    return found


def _sentence_of_commit(commit: CommitResult) -> str:
    pauses = (commit.tables_pause_seconds, commit.line_pause_seconds, commit.setting_pause_seconds)
    longest = max(pauses)
    return (
        f"A HAT of {commit.hat_lines:,} lines and a RAT of {commit.rat_entries:,} entries were in "
        f"force on all workers after {commit.tables_seconds:.2f} s, a line more after "
        f"{commit.line_seconds:.2f} s, another setting after {commit.setting_seconds:.2f} s; mail "
        f"waited at most {longest * 1000:.0f} ms meanwhile "
        f"({commit.quiet_pause_seconds * 1000:.0f} ms while nothing was committed; "
        f"{commit.replies:,} replies). A command was answered after "
        f"{commit.command_seconds * 1000:.1f} ms."
    )


def _sentence_of_access(access: AccessResult) -> str:
    return (
        f"{label_of_profile(access.profile)}, from {access.tracked:,} addresses that are all "
        f"counted: {access.rate_with:,.0f} messages/s accepted with a HAT of {access.hat_lines:,} "
        f"lines, a RAT of {access.rat_entries:,} entries and a limit by the hour, "
        f"{access.rate_without:,.0f} without them: {1 - access.ratio:+.0%} is what they cost "
        f"({1 - access.ratio_most:+.0%} to {1 - access.ratio_least:+.0%} in single rounds); "
        f"{access.cpu_with:.3f} and {access.cpu_without:.3f} CPU s/1,000."
    )


def _sentence_of_growth(growth: GrowthResult) -> str:
    stopped = f" (stopped; {growth.wanted:,} were wanted)" if growth.was_stopped else ""
    tenth = growth.messages // 10
    return (
        f"{growth.messages:,} messages{stopped} in {growth.seconds:.0f} s: {growth.verdict}. "
        f"{growth.pss_at(tenth) / _MIB:.0f} MiB after {tenth:,} messages, "
        f"{growth.pss[-1][1] / _MIB:.0f} MiB at the end, "
        f"{max(size for _, size in growth.pss) / _MIB:.0f} MiB at most. On disk: spool "
        f"{growth.spool_peak_bytes / _MIB:.0f} MiB at most, log {growth.log_bytes / _MIB:.0f} MiB."
    )


def as_text(rows: Sequence[Row]) -> str:
    """Return a table for the terminal."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                  for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )  # fmt: skip
    return "\n".join(f"  {line.rstrip()}" for line in lines)


def as_markdown(rows: Sequence[Row]) -> str:
    """Return a table for the documentation."""
    head, *rest = rows
    rule = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rest])
