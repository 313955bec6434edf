"""Dialogues: what the server says, what we send, how it ends."""

import pytest

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import Body, Envelope, Recipient
from mailwarden.core.smtp.client import (
    ClientConversation,
    PeerError,
    Phase,
    Refusal,
    Signal,
)
from mailwarden.core.smtp.client_transaction import SINGLE_WRITE_BYTES_MAX, Step

FULL = "PIPELINING", "CHUNKING", "8BITMIME", "SIZE 1000000", "SMTPUTF8", "DSN"


def envelope(*recipients: str, **fields: object) -> Envelope:
    known = {"mid": 1, "icid": 1, "sender": "a@b", "received_at": 0.0}
    made = tuple(map(Recipient, recipients or ("c@d",)))
    return Envelope(**{**known, "recipients": made, **fields})


def greet(*offers: str, wants_tls: bool = False) -> ClientConversation:
    client = ClientConversation("gw1.corp.example", wants_tls=wants_tls)
    assert client.receive(b"220 x ESMTP\r\n") is Signal.SEND
    assert client.take_output() == [b"EHLO gw1.corp.example\r\n"]
    assert client.receive(ehlo(*offers)) is not Signal.REFUSED
    return client


def ehlo(*offers: str) -> bytes:
    lines = ["x", *offers]
    return "".join(f"250{' ' if line is lines[-1] else '-'}{line}\r\n" for line in lines).encode()


def begin(client: ClientConversation, content: bytes = b"hi\r\n", **fields: object) -> bytes:
    recipients = fields.pop("recipients", ("c@d",))
    made = envelope(*recipients, **fields)
    sent = client.begin(made, tuple(range(len(recipients))), b"H: 1\r\n", InlineContent(content))
    assert not isinstance(sent, Refusal)
    return b"".join(sent)


def outcome(client: ClientConversation) -> list[tuple[Step, int]]:
    transaction = client.transaction
    answers = [transaction.answer_to(index) for index in range(len(transaction.rids))]
    return [(step, reply.code if reply else 0) for step, reply in answers]


def test_ehlo_finds_the_capabilities() -> None:
    client = greet(*FULL)
    assert client.phase is Phase.READY
    assert client.offers.chunking
    assert client.offers.size_max == 1000000


def test_old_server_is_greeted_with_helo() -> None:
    client = ClientConversation("gw1.corp.example", wants_tls=True)
    client.receive(b"220 x\r\n")
    client.take_output()
    assert client.receive(b"502 what\r\n") is Signal.SEND
    assert client.take_output() == [b"HELO gw1.corp.example\r\n"]
    assert client.receive(b"250 x\r\n") is Signal.READY
    assert not client.offers.pipelining


@pytest.mark.parametrize("greeting", [b"421 busy\r\n", b"554-no\r\n554 really\r\n", b"250 x\r\n"])
def test_refused_at_the_greeting(greeting: bytes) -> None:
    client = ClientConversation("h", wants_tls=False)
    assert client.receive(greeting) is Signal.REFUSED
    assert client.phase is Phase.GREETING
    assert client.refusal.code == int(greeting[:3])


def test_refused_at_ehlo_for_now() -> None:
    client = ClientConversation("h", wants_tls=False)
    client.receive(b"220 x\r\n")
    assert client.receive(b"451 later\r\n") is Signal.REFUSED


def test_refused_at_helo() -> None:
    client = ClientConversation("h", wants_tls=False)
    client.receive(b"220 x\r\n")
    client.receive(b"500 what\r\n")
    assert client.receive(b"550 never\r\n") is Signal.REFUSED


# TLS


def test_starttls() -> None:
    client = greet("STARTTLS", wants_tls=True)
    assert client.take_output() == [b"STARTTLS\r\n"]
    assert client.receive(b"220 go\r\n") is Signal.HANDSHAKE
    assert client.tls_established() == [b"EHLO gw1.corp.example\r\n"]
    assert client.offers == ClientConversation("h", wants_tls=False).offers
    assert client.receive(ehlo("STARTTLS", "PIPELINING")) is Signal.READY
    assert client.is_encrypted
    assert client.offers.pipelining


def test_starttls_is_not_used_when_not_wanted_or_not_offered() -> None:
    assert greet("STARTTLS").phase is Phase.READY
    assert greet("PIPELINING", wants_tls=True).phase is Phase.READY


def test_starttls_refused() -> None:
    client = greet("STARTTLS", wants_tls=True)
    assert client.receive(b"454 not now\r\n") is Signal.REFUSED
    assert client.phase is Phase.STARTTLS


