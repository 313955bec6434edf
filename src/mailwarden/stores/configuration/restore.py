"""Starts a store anew from the last copy that is whole, when its database is damaged."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailwarden.stores.configuration.copies import Copies
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.stores.configuration.limits import StoreLimits
from mailwarden.stores.configuration.record import Author, Draft
from mailwarden.stores.configuration.store import (
    COPIES,
    DATABASE,
    Committed,
    ConfigurationStore,
)
from mailwarden.system.clock.clock import Clock
from mailwarden.system.files.files import Files, SystemFiles

_BESIDE: Final = ("", "-wal", "-shm")  # what SQLite has of a database


def restore(
    folder: Path,
    author: Author,
    clock: Clock,
    limits: StoreLimits | None = None,
    files: Files | None = None,
) -> Committed:
    """Put the damaged database aside and make a new one of the last good copy.

    Nothing else may have the store open. The new version has the next number, and says which one
    it is again. The damaged files get the time behind their names, for whoever wants to look.

    Raises:
        StoreError: there is no copy, or it cannot be done; the copies are still there.
    """
    files, limits = files or SystemFiles(), limits or StoreLimits()
    copies = Copies(folder / COPIES, files, limits.copies_kept)
    copy = copies.last_good()
    if copy is None:
        raise StoreError(f"there is no copy of any version in {folder / COPIES}")
    try:
        _put_aside(folder, files, clock.time())
    except OSError as error:
        raise StoreError(f"{folder / DATABASE} cannot be put aside: {error.strerror}") from error
    version = copy.configuration.version
    draft = Draft(
        tree=copy.configuration.tree,
        author=author,
        comment=f"Restored version {version.number}",
        schema=version.schema,
        restores=version.number,
    )
    store = ConfigurationStore(folder, clock, limits, files, is_restored=True)
    try:
        return store.commit(0, draft)
    finally:
        store.close()


def _put_aside(folder: Path, files: Files, now: float) -> None:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    for end in _BESIDE:  # the database first: without it, SQLite throws a log away
        path = str(folder / f"{DATABASE}{end}")
        with suppress(FileNotFoundError):
            files.rename(path, f"{path}.damaged-{stamp}")
    files.sync_directory(str(folder))
