"""What is known of feature switches, kept on disk as a small JSON file.

It holds what administrators entered, what counts of the key files, and what people were told, so
that a restart repeats nothing. It is no part of the configuration (KEY-07).
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final

import msgspec

from mailwarden.services.features.expiry import NEVER
from mailwarden.services.features.key import Key, State, check_name, make_key, parse_day
from mailwarden.system.files.files import SystemFiles, write_fully
from mailwarden.system.files.whole_file import write_whole

RECORD_BYTES_MAX: Final = 1024 * 1024
_TIME_MAX: Final = 1e11


class RecordError(ValueError):
    """A record that cannot be read; the message says why."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator entered."""

    state: State
    by: str
    at: float  # in seconds since the epoch
    expires: dt.date | None = None
    note: str = ""

    def key(self, feature: str) -> Key:
        """Return the switch that it is."""
        return Key(feature, self.state, self.expires, self.note)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a switch was when it was looked at last."""

    is_active: bool
    source: str  # a key file, "" for an administrator or the default
    by: str
    since: float
    expires: dt.date | None = None
    stage: int = NEVER  # of its end, that people were told of


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept."""

    entered: Mapping[str, Entry] = {}
    seen: Mapping[str, Seen] = {}
    faults: Mapping[str, str] = {}  # of key files, that people were told of
    applied: Mapping[str, Key] = {}  # what counts of key files, by their names
    waiting: tuple[str, ...] = ()  # key files to be taken over, that people were told of
    checks: bool = True  # whether key files are looked at once a minute
    applies: bool = True  # whether what was found counts at once


def parse_record(content: bytes) -> Record:
    """Return the record in `content`, whatever bytes these are.

    Raises:
        RecordError: there is none in it.
    """
    if len(content) > RECORD_BYTES_MAX:
        raise RecordError(f"is larger than {RECORD_BYTES_MAX} bytes")
    try:
        record = msgspec.json.decode(content, type=Record)
        for feature, entry in record.entered.items():
            make_key(feature, entry.state, _checked(entry.expires), entry.note)
        for key in record.applied.values():
            check_name(key.feature)
            make_key(key.feature, key.state, _checked(key.expires), key.note)
        for seen in record.seen.values():
            _checked(seen.expires)
        times = [each.at for each in record.entered.values()]
        times += [each.since for each in record.seen.values()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise RecordError(f"is no record of features: {error}") from None
    if not all(0 <= each <= _TIME_MAX for each in times):
        raise RecordError("is no record of features: a time makes no sense")
    return record


def _checked(day: dt.date | None) -> dt.date | None:
    return parse_day(None if day is None else day.isoformat())


def save_record(path: str, record: Record) -> None:
    """Put the record in the place of the one before, durably.

    Raises:
        OSError: it cannot be written; the old one is still there.
    """
    files, content = SystemFiles(), msgspec.json.encode(record)

    def write(fd: int) -> None:
        write_fully(files, fd, [content], 0)

    files.close(write_whole(files, path, write))
