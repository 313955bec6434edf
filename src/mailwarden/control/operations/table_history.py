"""What tables were before they were imported, so that an import can be undone, step by step.

The texts lie in the state directory, a folder for each table: `1.txt` is the oldest. What was
undone last is kept as `undone.txt`.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from mailwarden.control.operations.private_file import locked, replace
from mailwarden.control.operations.tables import Replacement

STEPS_MAX: Final = 20  # versions of a table that are kept
MODE_NEW: Final = 0o644  # of a table's file: tables are no secrets
MODE_KEPT: Final = 0o777
_UNDONE: Final = "undone.txt"

Reload = Callable[[], Sequence[str]]  # returns why the gateway does not work by the new file


class Step(NamedTuple):
    """A version that was replaced."""

    path: Path
    replaced_at: float  # seconds since the epoch
    size: int  # bytes


class TableHistory:
    """The versions of one table; `state` is the state directory."""

    def __init__(self, state: Path, name: str) -> None:
        self._folder = state / "tables" / quote(name, safe="")

    def steps(self) -> list[Step]:
        """Return the versions that can be brought back, the last one first."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in self._folder.glob("*.txt"):
                if path.stem.isdecimal():
                    status = path.stat()
                    found.append(Step(path, status.st_mtime, status.st_size))
        return sorted(found, key=lambda step: int(step.path.stem), reverse=True)

    def put(self, replacement: Replacement, reload: Reload) -> list[str]:
        """Write the new text and let the gateway read it.

        Return what keeps the gateway from working by it; then all is as it was before.

        Raises:
            OSError: a file cannot be written; then nothing has changed.
        """
        with self._locked():
            kept = self._keep(replacement.before)
            is_done = False
            try:
                problems = _write(replacement, reload)
                is_done = not problems
            finally:
                if not is_done:
                    kept.unlink(missing_ok=True)
            self._forget_oldest()
        return problems

    def bring_back(
        self, replacement: Replacement, steps: Sequence[Step], reload: Reload
    ) -> list[str]:
        """Write the text of the last of `steps`, and forget all of them. Otherwise as `put`."""
        with self._locked():
            problems = _write(replacement, reload)
            if not problems:
                if replacement.before is not None:
                    replace(self._folder / _UNDONE, replacement.before)
                for step in steps:
                    step.path.unlink(missing_ok=True)
        return problems

    @property
    def undone(self) -> Path:
        """Where the text is that was undone last."""
        return self._folder / _UNDONE

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        with locked(self._folder / "table"):
            yield

    def _keep(self, content: bytes | None) -> Path:
        """Keep what was there; a file that was not there is kept as an empty one."""
        steps = self.steps()
        number = int(steps[0].path.stem) + 1 if steps else 1
        path = self._folder / f"{number}.txt"
        replace(path, content or b"")
        return path

    def _forget_oldest(self) -> None:
        for step in self.steps()[STEPS_MAX:]:
            step.path.unlink(missing_ok=True)


def _write(replacement: Replacement, reload: Reload) -> list[str]:
    file = Path(replacement.table.file)
    replace(file, replacement.after.encode(), mode_new=MODE_NEW, mode_kept=MODE_KEPT)
    try:
        problems = list(reload())
    except BaseException:
        _restore(file, replacement.before)
        raise
    if problems:
        _restore(file, replacement.before)
    return problems


def _restore(file: Path, before: bytes | None) -> None:
    if before is None:
        os.unlink(file)
    else:
        replace(file, before, mode_new=MODE_NEW, mode_kept=MODE_KEPT)
