"""`mailwarden run`: reads the configuration and runs the supervisor in the foreground."""

import asyncio
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from mailwarden.app.asking import named_state_directory
from mailwarden.app.configurations import Configurations
from mailwarden.app.ending import start_again
from mailwarden.app.keeper import FOLDER, Keeper
from mailwarden.app.management_process import launch_management
from mailwarden.app.state_directory import StateDirectory
from mailwarden.app.supervisor import Supervisor
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.configurations import RESTORE
from mailwarden.control.cli.failure import CommandError
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import (
    ConfigError,
    demo_text,
    parse_config,
    read_text,
)
from mailwarden.control.config.tables import Tables
from mailwarden.core.management import management_paths
from mailwarden.stores.configuration.errors import CorruptStoreError, StoreError

DEMO_FOLDER: Final = Path("var/demo")


def run_gateway(arguments: Namespace) -> int:
    """Run the gateway until it is told to stop; return the exit status.

    Raises:
        ConfigError: the configuration has problems.
        CommandError: a port or the state directory cannot be used.
    """
    path = _demo_config() if arguments.demo else find_config(arguments.config, os.environ)
    supervisor = _supervisor(path, path.absolute().parent)

    def ready(started: Supervisor) -> None:
        print(_where(started.config, path, started), flush=True)
        if arguments.demo:
            print(_things_to_try(path), flush=True)

    try:
        status = asyncio.run(supervisor.run(ready))
    except* (OSError, StoreError) as group:
        raise _cannot_start(next(iter(group.exceptions))) from group
    if supervisor.is_to_restart:
        start_again()
    return status


def _cannot_start(error: BaseException) -> CommandError:
    hint = RESTORE if isinstance(error, CorruptStoreError) else ""
    return CommandError(f"the gateway cannot start: {error}", hint)


def _supervisor(path: Path, base: Path) -> Supervisor:
    """Return the supervisor of the gateway with the configuration file `path`.

    Raises:
        ConfigError: the file is wrong, and no version of it was ever in force.
    """
    tables = Tables()
    try:
        text = read_text(path)
        config = parse_config(text, str(path), base, tables=tables)
    except ConfigError as error:
        return _without_file(path, base, error)
    return Supervisor(
        path,
        text,
        config,
        base,
        tables=tables,
        keeper=_keeper(config, base),
        launch_management=launch_management,
    )


def _without_file(path: Path, base: Path, problems: ConfigError) -> Supervisor:
    """Return a supervisor that starts with the last version, as the file is wrong.

    Raises:
        ConfigError: there is none.
    """
    directory = named_state_directory(path)
    if directory is None:
        raise problems
    try:
        texts = Keeper((base / directory).resolve() / FOLDER, None).in_force()
    except StoreError as error:
        raise _cannot_start(error) from error
    if texts is None:
        raise problems
    source = Configurations(path, base)
    config = source.accept(texts).config
    for problem in problems.problems:
        print(problem, file=sys.stderr)
    print(
        f"mailwarden: {path} is wrong; the gateway starts with version {texts.number}, which was "
        "in force last",
        file=sys.stderr,
        flush=True,
    )
    return Supervisor(
        path, None, config, base, keeper=_keeper(config, base), launch_management=launch_management
    )


def _keeper(config: GatewayConfig, base: Path) -> Keeper:
    owner = StateDirectory.owner(config.management.user or config.user)
    return Keeper(StateDirectory.at(config, base).directory / FOLDER, owner)


def _demo_config() -> Path:
    """Return the demonstration's configuration file, written where it is missing."""
    folder = DEMO_FOLDER.absolute()
    path = folder / "mailwarden.yaml"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(demo_text().replace(str(DEMO_FOLDER), str(folder)), encoding="utf-8")
    return path


def _where(config: GatewayConfig, path: Path, supervisor: Supervisor) -> str:
    lines = [f"Mailwarden {config.hostname} is running with {_shown(path)}."]
    for listener in config.listeners:
        address = config.interfaces[listener.interface].address
        lines.append(
            f"  {listener.name}: {listener.type.value} listener on {address}:{listener.port}"
        )
    lines += [
        f"  Administrators: SSH on {way.address}:{way.port}"
        for way in management_paths(config.interfaces)
    ]
    lines.append(f"  State, spool and logs: {_shown(supervisor.state.directory)}")
    return "\n".join(lines)


def _things_to_try(path: Path) -> str:
    program = _shown(Path(sys.argv[0]))
    return f"""
Three things to try, in another terminal:

  1. Send a mail with any SMTP client:
     python3 -c 'import smtplib; smtplib.SMTP("127.0.0.1", 2525).sendmail(
       "me@example.org", "you@example.test", "Subject: Hello\\r\\n\\r\\nIt works.\\r\\n")'
  2. See it arrive:
     cat {_shown(path.parent / "maildir")}/new/*
  3. See what happened to it, step by step:
     tail -n 20 {_shown(path.parent / "log" / "mail.log")}

And: {program} --config {_shown(path)} status
The administrators' command line, where `help` lists the commands:
     {program} --config {_shown(path)} cli
Ctrl-C stops the gateway.
"""


def _shown(path: Path) -> str:
    """Return `path` as short as it is from here; below the root that is the whole path."""
    here = Path.cwd()
    path = path.absolute()
    if here == Path(here.anchor) or not path.is_relative_to(here):
        return str(path)
    return str(path.relative_to(here))