@pytest.mark.parametrize("behind", [b"250-x\r\n250 PIPELINING\r\n", b"2", b"\r\n"])
def test_nothing_may_follow_starttls_in_clear(behind: bytes) -> None:
    client = greet("STARTTLS", wants_tls=True)
    with pytest.raises(PeerError):
        client.receive(b"220 go\r\n" + behind)


def test_nothing_may_come_during_the_handshake() -> None:
    client = greet("STARTTLS", wants_tls=True)
    client.receive(b"220 go\r\n")
    with pytest.raises(PeerError):
        client.receive(b"250 x\r\n")


# Small content: one write


def test_all_in_one_write() -> None:
    client = greet(*FULL)
    assert begin(client, recipients=("c@d", "e@f")) == (
        b"MAIL FROM:<a@b> SIZE=10\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n"
        b"BDAT 10 LAST\r\nH: 1\r\nhi\r\n"
    )
    assert client.receive(b"250 1\r\n250 2\r\n") is Signal.WAIT
    assert client.receive(b"250 3\r\n250 queued\r\n") is Signal.DONE
    assert client.transaction.is_delivered
    assert client.transaction.final.text == "queued"
    assert client.is_reusable


def test_one_of_two_refused() -> None:
    client = greet(*FULL)
    begin(client, recipients=("c@d", "e@f"))
    assert client.receive(b"250 1\r\n550 2\r\n250 3\r\n250 4\r\n") is Signal.DONE
    assert outcome(client) == [(Step.RCPT, 550), (Step.FINAL, 250)]
    assert not client.transaction.is_delivered
    assert b"RSET" not in begin(client)


def test_all_refused_swallows_the_chunk_and_resets_before_the_next() -> None:
    client = greet(*FULL)
    begin(client)
    assert client.receive(b"250 1\r\n550 2\r\n554 no recipients\r\n") is Signal.DONE
    assert outcome(client) == [(Step.RCPT, 550)]
    assert client.is_reusable
    assert begin(client).startswith(b"RSET\r\nMAIL FROM:")
    assert client.receive(b"250 reset\r\n250 1\r\n250 2\r\n250 3\r\n") is Signal.DONE
    assert client.transaction.is_delivered


def test_content_refused_after_bdat_resets() -> None:
    client = greet(*FULL)
    begin(client)
    assert client.receive(b"250 1\r\n250 2\r\n451 3\r\n") is Signal.DONE
    assert outcome(client) == [(Step.FINAL, 451)]
    assert begin(client).startswith(b"RSET\r\n")


def test_sender_refused_needs_no_reset() -> None:
    client = greet(*FULL)
    begin(client, recipients=("c@d", "e@f"))
    assert client.receive(b"451 1\r\n503 2\r\n503 3\r\n503 4\r\n") is Signal.DONE
    assert outcome(client) == [(Step.MAIL, 451)] * 2
    assert begin(client).startswith(b"MAIL")


@pytest.mark.parametrize(
    "before", [b"", b"250 1\r\n", b"250 1\r\n250 2\r\n", b"421 0\r\n421 1\r\n"]
)
def test_421_answers_all_that_is_open(before: bytes) -> None:
    client = greet(*FULL)
    begin(client)
    assert client.receive(before + b"421 closing\r\n") is Signal.DONE
    assert [code for _, code in outcome(client)] == [421]
    assert not client.is_reusable


def test_surplus_replies_end_the_connection_but_not_the_transaction() -> None:
    client = greet(*FULL)
    begin(client)
    assert client.receive(b"250 1\r\n250 2\r\n250 3\r\n421 too many messages\r\n") is Signal.DONE
    assert client.transaction.is_delivered
    assert not client.is_reusable


def test_half_a_surplus_reply_ends_the_connection() -> None:
    client = greet(*FULL)
    begin(client)
    assert client.receive(b"250 1\r\n250 2\r\n250 3\r\n25") is Signal.DONE
    assert not client.is_reusable


# Large content, DATA, no pipelining


def test_large_content_waits_for_the_recipients() -> None:
    client = greet(*FULL)
    large = b"x" * SINGLE_WRITE_BYTES_MAX
    sent = begin(client, large, body=Body.SEVENBIT)
    assert sent == b"MAIL FROM:<a@b> SIZE=%d\r\nRCPT TO:<c@d>\r\n" % (len(large) + 6)
    assert client.receive(b"250 1\r\n250 2\r\n") is Signal.CONTENT
    pieces = list(client.transaction.content())
    assert pieces == [b"BDAT %d LAST\r\n" % (len(large) + 6), b"H: 1\r\n", large]
    assert client.transaction.is_only_final_missing
    assert client.receive(b"250 3\r\n") is Signal.DONE


