"""How the gateway ends: how long open connections go on, and whether it starts again."""

import math
import os
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mailwarden.app.switches import GRACE_SECONDS_MAX, administrator_in

COMMANDS: Final = frozenset({"shutdown", "restart"})
STOP_SECONDS: Final = 30.0  # what open connections get to finish
TELL_SECONDS: Final = 1.0  # that whoever commanded the end gets to hear of it
KILL_SECONDS: Final = 10.0  # beyond that, until a process is killed


class Ending(NamedTuple):
    """What is to happen; `words` are for the log."""

    words: str = "Gateway is stopping"
    seconds: float = STOP_SECONDS
    restarts: bool = False

    def for_systemd(self) -> str:
        """Return what systemd is told, so that it neither waits for less nor takes it for dead."""
        if self.restarts:  # the same process goes on with the same program, and says READY=1 then
            return "RELOADING=1"
        microseconds = math.ceil((self.seconds + 2 * KILL_SECONDS) * 1e6)
        return f"STOPPING=1\nEXTEND_TIMEOUT_USEC={microseconds}"


def ending_of(request: Mapping[str, Any]) -> Ending:
    """Return what an administrator wants."""
    restarts = request.get("command") == "restart"
    seconds = request.get("grace_seconds")
    if not isinstance(seconds, int | float) or not 0 <= seconds <= GRACE_SECONDS_MAX:
        seconds = STOP_SECONDS
    by = administrator_in(request)
    who = f"administrator {by}" if by else "an administrator"
    what = "starting again" if restarts else "stopping"
    return Ending(f"Gateway is {what}: {who} wants it so", float(seconds), restarts)


def start_again() -> None:
    """Run this program anew in the same process, as it was started; never returns."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  our own
