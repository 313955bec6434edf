"""IMPORT and EXPORT: texts that come from, and go to, the files of the administrators."""

from collections.abc import Sequence
from typing import Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.config.tables import TableFileError, decode_table
from mailwarden.control.dialogue.declaration import RefusedError, Shown
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Text
from mailwarden.control.operations.desk import RefusedOperationError
from mailwarden.control.operations.exchange import (
    SHOWN_AS,
    parse_file_name,
    read_import,
    write_export,
)
from mailwarden.core.problem import Problem

FILES: Final = "saveconfig"  # whoever may write configuration files may exchange texts

IMPORTED: Final = Text(
    key="file", prompt="Enter the name of the file to import:", of=parse_file_name,
    place=Place.WORD, form=f"a file in {SHOWN_AS}",
)  # fmt: skip
EXPORTED: Final = Text(
    key="file", prompt="Enter a name for the exported file:", of=parse_file_name,
    place=Place.WORD, form=f"a file in {SHOWN_AS}",
)  # fmt: skip


def imported_text(scope: Settings) -> str:
    """Return the text of the file that was asked for.

    Raises:
        RefusedError: there is none, or it is no text.
    """
    try:
        return decode_table(read_import(scope.draft.desk, scope[IMPORTED]))
    except RefusedOperationError as error:
        raise RefusedError(str(error), IMPORTED) from error
    except TableFileError as error:
        line = f"line {error.line}: " if error.line else ""
        raise RefusedError(f"{line}{error.message}", IMPORTED) from error


def check_import(problems: Sequence[Problem]) -> None:
    """Let a text through that has nothing wrong with it.

    Raises:
        RefusedError: it has; all of it is said.
    """
    if problems:
        raise RefusedError("\n".join(told(problems)), IMPORTED)


def told(notes: Sequence[Problem]) -> list[str]:
    """Return problems or warnings, a line for each."""
    return [f"{each.path}: {each.message}" for each in notes]


def export_text(scope: Settings, what: str, text: str) -> Shown:
    """Write a text to the file that was asked for; `what` is its name in the audit log."""
    desk, where = scope.draft.desk, f"{SHOWN_AS}/{scope[EXPORTED]}"
    with refused_as_told():
        write_export(desk, scope[EXPORTED], text.encode())
    desk.record("export", f"{what} to {where}")
    return Shown(f"The {what} is exported to {where}.", {"file": scope[EXPORTED]})
