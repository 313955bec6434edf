"""The text file of the recipient access table (mailflow 4): one entry a line, ALL last."""

from typing import Final

from mailwarden.core.policy.address_forms import ALL, parse_bare_form
from mailwarden.core.policy.entry_line import (
    EntryLine,
    build_entry_line,
    check_reply,
    parse_entry_line,
)
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.rat import (
    DEFAULT_ENTRY,
    RAT_ENTRIES_MAX,
    Rat,
    RatAction,
    RatEntry,
)
from mailwarden.core.policy.table_lines import BLANKS, LineNotes, numbered_lines

# The manual has no form for these options (unconfirmed).
BYPASS_THROTTLE: Final = "bypass_throttle"
BYPASS_LDAP: Final = "bypass_ldap"
BYPASS_CALLAHEAD: Final = "bypass_callahead"
_OPTIONS: Final = frozenset({BYPASS_THROTTLE, BYPASS_LDAP, BYPASS_CALLAHEAD})
_ACTIONS: Final = {action.value: action for action in RatAction}


def parse_rat(text: str, entries_max: int = RAT_ENTRIES_MAX) -> Imported[Rat]:
    """Return the table in `text`; without an entry ALL, all others are rejected.

    Warnings name options that are not known, and entries that an earlier one hides.
    """
    reader = _Reader()
    for number, line in numbered_lines(text, reader.notes):
        reader.take(number, line)
        if len(reader.entries) > entries_max:
            reader.notes.problem(number, f"the table has more than {entries_max} entries")
            break
    default = reader.default or DEFAULT_ENTRY
    return reader.notes.imported(Rat(tuple(reader.entries), default))


def build_rat(rat: Rat) -> str:
    """Return `rat` as text that `parse_rat` reads back as the same table."""
    return "".join(f"{build_rat_entry(entry)}\n" for entry in (*rat.entries, rat.default))


def parse_rat_entry(text: str) -> RatEntry:
    """Return the entry in one line, which may be that of ALL.

    Raises:
        ValueError: it is none, or has an option that is not known; the message says why.
    """
    entry, unknown = _parse_entry(text.strip(BLANKS))
    if unknown:
        raise ValueError(_unknown_options(unknown))
    return entry


def build_rat_entry(entry: RatEntry) -> str:
    """Return one entry as a line, without a line end."""
    options = []
    if entry.bypass_throttle:
        options.append(BYPASS_THROTTLE)
    if entry.bypass_ldap:
        options.append(BYPASS_LDAP)
    if entry.bypass_callahead:
        options.append(BYPASS_CALLAHEAD)
    return build_entry_line(EntryLine(entry.form, entry.action.value, tuple(options), entry.reply))


def wider_forms(form: str) -> list[str]:
    """Return `form` and all forms that match whatever it matches."""
    local, at, domain = form.rpartition("@")
    forms = [form]
    if at and domain:
        forms += [f"{local}@", domain]
    dot = domain.find(".", 1)
    while dot > 0:
        forms.append(domain[dot:])
        dot = domain.find(".", dot + 1)
    return forms


class _Reader:
    """Takes one line after the other, and knows what stands above."""

    __slots__ = ("_all_line", "_lines", "default", "entries", "notes")

    def __init__(self) -> None:
        self.notes: Final = LineNotes()
        self.entries: Final[list[RatEntry]] = []
        self.default: RatEntry | None = None
        self._all_line = 0
        self._lines: Final[dict[str, int]] = {}  # of each form, the first

    def take(self, number: int, line: str) -> None:
        try:
            entry, unknown = _parse_entry(line)
        except ValueError as error:
            self.notes.problem(number, str(error))
            return
        if unknown:
            self.notes.warning(number, _unknown_options(unknown))
        if self.default is not None:
            self.notes.problem(
                number,
                f"nothing may stand behind ALL, which is for the rest (line {self._all_line})",
            )
        elif entry.form == ALL:
            self.default = entry
            self._all_line = number
        else:
            self._add(number, entry)

    def _add(self, number: int, entry: RatEntry) -> None:
        self.entries.append(entry)
        for form in wider_forms(entry.form):
            earlier = self._lines.get(form)
            if earlier is not None:
                self.notes.warning(
                    number, f"{entry.form} has no effect, as {form} in line {earlier} comes first"
                )
                return
        self._lines[entry.form] = number


def _parse_entry(line: str) -> tuple[RatEntry, list[str]]:
    """Return an entry and the options in it that are not known.

    Raises:
        ValueError: it is no entry.
    """
    parts = parse_entry_line(line)
    form = ALL if parts.form.upper() == ALL else parse_bare_form(parts.form)
    action = _ACTIONS.get(parts.action)
    if action is None:
        raise ValueError(f"{parts.action[:20]} is no action; ACCEPT and REJECT are")
    if parts.reply is None and not parts.options:
        return RatEntry(form, action), []
    if parts.reply is not None:
        check_reply(parts.reply, is_acceptance=action is RatAction.ACCEPT)
    options = parts.options
    entry = RatEntry(
        form,
        action,
        parts.reply,
        BYPASS_THROTTLE in options,
        BYPASS_LDAP in options,
        BYPASS_CALLAHEAD in options,
    )
    return entry, [option for option in options if option not in _OPTIONS]


def _unknown_options(options: list[str]) -> str:
    return f"there is no option {', '.join(option[:40] for option in options)}; it has no effect"
