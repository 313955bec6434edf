"""The destination controls as a text file with a section for each row (mailflow 7.2)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from mailwarden.core.hostport import SHOWN_LENGTH_MAX
from mailwarden.core.patterns import DEFAULT, parse_destination, parse_name
from mailwarden.core.policy.destinations import (
    CONNECTIONS_MAX,
    DEFAULT_PROFILE,
    EMPTY,
    MESSAGES_MAX,
    MINUTES_MAX,
    NO_LIMIT,
    RECIPIENTS_MAX,
    ROWS_MAX,
    DestinationRow,
    DestinationTable,
    DestinationTls,
    LimitApply,
    LimitType,
    complete,
)
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.text_table import NameInText, TableForm
from mailwarden.core.problem import Problem

T = TypeVar("T")

TEXT_LENGTH_MAX: Final = 32 * 1024 * 1024
LINE_LENGTH_MAX: Final = 1024
PROBLEMS_MAX: Final = 1000  # told one by one, and as many warnings; of the rest, their number

# Words and numbers, compared without case. The numbers are unconfirmed.
_TYPES: Final = {
    "0": LimitType.HOST, "host": LimitType.HOST, "1": LimitType.MXIP, "mxip": LimitType.MXIP,
}  # fmt: skip
_APPLIES: Final = {
    "0": LimitApply.SYSTEM, "system": LimitApply.SYSTEM, "1": LimitApply.VG, "vg": LimitApply.VG,
}  # fmt: skip
_SWITCHES: Final = {"0": False, "off": False, "1": True, "on": True}
_TLS: Final = {
    "off": DestinationTls.NONE,
    "on": DestinationTls.PREFERRED,
    "require": DestinationTls.REQUIRED,
    "on_verify": DestinationTls.PREFERRED_VERIFY,
    "require_verify": DestinationTls.REQUIRED_VERIFY,
}
_TLS_WORDS: Final = {tls: word for word, tls in _TLS.items()}
_TLS_SPELLINGS: Final = _TLS | {str(number): tls for number, tls in enumerate(_TLS.values())}

_ROW_KEYS: Final = (
    "max_host_concurrency",
    "max_messages_per_connection",
    "recipient_minutes",
    "recipient_limit",
    "limit_type",
    "limit_apply",
    "bounce_validation",
    "table_tls",
    "bounce_profile",
)
_NAMING: Final = {"bounce_profile": "bounce_profiles", "certificate": "certificates"}
_GLOBAL_KEYS: Final = ("send_tls_req_alert", "certificate")
_KEYS: Final = frozenset(_ROW_KEYS + _GLOBAL_KEYS)
# The recipient keys are left out where there is no limit, the profile where there is none.
_NEEDED: Final = (
    "max_host_concurrency",
    "max_messages_per_connection",
    "limit_type",
    "limit_apply",
    "bounce_validation",
    "table_tls",
    *_GLOBAL_KEYS,
)


def parse_destinations(text: str, present: DestinationTable = EMPTY) -> Imported[DestinationTable]:
    """Return `present` with the rows that `text` names replaced, and new ones behind them.

    A text without `[DEFAULT]` leaves DEFAULT and what holds for all destinations as they are.
    """
    if len(text) > TEXT_LENGTH_MAX:
        problem = Problem("line 1", f"the text is longer than {TEXT_LENGTH_MAX} letters")
        return Imported(present, (problem,))
    reader = _Reader(present)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        reader.take(number, line)
    return reader.finish()


def build_destinations(table: DestinationTable) -> str:
    """Return the text of `table`, which has no problems; lines end with LF.

    Reading it back gives `complete(table)`.
    """
    whole = complete(table)
    lines = [f"[{DEFAULT}]", *row_lines(whole.default)]
    lines += global_lines(whole)
    for name, row in whole.rows:
        lines += ("", f"[{name}]", *row_lines(row))
    return "\n".join(lines) + "\n"


def global_lines(table: DestinationTable) -> list[str]:
    """Return the lines of what holds for all destinations; they belong into DEFAULT."""
    alert = f"send_tls_req_alert = {int(table.send_tls_alert)}"
    return [alert, f"certificate = {table.certificate}".rstrip()]


def find_value(text: str, section: str, key: str) -> int:
    """Return the line of a key in a section of a text without problems; 1 if there is none."""
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.strip()
        if words[:1] == "[":
            inside = parse_destination(words[1:-1]) == section
        elif inside and words.partition("=")[0].strip().lower() == key:
            return number
    return 1


def destination_names(text: str) -> Iterator[NameInText]:
    """Yield the bounce profiles and certificates that `text` names, whatever else is wrong."""
    at = 0
    for line in text.split("\n"):
        key, equals, rest = line.partition("=")
        collection = _NAMING.get(key.strip().lower())
        name = rest.strip()
        if equals and collection and name:
            start = at + len(key) + 1 + rest.index(name)
            is_default = collection == "bounce_profiles" and name.lower() == "default"
            shown = DEFAULT_PROFILE if is_default else name
            yield NameInText((collection,), shown, start, start + len(name))
        at += len(line) + 1


def row_lines(row: DestinationRow) -> list[str]:
    """Return the lines of a row, `key = value`, for what it says itself."""
    values = (
        row.max_host_concurrency,
        row.max_messages_per_connection,
        row.recipient_minutes,
        row.recipient_limit,
        None if row.limit_type is None else row.limit_type.value,
        None if row.limit_apply is None else row.limit_apply.value,
        None if row.bounce_validation is None else int(row.bounce_validation),
        None if row.tls is None else _TLS_WORDS[row.tls],
        row.bounce_profile,
    )
    pairs = zip(_ROW_KEYS, values, strict=True)
    return [f"{key} = {value}" for key, value in pairs if value is not None]


class _Section:
    """The lines of a section, while it is read."""

    __slots__ = ("entries", "line", "name", "problems")

    def __init__(self, name: str, line: int, problems: "_Findings") -> None:
        self.name: Final = name  # "" if its head is wrong: it is read all the same
        self.line: Final = line
        self.problems: Final = problems
        self.entries: Final[dict[str, tuple[int, str]]] = {}  # line and value, by key

    def number(self, key: str, least: int, most: int) -> int | None:
        """Return a whole number within bounds; None if there is none."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        line, text = entry
        if text.isascii() and text.isdigit() and len(text) <= len(str(most)):
            value = int(text)
            if least <= value <= most:
                return value
        self.problems.add(line, f"{key} is a number from {least} to {most}, not {_shown(text)}")
        return None

    def word(self, key: str, spellings: Mapping[str, T]) -> T | None:
        """Return what a word means; None if there is none."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        line, text = entry
        value = spellings.get(text.lower())
        if value is None:
            known = ", ".join(spellings)
            self.problems.add(line, f"{key} is one of {known}, not {_shown(text)}")
        return value

    def name_of(self, key: str, parse: Callable[[str], str]) -> str | None:
        """Return the name of a thing; None if there is none."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        line, text = entry
        try:
            return parse(text)
        except ValueError as error:
            self.problems.add(line, f"{key}: {error}")
            return None

    def need(self, key: str, needed: tuple[str, ...]) -> None:
        """Miss each of `needed` if `key` is there."""
        entry = self.entries.get(key)
        if entry is None:
            return
        missing = [other for other in needed if other not in self.entries]
        if missing:
            self.problems.add(entry[0], f"{key} needs {' and '.join(missing)} in its section")


