"""Fetches policies over HTTPS (RFC 8461, 3.3).

The certificate has to be for the policy host, from an authority that is known; redirects are not
followed, nothing is cached on the way, and there are limits of time and size.
"""

import asyncio
import ssl
from typing import Final, Protocol

from mailwarden.core.policy.mta_sts import HOST_LABEL, POLICY_BYTES_MAX, POLICY_PATH
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.services.transport_security.fetcher import FetchError
from mailwarden.services.transport_security.http import HttpError, ResponseReader, build_request
from mailwarden.system.crypto.tls import client_context
from mailwarden.system.dns.resolver import NameNotFoundError, ResolutionError

TIMEOUT_SECONDS: Final = 60.0  # RFC 8461, 3.3
CONNECT_TIMEOUT_SECONDS: Final = 15.0  # for one address, handshake included
ADDRESSES_MAX: Final = 4
HTTPS_PORT: Final = 443
MEDIA_TYPE: Final = "text/plain"  # RFC 8461, 3.2

_READ_BYTES: Final = 16 * 1024


class AddressResolver(Protocol):
    """The part of a resolver that is needed here."""

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of `name`; see `Resolver`."""
        ...


def policy_context(ca_file: str = "") -> ssl.SSLContext:
    """Return the context of connections to policy hosts.

    `ca_file` is a PEM file of authorities; `""` is those of the system.

    Raises:
        CertificateError: the file cannot be used.
    """
    context = client_context(ca_file, verify=True)
    context.check_hostname = True
    context.hostname_checks_common_name = False  # RFC 8461, 3.3: only DNS-IDs count
    context.set_alpn_protocols(["http/1.1"])
    return context


class HttpsPolicyFetcher:
    """Asks `https://mta-sts.<domain>/.well-known/mta-sts.txt`."""

    def __init__(
        self,
        resolver: AddressResolver,
        context: ssl.SSLContext,
        *,
        port: int = HTTPS_PORT,
        timeout_seconds: float = TIMEOUT_SECONDS,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    ) -> None:
        """Give `context` what `policy_context` returns."""
        self._resolver: Final = resolver
        self._connect_timeout_seconds: Final = connect_timeout_seconds
        self.apply(context, port=port, timeout_seconds=timeout_seconds)

    def apply(self, context: ssl.SSLContext, *, port: int, timeout_seconds: float) -> None:
        """Go on under other settings."""
        self._context = context
        self._port = port
        self._timeout_seconds = timeout_seconds

    async def fetch(self, domain: str) -> bytes:
        """Return the policy file of `domain`, which is in lower case and A-labels.

        Raises:
            FetchError: there is none, or nobody vouches for it.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._fetch(f"{HOST_LABEL}.{domain}")
        except TimeoutError:
            raise FetchError(f"no answer within {self._timeout_seconds:g} seconds") from None

    async def _fetch(self, host: str) -> bytes:
        reader, writer = await self._connect(host)
        try:
            writer.write(build_request(host, POLICY_PATH))
            response = await _read(reader)
        except (HttpError, ssl.SSLError, OSError) as error:
            raise FetchError(f"{host}: {error}") from error
        finally:
            writer.transport.abort()  # all is there: nobody waits for the peer's farewell
        if response.content_type != MEDIA_TYPE:
            raise FetchError(f"{host}: the file is of type {response.content_type[:80]!r}")
        return bytes(response.body)

    async def _connect(self, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reason = "no address"
        for address in (await self._addresses(host))[:ADDRESSES_MAX]:
            try:
                async with asyncio.timeout(self._connect_timeout_seconds):
                    return await asyncio.open_connection(
                        address,
                        self._port,
                        ssl=self._context,
                        server_hostname=host,  # RFC 8461, 7.1: SNI
                    )
            except ssl.SSLCertVerificationError as error:
                # It makes no sense to ask the next one until somebody vouches for it.
                reason = f"{host} [{address}]: {error.verify_message}"
                raise FetchError(reason, ResultType.STS_WEBPKI_INVALID) from error
            except TimeoutError:
                reason = f"[{address}] did not answer"
            except OSError as error:  # ssl.SSLError is one
                reason = f"[{address}]: {error.strerror or error}"
        raise FetchError(f"{host}: {reason}")

    async def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            return await self._resolver.resolve_addresses(host)
        except (NameNotFoundError, ResolutionError) as error:
            raise FetchError(str(error)) from error


async def _read(reader: asyncio.StreamReader) -> ResponseReader:
    response = ResponseReader(POLICY_BYTES_MAX)
    while not response.is_complete:
        data = await reader.read(_READ_BYTES)
        if not data:
            raise HttpError("the server closed the connection within its answer")
        response.feed(data)
    return response
