"""Connections over HTTPS: to one address of a host after the other, with a checked certificate."""

import asyncio
import ssl
from typing import Final, Protocol

from mailwarden.system.dns.names import parse_address
from mailwarden.system.dns.resolver import NameNotFoundError, ResolutionError

CONNECT_TIMEOUT_SECONDS: Final = 15.0  # for one address, handshake included
ADDRESSES_MAX: Final = 4


class AddressResolver(Protocol):
    """The part of a resolver that is needed here."""

    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of `name`; see `Resolver`."""
        ...


class ConnectFailedError(Exception):
    """No connection came about; the message says why, without line ends."""

    def __init__(self, reason: str, *, is_about_certificate: bool = False) -> None:
        super().__init__(reason)
        self.is_about_certificate: Final = is_about_certificate


class HttpsConnector:
    """Opens connections."""

    def __init__(
        self,
        resolver: AddressResolver,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
    ) -> None:
        self._resolver: Final = resolver
        self._connect_timeout_seconds: Final = connect_timeout_seconds

    async def connect(
        self, host: str, port: int, context: ssl.SSLContext
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection to `host`, a name or an address.

        Raises:
            ConnectFailedError: there is none.
        """
        reason = "no address"
        for address in (await self._addresses(host))[:ADDRESSES_MAX]:
            try:
                async with asyncio.timeout(self._connect_timeout_seconds):
                    return await asyncio.open_connection(
                        address,
                        port,
                        ssl=context,
                        server_hostname=host,  # RFC 8461, 7.1: SNI
                    )
            except ssl.SSLCertVerificationError as error:
                # It makes no sense to ask the next one until somebody vouches for it.
                reason = f"{host} [{address}]: {error.verify_message}"
                raise ConnectFailedError(reason, is_about_certificate=True) from error
            except TimeoutError:
                reason = f"[{address}] did not answer"
            except OSError as error:  # ssl.SSLError is one
                reason = f"[{address}]: {error.strerror or error}"
        raise ConnectFailedError(f"{host}: {reason}")

    async def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            return (parse_address(host).text,)
        except ValueError:
            pass  # a name
        try:
            return await self._resolver.resolve_addresses(host)
        except (NameNotFoundError, ResolutionError) as error:
            raise ConnectFailedError(str(error)) from error
