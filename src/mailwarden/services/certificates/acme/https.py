"""One request and one answer over HTTPS (RFC 9110), bounded in size; the caller bounds the time."""

import asyncio
import io
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

from mailwarden.core.problem import PermanentFailureError, TemporaryFailureError
from mailwarden.services.certificates.acme.errors import AcmeError
from mailwarden.services.certificates.names import shown
from mailwarden.system.crypto.settings import SYSTEM_AUTHORITIES, AuthoritySettings
from mailwarden.system.crypto.tls import client_context
from mailwarden.system.dns.names import parse_address

ANSWER_BYTES_MAX: Final = 512 * 1024
ADDRESSES_MAX: Final = 4
CONNECT_SECONDS: Final = 15.0
REQUEST_SECONDS: Final = 60.0
HTTPS_PORT: Final = 443

_PIECE_BYTES: Final = 16 * 1024


class AddressResolver(Protocol):
    """The part of a resolver that is needed here."""

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of `name`; see `Resolver`."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers. Names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def authority_context(authorities: AuthoritySettings = SYSTEM_AUTHORITIES) -> ssl.SSLContext:
    """Return how ACME servers are verified: against `authorities`, with their names.

    Raises:
        CertificateError: one of these cannot be used.
    """
    context = client_context("", verify=True, authorities=authorities)
    context.check_hostname = True
    return context


class HttpsClient:
    """Asks servers whose certificates `context` verifies, with their names."""

    def __init__(self, resolver: AddressResolver, context: ssl.SSLContext) -> None:
        self._resolver: Final = resolver
        self._context: Final = context

    async def ask(self, method: str, url: str, body: bytes = b"") -> Answer:
        """Return the answer to a request; redirects are not followed.

        Raises:
            AcmeError: there is none within a minute, or it is malformed or too long.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                reader, writer = await self._connect(host, port)
                try:
                    writer.write(_request(method, parts.netloc, url, body))
                    received = await _receive(reader)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            raise AcmeError(f"{host} did not answer within {REQUEST_SECONDS:g} seconds") from None
        except OSError as error:
            raise AcmeError(f"{host}: {shown(error.strerror or str(error))}") from error
        try:
            return parse_answer(received, method)
        except ValueError as error:
            raise AcmeError(f"{host}: {error}") from error

    async def _connect(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reason = "no address"
        for address in (await self._addresses(host))[:ADDRESSES_MAX]:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(
                        address, port, ssl=self._context, server_hostname=host
                    )
            except ssl.SSLCertVerificationError as error:
                raise AcmeError(f"{host} [{address}]: {error.verify_message}") from error
            except TimeoutError:
                reason = f"[{address}] did not answer"
            except OSError as error:
                reason = f"[{address}]: {error.strerror or error}"
        raise AcmeError(f"{host}: {reason}")

    async def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            return (parse_address(host).text,)
        except ValueError:
            pass  # a name
        try:
            return await self._resolver.resolve_addresses(host)
        except (TemporaryFailureError, PermanentFailureError) as error:
            raise AcmeError(str(error)) from error


def _request(method: str, netloc: str, url: str, body: bytes) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {netloc}",
        "User-Agent: mailwarden",  # RFC 8555, 6.1
        "Accept-Language: en",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if method == "POST":
        lines += ["Content-Type: application/jose+json", f"Content-Length: {len(body)}"]
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


async def _receive(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    while piece := await reader.read(_PIECE_BYTES):
        received += piece
        if len(received) > ANSWER_BYTES_MAX:
            raise AcmeError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return bytes(received)


class _Received:
    """Stands for a socket of which everything has come."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def parse_answer(received: bytes, method: str) -> Answer:
    """Return the answer that is in all bytes of a connection.

    Raises:
        ValueError: it is malformed, or cut off.
    """
    response = HTTPResponse(cast("ssl.SSLSocket", _Received(received)), method=method)
    try:
        response.begin()
        if response.length is None and not response.chunked:  # whoever cuts it off goes unseen
            raise ValueError("the answer does not say how long it is")
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body)
    except (HTTPException, OSError, ValueError) as error:
        if isinstance(error, ValueError) and "how long" in str(error):
            raise
        raise ValueError("the answer is not HTTP, or cut off") from error
