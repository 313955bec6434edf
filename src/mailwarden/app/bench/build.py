"""Whether the gateway that is measured runs as machine code, and in which Python."""

import subprocess
from dataclasses import dataclass
from typing import Final

import msgspec

from mailwarden.app.bench.workplace import BenchError

_SECONDS: Final = 60
# What counts is where the modules on the mail's way come from, not what was asked for.
_ASK: Final = """\
import json, os, platform, sys
from importlib.machinery import EXTENSION_SUFFIXES
import mailwarden
from mailwarden.core.smtp import server
print(json.dumps({
    "compiled": server.__file__.endswith(tuple(EXTENSION_SUFFIXES)),
    "said": getattr(mailwarden, "BUILD", ""),
    "python": f"{platform.python_implementation()} {platform.python_version()}",
    "compiler": platform.python_compiler(),
    "of_system": os.path.realpath(sys.executable).startswith("/usr/bin/"),
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How the gateway's code runs."""

    compiled: bool  # the modules on the mail's way are extension modules
    said: str  # by the package itself
    python: str  # implementation and version
    compiler: str  # that Python was made with
    of_system: bool  # Debian's Python is built with all optimisations; others often are not

    @property
    def label(self) -> str:
        """It in words."""
        how = "compiled" if self.compiled else self.said or "interpreted"
        whose = "the system's" if self.of_system else "not the system's"
        return f"{how}, {self.python} ({self.compiler}, {whose})"


def inspect_build(interpreter: str) -> Build:
    """Return how the gateway runs where `interpreter`, a path, starts it.

    Raises:
        BenchError: it does not start.
    """
    command = [interpreter, "-c", _ASK]
    done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    try:
        return msgspec.json.decode(done.stdout, type=Build)
    except msgspec.MsgspecError as error:
        said = done.stderr.decode(errors="replace")[-500:]
        raise BenchError(f"{interpreter} does not run the gateway: {said}") from error
