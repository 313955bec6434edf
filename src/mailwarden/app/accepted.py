"""A configuration that was accepted, as the supervisor hands it to the workers.

It holds the texts it was read from: those of its own file and of all files of tables, and the
keys of the certificates that the gateway keeps and it uses. So every worker, one that is restarted
included, works by what was accepted, whatever has become of the files.
"""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.tables import TableFileError

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


@dataclass(frozen=True, slots=True)
class Accepted:
    """A configuration, its text, and those of its tables by the names that stand for them.

    `number` is of its version in the store; 0 is that it is not kept. `pairs` are keys with their
    certificates, in PEM, by the name of the certificate.
    """

    config: GatewayConfig
    text: str
    tables: Mapping[str, str]
    number: int = 0
    pairs: Mapping[str, str] = field(default_factory=dict, repr=False)

    def to_memory(self) -> int:
        """Return a file in memory that holds all texts and cannot be changed; for `from_memory`."""
        return texts_to_memory(self.text, self.tables, self.pairs)


class HandedOver(NamedTuple):
    """What is in such a file: of the configuration, of its tables, and pairs."""

    text: str
    tables: dict[str, str]
    pairs: dict[str, str]


def texts_to_memory(text: str, tables: Mapping[str, str], pairs: Mapping[str, str]) -> int:
    """Return a file in memory that holds all texts and cannot be changed; for `from_memory`."""
    content = msgspec.json.encode((text, dict(tables), dict(pairs)))
    file = os.memfd_create("configuration", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(file)
        raise
    return file


def from_memory(file: int) -> HandedOver:
    """Return what `texts_to_memory` has put into `file`, which is closed."""
    try:
        content = os.pread(file, os.fstat(file).st_size, 0)
    finally:
        os.close(file)
    return msgspec.json.decode(content, type=HandedOver)


class HandedTexts:
    """Gives tables the texts that were handed over, instead of files."""

    def __init__(self) -> None:
        self.texts: Mapping[str, str] = {}

    def read(self, path: str) -> str:
        """Return the text of the file `path` as it was when it was accepted.

        Raises:
            TableFileError: it is not among them.
        """
        text = self.texts.get(path)
        if text is None:
            raise TableFileError(0, "was not handed over")
        return text
