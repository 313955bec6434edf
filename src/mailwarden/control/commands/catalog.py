"""All commands of the CLI."""

from typing import Final

from mailwarden.control.commands import committing, node
from mailwarden.control.commands.draft import SettingsDraft
from mailwarden.control.dialogue.builtin import EXIT, HELP
from mailwarden.control.dialogue.declaration import Catalog

CATALOG: Final[Catalog[SettingsDraft]] = Catalog(
    (
        *committing.COMMANDS,
        *node.COMMANDS,
        HELP,
        EXIT,
    )
)
