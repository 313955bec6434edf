"""`mailwarden cli` and `mailwarden console`: the options, and one command line made of words."""

import argparse
from collections.abc import Sequence
from typing import Final

from mailwarden.control.cli.options import Group, add_command
from mailwarden.control.dialogue.completion import JSON_OPTION
from mailwarden.control.dialogue.words import quote_word

_OPTION: Final = "--"


def add_console(commands: Group) -> None:
    """Let both commands be given."""
    cli = add_command(
        commands,
        "cli",
        "Run the administrators' command line on this machine.",
        "Needs no password, but root or the user whom the gateway's administration runs as. With "
        "words behind it carries out one command and ends with its status; what it asks is read "
        "from standard input. Without them it is a session, or carries out the lines of a script "
        "that is piped in. Changes that were not committed are discarded at the end.",
        "mailwarden cli",
        "mailwarden cli status",
        "mailwarden cli < commands.txt",
    )
    cli.add_argument(
        "--user",
        default="",
        metavar="NAME",
        help="act as this user, with that user's role (default: admin)",
    )
    cli.add_argument("--json", action="store_true", help="let the command write JSON, for programs")
    cli.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="WORD",
        help="a command of the command line; `help` lists them",
    )
    add_command(
        commands,
        "console",
        "Ask for user and password on this terminal, as at a serial line.",
        "For the terminals of the machine itself, as a service for each of them. `admin` can log "
        "in here whatever locks the account. When the line is cut, the session is kept for 30 "
        "minutes: its user can log in again and go on with it.",
        "mailwarden console",
    )


def command_line(words: Sequence[str], *, is_json: bool) -> str | None:
    """Return the words of a shell as one line; None is no line. A single word is a line already."""
    if not words:
        return None
    line = words[0] if len(words) == 1 else " ".join(map(_quoted, words))
    return f"{JSON_OPTION} {line}" if is_json else line


def _quoted(word: str) -> str:
    """Return a word that means the same in a line; what begins with `--` stays an option."""
    if word.startswith(_OPTION) and word != _OPTION:
        return _OPTION + quote_word(word.removeprefix(_OPTION))
    return quote_word(word)
