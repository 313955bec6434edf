"""`mailwarden log`: searches and follows the log files (admin 1.6.5, `findevent`, `grep`, `tail`).

Needs no running gateway: the files are enough. They may be large: they are read line by line.
"""

import os
import time
from argparse import ArgumentTypeError, Namespace
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.options import Group, add_command, parse_count, parse_mid
from mailwarden.control.operations.linear_pattern import compile_pattern
from mailwarden.control.operations.log_search import (
    MessageLines,
    Wanted,
    files_of,
    find_messages,
    matching,
)
from mailwarden.system.log.logs import BOUNCE_LOG, MAIL_EVENTS, MAIL_LOG

LOGS: Final = {"mail": MAIL_LOG, "json": MAIL_EVENTS, "bounces": BOUNCE_LOG}
LINES_SHOWN: Final = 10  # by tail, before it follows
MESSAGES_SHOWN: Final = 20
POLL_SECONDS: Final = 0.25


def add_log(commands: Group) -> None:
    """Add `log` and what it can do."""
    log = add_command(
        commands,
        "log",
        "Search the log files, or follow them.",
        "Older files of the same log are searched as well. Works without the gateway.",
        "mailwarden log find --recipient bob@corp.example",
        "mailwarden log tail",
    )
    actions = log.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    find = add_command(
        actions,
        "find",
        "Show all that the mail log says of messages, with their connections.",
        "All that is said has to be true of a message; case does not matter, and a part of an "
        "address or subject will do.",
        "mailwarden log find --sender ann@partner.example --recipient bob@corp.example",
        "mailwarden log find --mid 4711",
    )
    find.add_argument("--sender", metavar="TEXT", help="in the envelope sender")
    find.add_argument("--recipient", metavar="TEXT", help="in an envelope recipient")
    find.add_argument("--subject", metavar="TEXT", help="in the subject")
    find.add_argument("--mid", type=parse_mid, metavar="MID", help="message id")
    find.add_argument(
        "--limit",
        type=parse_count,
        default=MESSAGES_SHOWN,
        metavar="N",
        help=f"messages shown, the latest ones (default: {MESSAGES_SHOWN})",
    )
    grep = add_command(
        actions,
        "grep",
        "Show the lines of a log that a regular expression (RE2) matches.",
        "Ends with 1 when there is none.",
        "mailwarden log grep 'ICID 501( |$)'",
        "mailwarden log grep -i refused --log bounces",
    )
    grep.add_argument("pattern", type=_pattern, metavar="PATTERN", help="regular expression")
    grep.add_argument("-i", "--ignore-case", action="store_true", help="case does not matter")
    grep.add_argument("-v", "--invert", action="store_true", help="lines that do not match")
    tail = add_command(
        actions,
        "tail",
        "Show the end of a log, and what is added to it, until it is interrupted.",
        "Goes on with the next file when a new one is begun.",
        "mailwarden log tail",
        "mailwarden log tail --lines 100 --no-follow",
    )
    tail.add_argument(
        "--lines",
        type=parse_count,
        default=LINES_SHOWN,
        metavar="N",
        help=f"lines shown first (default: {LINES_SHOWN})",
    )
    tail.add_argument("--no-follow", action="store_true", help="end there")
    rollover = add_command(
        actions,
        "rollover",
        "Let the running gateway begin a new file, of one log or of all.",
        "The old one is kept beside it, under its name with the time behind it.",
        "mailwarden log rollover",
        "mailwarden log rollover --log bounces",
    )
    rollover.add_argument(
        "--log", choices=list(LOGS), metavar="LOG", help=f"{', '.join(LOGS)} (default: all)"
    )
    for parser in (grep, tail):
        parser.add_argument(
            "--log",
            choices=list(LOGS),
            default="mail",
            metavar="LOG",
            help=f"{', '.join(LOGS)} (default: mail)",
        )


def _pattern(text: str) -> str:
    try:
        compile_pattern(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    return text


def show_rollover(arguments: Namespace, ask: Callable[[dict[str, str]], dict[str, Any]]) -> int:
    """Let the gateway begin new files, by a request that `ask` puts to it."""
    answer = ask({"command": "log_rollover", "log": LOGS.get(arguments.log, "")})
    print(f"{', '.join(answer['rolled_over'])}: new files are begun")
    return ExitCode.DONE


def run_log(arguments: Namespace, folder: Path) -> int:
    """Do what `arguments.action` says with the logs in `folder`.

    Raises:
        CommandError: there is no such log, or nothing in it.
    """
    match arguments.action:
        case "grep":
            return _grep(arguments, _files(folder, LOGS[arguments.log]))
        case "tail":
            return _tail(arguments, folder / LOGS[arguments.log])
        case _:
            return _find(arguments, _files(folder, MAIL_LOG))


def _files(folder: Path, name: str) -> list[Path]:
    """Return the files of a log, the oldest one first."""
    files = files_of(folder, name)
    if not files:
        raise CommandError(f"there is no {name} in {folder}", "`logs` in the configuration")
    return files


def _grep(arguments: Namespace, files: list[Path]) -> int:
    search = compile_pattern(arguments.pattern, ignore_case=arguments.ignore_case)
    found = False
    try:
        for block in matching(files, search, invert=arguments.invert):
            for line in block:
                found = True
                print(line.decode("utf-8", "replace"))
    except OSError as error:
        raise _unreadable(error) from error
    return ExitCode.DONE if found else ExitCode.PROBLEM


def _unreadable(error: OSError) -> CommandError:
    return CommandError(f"{error.filename} cannot be read: {error.strerror}")


# Following.


def _tail(arguments: Namespace, path: Path, *, sleep: Callable[[float], None] = time.sleep) -> int:
    try:
        file: BinaryIO = path.open("rb")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    try:
        for line in deque(file, maxlen=arguments.lines):
            _print(line)
        if arguments.no_follow:
            return ExitCode.DONE
        while True:
            for line in file:
                _print(line)
            file = _next_file(path, file)
            sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return ExitCode.DONE
    finally:
        file.close()


def _next_file(path: Path, file: BinaryIO) -> BinaryIO:
    """Return what is to be read on: another file once the log was begun anew and this one ended."""
    with suppress(OSError):
        now, ours = path.stat(), os.fstat(file.fileno())
        if (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino) and file.tell() >= ours.st_size:
            fresh = path.open("rb")
            file.close()
            return fresh
    return file


def _print(line: bytes) -> None:
    print(line.decode("utf-8", "replace").rstrip("\n"), flush=True)


# Messages.


def _find(arguments: Namespace, files: list[Path]) -> int:
    wanted = Wanted(
        sender=arguments.sender,
        recipient=arguments.recipient,
        subject=arguments.subject,
        mid=arguments.mid,
    )
    if not wanted.has_any:
        raise CommandError(
            "say which message: --sender, --recipient, --subject or --mid", "", ExitCode.USAGE
        )
    found = MessageLines()
    try:
        for _ in find_messages(files, wanted, arguments.limit, found):
            pass
    except OSError as error:
        raise _unreadable(error) from error
    if not found.lines:
        raise CommandError("the mail log knows no such message")
    print("\n\n".join("\n".join(lines) for lines in found.lines.values()))
    print(f"\n{count_of(len(found.lines), 'message')}")
    return ExitCode.DONE
