"""`mailwarden queue archive`: a message of the running gateway in a file."""

import base64
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from mailwarden.control.answers.mbox import Mbox
from mailwarden.control.answers.table import human_size
from mailwarden.control.cli.failure import CommandError, ExitCode

Answers = Iterable[Mapping[str, Any]]


def write_archive(arguments: Namespace, answers: Answers, mbox: Mbox | None = None) -> int:
    """Write what comes, in base64, to the file; it is there whole or not at all.

    With `mbox` it goes through that.

    Raises:
        CommandError: there is no such message, or no such file can be written.
    """
    if str(arguments.file) == "-":
        _write(arguments, answers, sys.stdout.buffer, mbox)
        return ExitCode.DONE
    path: Path = arguments.file
    try:
        # Mail is for nobody else to read; what is there already is not ours to replace.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = _write(arguments, answers, file, mbox)
            file.flush()
            os.fsync(descriptor)
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        raise
    print(f"message {arguments.mid} is written to {path}: {human_size(size)} bytes")
    return ExitCode.DONE


def _write(arguments: Namespace, answers: Answers, file: BinaryIO, mbox: Mbox | None) -> int:
    """Return how many bytes that were."""
    for answer in answers:
        if answer.get("data"):
            data = base64.b64decode(answer["data"])
            file.write(data if mbox is None else mbox.feed(data))
        if answer.get("done"):
            if mbox is not None:
                file.write(mbox.end())
            return int(answer.get("size") or 0)
    raise CommandError(
        f"there is no message {arguments.mid} in the queue",
        "mailwarden queue list shows what is waiting; the mail log knows what is finished",
    )
