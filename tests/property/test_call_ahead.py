"""Whatever a server says to the questions of call-ahead gives an answer or a named error."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.smtp.client_probe import ProbeConversation, ProbePhase, ProbeSignal
from mailwarden.core.smtp.client_replies import PeerError

LINES = st.lists(
    st.sampled_from(
        [b"220 x", b"250 x", b"250-x", b"550 x", b"451 x", b"421 x", b"354 x", b"502 x"]
    ),
    max_size=12,
)


def signals(data: bytes) -> list[str]:
    """Return what a server that says `data` a byte at a time leads to."""
    probe = ProbeConversation("x", "")
    found: list[str] = []
    for byte in data:
        try:
            signal = probe.receive(bytes([byte]))
        except PeerError:
            return [*found, "error"]
        if signal is not ProbeSignal.WAIT:
            found.append(signal.value)
        if signal in (ProbeSignal.READY, ProbeSignal.ANSWERED):
            probe.ask("bob@corp.example")
        if probe.phase is ProbePhase.OVER:
            return found
    return found


@given(st.binary(max_size=300))
def test_any_bytes_are_taken(data: bytes) -> None:
    assert len(signals(data)) <= len(data) + 1


@given(LINES)
def test_an_answer_comes_only_to_a_question(lines: list[bytes]) -> None:
    found = signals(b"".join(line + b"\r\n" for line in lines))
    if "answered" in found:
        assert "ready" in found[: found.index("answered")]
    assert found.count("refused") <= 1
    assert "refused" not in found[:-1]
