"""What the gateway and the process of one attempt say to each other: lines of JSON.

The job goes in by standard input, as it holds passwords. What comes back is believed no more than
what the process has read from the network: it names nothing but a version.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar

import msgspec

from mailwarden.services.updates.manifest import SIZE_MAX, VERSION
from mailwarden.services.updates.settings import UpdateSettings
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.log.escape import escape

LINE_BYTES_MAX: Final = 64 * 1024
TEXT_LENGTH_MAX: Final = 300


class JobError(ValueError):
    """A line that makes no sense."""


class Outcome(Enum):
    """What came of an attempt."""

    STAGED = "staged"  # a version was fetched and checked, and lies in the staging folder
    NOTHING = "nothing"  # there is nothing newer
    FAILED = "failed"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt has to do."""

    component: str
    check: str  # `module:function` that raises ValueError for a folder with files of no use
    staging: str  # folder for the files
    current: str  # version in use; "" is none
    refused: str  # version that is not wanted; "" is none
    serial_min: int  # of the list of updates
    is_forced: bool  # fetch the version that is offered even if it is in use, or was refused
    settings: UpdateSettings
    dns: DnsSettings
    address: str  # that connections leave from; "" is any
    dns_address: str = ""  # that questions to name servers leave from


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """What the attempt is about to do; the clock for a file begins anew."""

    text: str


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """How it ended."""

    outcome: Outcome
    version: str = ""
    serial: int = 0  # of the list of updates, when one was read
    error: str = ""


def parse_job(line: bytes) -> Job:
    """Return the job in a line.

    Raises:
        JobError: there is none in it.
    """
    return _decode(_JOBS, line)


def parse_report(line: bytes) -> Step | Result:
    """Return what an attempt says in a line, fit to be shown.

    Raises:
        JobError: it makes no sense.
    """
    report = _decode(_REPORTS, line)
    if isinstance(report, Step):
        return Step(text=shorten(report.text))
    is_staged = report.outcome is Outcome.STAGED
    is_version = bool(VERSION.match(report.version))
    if is_version is not is_staged or not 0 <= report.serial <= SIZE_MAX:
        raise JobError("the attempt says what makes no sense")
    return msgspec.structs.replace(report, error=shorten(report.error))


def encode_line(message: Job | Step | Result) -> bytes:
    """Return a message as a line."""
    return msgspec.json.encode(message, enc_hook=_plain) + b"\n"


def _plain(value: object) -> object:
    """Return what stands for a value that JSON does not know: settings hold sealed tables."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"nothing in a job is a {type(value).__name__}")


def shorten(text: str) -> str:
    """Return `text` fit for one line that people read."""
    shown = escape(text[: TEXT_LENGTH_MAX + 1])
    return shown if len(shown) <= TEXT_LENGTH_MAX else f"{shown[:TEXT_LENGTH_MAX]}..."


_Message = TypeVar("_Message")
_JOBS: Final = msgspec.json.Decoder(Job)
_REPORTS: Final[msgspec.json.Decoder[Step | Result]] = msgspec.json.Decoder(Step | Result)


def _decode(decoder: msgspec.json.Decoder[_Message], line: bytes) -> _Message:
    if len(line) > LINE_BYTES_MAX:
        raise JobError(f"a line is longer than {LINE_BYTES_MAX} bytes")
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JobError(f"a line makes no sense: {error}") from None
