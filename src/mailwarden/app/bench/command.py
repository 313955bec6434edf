"""`mailwarden bench`: chooses targets and parts, shows progress, keeps and shows the results."""

import os
import resource
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from mailwarden.app.bench.arguments import PEER_NAMES
from mailwarden.app.bench.compare import Plan, compare
from mailwarden.app.bench.corpus import send_corpus
from mailwarden.app.bench.document import write_page
from mailwarden.app.bench.gateway import Gateway
from mailwarden.app.bench.growth import measure_growth
from mailwarden.app.bench.idle import measure_idle
from mailwarden.app.bench.machine import describe_machine
from mailwarden.app.bench.measure import Run
from mailwarden.app.bench.peers import PEERS, why_missing
from mailwarden.app.bench.profile import PROFILES, Profile
from mailwarden.app.bench.replay import measure_replay
from mailwarden.app.bench.report import (
    as_text,
    describe_run,
    label_of_profile,
    sentences,
    table_of_profile,
    table_of_workers,
)
from mailwarden.app.bench.results import Record, ResultFile, Results, read_results
from mailwarden.app.bench.target import Target
from mailwarden.app.bench.workplace import BenchError, Workplace, find_checkout, only_one

_QUICK: Final = Plan(rounds=1, fixed_messages=300)
_QUICK_IDLE: Final = (200, 300)  # connections, messages
_QUICK_REPLAY: Final = 2_000
_IDLE_MESSAGES: Final = 20_000
_MIB: Final = 1024 * 1024
_BUSY_LOAD: Final = 0.5  # load average from which on the machine counts as busy


def run(arguments: Namespace) -> int:
    """Run the benchmark; return 1 when anything was lost, doubled, changed or did not work."""
    try:
        return _run(arguments)
    except BenchError as error:
        print(f"mailwarden bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmailwarden bench: stopped", file=sys.stderr)
        return 130


def _run(arguments: Namespace) -> int:
    checkout = find_checkout()
    workplace = Workplace(checkout=checkout, state=arguments.directory.resolve())
    if arguments.results:
        results = read_results(arguments.results)
    else:
        with only_one(workplace):
            results = Measuring(workplace, arguments).run()
    _show(results)
    if arguments.write_docs:
        for path in write_page(checkout, results):
            print(f"wrote {path.relative_to(checkout)}")
    return 1 if results.problems() else 0


class Measuring:
    """The parts that were asked for, one after the other."""

    def __init__(self, workplace: Workplace, arguments: Namespace) -> None:
        self._workplace = workplace
        self._arguments = arguments
        self._quick: bool = arguments.quick
        self._results = Results()
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        self._file = ResultFile(workplace.state / "results" / f"{stamp}.jsonl")

    def run(self) -> Results:
        """Measure and return the results, which are in a file by then as well."""
        self._workplace.build_tools()
        _raise_file_limit()
        if self._arguments.corpus is not None:
            self._note(send_corpus(self._workplace, self._arguments.corpus))
            return self._results
        parts = self._parts()
        targets = self._targets() if "paired" in parts else []
        self._note(describe_machine(self._workplace.state, targets))
        self._warn_if_busy()
        if targets:
            self._paired(targets)
        others: dict[str, Callable[[], Record]] = {
            "idle": self._idle,
            "replay": self._replay,
            "growth": self._growth,
        }
        for name, measure in others.items():
            if name in parts:
                print(f"\n{name}", flush=True)
                self._note(measure())
        print(f"\nresults: {self._file.path}")
        return self._results

    def _note(self, record: Record) -> None:
        self._results.add(record)
        self._file.write(record)

    def _parts(self) -> list[str]:
        parts = list(self._arguments.part or ("paired", "idle", "replay"))
        return [*parts, "growth"] if self._arguments.long and "growth" not in parts else parts

    def _targets(self) -> list[Target]:
        """Return the peers that can run and Mailwarden; say which peers cannot, and why.

        Raises:
            BenchError: Postfix is missing where CI is set: there it must be measured.
        """
        asked: Sequence[str] | None = self._arguments.peers
        if asked is None:
            asked = () if self._quick else PEER_NAMES
        peers: list[Target] = []
        for name in asked:
            why = why_missing(name, self._workplace)
            if why is None:
                peers.append(PEERS[name](self._workplace))
            elif name == "postfix" and os.environ.get("CI") == "true":
                raise BenchError(f"Postfix {why}")
            else:
                print(f"without {name}: {why}")
        counts = self._arguments.workers[:1] if self._quick else self._arguments.workers
        return [*peers, *(Gateway(self._workplace, workers) for workers in counts)]

    def _warn_if_busy(self) -> None:
        machine = self._results.machine
        if machine is not None and machine.load_average > _BUSY_LOAD and not self._quick:
            print(
                f"the machine is busy (load average {machine.load_average:.1f}): figures may be off"
            )

    def _profiles(self) -> list[Profile]:
        names = self._arguments.profiles or tuple(profile.name for profile in PROFILES)
        chosen = [p for p in PROFILES if p.name in (names[:1] if self._quick else names)]
        return [replace(profile, mode=self._arguments.mode) for profile in chosen]

    def _paired(self, targets: list[Target]) -> None:
        given = self._arguments
        plan = _QUICK if self._quick else Plan(rounds=given.rounds, seconds=given.seconds)

        def show(done: Run) -> None:
            self._note(done)
            print(describe_run(done), flush=True)

        for profile in self._profiles():
            print(f"\n{profile.label}", flush=True)
            compare(self._workplace, targets, profile, plan, show)

    def _idle(self) -> Record:
        connections, messages = self._arguments.idle_connections, _IDLE_MESSAGES
        if self._quick:
            connections, messages = _QUICK_IDLE
        return measure_idle(self._workplace, connections, messages)

    def _replay(self) -> Record:
        messages = _QUICK_REPLAY if self._quick else self._arguments.replay_messages
        return measure_replay(self._workplace, messages)

    def _growth(self) -> Record:
        def show(accepted: int, pss: int) -> None:
            print(f"  {accepted:>10,} messages  {pss / _MIB:6.1f} MiB", flush=True)

        return measure_growth(self._workplace, self._arguments.growth_messages, show)


def _show(results: Results) -> None:
    for profile in results.profiles():
        print(f"\n{label_of_profile(profile)}\n{as_text(table_of_profile(results, profile))}")
    workers = table_of_workers(results)
    if len(workers) > 1:
        print(f"\none worker and two\n{as_text(workers)}")
    for sentence in sentences(results):
        print(f"\n{sentence}")
    problems = results.problems()
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    if not problems:
        print("\nevery accepted message arrived exactly once and byte-identical")


def _raise_file_limit() -> None:
    """Let the targets, which inherit it, have as many connections as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
