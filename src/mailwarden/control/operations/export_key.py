"""The key that secrets in saved configurations are encrypted with; it never leaves the node."""

import os
import stat
from pathlib import Path
from typing import Final

from mailwarden.control.xml.protection import KEY_BYTES, RandomBytes
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file

NAME: Final = "export.key"


class ExportKeyError(Exception):
    """The key cannot be used; the text says why."""


def load_export_key(folder: Path) -> bytes | None:
    """Return the node's key; None where none was ever needed.

    Raises:
        ExportKeyError: the file is damaged, or others may read it.
    """
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExportKeyError(f"{path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        content = os.read(descriptor, KEY_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) != KEY_BYTES:
        raise ExportKeyError(f"{path} is damaged: it has to have {KEY_BYTES} bytes")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ExportKeyError(f"{path} may be read by others: chmod 600 it, or make a new one")
    return content


def need_export_key(folder: Path, random_bytes: RandomBytes) -> bytes:
    """Return the node's key, which is made where there is none; raises as `load_export_key`."""
    kept = load_export_key(folder)
    if kept is not None:
        return kept
    made = random_bytes(KEY_BYTES)
    files = SystemFiles()
    try:
        files.close(replace_file(files, os.fspath(folder / NAME), [made]))
    except OSError as error:
        raise ExportKeyError(f"{folder / NAME}: {error.strerror}") from error
    return made
