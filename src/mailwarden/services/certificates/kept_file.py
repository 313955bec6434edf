"""Where the store keeps a pair, and how it is read by whoever only hands it on.

    <folder>/<name>/pair.pem           private key, certificate, intermediates; for the owner only
    <folder>/<name>/<fingerprint>.pem  the same of one that took its place, or will

What has been in use is never changed by an administrator's edit: the new pair is put beside it, and
the configuration names it by its fingerprint. So it is in force with a commit, and no longer when
one goes back. Only what an authority renews by itself takes the place of `pair.pem`.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.services.certificates.names import parse_certificate_name

PAIR: Final = "pair.pem"
PAIR_BYTES_MAX: Final = 256 * 1024
KEY_END: Final = b"-----END PRIVATE KEY-----\n"

_SAFE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class PairFile(NamedTuple):
    """What a pair's file holds; `is_meant` is False where the one that was named is not there."""

    pem: bytes
    is_meant: bool


def file_name(fingerprint: str) -> str:
    """Return the name of the file of a pair; without a fingerprint it is the first one's."""
    return f"{fingerprint}.pem" if fingerprint else PAIR


def fingerprint_of(certificates: bytes) -> str:
    """Return what a pair is called by, whose certificates in PEM these are, the key left out."""
    return sha256(certificates).hexdigest()[:32]


def read_pair(folder: Path, name: str, fingerprint: str = "") -> PairFile:
    """Return the pair `name` of the store in `folder`.

    One that has this name and another fingerprint does as well: on another node, the same name
    is that of a certificate of its own.

    Raises:
        KeyError: there is none of that name.
        OSError: it cannot be read.
    """
    try:
        parse_certificate_name(name)
    except ValueError:
        raise KeyError(name) from None
    for each in dict.fromkeys((fingerprint, "")):
        try:
            return PairFile(_read(folder / name / file_name(each)), each == fingerprint)
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise KeyError(name)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, _SAFE)
    try:
        return os.pread(descriptor, PAIR_BYTES_MAX, 0)
    finally:
        os.close(descriptor)
