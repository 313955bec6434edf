"""What this installation is called: its serial number is made at the first start and kept."""

import os
import re
import secrets
from pathlib import Path
from typing import Final

from mailwarden import __version__
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file

MODEL: Final = "GW-VM"
SERIAL: Final = "serial"
_SERIAL: Final = re.compile(r"[0-9A-F]{12}-[0-9A-F]{6}")


def node_facts(folder: Path) -> NodeFacts:
    """Return what this node says of itself; `folder` has its serial number.

    Raises:
        OSError: the serial number cannot be kept.
    """
    return NodeFacts(model=MODEL, version=__version__, serial=_serial(folder / SERIAL))


def _serial(path: Path) -> str:
    try:
        kept = path.read_text("ascii").strip()
        if _SERIAL.fullmatch(kept):
            return kept
    except (OSError, UnicodeDecodeError):
        pass
    made = secrets.token_hex(9).upper()
    serial = f"{made[:12]}-{made[12:]}"
    files = SystemFiles()
    files.close(replace_file(files, os.fspath(path), [f"{serial}\n".encode()]))
    return serial
