"""`mailwarden support bundle`: writes what is known of the gateway to a file."""

import os
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mailwarden import __version__
from mailwarden.app.asking import answers_of
from mailwarden.app.keeper import FOLDER
from mailwarden.app.management.facts import MODEL, SERIAL
from mailwarden.app.state_directory import StateDirectory
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.configurations import tree_in
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.config.reader import load_config
from mailwarden.control.operations.support import about_lines
from mailwarden.control.operations.support_bundle import (
    MODE,
    Contents,
    build_bundle,
    secrets_in,
)
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.control.xml.write import SaveOptions, write_configuration

SERIAL_LENGTH_MAX: Final = 64


def bundle(arguments: Namespace) -> int:
    """Write the bundle."""
    path = find_config(arguments.config, os.environ)
    config = load_config(path, look_at_files=False)
    state = StateDirectory.at(config, path.absolute().parent)
    tree, now = tree_in(path), time.time()
    facts = NodeFacts(model=MODEL, version=__version__, serial=_serial(state.directory / FOLDER))
    made = datetime.fromtimestamp(now, UTC)
    about = about_lines(facts, config.hostname, now, ["see `logconfig hostkeyconfig fingerprint`"])
    contents = Contents(
        about=[*about, f"Configuration: the file {path}"],
        status=_status(arguments),
        configuration=write_configuration(tree, facts, made, SaveOptions()),
        logs=state.logs,
        secrets=secrets_in(tree),
        at=now,
    )
    _write(arguments.file, build_bundle(contents))
    print(f"{arguments.file} is written")
    return ExitCode.DONE


def _status(arguments: Namespace) -> dict[str, Any]:
    try:
        return next(answers_of(arguments, {"command": "status"}), {})
    except CommandError as error:
        return {"error": str(error)}


def _serial(folder: Path) -> str:
    try:
        return (folder / SERIAL).read_text("ascii")[:SERIAL_LENGTH_MAX].strip()
    except (OSError, UnicodeDecodeError):
        return "unknown"


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, MODE), "wb") as file:
            file.write(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
