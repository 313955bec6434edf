"""The configuration file, beside a store that others commit to as well.

What counts is how the file differs from what it was when it was applied last: an edit of it changes
just that, and leaves what others have committed since. Where both have changed the same, the file
is not applied, and whoever edits it is told.
"""

from pathlib import Path
from typing import Final

import msgspec

from mailwarden.control.candidate.candidate import Candidate, touched
from mailwarden.control.candidate.diff import apply, diff
from mailwarden.control.candidate.nodes import read_yaml
from mailwarden.control.candidate.sections import Sections
from mailwarden.control.candidate.table_texts import take_in
from mailwarden.control.config.tables import absolute
from mailwarden.control.operations.versions import MODEL
from mailwarden.stores.configuration.record import Configuration
from mailwarden.stores.configuration.tree import Tree, check_tree
from mailwarden.system.files.files import Files, SystemFiles
from mailwarden.system.files.whole_file import replace_file

NAME: Final = "applied-file.json"
FORMAT: Final = 1


class AppliedFile:
    """What the configuration file said when it was applied last; kept in `folder`."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self._path: Final = folder / NAME
        self._files: Final = files or SystemFiles()

    def candidate(self, tree: Tree, last: Configuration | None) -> Candidate:
        """Return what the file `tree` changes, in comparison with what it said before.

        Where it says what `last`, the version in force, says already, there is no change, whoever
        made it: so a file whose application was cut short is no conflict with itself.
        """
        number, base = self._load()
        if last is not None:
            open_ones = Sections(touched(diff(tree, last.tree, MODEL), MODEL))
            changes = diff(base, tree, MODEL)
            base = apply(base, [c for c in changes if not open_ones.overlaps(c.section(MODEL))])
        return Candidate(number, base, tree)

    def save(self, number: int, tree: Tree) -> None:
        """Note that `tree` was applied, as version `number` or with one that has all of it.

        Raises:
            OSError: it cannot be written.
        """
        content = {"format": FORMAT, "number": number, "tree": tree}
        data = msgspec.json.encode(content)
        self._files.close(replace_file(self._files, str(self._path), [data]))

    def _load(self) -> tuple[int, Tree]:
        """Return the version and the tree; 0 and nothing where it is not known.

        A file that nobody remembers is compared with nothing: then it changes all that it names.
        """
        try:
            content = msgspec.json.decode(self._path.read_bytes())
            if content["format"] != FORMAT:
                return 0, {}
            check_tree(content["tree"])
            return int(content["number"]), content["tree"]
        except (OSError, KeyError, TypeError, ValueError, RecursionError):  # MsgspecError is one
            return 0, {}


def file_tree(text: str, base: Path, tables: dict[str, str]) -> Tree:
    """Return the tree of a configuration file that was found to be right.

    `tables` has the texts of the files that it names, by absolute path; names count from `base`.

    Raises:
        TreeError: it is not YAML, or beyond the limits.
    """
    tree = read_yaml(text, lambda *_: None, MODEL)
    return take_in(tree, MODEL, lambda name: tables[absolute(str(base), name)])
