"""The keys with which the gateway proves over SSH who it is.

One file for each type that there is; a type without a file is simply not offered, which is nothing
to be told of (CLI-06).
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncssh

from mailwarden.core.access.ssh_key import PublicKey

_RSA_BITS: Final = 3072
_MODE: Final = 0o600
_TYPES: Final = {  # name in the file's name: algorithms that such a key is for
    "ed25519": ("ssh-ed25519",),
    "ecdsa": ("ecdsa-sha2-nistp256",),
    "rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


class HostKeyError(Exception):
    """A host key cannot be read or made; the message says which, and what to do."""


def load_host_keys(folder: Path, algorithms: Sequence[str]) -> list[asyncssh.SSHKeyPair]:
    """Return the keys for `algorithms`, in their order; make them where there are none at all.

    A key that is there and broken is not made anew: clients would take the gateway for another.

    Raises:
        HostKeyError: a key cannot be read or written.
    """
    types = [kind for kind, own in _TYPES.items() if set(own) & set(algorithms)]
    found = [kind for kind in types if _path(folder, kind).exists()]
    if not found:
        _make_folder(folder)
        for kind in types:
            _write(_path(folder, kind), _make(kind))
        found = types
    pairs = [_load(_path(folder, kind), algorithms) for kind in found]
    return sorted(pairs, key=lambda pair: algorithms.index(_first(pair)))


def fingerprints(pairs: Sequence[asyncssh.SSHKeyPair]) -> list[str]:
    """Return a line for each key, as `ssh` shows it when it sees a gateway for the first time."""
    kinds = [pair.algorithm.decode("ascii") for pair in pairs]
    keys = [PublicKey(kind, pair.public_data, 0) for kind, pair in zip(kinds, pairs, strict=True)]
    return [f"{key.type} {key.fingerprint}" for key in keys]


def _path(folder: Path, kind: str) -> Path:
    return folder / f"ssh_host_{kind}_key"


def _first(pair: asyncssh.SSHKeyPair) -> str:
    return pair.host_key_algorithms[0].decode("ascii")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HostKeyError(f"{folder} cannot be made: {error.strerror}") from error


def _make(kind: str) -> asyncssh.SSHKey:
    match kind:
        case "ed25519":
            return asyncssh.generate_private_key("ssh-ed25519")
        case "ecdsa":
            return asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        case _:
            return asyncssh.generate_private_key("ssh-rsa", key_size=_RSA_BITS)


def _write(path: Path, key: asyncssh.SSHKey) -> None:
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.export_private_key("openssh"))
            file.flush()
            os.fsync(descriptor)
        draft.rename(path)
    except OSError as error:
        raise HostKeyError(f"{path} cannot be written: {error.strerror}") from error


def _load(path: Path, algorithms: Sequence[str]) -> asyncssh.SSHKeyPair:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise HostKeyError(f"{path} may be read by others; chmod 600 it, or take another key")
        key = asyncssh.read_private_key(path)
    except OSError as error:
        raise HostKeyError(f"{path} cannot be read: {error.strerror}") from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise HostKeyError(f"{path} holds no usable private key: {error}") from error
    (pair,) = asyncssh.load_keypairs([key])
    wanted = {each.encode("ascii") for each in algorithms}
    # Keys of RSA come with SHA-1 as well, which is not wanted.
    pair.host_key_algorithms = sorted(
        (each for each in pair.host_key_algorithms if each in wanted),
        key=lambda each: algorithms.index(each.decode("ascii")),
    )
    if not pair.host_key_algorithms:
        raise HostKeyError(f"{path} holds a key of another type than its name says")
    return pair
