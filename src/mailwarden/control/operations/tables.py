"""Tables as administrators name them: where each stands, what its text is, and how it is replaced.

A table is called by its setting, those of a listener with the listener's name in front: `aliases`,
`In/host_access`. Which there are follows from the declarations of the settings.
"""

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

from mailwarden.control.config.build import nearest
from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import ConfigError, Findings, LocatedProblem, join, locate
from mailwarden.control.config.reader import parse_config, read_text
from mailwarden.control.config.shape import Form, Kind, fields_of
from mailwarden.control.config.table_setting import FILE, TableReader
from mailwarden.control.config.tables import (
    TableFileError,
    Tables,
    absolute,
    decode_table,
    line_of,
    read_table_file,
)
from mailwarden.control.config.tree import Items, Node, Place, Scalar, Table, TreeError, parse_tree
from mailwarden.core.policy.destinations_text import DESTINATION_CONTROLS, build_destinations
from mailwarden.core.policy.text_table import TableForm, TextTable
from mailwarden.core.setting import Setting

DIFF_LINES_MAX: Final = 20_000  # that differ; comparing more line by line takes too long
NAMES_SHOWN_MAX: Final = 30


class Stands(Enum):
    """Where the text of a table is."""

    NOWHERE = "not set"
    INLINE = "in the configuration file"
    FILE = "in a file"


class UnknownTableError(Exception):
    """There is no table of that name; the text says which there are."""


class NamedTable(NamedTuple):
    """A table that the configuration has, or could have."""

    name: str
    path: str  # of the setting: `listeners[0].host_access`
    about: Setting
    stands: Stands
    place: Place  # in the configuration file; of what it belongs to where it is not set
    node: Node | None
    file: str = ""  # absolute path of its own file

    @property
    def form(self) -> TableForm:
        """What kind of table it is."""
        assert self.about.table is not None
        return self.about.table


@dataclass(frozen=True, slots=True)
class Replacement:
    """A new text for a table, checked together with the rest of the configuration."""

    table: NamedTable
    before: bytes | None  # what the file holds; None is no file
    after: str
    warnings: tuple[LocatedProblem, ...]

    @property
    def is_change(self) -> bool:
        """Whether the file does not hold this text yet."""
        return self.before != self.after.encode()

    def counts(self) -> tuple[int, int]:
        """Return how many lines come and go; a line that moves does neither."""
        old, new = Counter(self._old_lines()), Counter(self.after.splitlines())
        return (new - old).total(), (old - new).total()

    def diff(self) -> Iterator[str]:
        """Yield the difference as `diff -u` shows it, or says that it is too large."""
        old, new = self._old_lines(), self.after.splitlines()
        if sum(self.counts()) > DIFF_LINES_MAX:
            yield f"more than {DIFF_LINES_MAX} lines differ; export the table and compare the files"
            return
        yield from difflib.unified_diff(old, new, "before", "after", lineterm="")

    def _old_lines(self) -> list[str]:
        return (self.before or b"").decode("utf-8", "replace").splitlines()


def known_forms() -> dict[str, Setting]:
    """Return the settings that are tables, by their names without a listener."""
    return dict(_settings_of(GatewayConfig))


def named_tables(path: Path) -> list[NamedTable]:
    """Return the tables of the configuration file `path`, also when it has mistakes elsewhere.

    Raises:
        ConfigError: it cannot be read, or is not YAML.
    """
    try:
        root = parse_tree(read_text(path), lambda *_: None)
    except TreeError as error:
        raise ConfigError([locate(str(path), error.place, "", error.message)]) from error
    base = str(path.absolute().parent)
    return list(_walk(Kind(Form.SECTION, section=GatewayConfig), root, root.place, "", "", base))


def find_table(tables: list[NamedTable], name: str) -> NamedTable:
    """Return the table called `name`.

    Raises:
        UnknownTableError: there is none.
    """
    for table in tables:
        if name == table.name:
            return table
    names = [table.name for table in tables]
    ends = [each for each in names if each.rpartition("/")[2] == name]
    shown = ", ".join(ends or names[:NAMES_SHOWN_MAX])
    hint = f"; write one of {shown}" if ends else nearest(name, names) or f"; known: {shown}"
    raise UnknownTableError(f"there is no table {name[:80]!r}{hint}")


def find_form(name: str) -> Setting:
    """Return the setting of a table by its name, with or without a listener.

    Raises:
        UnknownTableError: there is none.
    """
    forms = known_forms()
    short = name.rpartition("/")[2]
    if short in forms:
        return forms[short]
    hint = nearest(short, forms) or f"; known: {', '.join(forms)}"
    raise UnknownTableError(f"there is no table {name[:80]!r}{hint}")