def test_large_content_is_not_sent_for_nobody() -> None:
    client = greet(*FULL)
    begin(client, b"x" * SINGLE_WRITE_BYTES_MAX)
    assert client.receive(b"250 1\r\n550 2\r\n") is Signal.DONE
    assert begin(client).startswith(b"RSET\r\n")


def test_refused_within_the_content() -> None:
    client = greet(*FULL)
    begin(client, b"x" * SINGLE_WRITE_BYTES_MAX)
    client.receive(b"250 1\r\n250 2\r\n")
    next(client.transaction.content())
    assert client.receive(b"552 too much\r\n") is Signal.DONE
    assert outcome(client) == [(Step.FINAL, 552)]
    assert not client.is_reusable


def test_accepted_before_it_was_sent() -> None:
    client = greet(*FULL)
    begin(client, b"x" * SINGLE_WRITE_BYTES_MAX)
    client.receive(b"250 1\r\n250 2\r\n")
    next(client.transaction.content())
    with pytest.raises(PeerError):
        client.receive(b"250 ok\r\n")


def test_data_goes_with_the_recipients() -> None:
    client = greet("PIPELINING")
    assert begin(client) == b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
    assert client.receive(b"250 1\r\n250 2\r\n354 go\r\n") is Signal.CONTENT
    assert b"".join(client.transaction.content()) == b"H: 1\r\nhi\r\n.\r\n"
    assert client.receive(b"250 3\r\n") is Signal.DONE
    assert client.transaction.is_delivered


def test_data_for_nobody_gets_only_the_dot() -> None:
    client = greet("PIPELINING")
    begin(client)
    assert client.receive(b"250 1\r\n550 2\r\n354 go\r\n") is Signal.SEND
    assert client.take_output() == [b".\r\n"]
    assert client.receive(b"554 nobody\r\n") is Signal.DONE
    assert outcome(client) == [(Step.RCPT, 550)]


def test_data_refused() -> None:
    client = greet("PIPELINING")
    begin(client)
    assert client.receive(b"250 1\r\n250 2\r\n451 3\r\n") is Signal.DONE
    assert outcome(client) == [(Step.DATA, 451)]


@pytest.mark.parametrize(("offers", "last"), [((), b"DATA\r\n"), (("CHUNKING",), None)])
def test_one_command_at_a_time(offers: tuple[str, ...], last: bytes | None) -> None:
    client = greet(*offers)
    assert begin(client, recipients=("c@d", "e@f")) == b"MAIL FROM:<a@b>\r\n"
    assert client.receive(b"250 1\r\n") is Signal.SEND
    assert client.take_output() == [b"RCPT TO:<c@d>\r\n"]
    assert client.receive(b"450 2\r\n") is Signal.SEND
    assert client.take_output() == [b"RCPT TO:<e@f>\r\n"]
    if last is not None:
        assert client.receive(b"250 3\r\n") is Signal.SEND
        assert client.take_output() == [last]
        assert client.receive(b"354 go\r\n") is Signal.CONTENT
    else:
        assert client.receive(b"250 3\r\n") is Signal.CONTENT
    sent = b"".join(client.transaction.content())
    assert sent in (b"H: 1\r\nhi\r\n.\r\n", b"BDAT 10 LAST\r\nH: 1\r\nhi\r\n")
    assert client.receive(b"250 4\r\n") is Signal.DONE
    assert outcome(client) == [(Step.RCPT, 450), (Step.FINAL, 250)]


def test_one_at_a_time_stops_when_the_sender_is_refused() -> None:
    client = greet()
    begin(client)
    assert client.receive(b"550 1\r\n") is Signal.DONE
    assert outcome(client) == [(Step.MAIL, 550)]


def test_reset_is_a_command_of_its_own_without_pipelining() -> None:
    client = greet()
    begin(client)
    client.receive(b"250 1\r\n")
    assert client.receive(b"550 2\r\n") is Signal.DONE
    assert begin(client) == b"RSET\r\n"
    assert client.receive(b"250 reset\r\n") is Signal.SEND
    assert client.take_output() == [b"MAIL FROM:<a@b>\r\n"]


@pytest.mark.parametrize(
    ("offers", "replies"),
    [
        (FULL, b"354 1\r\n"),
        (FULL, b"250 1\r\n354 2\r\n"),
        (FULL, b"250 1\r\n250 2\r\n354 3\r\n"),
        (("PIPELINING",), b"250 1\r\n250 2\r\n250 3\r\n"),
        ((), b"250 1\r\n250 2\r\n"),  # before RCPT was sent
    ],
)
def test_replies_that_make_no_sense(offers: tuple[str, ...], replies: bytes) -> None:
    client = greet(*offers)
    begin(client)
    with pytest.raises(PeerError):
        client.receive(replies)


