"""Copies of the last versions beside the database, for the day when it is damaged.

Each is a JSON file, `17.json`, with its checksum beside it, `17.json.sha256`, as `sha256sum -c`
takes it. A copy without a right checksum does not count.
"""

import contextlib
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from mailwarden.stores.configuration.codec import canonical, hash_of, parse_json
from mailwarden.stores.configuration.errors import DamagedError
from mailwarden.stores.configuration.record import Configuration, read_version, version_body
from mailwarden.stores.configuration.tree import LETTERS_MAX, TreeError, check_tree
from mailwarden.system.files.files import Files, try_unlink
from mailwarden.system.files.whole_file import replace_file

FORMAT: Final = 1
FILE_BYTES_MAX: Final = 8 * LETTERS_MAX
_NAME: Final = re.compile(r"([1-9][0-9]{0,17})\.json\Z")


class Copy(NamedTuple):
    """What a copy holds."""

    configuration: Configuration
    chain: str  # hash of the version's record


class Copies:
    """The copies in one folder."""

    def __init__(self, folder: Path, files: Files, kept: int) -> None:
        self._folder: Final = folder
        self._files: Final = files
        self._kept: Final = kept

    def put(self, configuration: Configuration, chain: str) -> None:
        """Write a copy, then remove the oldest ones.

        Raises:
            OSError: it cannot be written.
        """
        with contextlib.suppress(FileExistsError):
            self._files.make_directory(str(self._folder))
            self._files.sync_directory(str(self._folder.parent))
        number = configuration.version.number
        version = version_body(configuration.version)
        content = {"format": FORMAT, "chain": chain, "version": version, "tree": configuration.tree}
        data = canonical(content)
        self._replace(f"{number}.json", data)
        self._replace(f"{number}.json.sha256", f"{hash_of(data)}  {number}.json\n".encode())
        for other in self.numbers()[self._kept :]:
            for name in (f"{other}.json.sha256", f"{other}.json"):
                try_unlink(self._files, str(self._folder / name))

    def numbers(self) -> list[int]:
        """Return of which versions there seem to be copies, the newest first."""
        try:
            names = self._files.names(str(self._folder))
        except OSError:  # no folder, mostly
            return []
        return sorted((int(found[1]) for found in map(_NAME.match, names) if found), reverse=True)

    def last_good(self) -> Copy | None:
        """Return the newest copy that is whole."""
        for number in self.numbers():
            with contextlib.suppress(DamagedError, OSError):
                return self.read(number)
        return None

    def read(self, number: int) -> Copy:
        """Return a copy.

        Raises:
            DamagedError: it is not what was written.
            OSError: it cannot be read.
        """
        data = self._content(f"{number}.json")
        checksum = self._content(f"{number}.json.sha256")
        if checksum != f"{hash_of(data)}  {number}.json\n".encode():
            raise DamagedError("the checksum is another one")
        return _read(parse_json(data))

    def _content(self, name: str) -> bytes:
        path = str(self._folder / name)
        size = self._files.size(path)
        if size > FILE_BYTES_MAX:
            raise DamagedError("is too large")
        descriptor = self._files.open(path)
        try:
            return self._files.pread(descriptor, size, 0)
        finally:
            self._files.close(descriptor)

    def _replace(self, name: str, data: bytes) -> None:
        """Put `data` into a file: whoever reads it, also after a crash, sees the old or the new."""
        path = str(self._folder / name)
        self._files.close(replace_file(self._files, path, [data]))


def _read(content: Any) -> Copy:  # noqa: ANN401  whatever JSON has
    try:
        if content["format"] != FORMAT:
            raise DamagedError("has a format that is not known")
        tree, version = content["tree"], read_version(content["version"])
        check_tree(tree)
        return Copy(Configuration(version, tree), str(content["chain"]))
    except (KeyError, TypeError, TreeError) as error:
        raise DamagedError(f"is no copy: {error!r}") from error