def read_table(path: Path, table: NamedTable) -> TextTable[Any]:
    """Return a table of the configuration file `path` as it stands there now.

    Destination controls that are written as rows are told as the text that says the same.

    Raises:
        ConfigError: all that is wrong with it.
    """
    if table.node is None:
        return _rows_as_text(path) if table.form is DESTINATION_CONTROLS else table.form.empty()
    findings = Findings(str(path))
    reader = TableReader(findings, str(path.absolute().parent), Tables())
    read = reader.read(table.about, table.node, table.path)
    if findings or read is None:
        raise ConfigError(findings.sorted())
    return read


def _rows_as_text(path: Path) -> TextTable[Any]:
    config = parse_config(read_text(path), str(path), path.absolute().parent, look_at_files=False)
    if not config.destinations:
        return DESTINATION_CONTROLS.empty()
    return DESTINATION_CONTROLS.of(build_destinations(destination_table(config)))


def check_text(form: TableForm, content: bytes, source: str) -> tuple[LocatedProblem, ...]:
    """Return the warnings about a table's text; `source` is its name in messages.

    Raises:
        ConfigError: all that is wrong with it.
    """
    table = _parsed(Tables(), form, content, source, "")
    return _located(source, table.read.warnings)


def plan_replacement(path: Path, table: NamedTable, content: bytes, source: str) -> Replacement:
    """Return what putting `content` into the file of `table` comes to. Changes nothing.

    Raises:
        ConfigError: all that is wrong with it, or with the configuration once it has it.
    """
    texts: dict[str, str] = {}
    tables = Tables(lambda file: texts[file] if file in texts else read_table_file(file))
    read = _parsed(tables, table.form, content, source, table.file)
    tables.keep()  # so that it is not read a second time below
    texts[table.file] = read.text
    base = path.absolute().parent
    parse_config(read_text(path), str(path), base, look_at_files=False, tables=tables)
    file = Path(table.file)
    before = file.read_bytes() if file.is_file() else None
    return Replacement(table, before, read.text, _located(source, read.read.warnings))


def _parsed(
    tables: Tables, form: TableForm, content: bytes, source: str, file: str
) -> TextTable[Any]:
    try:
        text = decode_table(content)
    except TableFileError as error:
        raise ConfigError([locate(source, Place(error.line, 0), "", error.message)]) from error
    table = tables.read(form, text, file)
    if table.read.problems:
        raise ConfigError(_located(source, table.read.problems))
    return table


def _located(source: str, problems: Any) -> tuple[LocatedProblem, ...]:  # noqa: ANN401  Problems
    return tuple(locate(source, Place(line_of(each), 0), "", each.message) for each in problems)


def _settings_of(section: type) -> Iterator[tuple[str, Setting]]:
    for name, field in fields_of(section).items():
        kind: Kind | None = field.kind
        while kind is not None and kind.of is not None:
            kind = kind.of
        if kind is None:
            continue
        if kind.form is Form.LINES:
            yield name, field.setting
        elif kind.section is not None:
            yield from _settings_of(kind.section)


def _walk(
    kind: Kind, node: Node | None, place: Place, path: str, prefix: str, base: str
) -> Iterator[NamedTable]:
    """Yield the tables within `node`, which is of `kind`."""
    match kind.form:
        case Form.SECTION:
            assert kind.section is not None
            entries = node.entries if isinstance(node, Table) else {}
            for name, field in fields_of(kind.section).items():
                where, inner = entries.get(name, (place, None))
                inside = join(path, name)
                if field.kind.form is Form.LINES:
                    yield _named(f"{prefix}{name}", inside, field.setting, where, inner, base)
                else:
                    yield from _walk(field.kind, inner, where, inside, prefix, base)
        case Form.LIST if isinstance(node, Items):
            for index, item in enumerate(node.items):
                inside = join(path, index)
                yield from _walk(
                    kind.inner, item, item.place, inside, f"{prefix}{_name(item, index)}/", base
                )
        case Form.TABLE if isinstance(node, Table):
            for name, (where, item) in node.entries.items():
                inside = join(path, name)
                yield from _walk(kind.inner, item, where, inside, f"{prefix}{name}/", base)


def _named(
    name: str, path: str, about: Setting, place: Place, node: Node | None, base: str
) -> NamedTable:
    if node is None or (isinstance(node, Scalar) and node.is_nothing):
        return NamedTable(name, path, about, Stands.NOWHERE, place, None)
    if isinstance(node, Table):
        value = node.entries.get(FILE, (place, None))[1]
        text = value.text if isinstance(value, Scalar) else ""
        file = absolute(base, text)
        return NamedTable(name, path, about, Stands.FILE, place, node, file)
    return NamedTable(name, path, about, Stands.INLINE, place, node)


def _name(node: Node, index: int) -> str:
    """Return how an item of a list is called: by its name, where it has one."""
    named = node.entries.get("name", (node.place, None))[1] if isinstance(node, Table) else None
    return named.text if isinstance(named, Scalar) and named.text else str(index)
