"""Files that administrators import and export: by name, in the folder known as `/configuration`.

Whoever names a file is an administrator, and what the file holds may be from anywhere: names are
plain words, only whole files count, and sizes have a limit.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file
from mailwarden.system.log.escape import escape

SHOWN_AS: Final = "/configuration"
KEY_FILES: Final = "features.d"  # folder in it, of the key files of feature switches
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
NAME_LENGTH_MAX: Final = 128
FILE_NAME: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._+@,=-]{{0,{NAME_LENGTH_MAX - 1}}}")

_SAFE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def parse_file_name(text: str) -> str:
    """Return the name of a file to import or export; `/configuration/` in front is dropped.

    Raises:
        ValueError: no file there can have that name.
    """
    name = text.strip().removeprefix(f"{SHOWN_AS}/")
    if not FILE_NAME.fullmatch(name):
        raise ValueError(
            f"{name[:NAME_LENGTH_MAX]!r} is no name of a file: letters, digits and . _ + @ , = -, "
            f"at most {NAME_LENGTH_MAX} of them; no folder, and no dot in front"
        )
    return name


def read_import(desk: Desk, name: str, *, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """Return the content of a file.

    Raises:
        RefusedOperationError: there is none, or it is too large.
    """
    with _refused(name):
        parse_file_name(name)
        descriptor = os.open(desk.administration.files / name, _SAFE)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(bytes_max + 1)
        finally:
            os.close(descriptor)
    if len(content) > bytes_max:
        raise RefusedOperationError(f"{escape(name)} is larger than {bytes_max} bytes")
    return content


def write_export(desk: Desk, name: str, content: bytes, *, replaces: bool = True) -> Path:
    """Write a file, whole or not at all, for the gateway's user only; return where it is.

    Raises:
        RefusedOperationError: it cannot be written, or is there and may not be replaced.
    """
    path = desk.administration.files / name
    with _refused(name):
        parse_file_name(name)
        if path.is_symlink() or (path.exists() and not (replaces and path.is_file())):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        files = SystemFiles()
        files.close(replace_file(files, os.fspath(path), [content]))
    return path


def remove_import(desk: Desk, name: str) -> None:
    """Remove a file that was imported, and that nobody else should find.

    Raises:
        RefusedOperationError: it cannot be removed.
    """
    with _refused(name):
        parse_file_name(name)
        (desk.administration.files / name).unlink(missing_ok=True)


@contextmanager
def _refused(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise RefusedOperationError(str(error)) from error
    except OSError as error:
        where = f"{SHOWN_AS}/{escape(name[:NAME_LENGTH_MAX])}"
        raise RefusedOperationError(f"{where}: {error.strerror or error}") from error
