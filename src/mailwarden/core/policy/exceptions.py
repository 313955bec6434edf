"""The sender exception table: senders that are let in unverified, or never (mailflow 3.8).

One for the whole gateway, asked only by policies that say so, and before DNS. The first entry
that matches decides. The product has no text file for it; this one is written as the recipient
access table's is:

    @partner.example            ALLOW
    @.spam.example              REJECT (553 "Mail from <$EnvelopeSender> is not wanted")
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.policy.address_forms import AddressSearch, parse_form
from mailwarden.core.policy.entry_line import (
    EntryLine,
    build_entry_line,
    check_reply,
    parse_entry_line,
)
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.table_lines import BLANKS, LineNotes, numbered_lines
from mailwarden.core.smtp.reply import Reply

EXCEPTIONS_MAX: Final = 100_000
# The text is our choice (unconfirmed). `$EnvelopeSender` is replaced when it is sent.
DEFAULT_REPLY: Final = Reply(553, "Envelope sender <$EnvelopeSender> rejected", status="5.7.1")


class ExceptionAction(Enum):
    """What becomes of a sender."""

    ALLOW = "ALLOW"  # without verification
    REJECT = "REJECT"  # also where verification is off


class SenderException(NamedTuple):
    """One entry; `form` is as `parse_form` returns it.

    Only a rejection has a reply. Its enhanced code is the one in its text, if any.
    """

    form: str
    action: ExceptionAction
    reply: Reply | None = None  # instead of DEFAULT_REPLY


@dataclass(frozen=True, slots=True)
class ExceptionTable:
    """All entries, in order."""

    entries: tuple[SenderException, ...] = ()


class ExceptionIndex:
    """Finds the entry for a sender; made once of a table."""

    __slots__ = ("_entries", "_search")

    def __init__(self, table: ExceptionTable) -> None:
        self._entries: Final = table.entries
        self._search: Final = AddressSearch(entry.form for entry in table.entries)

    def find(self, sender: str) -> SenderException | None:
        """Return the first entry that matches, if any; none ever matches the null sender."""
        position = self._search.find_first(sender)
        return self._entries[position] if position >= 0 else None


def parse_exceptions(text: str, entries_max: int = EXCEPTIONS_MAX) -> Imported[ExceptionTable]:
    """Return the table in `text`; a warning names an entry that stands there twice."""
    notes = LineNotes()
    entries: list[SenderException] = []
    for number, line in numbered_lines(text, notes):
        try:
            entry = parse_exception(line)
        except ValueError as error:
            notes.problem(number, str(error))
            continue
        if len(entries) == entries_max:
            notes.problem(number, f"the table has more than {entries_max} entries")
            break
        entries.append(entry)
        notes.form(number, entry.form)
    return notes.imported(ExceptionTable(tuple(entries)))


def build_exceptions(table: ExceptionTable) -> str:
    """Return `table` as text that `parse_exceptions` reads back as the same table."""
    return "".join(f"{build_exception(entry)}\n" for entry in table.entries)


def parse_exception(text: str) -> SenderException:
    """Return the entry in one line.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    parts = parse_entry_line(text.strip(BLANKS))
    form = parse_form(parts.form)
    if parts.action not in ("ALLOW", "REJECT"):
        raise ValueError(f"{parts.action[:20]} is no action; ALLOW and REJECT are")
    action = ExceptionAction(parts.action)
    if parts.options:
        raise ValueError(f"{parts.options[0][:40]} is no option here; only a reply may follow")
    if parts.reply is not None:
        if action is ExceptionAction.ALLOW:
            raise ValueError("a sender that is allowed hears no reply of its own")
        check_reply(parts.reply, is_acceptance=False)
        return SenderException(form, action, parts.reply)
    return SenderException(form, action)


def build_exception(entry: SenderException) -> str:
    """Return one entry as a line, without a line end."""
    return build_entry_line(EntryLine(entry.form, entry.action.value, (), entry.reply))