class _Findings:
    """Problems or warnings, by line."""

    __slots__ = ("_found", "_more")

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._more = 0

    def add(self, line: int, message: str) -> None:
        """Keep one, or count it."""
        if len(self._found) < PROBLEMS_MAX:
            self._found.append(Problem(f"line {line}", message))
        else:
            self._more += 1

    def all(self) -> tuple[Problem, ...]:
        """Return them in the order of the lines."""
        found = sorted(self._found, key=_line_of)
        if self._more:
            found.append(Problem(found[-1].path, f"and {self._more} more further down"))
        return tuple(found)


class _Reader:
    """Reads line by line, and makes a row of each section as it ends."""

    __slots__ = ("_default", "_globals", "_lines", "_present", "_problems", "_rows", "_section",
                 "_warnings")  # fmt: skip

    def __init__(self, present: DestinationTable) -> None:
        self._present: Final = present
        self._problems: Final = _Findings()
        self._warnings: Final = _Findings()
        self._rows: Final = dict(present.rows)
        self._lines: Final[dict[str, int]] = {}  # where each section began
        self._default = present.default
        self._globals = (present.send_tls_alert, present.certificate)
        self._section: _Section | None = None

    def take(self, number: int, line: str) -> None:
        """Read a line."""
        if len(line) > LINE_LENGTH_MAX:
            self._problems.add(number, f"the line is longer than {LINE_LENGTH_MAX} letters")
            return
        text = line.strip()
        if not text or text[0] in "#;":
            return
        if text[0] == "[":
            self._begin(number, text)
            return
        key, equals, value = text.partition("=")
        if not equals:
            self._problems.add(number, f"needs the form key = value, not {_shown(text)}")
        elif self._section is None:
            self._problems.add(number, "stands before the first section, such as [DEFAULT]")
        else:
            self._keep(self._section, number, key.rstrip().lower(), value.lstrip())

    def finish(self) -> Imported[DestinationTable]:
        """Return everything, when all lines are read."""
        self._end()
        if len(self._rows) > ROWS_MAX:
            last = max(self._lines.values(), default=1)
            many = f"{len(self._rows)} rows with those kept; at most {ROWS_MAX} are possible"
            self._problems.add(last, many)
        alert, certificate = self._globals
        table = DestinationTable(
            default=self._default,
            rows=tuple(self._rows.items()),
            send_tls_alert=alert,
            certificate=certificate,
        )
        return Imported(table, self._problems.all(), self._warnings.all())

    def _begin(self, number: int, text: str) -> None:
        self._end()
        self._section = _Section(self._section_name(number, text), number, self._problems)

    def _section_name(self, number: int, text: str) -> str:
        if text[-1] != "]":
            self._problems.add(number, f"needs the form [dom.example], not {_shown(text)}")
            return ""
        try:
            name = parse_destination(text[1:-1])
        except ValueError as error:
            self._problems.add(number, str(error))
            return ""
        first = self._lines.setdefault(name, number)
        if first != number:
            self._problems.add(number, f"[{name}] is there twice, first in line {first}")
            return ""
        return name

    def _keep(self, section: _Section, number: int, key: str, value: str) -> None:
        if key not in _KEYS:
            self._warnings.add(number, f"{_shown(key)} is not known and was passed over")
            return
        first = section.entries.setdefault(key, (number, value))[0]
        if first != number:
            self._problems.add(number, f"{key} is there twice, first in line {first}")
        if key in _GLOBAL_KEYS and section.name not in ("", DEFAULT):
            self._problems.add(number, f"{key} holds for all destinations: put it in [{DEFAULT}]")

    def _end(self) -> None:
        section = self._section
        if section is None:
            return
        self._section = None
        row = _read_row(section)
        if section.name == DEFAULT:
            self._end_default(section, row)
        elif section.name:
            section.need("max_host_concurrency", ("limit_type", "limit_apply"))
            others = ("limit_type", "limit_apply", "recipient_minutes")
            is_none = row.recipient_limit == NO_LIMIT
            section.need("recipient_limit", others[:2] if is_none else others)
            self._rows[section.name] = row

    def _end_default(self, section: _Section, row: DestinationRow) -> None:
        missing = [key for key in _NEEDED if key not in section.entries]
        if missing:
            self._problems.add(section.line, f"[{DEFAULT}] lacks {', '.join(missing)}")
        if row.recipient_limit is not None:
            section.need("recipient_limit", ("recipient_minutes",))
        section.need("recipient_minutes", ("recipient_limit",))
        alert = section.word("send_tls_req_alert", _SWITCHES)
        certificate = section.name_of("certificate", _parse_certificate)
        self._default = row
        self._globals = (bool(alert), certificate or "")


