"""`mailwarden bench`: chooses targets and parts, shows progress, keeps and shows the results."""

import os
import resource
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from mailwarden.app.bench.access import FULL_SIZE, QUICK_SIZE, measure_access
from mailwarden.app.bench.arguments import PEER_NAMES
from mailwarden.app.bench.build import inspect_build
from mailwarden.app.bench.commit import measure_commit
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
    table_of_floor,
    table_of_profile,
    table_of_times,
    table_of_workers,
)
from mailwarden.app.bench.results import Record, ResultFile, Results, read_results
from mailwarden.app.bench.target import Target
from mailwarden.app.bench.workplace import BenchError, Workplace, find_checkout, only_one

_QUICK: Final = Plan(rounds=1, fixed_messages=300)
_QUICK_IDLE: Final = (200, 300)  # connections, messages
_QUICK_REPLAY: Final = 2_000
_IDLE_MESSAGES: Final = 20_000
_ACCESS_MESSAGES: Final = 20_000
_GROWTH_LINES: Final = 50  # of progress
_INTERRUPTED: Final = 130  # exit status
_MIB: Final = 1024 * 1024
_BUSY_LOAD: Final = 0.5  # load average from which on the machine counts as busy


def run(arguments: Namespace) -> int:
    """Run the benchmark; return 1 when anything was lost, doubled, changed or did not work.

    Ctrl-C or SIGTERM ends what runs, shows the results so far and returns 130.
    """
    try:
        with _ends_like_interrupt():
            return _run(arguments)
    except BenchError as error:
        print(f"mailwarden bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nmailwarden bench: stopped", file=sys.stderr)
        return _INTERRUPTED


@contextmanager
def _ends_like_interrupt() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: the servers that were started must be stopped."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: Namespace) -> int:
    checkout = find_checkout()
    workplace = Workplace(checkout=checkout, state=arguments.directory.resolve())
    was_stopped = False
    if arguments.results:
        results = read_results(arguments.results)
    else:
        with only_one(workplace):
            measuring = Measuring(workplace, arguments)
            try:
                measuring.run()
            except KeyboardInterrupt:
                print("\nstopped; the results so far:")
                was_stopped = True
            results = measuring.results
            was_stopped |= results.growth is not None and results.growth.was_stopped
            print(f"\nresults: {measuring.file.path}")
    _show(results)
    if arguments.write_docs:
        for path in write_page(checkout, results):
            print(f"wrote {path.relative_to(checkout)}")
    if results.problems():
        return 1
    return _INTERRUPTED if was_stopped else 0


class Measuring:
    """The parts that were asked for, one after the other."""

    def __init__(self, workplace: Workplace, arguments: Namespace) -> None:
        self._workplace = workplace
        self._arguments = arguments
        self._quick: bool = arguments.quick
        self._missing: dict[str, str] = {}
        self.results = Results()
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        self.file = ResultFile(workplace.state / "results" / f"{stamp}.jsonl")

    def run(self) -> None:
        """Measure; each result is in `results`, and in the file, as soon as it is there."""
        self._workplace.build_tools()
        _raise_file_limit()
        if self._arguments.corpus is not None:
            self._note(send_corpus(self._workplace, self._arguments.corpus))
            return
        parts = self._parts()
        targets = self._targets() if "paired" in parts else []
        build = inspect_build(sys.executable)
        machine = describe_machine(self._workplace.state, targets, self._missing, build)
        self._note(machine)
        print(f"Mailwarden runs {build.label}")
        self._warn_if_busy()
        if targets:
            self._paired(targets)
        others: dict[str, Callable[[], Record]] = {
            "idle": self._idle,
            "commit": self._commit,
            "replay": self._replay,
            "growth": self._growth,
        }
        for name, measure in others.items():
            if name in parts:
                print(f"\n{name}", flush=True)
                self._note(measure())
        if "access" in parts:
            self._access()
        if (later := inspect_build(sys.executable)) != build:
            print(f"the sources changed meanwhile: Mailwarden now runs {later.label}")
            self._note(replace(machine, build=later))

    def _note(self, record: Record) -> None:
        self.results.add(record)
        self.file.write(record)

    def _parts(self) -> list[str]:
        parts = list(self._arguments.part or ("paired", "idle", "access", "commit", "replay"))
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
            why = why_missing(name, self._workplace, self._arguments.mode)
            if why is None:
                peers.append(PEERS[name](self._workplace))
            elif name == "postfix" and os.environ.get("CI") == "true":
                raise BenchError(f"Postfix {why}")
            else:
                self._missing[name] = why
                print(f"without {name}: {why}")
        counts = self._arguments.workers[:1] if self._quick else self._arguments.workers
        return [*peers, *(Gateway(self._workplace, workers) for workers in counts)]

    def _warn_if_busy(self) -> None:
        machine = self.results.machine
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

    def _access(self) -> None:
        print("\naccess", flush=True)
        for result in measure_access(
            self._workplace,
            rounds=1 if self._quick else self._arguments.rounds,
            messages=_QUICK.fixed_messages if self._quick else _ACCESS_MESSAGES,
            size=QUICK_SIZE if self._quick else FULL_SIZE,
            show=lambda done: print(describe_run(done), flush=True),
        ):
            self._note(result)

    def _commit(self) -> Record:
        return measure_commit(self._workplace, QUICK_SIZE if self._quick else FULL_SIZE)

    def _replay(self) -> Record:
        messages = _QUICK_REPLAY if self._quick else self._arguments.replay_messages
        return measure_replay(self._workplace, messages)

    def _growth(self) -> Record:
        wanted: int = self._arguments.growth_messages
        began, shown = time.monotonic(), 0
        print("  Ctrl-C stops it and shows what was found so far", flush=True)

        def show(accepted: int, pss: int, spool: int) -> None:
            nonlocal shown
            if accepted - shown < wanted / _GROWTH_LINES and accepted < wanted:
                return
            shown, rate = accepted, accepted / (time.monotonic() - began)
            print(
                f"  {accepted:>10,} messages ({accepted / wanted:4.0%})  {pss / _MIB:6.1f} MiB  "
                f"spool {spool / _MIB:4.0f} MiB on disk  {(wanted - accepted) / rate:4.0f} s left",
                flush=True,
            )

        return measure_growth(self._workplace, wanted, show)


def _show(results: Results) -> None:
    for said in results.builds:
        print(f"\nMailwarden ran {said}")
    for profile in results.profiles():
        print(f"\n{label_of_profile(profile)}\n{as_text(table_of_profile(results, profile))}")
        print(f"\n{as_text(table_of_times(results, profile))}")
    for title, table in (
        ("one worker and two", table_of_workers(results)),
        ("the floor and Mailwarden", table_of_floor(results)),
    ):
        if len(table) > 1:
            print(f"\n{title}\n{as_text(table)}")
    for name, why in results.missing().items():
        print(f"\nwithout {name}: {why}")
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
