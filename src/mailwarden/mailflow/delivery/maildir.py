"""Writes messages into a Maildir, several at a time.

A message is whole before it shows in `new`, and on the disk before anybody is told. Its name is
made of MID and RID: when a crash lets it be delivered once more, it takes its own place.
"""

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.stores.spool.spool import DamagedError, SpoolFailure, Stored

FOLDERS: Final = ("tmp", "new", "cur")
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Letter(NamedTuple):
    """One message for one recipient."""

    rid: int
    stored: Stored
    name: str  # of the file


class Trouble(NamedTuple):
    """Why a letter could not be written."""

    detail: str
    is_full: bool


def file_name(received_at: float, mid: int, rid: int, hostname: str) -> str:
    """Return the name of the file for a recipient: always the same for the same one."""
    host = hostname.replace("/", r"\057").replace(":", r"\072")
    return f"{int(received_at)}.M{mid}R{rid}.{host}"


def write_letters(path: str, letters: Sequence[Letter]) -> list[Trouble | None]:
    """Write `letters` and sync them; return what went wrong with each, in the same order.

    Blocks; to be called in a thread.
    """
    folder = Path(path)
    try:
        _make_folders(folder)
    except OSError as error:
        return [_trouble(error)] * len(letters)
    troubles = [_write(folder, letter) for letter in letters]
    try:
        _sync_folder(folder / "new")  # once for all: this is what makes the names durable
    except OSError as error:
        return [_trouble(error)] * len(letters)
    return troubles


def _make_folders(folder: Path) -> None:
    if (folder / "cur").is_dir():
        return
    for name in FOLDERS:
        (folder / name).mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    _sync_folder(folder)
    _sync_folder(folder.parent)


def _write(folder: Path, letter: Letter) -> Trouble | None:
    temporary = folder / "tmp" / letter.name
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        with open(descriptor, "wb") as file:
            file.writelines(_pieces(letter))
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, folder / "new" / letter.name)
    except (OSError, DamagedError, SpoolFailure) as error:
        temporary.unlink(missing_ok=True)
        return _trouble(error)
    return None


def _pieces(letter: Letter) -> Iterable[bytes]:
    envelope, header, content = letter.stored
    recipient = envelope.recipients[letter.rid].address
    # RFC 5321, 4.4: the final delivery adds Return-Path, as the first line.
    yield _line(f"Return-Path: <{envelope.sender}>")
    yield _line(f"Delivered-To: {recipient}")
    yield header
    yield from content.chunks()


def _line(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return data.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, OSError):
        return Trouble(error.strerror or str(error), error.errno in _FULL)
    return Trouble(str(error), is_full=False)
