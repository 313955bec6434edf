"""The sending conversation under any bytes, however they are cut."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Envelope, Recipient
from mailwarden.core.smtp.client import ClientConversation, PeerError, Phase, Refusal, Signal
from mailwarden.core.smtp.client_content import end_with_dot

ENVELOPE = Envelope(
    mid=1,
    icid=1,
    sender="a@b",
    recipients=(Recipient("c@d"), Recipient("e@f")),
    received_at=0.0,
)
LINES = [
    b"220 x ESMTP\r\n",
    b"250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
    b"250-x\r\n250 STARTTLS\r\n",
    b"250 ok\r\n",
    b"354 go\r\n",
    b"421 bye\r\n",
    b"451 later\r\n",
    b"550-no\r\n550 never\r\n",
    b"502 what\r\n",
    b"\x00\xff\r\n",
    b"25",
    b"250-x\r\n",
]


class Driver:
    """Does what the signals say, and notes everything that happens."""

    def __init__(self) -> None:
        self.client = ClientConversation("h", wants_tls=True)
        self.events: list[object] = []
        self.is_over = False

    def feed(self, data: bytes) -> None:
        if self.is_over:
            return
        try:
            signal = self.client.receive(data)
        except PeerError:
            self.events.append("peer error")
            self.is_over = True
            return
        if signal is Signal.WAIT:
            return
        self.events.append(signal)
        self.act(signal)

    def act(self, signal: Signal) -> None:
        client = self.client
        if signal is Signal.SEND:
            self.events.append(b"".join(client.take_output()))
        elif signal is Signal.HANDSHAKE:
            self.events.append(b"".join(client.tls_established()))
        elif signal is Signal.CONTENT:
            self.events.append(b"".join(client.transaction.content()))
        elif signal in (Signal.READY, Signal.DONE) and client.is_reusable:
            if signal is Signal.DONE:
                answers = [client.transaction.answer_to(index) for index in (0, 1)]
                assert all(reply is not None for _, reply in answers)
                self.events.append(answers)
            sent = client.begin(ENVELOPE, (0, 1), b"", InlineContent(b".x\r\n"))
            assert not isinstance(sent, Refusal)
            self.events.append(b"".join(sent))
        else:
            self.is_over = True


def run(*pieces: bytes) -> list[object]:
    driver = Driver()
    for piece in pieces:
        driver.feed(piece)
    return driver.events


@given(st.lists(st.sampled_from(LINES), max_size=25))
def test_cutting_replies_never_matters(lines: list[bytes]) -> None:
    """Each reply comes when its command has been sent, as one piece or byte by byte."""
    whole = run(*lines)
    by_bytes = run(*(bytes([byte]) for line in lines for byte in line))
    assert whole == by_bytes


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20))
def test_any_bytes_give_signals_or_a_peer_error(data: bytes, cuts: list[int]) -> None:
    driver = Driver()
    for cut in cuts:
        driver.feed(data[:cut])
        data = data[cut:]
    driver.feed(data)
    assert driver.client.phase in Phase


@given(st.lists(st.sampled_from([*LINES, b"250 ok\r\n" * 3]), max_size=30))
def test_a_transaction_always_ends_with_an_answer_for_each(lines: list[bytes]) -> None:
    run(*lines)


def unstuff(sent: bytes) -> bytes:
    """Read DATA as a server does (RFC 5321, 4.5.2)."""
    assert sent.endswith(b".\r\n")
    content = sent.removesuffix(b".\r\n")
    assert not content.startswith(b".\r\n")
    assert b"\r\n.\r\n" not in content
    lines = content.split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


@given(st.lists(st.text(alphabet=".\r\na", max_size=8).map(str.encode), max_size=12))
def test_dots_survive_however_the_content_is_cut(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    sent = b"".join(end_with_dot(pieces, dotted=True))
    expected = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert unstuff(sent) == expected
    assert sent == b"".join(end_with_dot([content], dotted=True))
