"""`mailwarden config ...`: versions of the configuration, beside the running gateway or without."""

import os
import sys
from argparse import Namespace
from contextlib import closing
from pathlib import Path
from typing import Final

from mailwarden.app.asking import answers_of, state_directory
from mailwarden.app.asking_queue import administrator
from mailwarden.app.keeper import FOLDER, acting_as
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.configurations import RESTORE, run_look, show_changes, tree_in
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.stores.configuration.errors import CorruptStoreError, StoreError
from mailwarden.stores.configuration.record import Author, Source
from mailwarden.stores.configuration.restore import restore
from mailwarden.stores.configuration.store import DATABASE, ConfigurationStore
from mailwarden.system.clock.clock import SystemClock

HELP: Final = "`mailwarden config --help` says what can be done"


def config(arguments: Namespace) -> int:
    """Do what is asked with the versions of the configuration."""
    path = find_config(arguments.config, os.environ)
    folder = state_directory(arguments) / FOLDER
    try:
        with acting_as(_owner_of(folder)):
            if arguments.action == "restore":
                return _restore(arguments, folder)
            if arguments.action == "apply" and arguments.dry_run:
                with closing(_open(folder)) as store:
                    show_changes(store, tree_in(arguments.file or path), as_json=False)
                return ExitCode.DONE
            if arguments.action not in ("apply", "rollback"):
                with closing(_open(folder)) as store:
                    return run_look(arguments, store, path)
    except StoreError as error:
        hint = RESTORE if isinstance(error, CorruptStoreError) else HELP
        raise CommandError(str(error), hint) from error
    return _change(arguments)


def _open(folder: Path) -> ConfigurationStore:
    if not (folder / DATABASE).exists():
        raise CommandError(
            f"there is no version yet in {folder}", "`mailwarden run` makes the first one"
        )
    return ConfigurationStore(folder, SystemClock())


def _change(arguments: Namespace) -> int:
    request = {"by": administrator(), "comment": arguments.comment}
    if arguments.action == "rollback":
        request |= {"command": "config_roll_back", "version": arguments.version}
    else:
        request |= {"command": "config_apply", "overwrite": arguments.overwrite}
        if arguments.file is not None:
            request["file"] = str(arguments.file.absolute())
    answer = next(answers_of(arguments, request), {})
    if error := answer.get("error"):
        raise CommandError(str(error))
    problems = answer.get("problems", [])
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise CommandError("nothing was changed")
    print("\n".join([f"version {answer['version']} is in force", *answer.get("notes", [])]))
    return ExitCode.DONE


def _restore(arguments: Namespace, folder: Path) -> int:
    try:
        next(answers_of(arguments, {"command": "status"}), None)
    except CommandError as error:
        if error.code is not ExitCode.NOT_RUNNING:
            raise
    else:
        raise CommandError("a gateway is running", "stop it first")
    if not arguments.yes:
        print(
            f"This puts the damaged store in {folder} aside, and makes a new one of the last "
            "version that is whole. Go on? [n] ",
            end="",
            flush=True,
        )
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was changed")
    author = Author(administrator(), "", Source.FILE)
    committed = restore(folder, author, SystemClock())
    version = committed.version
    print(f"version {version.number} is what version {version.restores} was")
    return ExitCode.DONE


def _owner_of(folder: Path) -> tuple[int, int] | None:
    """Return as whom to work there: root leaves no files of its own behind."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_uid, status.st_gid) if os.geteuid() == 0 and status.st_uid else None
