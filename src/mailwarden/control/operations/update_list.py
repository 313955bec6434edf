"""Writes the signed list of updates that a server offers."""

import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from mailwarden.control.operations.private_file import replace
from mailwarden.services.updates.manifest import (
    MANIFEST_NAME,
    SIGNATURE_SUFFIX,
    ImageFile,
    Manifest,
    Offer,
    build_manifest,
    parse_manifest,
)
from mailwarden.system.crypto.ed25519 import SignatureError, sign

_MODE = 0o644  # a web server has to read it


def sign_list(
    folder: Path, versions: Sequence[str], key: Path, *, now: float, days: int | None
) -> Manifest:
    """Write list and signature for `versions`, folders `COMPONENT/VERSION` in `folder`.

    The serial is the time, which rises by itself. A gateway that sees the list between the two
    writes finds that the signature does not fit, and comes back.

    Raises:
        ValueError: a folder or the key cannot be used.
        OSError: a file cannot be read or written.
    """
    today = dt.datetime.fromtimestamp(now, dt.UTC).date()
    expires = today + dt.timedelta(days=days) if days is not None else None
    offers: dict[str, Offer] = {}
    for each in versions:
        component, stroke, version = each.rstrip("/").partition("/")
        if not stroke or component in offers:
            raise ValueError(f"{each!r}: name each component once, as COMPONENT/VERSION")
        offers[component] = Offer(version, _files(folder, component, version))
    content = build_manifest(Manifest(int(now), offers, expires))
    manifest = parse_manifest(content)  # what a gateway would not take is said here
    try:
        signature = sign(key.read_bytes(), content)
    except SignatureError as error:
        raise ValueError(f"{key} {error}") from error
    for name, data in ((MANIFEST_NAME, content), (MANIFEST_NAME + SIGNATURE_SUFFIX, signature)):
        replace(folder / name, data, mode_new=_MODE, mode_kept=_MODE)
    return manifest


def _files(folder: Path, component: str, version: str) -> tuple[ImageFile, ...]:
    place = folder / component / version
    return tuple(
        _describe(path, f"{component}/{version}/{path.name}")
        for path in sorted(place.iterdir())
        if path.is_file() and not path.name.startswith(".")
    )


def _describe(path: Path, relative: str) -> ImageFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
    return ImageFile(path.name, relative, size, digest)
