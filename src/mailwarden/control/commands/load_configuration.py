"""`loadconfig`: an XML file, whole or in part, into the pending changes (admin 4.2)."""

import re
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Final

from mailwarden.control.commands.configuration_files import parse_passphrase
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Commit, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Ending, Flag, Lines, Option, Secret, Text
from mailwarden.control.operations.desk import RefusedOperationError
from mailwarden.control.operations.exchange import parse_file_name, read_import
from mailwarden.control.operations.loading import PASTED, Asked, LoadedFile, load_file
from mailwarden.control.xml.document import ENCODING
from mailwarden.control.xml.protection import needs_passphrase
from mailwarden.system.log.escape import escape

LOADED: Final = 'Values have been loaded.\nBe sure to run "commit" to make these settings active.'
HOW: Final = (
    "What a section of the file says takes the place of the whole section: one that is empty "
    "erases it,\none that is absent leaves it as it is."
)
# Enough to know whether to ask; what is really there is found when the file is read.
_KEY: Final = re.compile(rb"<config\s[^<>]{0,2000}?\skey\s{0,9}=\s{0,9}[\"']([^\"'<>]{0,200})[\"']")
_HEAD_BYTES: Final = 64 * 1024


class Way(Enum):
    """How the configuration comes."""

    PASTE = "paste"
    FILE = "file"


FILE: Final = Text(
    key="file", prompt="The file to load.", of=parse_file_name, default="", is_asked=False,
    place=Place.WORD, form="a file in /configuration",
)  # fmt: skip
SKIP_HARDWARE: Final = Flag(
    key="skip_hardware", prompt="Load all but what belongs to the hardware.",
)  # fmt: skip
CONVERT: Final = Flag(
    key="convert", prompt="Take over what can be from a file of an older release.",
)  # fmt: skip
WAY: Final = Choice[Way](
    key="way", prompt=HOW, doc="How the configuration comes.", default=Way.PASTE,
    options=(
        Option("paste", Way.PASTE, "Paste via CLI"),
        Option("file", Way.FILE, "Load from file"),
    ),
    when=lambda scope: not scope[FILE],
)  # fmt: skip
ASKED_FILE: Final = Text(
    key="import", prompt="Enter the name of the file to import:", of=parse_file_name,
    when=lambda scope: scope.get(WAY) is Way.FILE, form="a file in /configuration",
)  # fmt: skip
TEXT: Final = Lines(
    key="text", prompt="Paste the configuration file now.", of=str, ending=Ending.CTRL_D,
    form="the configuration", when=lambda scope: scope.get(WAY) is Way.PASTE,
)  # fmt: skip


def _is_sealed(scope: Settings) -> bool:
    """Tell whether the secrets of what is to be loaded need a passphrase."""
    with suppress(RefusedOperationError):
        found = _KEY.search(_content(scope)[:_HEAD_BYTES])
        return found is not None and needs_passphrase(found[1].decode("latin-1"))
    return False


PASSPHRASE: Final = Secret(
    key="passphrase", prompt="Enter the passphrase that its secrets are encrypted with.",
    of=parse_passphrase, when=_is_sealed,
)  # fmt: skip


def _name(scope: Settings) -> str:
    return scope[FILE] or scope.get(ASKED_FILE) or ""


def _content(scope: Settings) -> bytes:
    """Return what is to be loaded. Raises RefusedOperationError."""
    name = _name(scope)
    if name:
        return read_import(scope.draft.desk, name)
    # A terminal speaks UTF-8; in the file, what is beyond Latin-1 stands as references.
    return (scope.get(TEXT) or "").encode(ENCODING, "xmlcharrefreplace")


async def _load(scope: Settings) -> Shown:
    desk = scope.draft.desk
    asked = Asked(
        name=_name(scope) or PASTED,
        convert=scope[CONVERT],
        skip_hardware=scope[SKIP_HARDWARE],
        passphrase=scope.get(PASSPHRASE) or "",
    )
    with refused_as_told():
        loaded = await load_file(desk, scope.draft.candidate, _content(scope), asked)
    scope.draft.candidate = loaded.candidate
    return Shown("\n".join(_told(loaded)), _described(loaded))


def _told(loaded: LoadedFile) -> Iterator[str]:
    yield from map(escape, loaded.taken)
    yield from map(escape, loaded.not_taken)
    yield from loaded.warnings
    if loaded.discarded:
        names = escape(", ".join(loaded.discarded))
        yield f"Warning: your other pending changes of these sections are discarded: {names}."
    if loaded.skipped:
        yield f"Skipped, as they belong to the hardware: {escape(', '.join(loaded.skipped))}."
    yield f"Sections changed: {escape(', '.join(loaded.sections)) or 'none'}."
    yield LOADED


def _described(loaded: LoadedFile) -> dict[str, object]:
    return {
        "changed": list(loaded.sections),
        "discarded": list(loaded.discarded),
        "skipped": list(loaded.skipped),
        "warnings": list(loaded.warnings),
        "taken_over": list(loaded.taken),
        "not_taken_over": list(loaded.not_taken),
    }


LOADCONFIG: Final[Command[SettingsDraft]] = Command(
    name="loadconfig", purpose="Load a configuration file", commit=Commit.NEEDED,
    where=Where.LOGIN_HOST,
    questions=(FILE, SKIP_HARDWARE, CONVERT, WAY, ASKED_FILE, TEXT, PASSPHRASE), act=_load,
)  # fmt: skip

COMMANDS: Final = (LOADCONFIG,)
