"""Commands on tables, which end with a reload of the running gateway."""

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from mailwarden.app.asking import answers_of, state_directory
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.cli.tables import run_table

WITHOUT_CONFIGURATION: Final = ("check", "example")


def table(arguments: Namespace) -> int:
    """Show, check, export or import a table."""

    def reload() -> list[str]:
        try:
            answer = next(answers_of(arguments, {"command": "reload"}), {})
        except CommandError as error:
            if error.code is not ExitCode.NOT_RUNNING:
                raise
            print("no gateway is running; it takes effect at the next start", file=sys.stderr)
            return []
        return [str(problem) for problem in answer.get("problems", [])]

    is_apart = arguments.action in WITHOUT_CONFIGURATION
    path = Path() if is_apart else find_config(arguments.config, os.environ)
    return run_table(arguments, path, lambda: state_directory(arguments), reload)
