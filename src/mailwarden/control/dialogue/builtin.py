"""The commands that every session has: `help` and `exit`."""

from typing import Any, Final

from mailwarden.control.dialogue.declaration import (
    Command,
    RefusedError,
    Shown,
)
from mailwarden.control.dialogue.manual import help_data, help_list, help_text
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Confirm, Text, read_text
from mailwarden.control.dialogue.scope import Scope

SURE: Final = (
    "Configuration changes entered but not committed. Exiting will lose changes.\n"
    "Type 'commit' at the command prompt to commit changes.\n"
    "Are you sure you wish to exit?"
)

TOPIC: Final = Text(
    key="command", prompt="The command to explain.", of=read_text, default="",
    place=Place.WORD, is_asked=False, form="the name of a command",
)  # fmt: skip


def unknown_command(word: str) -> str:
    """Return what is said of a word that is no command (admin CLI-24)."""
    return f"Unknown command: {word}"


def no_permission(word: str) -> str:
    """Return what is said of a command that this user may not run (admin CLI-24)."""
    return f"You do not have permission to run {word}"


def _help(scope: Scope[Any]) -> Shown:
    catalog, may = scope.catalog, scope.host.may
    topic = scope[TOPIC]
    if not topic:
        allowed = [each for each in catalog.commands if may(each.right)]
        return Shown(help_list(catalog, may), [help_data(each, may) for each in allowed])
    command = catalog.find(topic)
    if command is None:
        raise RefusedError(unknown_command(topic))
    if not may(command.right):
        raise RefusedError(no_permission(topic))
    return Shown(help_text(command, may), help_data(command, may))


def _exit(scope: Scope[Any]) -> None:
    scope.leave()


HELP: Final[Command[Any]] = Command(
    name="help", aliases=("h", "?"), purpose="List the commands, or explain one",
    questions=(TOPIC,), act=_help,
)  # fmt: skip
EXIT: Final[Command[Any]] = Command(
    name="exit", aliases=("quit", "q"), purpose="Leave the session",
    has_batch=False, act=_exit,
    confirm=Confirm(key="exit", prompt=SURE, when=lambda scope: scope.host.pending_changes() > 0),
)  # fmt: skip
