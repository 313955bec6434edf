"""`mailwarden log`: searches and follows the log files (admin 1.6.5, `findevent`, `grep`, `tail`).

Needs no running gateway: the files are enough. They may be large: they are read line by line.
"""

import os
import re
import time
from argparse import ArgumentTypeError, Namespace
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.options import Group, add_command, parse_count, parse_mid
from mailwarden.system.log.logs import BOUNCE_LOG, MAIL_EVENTS, MAIL_LOG

LOGS: Final = {"mail": MAIL_LOG, "json": MAIL_EVENTS, "bounces": BOUNCE_LOG}
LINES_SHOWN: Final = 10  # by tail, before it follows
MESSAGES_SHOWN: Final = 20
FOUND_MAX: Final = 100_000  # messages with a part of what is looked for
LINES_OF_MESSAGE_MAX: Final = 1000
LINE_BYTES_MAX: Final = 1024 * 1024
POLL_SECONDS: Final = 0.25

_FROM: Final = re.compile(r"MID (\d+) ICID \d+ From: <(.*)>")
_TO: Final = re.compile(r"MID (\d+) ICID \d+ (?:RID \d+ )?To: <([^>]*)>")
_SUBJECT: Final = re.compile(r"MID (\d+) Subject (.*)")
_MID: Final = re.compile(r"\bMID (\d+)")
_ICID: Final = re.compile(r"\bICID (\d+)")
_DCID: Final = re.compile(r"\bDCID:? (\d+)")


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
        "Show the lines of a log that a regular expression matches.",
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
        re.compile(text)
    except re.error as error:
        raise ArgumentTypeError(f"{text[:40]!r} is not a regular expression: {error}") from error
    return text


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
    older = sorted(folder.glob(f"{name}.2*"))
    files = [*older, folder / name] if (folder / name).exists() else older
    if not files:
        raise CommandError(f"there is no {name} in {folder}", "`logs` in the configuration")
    return files


def _lines(files: list[Path]) -> Iterator[str]:
    """Yield the lines of `files`, without their ends; one that is gone meanwhile is left out."""
    for path in files:
        with suppress(FileNotFoundError):
            try:
                with path.open("rb") as file:
                    while line := file.readline(LINE_BYTES_MAX):
                        yield line.decode("utf-8", "replace").rstrip("\n")
            except PermissionError as error:
                raise CommandError(f"{path} cannot be read: {error.strerror}") from error


def _grep(arguments: Namespace, files: list[Path]) -> int:
    matches = re.compile(arguments.pattern, re.IGNORECASE if arguments.ignore_case else 0).search
    found = False
    for line in _lines(files):
        if (matches(line) is None) is arguments.invert:
            found = True
            print(line)
    return ExitCode.DONE if found else ExitCode.PROBLEM


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


class _Wanted:
    """What is looked for, and of which messages how much of it was found."""

    def __init__(self, arguments: Namespace) -> None:
        self._texts = [
            (pattern, text.lower())
            for pattern, text in (
                (_FROM, arguments.sender),
                (_TO, arguments.recipient),
                (_SUBJECT, arguments.subject),
            )
            if text is not None
        ]
        self._found: dict[int, set[int]] = {}
        self._mid: int | None = arguments.mid
        self.has_any = bool(self._texts) or self._mid is not None

    def take(self, line: str) -> None:
        """Look at a line."""
        for place, (pattern, text) in enumerate(self._texts):
            match = pattern.search(line)
            if match is not None and text in match[2].lower():
                self._add(int(match[1]), place)
        if self._mid is not None and not self._texts and f"MID {self._mid}" in line:
            self._add(self._mid, 0)

    def _add(self, mid: int, place: int) -> None:
        if self._mid is not None and mid != self._mid:
            return
        if mid not in self._found and len(self._found) >= FOUND_MAX:
            del self._found[next(iter(self._found))]
        self._found.setdefault(mid, set()).add(place)

    def mids(self, limit: int) -> list[int]:
        """Return the messages of which all is true, the latest `limit` ones."""
        needed = len(self._texts) or 1
        mids = [mid for mid, places in self._found.items() if len(places) == needed]
        return mids[-limit:] if limit else mids


def _find(arguments: Namespace, files: list[Path]) -> int:
    wanted = _Wanted(arguments)
    if not wanted.has_any:
        raise CommandError(
            "say which message: --sender, --recipient, --subject or --mid", "", ExitCode.USAGE
        )
    for line in _lines(files):
        wanted.take(line)
    mids = wanted.mids(arguments.limit)
    if not mids:
        raise CommandError("the mail log knows no such message")
    connections = _connections(files, set(mids))
    shown: dict[int, list[str]] = {mid: [] for mid in mids}
    for line in _lines(files):
        for mid in _owners(line, shown, connections):
            if len(shown[mid]) < LINES_OF_MESSAGE_MAX:
                shown[mid].append(line)
    print("\n\n".join("\n".join(lines) for lines in shown.values()))
    print(f"\n{count_of(len(mids), 'message')}")
    return ExitCode.DONE


_Connections = dict[tuple[str, int], set[int]]


def _connections(files: list[Path], mids: set[int]) -> _Connections:
    """Return which of `mids` came or left by which connection."""
    found: _Connections = {}
    for line in _lines(files):
        match = _MID.search(line)
        if match is None or int(match[1]) not in mids:
            continue
        mid = int(match[1])
        for kind, pattern in (("ICID", _ICID), ("DCID", _DCID)):
            number = pattern.search(line)
            if number is not None and int(number[1]):
                found.setdefault((kind, int(number[1])), set()).add(mid)
    return found


def _owners(line: str, mids: dict[int, list[str]], connections: _Connections) -> set[int]:
    """Return the messages that a line is about."""
    named = {int(number) for number in _MID.findall(line)}
    if named:
        return {mid for mid in named if mid in mids}
    owners: set[int] = set()
    for kind, pattern in (("ICID", _ICID), ("DCID", _DCID)):
        number = pattern.search(line)
        if number is not None:
            owners |= connections.get((kind, int(number[1])), set())
    return owners
