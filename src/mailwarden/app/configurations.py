"""Where the supervisor gets the gateway's configuration from: the file, and the store of versions.

The file is read and found to be right first; what it changes becomes a version. The gateway works
by a version, never by the file itself, so that what others have committed holds as well.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from mailwarden.app.accepted import Accepted, HandedTexts
from mailwarden.app.keeper import Applied, By, Keeper
from mailwarden.app.kept_pairs import KeptPairs
from mailwarden.control.config.problems import LocatedProblem
from mailwarden.control.config.reader import parse_config, read_text
from mailwarden.control.config.tables import Tables
from mailwarden.control.operations.versions import Texts
from mailwarden.stores.configuration.errors import StoreError

NO_VERSIONS: Final = "this gateway keeps no versions"


class Configurations:
    """Those of one gateway. Without a keeper, as where nothing is to be kept, the file is all."""

    def __init__(
        self, path: Path, base: Path, tables: Tables | None = None, keeper: Keeper | None = None
    ) -> None:
        """`tables` reads, or has read, those of the file; relative paths count from `base`."""
        self.path: Final = path
        self.base: Final = base
        self._of_file: Final = Tables() if tables is None else tables
        self._handed: Final = HandedTexts()
        self._tables: Final = Tables(self._handed.read, beside=self._of_file)
        self._keeper: Final = keeper
        self._pairs: Final = None if keeper is None else KeptPairs(keeper.folder, keeper.owner)

    @property
    def file_warnings(self) -> list[LocatedProblem]:
        """What stands without effect in the tables of the file that was read last."""
        return self._of_file.warnings

    def begin(self, text: str | None) -> Applied:
        """Return what to start with; None is a file that is wrong, where the last version goes on.

        Raises:
            StoreError, OSError: the store cannot be used.
        """
        tables = self._of_file.texts if text is not None else {}
        if self._keeper is None:
            assert text is not None
            return Applied(Texts(0, text, tables))
        return self._keeper.begin(text, self.base, tables)

    def apply_file(self, by: By) -> Applied:
        """Read the file, and make a version of what it changes.

        Raises:
            ConfigError: all that is wrong with the file.
            StoreError, OSError: it cannot be applied now.
        """
        text = self._read(self.path)
        if self._keeper is None:
            return Applied(Texts(0, text, dict(self._of_file.texts)))
        return self._keeper.apply(text, self.base, self._of_file.texts, by)

    def replace(self, path: Path | None, by: By) -> Applied:
        """Make a version that is what the file `path` says; None is the gateway's own.

        Raises:
            ConfigError, StoreError, OSError: as for `apply_file`.
        """
        path = path or self.path
        text = self._read(path)
        if self._keeper is None:
            raise StoreError(NO_VERSIONS)
        base = self.base if path == self.path else path.parent
        is_own = path == self.path
        return self._keeper.replace(text, base, self._of_file.texts, by, is_own=is_own)

    def roll_back(self, number: int, by: By) -> Applied:
        """Make a version that is what version `number` was.

        Raises:
            StoreError, OSError: it cannot be made.
        """
        if self._keeper is None:
            raise StoreError(NO_VERSIONS)
        return self._keeper.roll_back(number, by)

    def _read(self, path: Path) -> str:
        text = read_text(path)
        base = self.base if path == self.path else path.parent
        parse_config(text, str(path), base, tables=self._of_file)
        return text

    def accept(self, texts: Texts, *, look_at_files: bool = True) -> Accepted:
        """Return the configuration in `texts`.

        Raises:
            ConfigError: all that is wrong with it.
        """
        self._handed.texts = texts.tables
        name = f"version {texts.number}" if texts.number else str(self.path)
        config = parse_config(
            texts.text, name, self.base, look_at_files=look_at_files, tables=self._tables
        )
        return Accepted(config, texts.text, texts.tables, texts.number)

    def with_pairs(
        self, accepted: Accepted, *, is_start: bool = False
    ) -> tuple[Accepted, tuple[str, ...]]:
        """Return `accepted` with the certificates that the gateway keeps, and what to tell of them.

        Raises:
            ConfigError, OSError: as for `KeptPairs.load`.
        """
        if self._pairs is None:
            return accepted, ()
        name = f"version {accepted.number}" if accepted.number else str(self.path)
        handed = self._pairs.load(accepted.config, name, is_start=is_start)
        return replace(accepted, pairs=handed.pairs), handed.notes

    def finish(self, applied: Applied) -> None:
        """Put in force what was applied. Raises StoreError and OSError."""
        if self._keeper is not None:
            self._keeper.finish(applied)

    def abandon(self, applied: Applied) -> None:
        """Forget what was applied. Raises StoreError and OSError."""
        if self._keeper is not None:
            self._keeper.abandon(applied)
