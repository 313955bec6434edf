"""Keeps the keys of bounce verification: `core/policy/bounce_keys.py` says what is in the file."""

import os
import pwd
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.control.operations.private_file import Owner, locked, replace
from mailwarden.core.mail.bounce_tag import Purge, TagKey, TagKeys
from mailwarden.core.policy.bounce_keys import build_keys, fingerprint, parse_secret
from mailwarden.services.bounce_tags import load_keys

SECRET_BYTES: Final = 24

Uses = Mapping[str, float]  # epoch seconds of the last use, by fingerprint


class KnownKey(NamedTuple):
    """A key as it is shown. Times are epoch seconds."""

    digit: int
    since: float
    replaced_at: float | None
    used_at: float | None  # None is never, as far as anybody wrote it down
    fingerprint: str
    secret: str


def new_key(
    path: Path, now: float, given: str | None = None, *, owner: Owner | None = None
) -> KnownKey:
    """Make a key the current one, and return it: the one that is given, or a new one.

    Begins a file that is missing, for `owner` alone.

    Raises:
        ValueError: the key cannot be one, or the file is none of keys.
        OSError: the file cannot be read or written.
    """
    secret = parse_secret(secrets.token_urlsafe(SECRET_BYTES) if given is None else given)
    with locked(path):
        keys = load_keys(path).rotate(secret, now)
        replace(path, build_keys(keys).encode("ascii"), new_owner=owner)
    return _known(keys.keys[0], {})


def list_keys(path: Path, uses: Uses) -> list[KnownKey]:
    """Return all keys, the current one first. Raises as `new_key`."""
    return [_known(key, uses) for key in load_keys(path).keys]


def purge_keys(path: Path, what: Purge, now: float, uses: Uses) -> list[KnownKey]:
    """Remove the keys that were not used for so long; return them. Raises as `new_key`."""
    with locked(path):
        keys = load_keys(path).keys
        known = [
            TagKey(
                key.secret,
                key.digit,
                max(key.used_at, uses.get(fingerprint(key), 0.0)),
                key.retired_at,
            )
            for key in keys
        ]
        kept = {key.secret for key in TagKeys(tuple(known)).purge(what, now).keys}
        if len(kept) < len(keys):
            left = TagKeys(tuple(key for key in keys if key.secret in kept))
            replace(path, build_keys(left).encode("ascii"))
    return [_known(key, uses) for key in keys if key.secret not in kept]


def clear_keys(path: Path) -> int:
    """Remove all keys, the current one included; return how many. Raises as `new_key`."""
    with locked(path):
        number = len(load_keys(path).keys)
        if number:
            replace(path, build_keys(TagKeys()).encode("ascii"))
    return number


def owner_of(user: str) -> Owner | None:
    """Return who has to be able to read the keys, where that is not who makes them.

    Raises:
        ValueError: this machine does not know `user`.
    """
    if not user or os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"`user` names {user!r}, which this machine does not know") from None
    return entry.pw_uid, entry.pw_gid


def _known(key: TagKey, uses: Uses) -> KnownKey:
    return KnownKey(
        key.digit,
        key.used_at,
        key.retired_at,
        uses.get(fingerprint(key)),
        fingerprint(key),
        key.secret.decode("ascii"),
    )