def _read_row(section: _Section) -> DestinationRow:
    limit = section.number("recipient_limit", NO_LIMIT, RECIPIENTS_MAX)
    minutes = section.number("recipient_minutes", 1, MINUTES_MAX)
    if limit == NO_LIMIT:
        minutes = None
        if section.name == DEFAULT:
            limit = None  # there is nothing that it could lift
    return DestinationRow(
        max_host_concurrency=section.number("max_host_concurrency", 1, CONNECTIONS_MAX),
        max_messages_per_connection=section.number("max_messages_per_connection", 1, MESSAGES_MAX),
        recipient_limit=limit,
        recipient_minutes=minutes,
        limit_type=section.word("limit_type", _TYPES),
        limit_apply=section.word("limit_apply", _APPLIES),
        tls=section.word("table_tls", _TLS_SPELLINGS),
        bounce_validation=section.word("bounce_validation", _SWITCHES),
        bounce_profile=section.name_of("bounce_profile", _parse_profile),
    )


def _parse_profile(text: str) -> str:
    return DEFAULT_PROFILE if text.lower() == "default" else parse_name(text)


def _parse_certificate(text: str) -> str:
    return parse_name(text) if text else ""


def _line_of(problem: Problem) -> int:
    return int(problem.path[len("line ") :])


def _shown(text: str) -> str:
    return repr(text[:SHOWN_LENGTH_MAX])


DESTINATION_CONTROLS: Final = TableForm(
    "destination controls", parse_destinations, names=destination_names
)
