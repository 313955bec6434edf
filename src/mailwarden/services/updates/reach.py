"""Connections to servers of updates: straight or through a proxy, within limits of time.

Blocking, as it runs in a process of its own, which is killed when it hangs in spite of all.
"""

import asyncio
import base64
import ipaddress
import random
import socket
import ssl
from collections.abc import Sequence
from http.client import HTTPConnection
from typing import Final, NamedTuple

from mailwarden.core.hostport import HostPort
from mailwarden.services.updates.settings import Scheme, Source, UpdateProxy, UpdateSettings
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.crypto.tls import client_context
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.settings import DnsSettings

ADDRESSES_MAX: Final = 4  # of a host, that are tried
HEADER_BYTES_MAX: Final = 16 * 1024  # of a proxy's answer to CONNECT


class FetchError(Exception):
    """A file that cannot be had; the message says why."""


class Reach(NamedTuple):
    """How servers are reached."""

    settings: UpdateSettings
    dns: DnsSettings
    address: str  # that connections leave from; "" is any
    dns_address: str = ""  # that questions to name servers leave from

    def proxy(self, source: Source) -> UpdateProxy | None:
        """Return the proxy for a server; None is none."""
        is_https = source.scheme is Scheme.HTTPS
        proxy = self.settings.https_proxy if is_https else self.settings.http_proxy
        return proxy if proxy.host else None


class Connection(HTTPConnection):
    """A connection to a server."""

    def __init__(self, source: Source, reach: Reach) -> None:
        super().__init__(source.host, source.port)
        self._source = source
        self._reach = reach
        self.proxy: Final = reach.proxy(source)
        self.silence_seconds: Final = reach.settings.silence_timeout_seconds

    def connect(self) -> None:
        """Connect.

        Raises:
            FetchError: nobody answers, or not as it should.
        """
        source, settings, proxy = self._source, self._reach.settings, self.proxy
        place = proxy.place if proxy is not None else None
        link = _connect(place or HostPort(source.host, source.port, is_address=False), self._reach)
        try:
            if source.scheme is Scheme.HTTPS:
                if proxy is not None:
                    _open_tunnel(link, source, proxy)
                context = client_context(settings.ca_file, verify=True)
                context.check_hostname = True
                link = context.wrap_socket(link, server_hostname=source.host)
        except BaseException:
            link.close()
            raise
        self.sock = link


def basic(user: str, password: str) -> str:
    """Return what says who asks (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"


def authority(source: Source) -> str:
    """Return host and port of a server as a request names them."""
    host = f"[{source.host}]" if ":" in source.host else source.host
    return f"{host}:{source.port}"


def _connect(place: HostPort, reach: Reach) -> socket.socket:
    reason = "no address"
    for address in _fitting(_resolve(place.host, reach), reach.address)[:ADDRESSES_MAX]:
        try:
            return socket.create_connection(
                (address, place.port),
                reach.settings.silence_timeout_seconds,
                (reach.address, 0) if reach.address else None,
            )
        except TimeoutError:
            reason = f"[{address}] did not answer"
        except OSError as error:
            reason = f"[{address}]: {error.strerror or error}"
    raise FetchError(f"{place.host} port {place.port}: {reason}")


def _fitting(addresses: Sequence[str], source: str) -> list[str]:
    """Return those that can be reached from `source`."""
    if not source:
        return list(addresses)
    version = ipaddress.ip_address(source).version
    return [each for each in addresses if ipaddress.ip_address(each).version == version]


def _resolve(host: str, reach: Reach) -> Sequence[str]:
    try:
        return (str(ipaddress.ip_address(host)),)
    except ValueError:
        return asyncio.run(_look_up(host, reach))


async def _look_up(host: str, reach: Reach) -> Sequence[str]:
    resolver = CachingResolver(
        reach.dns,
        loop=asyncio.get_running_loop(),
        clock=SystemClock(),
        randomness=random.SystemRandom(),
        source=reach.dns_address,
    )
    try:
        return await resolver.resolve_addresses(host)
    finally:
        resolver.close()


def _open_tunnel(link: socket.socket, source: Source, proxy: UpdateProxy) -> None:
    """Ask a proxy for a connection to the server (RFC 9110, 9.3.6)."""
    login = f"Proxy-Authorization: {basic(proxy.user, proxy.password)}\r\n" if proxy.user else ""
    name = authority(source)
    link.sendall(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n{login}\r\n".encode("ascii"))
    header = bytearray()
    while not header.endswith(b"\r\n\r\n"):
        byte = link.recv(1)  # not one more: what follows is the server's
        if not byte or len(header) >= HEADER_BYTES_MAX:
            raise FetchError(f"the proxy {proxy.host} does not answer as one")
        header += byte
    words = header.split(b"\r\n", 1)[0].split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or words[1] != b"200":
        said = words[1][:10].decode("ascii", "replace") if len(words) > 1 else "nothing"
        raise FetchError(f"the proxy {proxy.host} answers {said}")


def describe(error: ssl.SSLError | OSError) -> str:
    """Return what went wrong with a connection, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
