"""Any bytes are a PROXY header, the begin of one, or a named error."""

import contextlib
import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.smtp.limits import PROXY_V2_BYTES_MAX
from mailwarden.core.smtp.proxy import ProxyError, ProxyHeader, ProxyReader

V2 = b"\r\n\r\n\0\r\nQUIT\n"
PIECES = [
    b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"192.0.2.1 ", b"2001:db8::1 ", b"25 ", b"25",
    b"\r\n",
    b" ", V2 + b"\x21\x11\0\x0c", V2 + b"\x21\x21\0\x24", V2 + b"\x20\0\0\0", V2, b"\x21", b"\x11",
    b"\0" * 12, b"\0" * 36, b"\0\x0c", b"EHLO x\r\n",
]  # fmt: skip
headers = st.one_of(
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=3)), max_size=9).map(b"".join),
    st.sampled_from([b"PROXY ", V2]).flatmap(lambda start: st.binary().map(start.__add__)),
)


def read(*reads: bytes) -> tuple[ProxyHeader | None, bytes | str]:
    """Return the header with what follows it, or None with the name of the error, if any."""
    reader = ProxyReader()
    for number, data in enumerate(reads):
        try:
            header = reader.receive(data)
        except ProxyError:
            return None, "error"
        if header is not None:
            return header, reader.rest + b"".join(reads[number + 1 :])
    return None, "more"


@given(headers, st.lists(st.integers(0, 1000), max_size=4))
def test_cuts_never_matter(data: bytes, at: list[int]) -> None:
    ends = sorted({len(data) * thousandth // 1000 for thousandth in at})
    pieces = [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]
    whole = read(data)
    assert read(*pieces) == whole
    header = whole[0]
    if header is not None and header.client_address:
        ipaddress.ip_address(header.client_address)
        ipaddress.ip_address(header.server_address)
        assert 0 <= header.client_port <= 65535
        assert 0 <= header.server_port <= 65535


@given(headers)
def test_never_waits_for_more_than_the_limit(data: bytes) -> None:
    with contextlib.suppress(ProxyError):
        reader = ProxyReader()
        if reader.receive(data) is None:
            filler = b"x" * PROXY_V2_BYTES_MAX
            assert reader.receive(filler) is not None
