"""PROXY protocol headers, versions 1 and 2."""

import ipaddress
import struct

import pytest

from mailwarden.core.smtp.limits import PROXY_V1_BYTES_MAX, PROXY_V2_BYTES_MAX
from mailwarden.core.smtp.proxy import ProxyError, ProxyHeader, ProxyReader

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = ProxyHeader("192.0.2.25", 50000, "203.0.113.5", 25)
V6 = ProxyHeader("2001:db8::25", 50000, "2001:db8::5", 25)


def v2(family: int, body: bytes, command: int = 0x21) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def body(header: ProxyHeader) -> bytes:
    client, server = map(ipaddress.ip_address, (header.client_address, header.server_address))
    return (
        client.packed + server.packed + struct.pack("!HH", header.client_port, header.server_port)
    )


HEADERS = [
    (b"PROXY TCP4 192.0.2.25 203.0.113.5 50000 25\r\n", V4),
    (b"PROXY TCP6 2001:db8::25 2001:DB8:0::5 50000 25\r\n", V6),
    (b"PROXY UNKNOWN\r\n", ProxyHeader()),
    (b"PROXY UNKNOWN whatever 1 2 3 4\r\n", ProxyHeader()),
    (
        b"PROXY TCP4 192.0.2.25 203.0.113.5 0 65535\r\n",
        V4._replace(client_port=0, server_port=65535),
    ),
    (v2(0x11, body(V4)), V4),
    (v2(0x21, body(V6)), V6),
    (v2(0x11, body(V4) + b"\x01\x00\x04smtp"), V4),
    (v2(0x11, b"", command=0x20), ProxyHeader()),
    (v2(0x00, b"", command=0x20), ProxyHeader()),
    (v2(0x00, b"whatever"), ProxyHeader()),
    (v2(0x31, b"\0" * 216), ProxyHeader()),
    (v2(0x32, b"\0" * 216), ProxyHeader()),
    (v2(0x00, b"x" * 4096), ProxyHeader()),
]  # fmt: skip
BAD = [
    b"EHLO x\r\n", b"\r\n\r\n\0\r\nQUIX", b"PROXY\r\n", b"proxy TCP4 ", b"PROXY TCP4 \r\n",
    b"PROXY TCP5 192.0.2.25 203.0.113.5 1 2\r\n", b"PROXY TCP4 2001:db8::1 203.0.113.5 1 2\r\n",
    b"PROXY TCP6 192.0.2.25 203.0.113.5 1 2\r\n", b"PROXY TCP4 192.0.2.25 203.0.113.5 1 65536\r\n",
    b"PROXY TCP4 192.0.2.25 203.0.113.5 01 2\r\n", b"PROXY TCP4 192.0.2.25 203.0.113.5 +1 2\r\n",
    b"PROXY TCP4 192.0.2.25  203.0.113.5 1 2\r\n", b"PROXY TCP4 192.0.2.25 203.0.113.5 1\r\n",
    b"PROXY TCP4 192.0.2.25 203.0.113.5 1 2 3\r\n", b"PROXY TCP4 a\xff b 1 2\r\n",
    b"PROXY TCP4 192.0.2.25 203.0.113.5 1 2\n" + b"x" * 100, b"PROXY " + b"x" * 200,
    v2(0x11, body(V4)[:-1]), v2(0x21, body(V4)), v2(0x12, body(V4)), v2(0x22, body(V6)),
    v2(0x41, b""), v2(0x11, body(V4), command=0x22), v2(0x11, body(V4), command=0x31),
    v2(0x11, body(V4), command=0x11), SIGNATURE + b"\x21\x11\xff\xff",
]  # fmt: skip


@pytest.mark.parametrize(("data", "header"), HEADERS)
def test_headers(data: bytes, header: ProxyHeader) -> None:
    for cut in range(len(data)):
        reader = ProxyReader()
        assert reader.receive(data[:cut]) is None
        assert reader.receive(data[cut:] + b"EHLO x\r\n") == header
        assert reader.rest == b"EHLO x\r\n"


def receive_bytes(data: bytes) -> None:
    reader = ProxyReader()
    for byte in data:
        reader.receive(bytes([byte]))


@pytest.mark.parametrize("data", BAD)
def test_anything_else_is_an_error(data: bytes) -> None:
    with pytest.raises(ProxyError):
        ProxyReader().receive(data)
    with pytest.raises(ProxyError):
        receive_bytes(data)


def test_limits() -> None:
    longest = b"PROXY UNKNOWN ".ljust(PROXY_V1_BYTES_MAX - 2, b"x") + b"\r\n"
    assert ProxyReader().receive(longest) == ProxyHeader()
    with pytest.raises(ProxyError, match="too long"):
        ProxyReader().receive(longest[:-2] + b"x\r\n")
    with pytest.raises(ProxyError, match="too long"):
        ProxyReader().receive(v2(0x00, b"x" * (PROXY_V2_BYTES_MAX - 15)))
