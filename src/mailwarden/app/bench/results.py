"""All that was measured, as values and as a file of JSON lines."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from mailwarden.app.bench.compare import TRIAL_ROUND
from mailwarden.app.bench.machine import Machine
from mailwarden.app.bench.measure import Run
from mailwarden.app.bench.statistics import Round
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
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusResult:
    """Real messages sent through."""

    messages: int
    bytes: int
    seconds: float
    problems: tuple[str, ...] = ()


Record = Machine | Run | IdleResult | ReplayResult | GrowthResult | CorpusResult
_KINDS: Final[dict[str, type[Record]]] = {
    "machine": Machine,
    "run": Run,
    "idle": IdleResult,
    "replay": ReplayResult,
    "growth": GrowthResult,
    "corpus": CorpusResult,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


@dataclass(slots=True)
class Results:
    """What is known so far."""

    machine: Machine | None = None
    runs: list[Run] = field(default_factory=list)
    idle: IdleResult | None = None
    replay: ReplayResult | None = None
    growth: GrowthResult | None = None
    corpus: CorpusResult | None = None

    def add(self, record: Record) -> None:
        """Take `record`; of all but runs, the latest one counts."""
        match record:
            case Machine():
                self.machine = record
            case Run():
                self.runs.append(record)
            case IdleResult():
                self.idle = record
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
            ("replay", self.replay),
            ("growth", self.growth),
            ("corpus", self.corpus),
        ):
            if result is not None:
                found += [f"{name}: {problem}" for problem in result.problems]
        return found

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
                rounds.setdefault(run.round, {})[run.target] = getattr(run, figure)
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
