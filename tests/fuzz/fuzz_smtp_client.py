"""Fuzzes the sending conversation: `python -m tests.fuzz.fuzz_smtp_client -max_total_time=60`."""

import sys

import atheris

with atheris.instrument_imports(include=["mailwarden.core.smtp"]):
    from mailwarden.core.mail.content import InlineContent
    from mailwarden.core.mail.envelope import Envelope, Recipient
    from mailwarden.core.smtp.client import ClientConversation, PeerError, Signal

OFFERS = (b"PIPELINING", b"CHUNKING", b"8BITMIME", b"SIZE 1000", b"STARTTLS", b"LIMITS RCPTMAX=1")
ENVELOPE = Envelope(
    mid=1, icid=1, sender="a@b", recipients=(Recipient("c@d"), Recipient("e@f")), received_at=0.0
)


def begin(client: ClientConversation) -> None:
    """Send another message."""
    client.begin(ENVELOPE, (0, 1), b"H: 1\r\n", InlineContent(b".x\r\n"))


def act(client: ClientConversation, signal: Signal) -> bool:
    """Do what the signal says; return whether the connection goes on."""
    match signal:
        case Signal.SEND:
            client.take_output()
        case Signal.HANDSHAKE:
            client.tls_established()
        case Signal.CONTENT:
            list(client.transaction.content())
        case Signal.READY | Signal.DONE if client.is_reusable:
            begin(client)
        case Signal.WAIT:
            pass
        case _:
            return False
    return True


def test_one_input(data: bytes) -> None:
    """The first byte chooses the offers, the second how the rest is cut."""
    bits, size = (data[0], data[1] or 1) if len(data) > 1 else (0, 1)
    client = ClientConversation("h", wants_tls=True)
    offers = [offer for index, offer in enumerate(OFFERS) if bits >> index & 1]
    lines = [b"x", *offers]
    answer = b"".join(b"250-%b\r\n" % line for line in lines) + b"250 HELP\r\n"
    pieces = [b"220 x\r\n", answer]
    pieces += [data[start : start + size] for start in range(2, len(data), size)]
    try:
        for piece in pieces:
            if not act(client, client.receive(piece)):
                return
    except PeerError:
        return


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
