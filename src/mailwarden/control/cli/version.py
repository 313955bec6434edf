"""`mailwarden version`."""

import platform
from argparse import Namespace

from mailwarden import BUILD, __version__
from mailwarden.control.cli.failure import ExitCode


def run_version(_arguments: Namespace) -> int:
    """Show the version, and whether the hot path runs as machine code."""
    print(f"Mailwarden {__version__} ({BUILD}), Python {platform.python_version()}")
    return ExitCode.DONE
