"""All that was measured, as values and as a file of JSON lines."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from mailwarden.app.bench.compare import TRIAL_ROUND
from mailwarden.app.bench.machine import Machine
from mailwarden.app.bench.measure import Run
from mailwarden.app.bench.statistics import Round, growth_of
from mailwarden.app.bench.workplace import BenchError


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleResult:
    """Mail flowing with and without idle connections."""

    connections: int
    still_open: int  # when the mail had flowed
    pss_without_bytes: int
    pss_with_bytes: int
    rate_without: float  # messages a second, end to end
    rate_with: float
    problems: tuple[str, ...] = ()

    @property
    def extra_bytes(self) -> int:
        """What the idle connections take."""
        return self.pss_with_bytes - self.pss_without_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessResult:
    """Mail from very many addresses, with and without large access tables."""

    profile: str
    hat_lines: int
    rat_entries: int
    tracked: int  # client addresses
    rate_without: float  # messages accepted a second, median
    rate_with: float
    ratio: float  # median of the ratios within the rounds
    ratio_least: float
    ratio_most: float
    cpu_without: float  # seconds of the gateway for 1,000 messages, median
    cpu_with: float
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """Commits while mail goes in. A pause is the longest that one reply took meanwhile."""

    hat_lines: int
    rat_entries: int
    tables_seconds: float  # until tables of that size were in force on all workers
    line_seconds: float  # and one line more in one of them
    setting_seconds: float  # and another setting beside them, committed at the prompt
    command_seconds: float  # from a line typed to its answer, median
    quiet_pause_seconds: float  # while nothing was committed
    tables_pause_seconds: float
    line_pause_seconds: float
    setting_pause_seconds: float
    replies: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """Start-up with a full queue: of a gateway, and of one worker's spool alone."""

    messages: int
    seconds: float  # until the gateway takes mail
    pss_peak_bytes: int  # of all its processes
    spool_messages: int
    spool_seconds: float
    spool_peak_bytes: int  # resident set of the process that read it
    bytes_per_recipient: float  # resident set afterwards, less that before
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthResult:
    """Memory while very many messages pass."""

    messages: int
    seconds: float
    pss: tuple[tuple[int, int], ...]  # messages accepted so far, bytes
    wanted: int = 0  # more than `messages` when it was stopped early
    spool_peak_bytes: int = 0  # on disk
    log_bytes: int = 0  # on disk, at the end
    problems: tuple[str, ...] = ()

    @property
    def was_stopped(self) -> bool:
        """Whether not all messages were sent."""
        return self.wanted > self.messages

    def pss_at(self, messages: int) -> int:
        """Return the memory when so many messages had been accepted, or at the end."""
        return next((size for count, size in self.pss if count >= messages), self.pss[-1][1])

    @property
    def settled_at(self) -> int:
        """The number of messages from which on memory should be at rest."""
        return max(self.messages // 5, SETTLED_MESSAGES)

    @property
    def growth_bytes(self) -> int | None:
        """By how much memory grew from there on; None: the run was too short to say."""
        return growth_of(self.pss, self.settled_at)

    @property
    def verdict(self) -> str:
        """What that means, in words."""
        grown = self.growth_bytes
        if grown is None:
            return f"too short to say, as memory fills until {self.settled_at:,} messages"
        by = f"{grown / 2**20:+.1f} MiB from message {self.settled_at:,} on"
        return f"memory {'grows' if grown > GROWTH_MAX_BYTES else 'does not grow'} ({by})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusResult:
    """Real messages sent through."""

    messages: int
    bytes: int
    seconds: float
    problems: tuple[str, ...] = ()


# Each worker keeps a record of every finished message until the segment that it is in is removed:
# two segments of 64 MiB with messages of 4 KB. Buffers and caches are full by then, too.
SETTLED_MESSAGES: Final = 60_000
# More than this between two thirds of a run is growth. Over 1,000,000 messages it is 8 bytes for
# each; what an allocator and the kernel do by themselves is below.
GROWTH_MAX_BYTES: Final = 4 * 1024 * 1024

Record = (
    Machine
    | Run
    | IdleResult
    | AccessResult
    | CommitResult
    | ReplayResult
    | GrowthResult
    | CorpusResult
)
_KINDS: Final[dict[str, type[Record]]] = {
    "machine": Machine,
    "run": Run,
    "idle": IdleResult,
    "access": AccessResult,
    "commit": CommitResult,
    "replay": ReplayResult,
    "growth": GrowthResult,
    "corpus": CorpusResult,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


@dataclass(slots=True)
class Results:
    """What is known so far."""

    machine: Machine | None = None
    builds: list[str] = field(default_factory=list)  # how the gateway ran, in words
    runs: list[Run] = field(default_factory=list)
    idle: IdleResult | None = None
    access: dict[str, AccessResult] = field(default_factory=dict)  # by profile
    commit: CommitResult | None = None
    replay: ReplayResult | None = None
    growth: GrowthResult | None = None
    corpus: CorpusResult | None = None

    def add(self, record: Record) -> None:
        """Take `record`; of all but runs, the latest one counts."""
        match record:
            case Machine():
                self.machine = record
                unknown = f"interpreted or compiled (older results do not say), {record.python}"
                said = record.build.label if record.build else unknown
                if said not in self.builds:
                    self.builds.append(said)
            case Run():
                self.runs.append(record)
            case IdleResult():
                self.idle = record
            case AccessResult():
                self.access[record.profile] = record
            case CommitResult():
                self.commit = record
            case ReplayResult():
                self.replay = record
            case GrowthResult():
                self.growth = record
            case CorpusResult():
                self.corpus = record

    def problems(self) -> list[str]:
        """Return everything that went wrong, each with its place."""
        found = [f"{r.target}, {r.profile}: {p}" for r in self.runs for p in r.problems]
        for name, result in (
            ("idle", self.idle),
            ("commit", self.commit),
            ("replay", self.replay),
            ("growth", self.growth),
            ("corpus", self.corpus),
        ):
            if result is not None:
                found += [f"{name}: {problem}" for problem in result.problems]
        for of_profile, access in self.access.items():
            found += [f"access, {of_profile}: {problem}" for problem in access.problems]
        return found

    def missing(self) -> dict[str, str]:
        """Return why a peer was left out, by its name."""
        known = self.machine.missing if self.machine else {}
        ran = {run.target for run in self.runs}
        return {name: why for name, why in known.items() if name not in ran}

    def profiles(self) -> list[str]:
        """Return the names of the profiles that were run, in order."""
        return list(dict.fromkeys(run.profile for run in self.runs))

    def targets(self, profile: str) -> list[str]:
        """Return the names of the targets that were run under `profile`, in order."""
        return list(dict.fromkeys(run.target for run in self.runs if run.profile == profile))

    def rounds(self, profile: str, figure: str) -> list[Round]:
        """Return a figure by target for each round; the trial and failed runs do not count."""
        rounds: dict[int, dict[str, float]] = {}
        for run in self.runs:
            if run.profile == profile and run.round != TRIAL_ROUND and not run.problems:
                value = getattr(run, figure)
                if value is not None:
                    rounds.setdefault(run.round, {})[run.target] = value
        return list(rounds.values())

    def memory(self, profile: str, target: str) -> tuple[int, int]:
        """Return the highest PSS in bytes and the processes it was seen with; 0 is unknown."""
        seen = [(r.pss_bytes, r.processes) for r in self.runs if r.profile == profile
                and r.target == target]  # fmt: skip
        return max(seen, default=(0, 0))


class ResultFile:
    """A file of JSON lines that grows while the benchmark runs."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path

    def write(self, record: Record) -> None:
        """Append `record`."""
        line = msgspec.json.encode({"kind": _NAMES[type(record)], "record": record})
        with self.path.open("ab") as file:
            file.write(line + b"\n")


def read_results(paths: Iterable[Path]) -> Results:
    """Return what the files hold, the later ones over the earlier ones.

    Raises:
        BenchError: a file cannot be read or is none of ours.
    """
    results = Results()
    for path in paths:
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise BenchError(f"cannot read {path}: {error.strerror}") from error
        for number, line in enumerate(lines, 1):
            try:
                results.add(_decode(line))
            except (msgspec.MsgspecError, KeyError, TypeError) as error:
                raise BenchError(f"{path}:{number}: not a result: {error}") from error
    return results


def _decode(line: bytes) -> Record:
    raw = msgspec.json.decode(line)
    return msgspec.convert(raw["record"], type=_KINDS[raw["kind"]])
