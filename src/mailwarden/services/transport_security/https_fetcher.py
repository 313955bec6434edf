"""Fetches policies over HTTPS (RFC 8461, 3.3).

The certificate has to be for the policy host, from an authority that is known; redirects are not
followed, nothing is cached on the way, and there are limits of time and size.
"""

import asyncio
import ssl
from typing import Final

from mailwarden.core.policy.mta_sts import HOST_LABEL, POLICY_BYTES_MAX, POLICY_PATH
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.services.transport_security.fetcher import FetchError
from mailwarden.services.transport_security.http import HttpError, ResponseReader, build_request
from mailwarden.services.transport_security.https_connector import (
    CONNECT_TIMEOUT_SECONDS,
    AddressResolver,
    ConnectFailedError,
    HttpsConnector,
)
from mailwarden.system.crypto.settings import SYSTEM_AUTHORITIES, AuthoritySettings
from mailwarden.system.crypto.tls import client_context

TIMEOUT_SECONDS: Final = 60.0  # RFC 8461, 3.3
HTTPS_PORT: Final = 443
MEDIA_TYPE: Final = "text/plain"  # RFC 8461, 3.2

_READ_BYTES: Final = 16 * 1024


def policy_context(
    ca_file: str = "", authorities: AuthoritySettings = SYSTEM_AUTHORITIES
) -> ssl.SSLContext:
    """Return the context of connections to policy hosts.

    `ca_file` is a PEM file of authorities; where it is `""`, those of `authorities` are known.

    Raises:
        CertificateError: the file cannot be used.
    """
    context = client_context(ca_file, verify=True, authorities=authorities)
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
        self._connector: Final = HttpsConnector(resolver, connect_timeout_seconds)
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
        try:
            reader, writer = await self._connector.connect(host, self._port, self._context)
        except ConnectFailedError as failed:
            result = ResultType.STS_POLICY_FETCH_ERROR
            if failed.is_about_certificate:
                result = ResultType.STS_WEBPKI_INVALID
            raise FetchError(str(failed), result) from failed
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


async def _read(reader: asyncio.StreamReader) -> ResponseReader:
    response = ResponseReader(POLICY_BYTES_MAX)
    while not response.is_complete:
        data = await reader.read(_READ_BYTES)
        if not data:
            raise HttpError("the server closed the connection within its answer")
        response.feed(data)
    return response
