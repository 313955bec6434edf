"""What is known of a component, kept on disk as a small JSON file (admin 8.1, UPD-01)."""

from collections.abc import Callable
from typing import Final

import msgspec

from mailwarden.services.updates.manifest import SIZE_MAX
from mailwarden.system.files.files import Files, write_fully
from mailwarden.system.files.whole_file import write_whole

RECORD_BYTES_MAX: Final = 64 * 1024
ERROR_LENGTH_MAX: Final = 500
_COUNT_MAX: Final = 1_000_000_000
_TIME_MAX: Final = 1e11  # seconds since the epoch


class RecordError(ValueError):
    """A record that cannot be read; the message says why."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a component. Times are in seconds since the epoch, 0 is never."""

    current: str = ""  # folder of the version in use; "" is that none was installed
    previous: str = ""  # and of the one before, for a rollback
    installs: int = 0  # makes the names of folders
    serial: int = 0  # of the newest list of updates that was seen
    refused: str = ""  # a version that the administrator went back from
    last_success: float = 0.0
    last_attempt: float = 0.0
    next_attempt: float = 0.0
    last_error: str = ""
    failures: int = 0  # in a row
    is_alerted: bool = False  # people were told of them

    def problems(self) -> list[str]:
        """Return what in it can be no result of ours."""
        times = (self.last_success, self.last_attempt, self.next_attempt)
        counts = (self.installs, self.failures)
        wrong = [f"{each!r} is no time" for each in times if not 0 <= each <= _TIME_MAX]
        wrong += [f"{each} is no count" for each in counts if not 0 <= each <= _COUNT_MAX]
        if not 0 <= self.serial <= SIZE_MAX:
            wrong.append(f"{self.serial} is no serial")
        return wrong


def version_of(folder: str) -> str:
    """Return the version in a folder: its name is `NUMBER-VERSION`; "" for ""."""
    return folder.partition("-")[2]


def parse_record(content: bytes) -> Record:
    """Return the record in `content`, whatever bytes these are.

    Raises:
        RecordError: there is none in it.
    """
    if len(content) > RECORD_BYTES_MAX:
        raise RecordError(f"is larger than {RECORD_BYTES_MAX} bytes")
    try:
        record = msgspec.json.decode(content, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"is no record of updates: {error}") from None
    wrong = record.problems()
    if wrong:
        raise RecordError(f"is no record of updates: {wrong[0]}")
    return record


def save_record(files: Files, path: str, record: Record) -> None:
    """Put the record in the place of the one before, durably.

    Raises:
        OSError: it cannot be written; the old one is still there.
    """
    files.close(write_whole(files, path, _writer(files, msgspec.json.encode(record))))


def _writer(files: Files, content: bytes) -> Callable[[int], None]:
    def write(fd: int) -> None:
        write_fully(files, fd, [content], 0)

    return write
