"""The header of the PROXY protocol, versions 1 and 2 (HAProxy, proxy-protocol.txt)."""

import ipaddress
import re
from typing import Final, NamedTuple

from mailwarden.core.smtp.limits import PROXY_V1_BYTES_MAX, PROXY_V2_BYTES_MAX

_V1: Final = b"PROXY "
_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED_BYTES: Final = 16  # of version 2, in front of addresses and TLVs
_PORT: Final = re.compile(r"(?:0|[1-9][0-9]{0,4})\Z")


class ProxyError(ValueError):
    """What came is not a PROXY header that we take: the connection is to be closed."""


class ProxyHeader(NamedTuple):
    """Who the real client is; both addresses are "" when the proxy speaks for itself or unsure."""

    client_address: str = ""
    client_port: int = 0
    server_address: str = ""
    server_port: int = 0


class ProxyReader:
    """Reads the header off the front of a connection."""

    __slots__ = ("_buffer", "rest")

    def __init__(self) -> None:
        self._buffer = b""
        self.rest = b""  # what came behind the header: the client's own bytes

    def receive(self, data: bytes) -> ProxyHeader | None:
        """Return the header, or None while more bytes are needed. No call after the header.

        Raises:
            ProxyError: there is none; the message says why.
        """
        self._buffer += data
        buffer = self._buffer
        if buffer.startswith(_V2[: len(buffer)]):
            return self._receive_v2(buffer)
        if buffer.startswith(_V1[: len(buffer)]):
            return self._receive_v1(buffer)
        raise ProxyError("no PROXY header")

    def _receive_v1(self, buffer: bytes) -> ProxyHeader | None:
        end = buffer.find(b"\r\n", 0, PROXY_V1_BYTES_MAX)
        if end < 0:
            if len(buffer) >= PROXY_V1_BYTES_MAX:
                raise ProxyError("version 1 header too long")
            return None
        self._keep_rest(buffer, end + 2)
        return _parse_v1(buffer[len(_V1) : end])

    def _receive_v2(self, buffer: bytes) -> ProxyHeader | None:
        if len(buffer) < _FIXED_BYTES:
            return None
        end = _FIXED_BYTES + int.from_bytes(buffer[14:16])
        if end > PROXY_V2_BYTES_MAX:
            raise ProxyError("version 2 header too long")
        if buffer[12] not in (0x20, 0x21):
            raise ProxyError(f"unknown version or command {buffer[12]:#04x}")
        if len(buffer) < end:
            return None
        self._keep_rest(buffer, end)
        if buffer[12] == 0x20:  # LOCAL: a health check of the proxy
            return ProxyHeader()
        return _parse_v2(buffer[13], buffer[_FIXED_BYTES:end])

    def _keep_rest(self, buffer: bytes, end: int) -> None:
        self.rest = buffer[end:]
        self._buffer = b""


def _parse_v1(line: bytes) -> ProxyHeader:
    try:
        words = line.decode("ascii").split(" ")
        if words[0] == "UNKNOWN":  # whatever follows is to be passed over
            return ProxyHeader()
        protocol, client, server, client_port, server_port = words
        family = {"TCP4": ipaddress.IPv4Address, "TCP6": ipaddress.IPv6Address}[protocol]
        return ProxyHeader(
            str(family(client)), _parse_port(client_port), str(family(server)),
            _parse_port(server_port),
        )  # fmt: skip
    except (ValueError, KeyError) as error:
        raise ProxyError(f"version 1 header malformed: {line!r}") from error


def _parse_port(text: str) -> int:
    if not _PORT.match(text) or int(text) > 65535:
        raise ValueError(text)
    return int(text)


def _parse_v2(family: int, body: bytes) -> ProxyHeader:
    """Return the addresses at the front of `body`; TLVs behind them are passed over."""
    if family in (0x00, 0x31, 0x32):  # UNSPEC, or a UNIX socket, which has no address to judge
        return ProxyHeader()
    size = {0x11: 4, 0x21: 16}.get(family)  # TCP over IPv4, over IPv6
    if size is None:
        raise ProxyError(f"unknown family or transport {family:#04x}")
    if len(body) < 2 * size + 4:
        raise ProxyError("version 2 header too short for its addresses")
    address = ipaddress.IPv4Address if size == 4 else ipaddress.IPv6Address
    ports = 2 * size
    return ProxyHeader(
        str(address(body[:size])),
        int.from_bytes(body[ports : ports + 2]),
        str(address(body[size:ports])),
        int.from_bytes(body[ports + 2 : ports + 4]),
    )
