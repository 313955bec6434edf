"""`mailwarden credentials`: the users of SMTP AUTH."""

import getpass
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.config.reader import load_config
from mailwarden.control.operations import credentials

PASSWORD_LINE_MAX: Final = 10_000  # letters read from standard input


def run_credentials(arguments: Namespace) -> int:
    """Do what `arguments.action` says with the file of users."""
    path = arguments.file or _configured(arguments.config)
    try:
        return _ACTIONS[arguments.action](path, arguments)
    except FileNotFoundError as error:
        raise CommandError(
            f"{path} does not exist", f"mailwarden credentials add USER --file {path} begins it"
        ) from error
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", "is it owned by another user?") from error
    except ValueError as error:
        raise CommandError(f"{path}: {error}", "") from error


def _add(path: Path, arguments: Namespace) -> int:
    password = _read_password(twice=True)
    is_new = credentials.add_user(path, arguments.user, password)
    what = "is added to" if is_new else "has a new password in"
    print(f"{arguments.user} {what} {path}; `mailwarden reload` makes it valid")
    return ExitCode.DONE


def _remove(path: Path, arguments: Namespace) -> int:
    if not credentials.remove_user(path, arguments.user):
        raise CommandError(f"there is no user {arguments.user!r} in {path}")
    print(f"{arguments.user} is removed from {path}; `mailwarden reload` makes it valid")
    return ExitCode.DONE


def _list(path: Path, _arguments: Namespace) -> int:
    users = credentials.list_users(path)
    print("\n".join(users) if users else f"{path} has {count_of(0, 'user')}")
    return ExitCode.DONE


def _verify(path: Path, arguments: Namespace) -> int:
    if not credentials.verify_user(path, arguments.user, _read_password(twice=False)):
        print("wrong user or password", file=sys.stderr)
        return ExitCode.PROBLEM
    print("right")
    return ExitCode.DONE


_ACTIONS: Final = {"add": _add, "remove": _remove, "list": _list, "verify": _verify}


def _read_password(*, twice: bool) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(PASSWORD_LINE_MAX).rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if twice and getpass.getpass("The same again: ") != password:
        raise CommandError("the two passwords differ", "nothing was changed; try again")
    return password


def _configured(given: Path | None) -> Path:
    """Return the file that the configuration names, which need not exist yet."""
    path = find_config(given, os.environ)
    name = load_config(path, look_at_files=False).inbound.credentials
    if not name:
        raise CommandError(
            f"{path} names no file of users",
            "set inbound.credentials in it, or name a file with --file",
        )
    return Path(name)
