"""A support bundle: what somebody needs who is to help, and no key or secret (SYS-44).

Secrets are asterisks in the configuration; should one have got into a log or the status, it is
taken out there as well.
"""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from mailwarden.control.candidate.model import MASK, Declared
from mailwarden.control.operations.log_search import files_of, log_names
from mailwarden.control.operations.versions import MODEL
from mailwarden.stores.configuration.tree import Tree, Value

LOG_BYTES_MAX: Final = 2 * 1024 * 1024  # of each log, from its end
SECRET_LENGTH_MIN: Final = 4  # a shorter one is a part of many words
MODE: Final = 0o600


class Contents(NamedTuple):
    """What goes into a bundle. `about` are lines of text, `at` is in epoch seconds."""

    about: Sequence[str]
    status: Mapping[str, Any]
    configuration: bytes  # XML, masked
    logs: Path  # their folder
    secrets: Collection[str]
    at: float


def build_bundle(contents: Contents) -> bytes:
    """Return a compressed tar archive."""
    hidden = sorted(
        {text for text in contents.secrets if len(text) >= SECRET_LENGTH_MIN}, key=len, reverse=True
    )
    archive = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", mtime=int(contents.at)) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as bundle,
    ):
        for name, content in _files(contents):
            clean = _without(content, hidden)
            entry = tarfile.TarInfo(f"support/{name}")
            entry.size, entry.mtime, entry.mode = len(clean), int(contents.at), MODE
            bundle.addfile(entry, io.BytesIO(clean))
    return archive.getvalue()


def secrets_in(tree: Tree) -> frozenset[str]:
    """Return the values of all secret settings of a configuration."""
    return frozenset(_secrets(tree, MODEL.root))


def _secrets(value: Value, declared: Declared | None) -> Iterator[str]:
    if declared is None:
        return
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _secrets(each, declared.inner(name))
    elif isinstance(value, list):
        for each in value:
            yield from _secrets(each, declared.inner(""))
    elif declared.is_secret and value not in ("", None):
        yield str(value)


def _files(contents: Contents) -> Iterator[tuple[str, bytes]]:
    yield "about.txt", "".join(f"{line}\n" for line in contents.about).encode()
    yield "status.json", json.dumps(contents.status, indent=2, default=str).encode()
    yield "configuration.xml", contents.configuration
    try:
        logs = log_names(contents.logs)
    except OSError as error:
        yield "log/unreadable.txt", f"{error}\n".encode()
        return
    for name in logs.values():
        yield f"log/{name}", _end_of(files_of(contents.logs, name))


def _end_of(files: Sequence[Path]) -> bytes:
    """Return the last bytes of a log, of older files of it where the current one is short."""
    found = b""
    for path in reversed(files):
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                wanted = LOG_BYTES_MAX - len(found)
                file.seek(max(0, size - wanted))
                found = file.read(wanted) + found
        except OSError as error:
            found = f"{path.name} cannot be read: {error.strerror}\n".encode() + found
        if len(found) >= LOG_BYTES_MAX:
            break
    return found[-LOG_BYTES_MAX:]


def _without(content: bytes, hidden: Sequence[str]) -> bytes:
    for text in hidden:
        content = content.replace(text.encode("utf-8", "surrogateescape"), MASK.encode())
    return content
