"""The folder of key files, `features.d` (KEY-03). Calls wait for the disk: use a thread."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.services.features.key import KEY_BYTES_MAX, Key, SwitchTextError, parse_key
from mailwarden.system.log.escape import escape

SUFFIX: Final = ".key"
FILES_MAX: Final = 200
NAMES_MAX: Final = 10_000  # in the folder, of whatever kind


class Found(NamedTuple):
    """What the folder holds."""

    keys: Mapping[str, Key]  # by file, in the order of names
    faults: Mapping[str, str]  # files that are no switch, and why; "" is the folder itself


def read_folder(folder: Path) -> Found:
    """Return the key files of a folder. One that is not there has none.

    Raises:
        OSError: the folder cannot be read; nothing is known.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(NAMES_MAX), strict=False)]
    except FileNotFoundError:
        return Found({}, {})
    wanted = sorted(name for name in names if name.endswith(SUFFIX) and not name.startswith("."))
    keys: dict[str, Key] = {}
    faults: dict[str, str] = {}
    for name in wanted[:FILES_MAX]:
        shown = escape(name)
        try:
            keys[shown] = parse_key(_read(folder / name))
        except FileNotFoundError:
            continue  # taken away meanwhile
        except OSError as error:
            faults[shown] = error.strerror or str(error)
        except SwitchTextError as error:
            faults[shown] = str(error)
    if len(wanted) > FILES_MAX or len(names) == NAMES_MAX:
        faults[""] = f"more than {FILES_MAX} key files, or {NAMES_MAX} files: the rest is left out"
    return Found(keys, faults)


def _read(path: Path) -> bytes:
    # Links are followed: orchestrators mount such files as links. Not blocking: for a pipe.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SwitchTextError("is not a file")
        return file.read(KEY_BYTES_MAX + 1)
