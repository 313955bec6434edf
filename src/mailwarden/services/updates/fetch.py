"""Fetches files from a server or a local folder: bounded in size and time. Blocking."""

import hashlib
import os
import signal
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from types import FrameType
from typing import Final

from mailwarden.core.problem import PermanentFailureError, TemporaryFailureError
from mailwarden.services.updates.manifest import ImageFile
from mailwarden.services.updates.reach import (
    Connection,
    FetchError,
    Reach,
    authority,
    basic,
    describe,
)
from mailwarden.services.updates.settings import Scheme, Source, UpdateServer, parse_source
from mailwarden.system.crypto.tls import CertificateError

_PIECE_BYTES: Final = 64 * 1024
_FILE_MODE: Final = 0o644  # whoever runs as another user uses what is installed; it is no secret


class FileTimeoutError(Exception):
    """A file took too long."""


def fetch_bytes(server: UpdateServer, path: str, reach: Reach, size_max: int) -> bytes:
    """Return a small file.

    Raises:
        FetchError: it cannot be had, or is larger than `size_max`.
    """
    content = bytearray()
    with _pieces(server, path, reach) as pieces:
        for piece in pieces:
            content += piece
            if len(content) > size_max:
                raise FetchError(f"{path} is larger than {size_max} bytes")
    return bytes(content)


def fetch_image(server: UpdateServer, image: ImageFile, reach: Reach, folder: str) -> None:
    """Put a file into `folder`, synced. Its size and hash are what the list of updates says.

    Raises:
        FetchError: it cannot be had, or is another one.
        OSError: it cannot be written.
    """
    digest = hashlib.sha256()
    size = 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with (
        open(os.open(os.path.join(folder, image.name), flags, _FILE_MODE), "wb") as file,
        _pieces(server, image.path, reach) as pieces,
    ):
        for piece in pieces:
            size += len(piece)
            if size > image.size:
                raise FetchError(f"{image.path} is larger than the list of updates says")
            digest.update(piece)
            file.write(piece)
        if size != image.size:
            raise FetchError(f"{image.path} has {size} bytes in place of {image.size}")
        if digest.hexdigest() != image.sha256:
            raise FetchError(f"{image.path} has another hash than the list of updates says")
        os.fchmod(file.fileno(), _FILE_MODE)  # whatever the umask
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _pieces(server: UpdateServer, path: str, reach: Reach) -> Iterator[Iterator[bytes]]:
    """Give a file in pieces, within the time that a file has."""
    source = parse_source(server.url)
    try:
        with _time_limit(reach.settings.file_timeout_seconds):
            if source.scheme is Scheme.FILE:
                with closing(_read_local(source.path + path)) as pieces:
                    yield pieces
            else:
                with closing(Connection(source, reach)) as connection:
                    yield _read_remote(connection, server, source, path)
    except FileTimeoutError:
        raise FetchError(
            f"{path} took longer than {reach.settings.file_timeout_seconds:g} seconds"
        ) from None


def _read_local(path: str) -> Generator[bytes, None, None]:
    try:
        # Not blocking: a pipe in a file's place must not hold us up.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise FetchError(f"{path}: {error.strerror}") from error
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise FetchError(f"{path} is not a file")
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _read_remote(
    connection: Connection, server: UpdateServer, source: Source, path: str
) -> Iterator[bytes]:
    shown = f"{source.shown}{path}"
    try:
        target, headers = _request(connection, server, source, path)
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        if response.status != 200:  # redirects are not followed: they could lead anywhere
            raise FetchError(f"{shown}: the server answers {response.status}")
        while piece := response.read1(_PIECE_BYTES):
            yield piece
    except HTTPException as error:
        raise FetchError(f"{shown}: the answer is not HTTP ({type(error).__name__})") from error
    except CertificateError as error:
        raise FetchError(f"ca_file: {error}") from error
    except (TemporaryFailureError, PermanentFailureError) as error:  # of DNS
        raise FetchError(str(error)) from error
    except OSError as error:
        silence = isinstance(error, TimeoutError)
        limit = f" for {connection.silence_seconds:g} seconds" if silence else ""
        raise FetchError(f"{shown}: {describe(error)}{limit}") from error


def _request(
    connection: Connection, server: UpdateServer, source: Source, path: str
) -> tuple[str, dict[str, str]]:
    """Return the target of a request (RFC 9112, 3.2), and its header fields."""
    headers = {
        "User-Agent": "mailwarden",
        "Accept-Encoding": "identity",
        "Cache-Control": "no-cache",  # a proxy's old copy of the list would look like an attack
        "Connection": "close",
    }
    if server.user:
        headers["Authorization"] = basic(server.user, server.password)
    proxy = connection.proxy
    if proxy is None or source.scheme is Scheme.HTTPS:
        return source.path + path, headers
    if proxy.user:
        headers["Proxy-Authorization"] = basic(proxy.user, proxy.password)
    return f"http://{authority(source)}{source.path}{path}", headers


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise FileTimeoutError in the main thread when `seconds` are over, whatever it waits for."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise FileTimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
