"""Tables with a text form: where their text comes from, and what was read from it before.

`Tables` lives as long as the process. So a table is read once for each text: a reload costs
nothing for tables whose text is the same, however large they are.
"""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mailwarden.control.config.problems import LocatedProblem
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.text_table import TableForm, TextTable
from mailwarden.core.problem import Problem

FILE_BYTES_MAX: Final = 64 * 1024 * 1024  # of one table's file
FILES_BYTES_MAX: Final = 256 * 1024 * 1024  # of all tables' files together
# What is no text: controls but for tab and line end, and what only looks like a line end.
_UNREADABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LINE: Final = re.compile(r"line ([0-9]{1,9})\Z")

_Known = dict[tuple[str, str], tuple[TextTable[Any], TableForm]]  # by kind and text
ReadFile = Callable[[str], str]


class TableFileError(Exception):
    """The file of a table cannot be used; `line` is where, or 0."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class Tables:
    """Reads tables, and remembers what it has read. One reading of a configuration at a time."""

    def __init__(self, read_file: ReadFile | None = None, beside: "Tables | None" = None) -> None:
        """`read_file` returns the text of a file, or raises TableFileError.

        What `beside` remembers need not be read again.
        """
        self.warnings: list[LocatedProblem] = []  # of the last reading
        self.texts: dict[str, str] = {}  # of the files of the last reading, by path
        self._read_file = read_file or read_table_file
        self._beside = beside
        self._size = 0
        self._known: _Known = {}
        self._used: _Known = {}

    def begin(self) -> None:
        """Forget the files; they are read anew."""
        self.warnings = []
        self.texts = {}
        self._size = 0
        self._used = {}

    def keep(self) -> None:
        """Remember the tables of this reading, and no others."""
        self._known, self._used = self._used, {}

    def index(self) -> None:
        """Make ready what is asked of the tables when mail comes."""
        for table, form in self._known.values():
            if form.index is not None and table:
                table.indexed(form.index)

    def text_of(self, path: str) -> str:
        """Return the text of the file `path`, read once for each reading of a configuration.

        Raises:
            TableFileError: it cannot be used.
        """
        if path not in self.texts:
            text = self._read_file(path)
            self._size += len(text)
            if self._size > FILES_BYTES_MAX:
                what = f"all files of tables together are larger than {FILES_BYTES_MAX} bytes"
                raise TableFileError(0, what)
            self.texts[path] = text
        return self.texts[path]

    def read(self, form: TableForm, text: str, file: str) -> TextTable[Any]:
        """Return the table in `text`; its `read` may hold problems."""
        key = (form.name, text)
        known = self._used.get(key) or self._known.get(key) or self._remembered_beside(key)
        table = TextTable(text, _read(form, text), file) if known is None else known[0]
        if not table.read.problems:
            self._used[key] = table, form
        return table.at(file)

    def look(
        self, form: TableForm, text: str, like: TextTable[Any] | None = None
    ) -> TextTable[Any]:
        """Return the table in `text` between two readings of a configuration; it may have problems.

        The next reading finds it ready, and forgets it where it has no use for it. Where `like` is
        nearly the same table, little of the text may have to be read.
        """
        key = (form.name, text)
        known = self._known.get(key) or self._remembered_beside(key)
        table = TextTable(text, _read(form, text, like)) if known is None else known[0]
        if not table.read.problems:
            self._known[key] = table, form
        return table.at("")

    def _remembered_beside(self, key: tuple[str, str]) -> tuple[TextTable[Any], TableForm] | None:
        return None if self._beside is None else self._beside._known.get(key)  # noqa: SLF001  its own class


def read_table_file(path: str) -> str:
    """Return the text of a table's file, its lines ended by LF.

    Raises:
        TableFileError: there is no such file, or it is too large or not UTF-8.
    """
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):  # one that is opened could hang, such as a FIFO
            raise TableFileError(0, "is not a file")
        if status.st_size > FILE_BYTES_MAX:
            raise TableFileError(0, f"is larger than {FILE_BYTES_MAX} bytes")
        content = Path(path).read_bytes()
    except OSError as error:
        raise TableFileError(0, f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in its name
        raise TableFileError(0, f"cannot be read: {error}") from error
    return decode_table(content)


def decode_table(content: bytes) -> str:
    """Return the bytes of a table's file as text, its lines ended by LF.

    Raises:
        TableFileError: it is not UTF-8, or too long.
    """
    if len(content) > FILE_BYTES_MAX:
        raise TableFileError(0, f"is larger than {FILE_BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"the byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        raise TableFileError(line, what) from error
    return text.replace("\r\n", "\n") if "\r" in text else text


def line_of(problem: Problem) -> int:
    """Return the line of a text that a problem is about; 0 is none."""
    match = _LINE.match(problem.path)
    return int(match[1]) if match else 0


def absolute(base: str, name: str) -> str:
    """Return the path of a table's file; relative ones count from `base`."""
    return os.path.join(base, name.strip())


def _read(form: TableForm, text: str, like: TextTable[Any] | None = None) -> Imported[Any]:
    odd = _UNREADABLE.search(text)
    if odd is None and like is not None and form.reread is not None and like.read.table is not None:
        return form.reread(like.text, like.read, text)
    if odd is None:
        return form.parse(text)
    line = text.count("\n", 0, odd.start()) + 1
    problem = Problem(f"line {line}", f"the sign U+{ord(odd[0]):04X} cannot stand in a table")
    return Imported(None, (problem,))
