"""`mailwarden run`: reads the configuration and runs the supervisor in the foreground."""

import asyncio
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from mailwarden.app.supervisor import Supervisor
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config, read_text
from mailwarden.control.config.tables import Tables

DEMO_FOLDER: Final = Path("var/demo")


def run_gateway(arguments: Namespace) -> int:
    """Run the gateway until it is told to stop; return the exit status.

    Raises:
        ConfigError: the configuration has problems.
        CommandError: a port or the state directory cannot be used.
    """
    path = _demo_config() if arguments.demo else find_config(arguments.config, os.environ)
    text = read_text(path)
    base = path.absolute().parent
    tables = Tables()
    config = parse_config(text, str(path), base, tables=tables)
    supervisor = Supervisor(path, text, config, base, tables=tables)

    def ready(started: Supervisor) -> None:
        print(_where(started.config, path, started), flush=True)
        if arguments.demo:
            print(_things_to_try(path), flush=True)

    try:
        return asyncio.run(supervisor.run(ready))
    except* OSError as group:
        error = next(iter(group.exceptions))
        raise CommandError(f"the gateway cannot start: {error}") from error


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
Ctrl-C stops the gateway.
"""


def _shown(path: Path) -> str:
    """Return `path` as short as it is from here; below the root that is the whole path."""
    here = Path.cwd()
    path = path.absolute()
    if here == Path(here.anchor) or not path.is_relative_to(here):
        return str(path)
    return str(path.relative_to(here))
