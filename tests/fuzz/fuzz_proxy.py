"""Fuzzes PROXY headers: `python -m tests.fuzz.fuzz_proxy -max_total_time=60`."""

import ipaddress
import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.smtp"]):
    from mailwarden.core.smtp.proxy import ProxyError, ProxyHeader, ProxyReader


SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
STARTS = (b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", SIGNATURE, SIGNATURE + b"\x21\x11\0")


def read(*reads: bytes) -> tuple[ProxyHeader | None, bytes]:
    """Return the header, if there is one, and what follows it."""
    reader = ProxyReader()
    for number, data in enumerate(reads):
        try:
            header = reader.receive(data)
        except ProxyError:
            return None, b"error"
        if header is not None:
            return header, reader.rest + b"".join(reads[number + 1 :])
    return None, b"more"


def test_one_input(data: bytes) -> None:
    """Two bytes say how the header begins and where it is cut."""
    start, cut = data[:2] if len(data) >= 2 else (0, 0)
    wire = STARTS[start % len(STARTS)] + data[2:]
    header, rest = read(wire)
    assert read(wire[:cut], wire[cut:]) == (header, rest)
    if header is not None and header.client_address:
        ipaddress.ip_address(header.client_address)
        ipaddress.ip_address(header.server_address)
        assert header.client_port <= 65535 >= header.server_port


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
