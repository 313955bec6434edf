"""`mailwarden version`."""

from argparse import Namespace

from mailwarden import __version__
from mailwarden.control.cli.failure import ExitCode


def run_version(_arguments: Namespace) -> int:
    """Show the version."""
    print(f"Mailwarden {__version__}")
    return ExitCode.DONE
