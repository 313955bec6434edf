"""Mailwarden: an email security gateway.

`make compile` translates the modules on the mail's way to machine code, into `build/compiled`
beside `src`. That copy is taken where it was made of these very sources; otherwise Python
interprets them. `BUILD` says which it is.
"""

import os
import sys

__version__ = "0.1.0"

INTERPRETED = "interpreted"
COMPILED = "compiled"
OUT_OF_DATE = "interpreted; the compiled copy is older than the sources"


def read_stamp(sources: str) -> str:
    """Return what tells one state of `sources` from another, and one Python from another."""
    lines = [f"{sys.implementation.cache_tag} {sys.platform}"]
    folders = [sources]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    known = entry.stat()
                    lines.append(f"{entry.path} {known.st_size} {known.st_mtime_ns}")
    return "\n".join(sorted(lines))


def _take_compiled() -> str:
    """Let submodules come from the compiled copy; return what `BUILD` is."""
    sources = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(sources))
    compiled = os.path.join(root, "build", "compiled")
    if os.path.basename(os.path.dirname(sources)) != "src":  # installed: it is what it is
        installed = os.listdir(os.path.join(sources, "core", "smtp"))
        return COMPILED if any(name.endswith(".so") for name in installed) else INTERPRETED
    if os.environ.get("MAILWARDEN_INTERPRETED"):
        return INTERPRETED
    try:
        with open(os.path.join(compiled, "stamp"), encoding="utf-8") as file:
            stamp = file.read()
    except OSError:
        return INTERPRETED
    if stamp != read_stamp(sources):
        return OUT_OF_DATE
    __path__[:] = [os.path.join(compiled, "mailwarden")]
    sys.path.append(compiled)  # where the one library lies that the compiled modules share
    return COMPILED


BUILD = _take_compiled()
