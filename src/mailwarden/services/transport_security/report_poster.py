"""Posts TLS reports to where their readers want them (RFC 8460, 3 and 5.4).

RFC 8460 would allow to take any certificate. It is checked all the same: who writes a record must
not be able to point us at a server that is none of his, such as one inside.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

from mailwarden.core.policy.tls_report_build import GZIP_TYPE
from mailwarden.core.problem import TemporaryFailureError
from mailwarden.services.transport_security.http import HttpError, StatusReader, build_post
from mailwarden.services.transport_security.https_connector import (
    AddressResolver,
    ConnectFailedError,
    HttpsConnector,
)

TIMEOUT_SECONDS: Final = 60.0
HTTPS_PORT: Final = 443
_READ_BYTES: Final = 16 * 1024


class PostError(TemporaryFailureError):
    """A report was not taken; the message says why."""


class ReportPoster(Protocol):
    """Posts reports."""

    async def post(self, uri: str, packed: bytes) -> None:
        """Post a compressed report to `uri`, within a limit of time.

        Raises:
            PostError: it was not taken.
        """
        ...


class FakePoster:
    """Keeps what is posted; an error in `errors` is raised for its URI."""

    def __init__(self, errors: Mapping[str, PostError] | None = None) -> None:
        self.errors = dict(errors or {})
        self.posted: list[tuple[str, bytes]] = []

    async def post(self, uri: str, packed: bytes) -> None:
        """Keep a report."""
        if uri in self.errors:
            raise self.errors[uri]
        self.posted.append((uri, packed))


class HttpsPoster:
    """Posts over HTTPS."""

    def __init__(
        self,
        resolver: AddressResolver,
        context: ssl.SSLContext,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Give `context` what `policy_context` returns."""
        self._connector: Final = HttpsConnector(resolver)
        self._timeout_seconds: Final = timeout_seconds
        self.context = context

    async def post(self, uri: str, packed: bytes) -> None:
        """Post a compressed report to `uri`.

        Raises:
            PostError: it was not taken.
        """
        try:
            parts = urlsplit(uri)
            port = parts.port or HTTPS_PORT
        except ValueError as error:
            raise PostError(f"{uri} is no address") from error
        if not parts.hostname:
            raise PostError(f"{uri} names no host")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status = await self._exchange(parts, parts.hostname, port, packed)
        except TimeoutError:
            raise PostError(f"no answer within {self._timeout_seconds:g} seconds") from None
        if not 200 <= status < 300:  # RFC 8460, 5.4; redirects are not followed
            raise PostError(f"the server answers {status}")

    async def _exchange(self, parts: SplitResult, host: str, port: int, packed: bytes) -> int:
        try:
            reader, writer = await self._connector.connect(host, port, self.context)
        except ConnectFailedError as failed:
            raise PostError(str(failed)) from failed
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            writer.write(build_post(parts.netloc, path, GZIP_TYPE, packed))
            answer = StatusReader()
            while data := await reader.read(_READ_BYTES):
                status = answer.feed(data)
                if status:
                    return status
        except (HttpError, OSError) as error:  # ssl.SSLError is one
            raise PostError(f"{host}: {error}") from error
        finally:
            writer.transport.abort()  # nobody waits for the peer's farewell
        raise PostError(f"{host}: the server closed the connection within its answer")
