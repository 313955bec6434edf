"""`mailwarden bounce-keys`: the keys of bounce verification."""

import getpass
import os
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.cli.bounce_keys_parser import PURGES
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.config.files import bounce_keys_file
from mailwarden.control.config.reader import load_config
from mailwarden.control.operations import bounce_keys
from mailwarden.control.operations.private_file import Owner
from mailwarden.core.mail.bounce_tag import Purge
from mailwarden.core.policy.bounce_keys import show_time
from mailwarden.services.bounce_tags import USE_FILES, load_uses

_PURGES: Final = dict(zip(PURGES, Purge, strict=True))
_LINE_MAX: Final = 10_000  # letters read from standard input
_RELOAD: Final = "`mailwarden reload` makes it valid"


class _Place(NamedTuple):
    """Where the keys are, and what is known of their use."""

    path: Path
    uses: dict[str, int]
    owner: Owner | None


def run_bounce_keys(arguments: Namespace) -> int:
    """Do what `arguments.action` says with the file of keys."""
    place = _place(arguments.config)
    try:
        return _ACTIONS[arguments.action](place, arguments)
    except FileNotFoundError as error:
        raise CommandError(f"{place.path}: its folder does not exist") from error
    except OSError as error:
        advice = "is it owned by another user?"
        raise CommandError(f"{place.path}: {error.strerror}", advice) from error
    except ValueError as error:
        raise CommandError(f"{place.path}: {error}") from error


def _new(place: _Place, arguments: Namespace) -> int:
    given = _read_key() if arguments.given else None
    key = bounce_keys.new_key(place.path, time.time(), given, owner=place.owner)
    print(f"key {key.digit} ({key.fingerprint}) is the current one in {place.path}; {_RELOAD}")
    return ExitCode.DONE


def _list(place: _Place, arguments: Namespace) -> int:
    keys = bounce_keys.list_keys(place.path, place.uses)
    if not keys:
        print(f"{place.path} has {count_of(0, 'key')}; `mailwarden bounce-keys new` makes one")
        return ExitCode.DONE
    head = ["key", "since", "replaced", "last used", "fingerprint"]
    rows = [
        [
            str(key.digit),
            show_time(key.since),
            show_time(key.replaced_at),
            show_time(key.used_at),
            key.fingerprint,
        ]
        for key in keys
    ]
    if arguments.secrets:
        head.append("secret")
        rows = [[*row, key.secret] for row, key in zip(rows, keys, strict=True)]
    print("\n".join(render_table(head, rows)))
    return ExitCode.DONE


def _purge(place: _Place, arguments: Namespace) -> int:
    purged = bounce_keys.purge_keys(place.path, _PURGES[arguments.unused], time.time(), place.uses)
    for key in purged:
        print(f"key {key.digit} ({key.fingerprint}) is removed")
    if purged:
        print(f"{count_of(len(purged), 'key')} removed from {place.path}; {_RELOAD}")
    else:
        print("no key is that old; nothing was changed")
    return ExitCode.DONE


_ACTIONS: Final = {"new": _new, "list": _list, "purge": _purge}


def _read_key() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(_LINE_MAX).rstrip("\r\n")
    return getpass.getpass("Key: ")


def _place(given: Path | None) -> _Place:
    config = load_config(find_config(given, os.environ), look_at_files=False)
    state = Path(config.state_directory)
    try:
        owner = bounce_keys.owner_of(config.user)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return _Place(
        bounce_keys_file(config),
        dict(load_uses(sorted(state.glob(USE_FILES)))),
        owner,
    )