def test_reset_refused_makes_no_sense() -> None:
    client = greet(*FULL)
    begin(client)
    client.receive(b"250 1\r\n550 2\r\n554 3\r\n")
    begin(client)
    with pytest.raises(PeerError):
        client.receive(b"502 what\r\n")


def test_a_reply_to_nothing() -> None:
    client = greet(*FULL)
    with pytest.raises(PeerError):
        client.receive(b"250 hello?\r\n")


def test_goodbye_while_idle() -> None:
    client = greet(*FULL)
    assert client.receive(b"421 idle for too long\r\n") is Signal.REFUSED


def test_quit() -> None:
    client = greet(*FULL)
    assert client.quit() == [b"QUIT\r\n"]
    assert client.receive(b"221 bye\r\n") is Signal.CLOSED


# What may not be sent


def refusal(
    offers: tuple[str, ...], content: bytes = b"hi\r\n", **fields: object
) -> Refusal | None:
    client = greet(*offers)
    recipients = fields.pop("recipients", ("c@d",))
    made = envelope(*recipients, **fields)
    sent = client.begin(made, tuple(range(len(recipients))), b"", InlineContent(content))
    assert client.phase is (Phase.READY if isinstance(sent, Refusal) else Phase.TRANSACTION)
    return sent if isinstance(sent, Refusal) else None


def test_too_large_for_the_host() -> None:
    assert refusal(("SIZE 3",)).reason.startswith("5.3.4")
    assert refusal(("SIZE 4",)) is None
    assert refusal(("SIZE",)) is None


UTF8 = [
    ({"sender": "ü@b"}, b"", True),
    ({"recipients": ("c@d", "ü@b")}, b"", True),
    ({}, "Subject: ü\r\n\r\n".encode(), True),
    ({}, "Subject: u\r\n\r\nü".encode(), False),
    ({}, b"Subject: u\r\n\r\n", False),
]


@pytest.mark.parametrize(("fields", "content", "needed"), UTF8)
def test_smtputf8(fields: dict[str, object], content: bytes, needed: bool) -> None:
    found = refusal((), content, smtputf8=True, **fields)
    assert (found is not None and found.reason.startswith("5.6.7")) is needed
    assert refusal(("SMTPUTF8",), content, smtputf8=True, **fields) is None
    assert refusal((), content, smtputf8=False, **fields) is None  # it goes on as it came
    sent = begin(greet("PIPELINING", "SMTPUTF8"), content, smtputf8=True, **fields)
    assert (b" SMTPUTF8\r\n" in sent) is needed


def test_utf8_addresses_that_came_without_smtputf8() -> None:
    sent = begin(greet("PIPELINING", "SMTPUTF8"), sender="ü@b")
    assert sent.startswith("MAIL FROM:<ü@b> SMTPUTF8\r\n".encode())
    sent = begin(greet("PIPELINING", "SMTPUTF8"), sender="\udcff@b")  # not UTF-8: as it came
    assert sent.startswith(b"MAIL FROM:<\xff@b>\r\n")


def test_binary_content_needs_both_extensions() -> None:
    assert refusal(("CHUNKING",), body=Body.BINARYMIME).reason.startswith("5.6.1")
    assert refusal(("BINARYMIME",), body=Body.BINARYMIME).reason.startswith("5.6.1")
    assert refusal(("CHUNKING", "BINARYMIME"), body=Body.BINARYMIME) is None


def test_requiretls_needs_the_offer() -> None:
    assert refusal((), requiretls=True).reason.startswith("5.7.30")
    assert refusal(("REQUIRETLS",), requiretls=True) is None


def test_a_line_end_in_an_address_is_never_sent() -> None:
    assert refusal(FULL, recipients=("c@d>\r\nRCPT TO:<e@f",)).reason.startswith("5.1.3")


BODY = [
    (Body.UNSPECIFIED, b"plain", False),
    (Body.UNSPECIFIED, b"\xfc", True),
    (Body.UNSPECIFIED, b"x" * SINGLE_WRITE_BYTES_MAX, True),  # not searched
    (Body.SEVENBIT, b"\xfc", False),
    (Body.EIGHTBITMIME, b"plain", True),
]


@pytest.mark.parametrize(("body", "content", "declared"), BODY)
def test_8bitmime_is_declared(body: Body, content: bytes, declared: bool) -> None:
    assert (b"BODY=8BITMIME" in begin(greet(*FULL), content, body=body)) is declared
    assert b"BODY" not in begin(greet("PIPELINING"), content, body=body)  # sent as it is
