"""Requests about the keys of bounce verification, which only the supervisor may write.

Secrets come in and never go out: keys are told apart by their fingerprints.
"""

import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.files import bounce_keys_file
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations import bounce_keys
from mailwarden.control.operations.bounce_keys import KnownKey
from mailwarden.core.mail.bounce_tag import Purge
from mailwarden.core.patterns import DEFAULT
from mailwarden.services.bounce_tags import USE_FILES, load_uses

COMMAND: Final = "bounce_keys"  # with an `action`
NAMES_SHOWN_MAX: Final = 10


class Handled(NamedTuple):
    """The answer to a request; `done` says what was changed, and "" is nothing."""

    answer: dict[str, Any]
    done: str = ""


def handle(request: dict[str, Any], config: GatewayConfig) -> Handled:
    """Do what `action` says: `list`, `new`, `purge` or `clear`.

    Raises:
        ValueError: it cannot be done; the message says why.
        OSError: the file cannot be read or written.
    """
    path = bounce_keys_file(config)
    uses = load_uses(sorted(Path(config.state_directory).glob(USE_FILES)))
    done = ""
    match request.get("action"):
        case "list":
            pass
        case "new":
            given = request.get("secret") or None
            if given is not None and not isinstance(given, str):
                raise ValueError("a key is a text")
            owner = bounce_keys.owner_of(config.user)
            key = bounce_keys.new_key(path, time.time(), given, owner=owner)
            done = f"key {key.digit} ({key.fingerprint}) is the current one"
        case "purge":
            what = Purge[str(request.get("unused"))] if request.get("unused") in _PURGES else None
            if what is None:
                raise ValueError(f"`unused` is one of {', '.join(_PURGES)}")
            purged = bounce_keys.purge_keys(path, what, time.time(), uses)
            done = f"{_named(purged)} removed" if purged else ""
        case "clear":
            _let_clear(config)
            done = "all keys removed" if bounce_keys.clear_keys(path) else ""
        case _:
            raise ValueError("`action` is one of list, new, purge, clear")
    keys = bounce_keys.list_keys(path, uses)
    return Handled({"keys": [_described(key) for key in keys], "done": done}, done)


_PURGES: Final = tuple(each.name for each in Purge)


def _let_clear(config: GatewayConfig) -> None:
    """Refuse to leave destinations without the keys that they ask for."""
    table = destination_table(config)
    rows = ((DEFAULT, table.default), *table.rows)
    users = [name for name, row in rows if row.bounce_validation]
    if users:
        more = ", ..." if len(users) > NAMES_SHOWN_MAX else ""
        names = ", ".join(users[:NAMES_SHOWN_MAX])
        raise ValueError(f"destinations ask for tags, which need a key: {names}{more}")


def _named(keys: list[KnownKey]) -> str:
    return ", ".join(f"key {key.digit} ({key.fingerprint})" for key in keys)


def _described(key: KnownKey) -> dict[str, Any]:
    return {
        "digit": key.digit,
        "fingerprint": key.fingerprint,
        "since": key.since,
        "replaced_at": key.replaced_at,
        "used_at": key.used_at,
    }
