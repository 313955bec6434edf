"""What the kernel tells of its network: any text gives rows, or none."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.control.operations.network_state import (
    read_connections,
    read_interfaces,
    read_routes,
)
from mailwarden.control.operations.ping import is_answer

WORDS = st.sampled_from(
    ["0:", "00000000:09DD", "0A", "00:00", "zz", "0", "7" * 40, "0" * 32 + ":19", "eth0", ":", "-1"]
)
LINES = st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=8).map("\n".join)


@given(LINES | st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for row in read_connections(text, {0}, {0x09DD}):
        assert ":" in row.local
    assert all(row.bytes_in is not None for row in read_interfaces(text))
    assert all("/" in row.network for row in read_routes(text))


@given(st.binary(max_size=80), st.integers(0, 255), st.integers(0, 65535))
def test_any_packet_is_an_answer_or_not(packet: bytes, kind: int, sequence: int) -> None:
    assert not is_answer(packet, kind, sequence, b"nobody's") or b"nobody's" in packet
