"""The process of one attempt: fetches the list, then the files, and checks both.

    python -m mailwarden.services.updates.attempt

It writes nothing but its own staging folder, holds no lock, and ends when its standard input is
closed, so that nothing of it survives the gateway. It can be killed at any instant.
"""

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from mailwarden.services.updates.fetch import fetch_bytes, fetch_image
from mailwarden.services.updates.job import (
    LINE_BYTES_MAX,
    Job,
    Outcome,
    Result,
    Step,
    encode_line,
    parse_job,
)
from mailwarden.services.updates.manifest import (
    MANIFEST_BYTES_MAX,
    MANIFEST_NAME,
    SIGNATURE_SUFFIX,
    Manifest,
    Offer,
    parse_manifest,
)
from mailwarden.services.updates.reach import FetchError, Reach
from mailwarden.system.crypto.ed25519 import KEY_BYTES_MAX, SIGNATURE_BYTES_MAX, Verifier
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.net.privileges import forbid_new_privileges

MEMORY_BYTES_MAX: Final = 4 * 1024**3
CPU_SECONDS_MAX: Final = 1200
_SPARE_BYTES: Final = 1024 * 1024  # of a file's size, over what the settings say

Tell = Callable[[str], None]


def attempt(job: Job, tell: Tell, now: float) -> Result:
    """Do what the job says; `tell` is called before each step."""
    serial = 0
    try:
        reach = Reach(job.settings, job.dns, job.address, job.dns_address)
        manifest = _fetch_manifest(job, reach, tell)
        manifest.check_fresh(job.serial_min, now)
        serial = manifest.serial
        offer = _wanted(job, manifest)
        if offer is None:
            return Result(outcome=Outcome.NOTHING, serial=serial)
        _stage(job, offer, reach, tell)
    except (FetchError, ValueError, OSError) as error:
        return Result(outcome=Outcome.FAILED, serial=serial, error=str(error))
    return Result(outcome=Outcome.STAGED, version=offer.version, serial=serial)


def _fetch_manifest(job: Job, reach: Reach, tell: Tell) -> Manifest:
    server, name = job.settings.manifest_server, MANIFEST_NAME
    key = _read_key(job.settings.key_file)
    tell(f"fetching {name}{SIGNATURE_SUFFIX}")
    signature = fetch_bytes(server, name + SIGNATURE_SUFFIX, reach, SIGNATURE_BYTES_MAX)
    tell(f"fetching {name}")
    content = fetch_bytes(server, name, reach, MANIFEST_BYTES_MAX)
    try:
        key.verify(content, signature)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return parse_manifest(content)


def _read_key(path: str) -> Verifier:
    with Path(path).open("rb") as file:
        content = file.read(KEY_BYTES_MAX + 1)
    try:
        return Verifier(content)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error


def _wanted(job: Job, manifest: Manifest) -> Offer | None:
    """Return the version that is to be fetched."""
    offer = manifest.offers.get(job.component)
    if offer is None or (offer.version in (job.current, job.refused) and not job.is_forced):
        return None
    return offer


def _stage(job: Job, offer: Offer, reach: Reach, tell: Tell) -> None:
    limit = job.settings.file_size_max_bytes
    for image in offer.files:
        if image.size > limit:
            raise ValueError(f"{image.name} has {image.size} bytes, more than the limit of {limit}")
    for image in offer.files:
        tell(f"fetching {image.name}")
        fetch_image(job.settings.images, image, reach, job.staging)
    tell(f"checking version {offer.version}")
    try:
        _load_check(job.check)(Path(job.staging))
    except (ValueError, MemoryError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"version {offer.version} is of no use: {reason}") from error
    SystemFiles().sync_directory(job.staging)


def _load_check(name: str) -> Callable[[Path], None]:
    """Return the function that a component is checked with; the gateway names it, nobody else."""
    module, _, function = name.partition(":")
    found: Callable[[Path], None] = getattr(import_module(module), function)
    return found


def main() -> None:
    """Do one job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the gateway, which then closes our input
    answers = sys.stdout.buffer

    def tell(text: str) -> None:
        answers.write(encode_line(Step(text=text)))
        answers.flush()

    job = parse_job(sys.stdin.buffer.readline(LINE_BYTES_MAX + 1))
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    _limit(job.settings.file_size_max_bytes)
    answers.write(encode_line(attempt(job, tell, time.time())))
    answers.flush()
    _end(0)


def _end_with(stream: BinaryIO) -> None:
    """End the process when nobody waits for it any more."""
    while stream.read(1):
        pass
    _end(1)


def _end(status: int) -> NoReturn:
    # Not by sys.exit, which would wait for the thread that reads.
    os._exit(status)


def _limit(file_size_max_bytes: int) -> None:
    """Bound what a hostile file could cost."""
    forbid_new_privileges()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then it is an error like a full disk
    for what, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_CPU, CPU_SECONDS_MAX),
        (resource.RLIMIT_FSIZE, file_size_max_bytes + _SPARE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (bound, bound))


if __name__ == "__main__":
    main()
