"""Versions of a component on disk, and which one is in use.

    <component>/record.json     what is known of it
    <component>/current         link to the version in use: `000012-2010.11.9`
    <component>/000012-2010.11.9/scores.txt ...
    <component>/staging-XXXX/   what an attempt fetches

Whoever uses a component opens files below `current/`. The link is replaced by a rename, so that
there is the old version or the new one, at any instant and after a crash; what is in use was synced
before. The link is the truth: a record that a crash left behind is put right by it.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mailwarden.services.updates.record import Record, RecordError, parse_record, save_record
from mailwarden.system.files.files import SystemFiles, try_unlink

CURRENT: Final = "current"
RECORD: Final = "record.json"
STAGING_PREFIX: Final = "staging-"
NUMBER_DIGITS_MAX: Final = 9
_FOLDER_MODE: Final = 0o755  # workers of another user read what is installed; it is no secret


class Loaded(NamedTuple):
    """What was found at the start."""

    record: Record
    fault: str = ""  # why a new record was begun


class ComponentStore:
    """The folder of one component. Calls wait for the disk: use a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self._files: Final = SystemFiles()

    def load(self) -> Loaded:
        """Return what is known, and tidy up what a crash has left.

        Raises:
            OSError: the folder cannot be used.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(_FOLDER_MODE)  # whatever the umask
        fault = ""
        try:
            record = parse_record((self.folder / RECORD).read_bytes())
        except FileNotFoundError:
            record = Record()
        except RecordError as error:
            record, fault = Record(), f"{self.folder / RECORD} {error}; a new one was begun"
        record = self._put_right(record)
        self.tidy(record)
        return Loaded(record, fault)

    def save(self, record: Record) -> None:
        """Keep the record.

        Raises:
            OSError: it cannot be written.
        """
        save_record(self._files, str(self.folder / RECORD), record)

    def make_staging(self) -> Path:
        """Return a new folder for an attempt to fetch into."""
        made = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=self.folder))
        made.chmod(_FOLDER_MODE)
        return made

    def drop_staging(self, staging: Path) -> None:
        """Remove what an attempt has fetched."""
        shutil.rmtree(staging, ignore_errors=True)

    def install(self, staging: Path, version: str, record: Record) -> Record:
        """Put what was staged, all of it synced, into use; return the record that says so.

        Raises:
            OSError: it cannot be done; the old version is in use.
        """
        number = record.installs + 1
        name = f"{number:06d}-{version}"
        staging.rename(self.folder / name)
        self._files.sync_directory(str(self.folder))
        self._point_to(name)
        return msgspec.structs.replace(
            record, current=name, previous=record.current, installs=number
        )

    def go_back(self, record: Record) -> Record:
        """Use the previous version again; return the record that says so.

        Raises:
            ValueError: there is none.
            OSError: it cannot be done.
        """
        if not record.previous or not (self.folder / record.previous).is_dir():
            raise ValueError("there is no previous version to go back to")
        self._point_to(record.previous)
        return msgspec.structs.replace(record, current=record.previous, previous="")

    def take_out(self, record: Record) -> Record:
        """Use no version at all, as before the first one.

        Raises:
            OSError: it cannot be done.
        """
        if try_unlink(self._files, str(self.folder / CURRENT)):
            self._files.sync_directory(str(self.folder))
        return msgspec.structs.replace(record, current="", previous="")

    def tidy(self, record: Record) -> None:
        """Remove all but the current and the previous version."""
        for entry in os.scandir(self.folder):
            is_version = entry.name[:1].isdigit() and entry.name not in (
                record.current,
                record.previous,
            )
            if is_version or entry.name.startswith(STAGING_PREFIX):
                shutil.rmtree(entry.path, ignore_errors=True)

    def _put_right(self, record: Record) -> Record:
        """Return the record as it ought to be by what is in use."""
        current = ""
        with suppress(OSError):
            current = (self.folder / CURRENT).readlink().name
        if current == record.current:
            return record
        digits = current.partition("-")[0]
        number = int(digits) if digits.isdecimal() and len(digits) <= NUMBER_DIGITS_MAX else 0
        # A crash came behind the link and before the record: a new version, or a way back.
        previous = record.current if number > record.installs else ""
        return msgspec.structs.replace(
            record, current=current, previous=previous, installs=max(number, record.installs)
        )

    def _point_to(self, name: str) -> None:
        draft = self.folder / f"{CURRENT}.new"
        try_unlink(self._files, str(draft))
        draft.symlink_to(name)
        draft.rename(self.folder / CURRENT)
        self._files.sync_directory(str(self.folder))
