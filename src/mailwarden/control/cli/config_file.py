"""Finds the configuration file that a command is about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mailwarden.control.cli.failure import CommandError, ExitCode

VARIABLE: Final = "MAILWARDEN_CONFIG"
PLACES: Final = (Path("mailwarden.yaml"), Path("/etc/mailwarden/mailwarden.yaml"))


def find_config(
    given: Path | None, environment: Mapping[str, str], places: tuple[Path, ...] = PLACES
) -> Path:
    """Return the file named on the command line or in the environment, or the first that exists.

    Raises:
        CommandError: none is named and none exists; it says where was looked.
    """
    if given is not None:
        return given
    if environment.get(VARIABLE):
        return Path(environment[VARIABLE])
    for place in places:
        if place.is_file():
            return place
    looked = " and ".join(str(place.absolute()) for place in places)
    raise CommandError(
        f"there is no configuration file; looked at {looked}",
        f"name one with --config FILE or in ${VARIABLE}, or begin with the demonstration's: "
        "mailwarden check --example > mailwarden.yaml",
        ExitCode.USAGE,
    )
