"""Asking a server about recipients."""

import pytest

from mailwarden.core.smtp.client_probe import ProbeConversation, ProbePhase, ProbeSignal
from mailwarden.core.smtp.client_replies import PeerError, PeerReply


def ready(ehlo: bytes = b"250-x\r\n250 SMTPUTF8\r\n") -> ProbeConversation:
    probe = ProbeConversation("gw1.corp.example", "")
    assert probe.receive(b"220 x ESMTP\r\n") is ProbeSignal.SEND
    assert probe.take_output() == [b"EHLO gw1.corp.example\r\n"]
    assert probe.receive(ehlo) is ProbeSignal.SEND
    probe.take_output()
    assert probe.receive(b"250 ok\r\n") is ProbeSignal.READY
    return probe


def test_one_question_after_the_other() -> None:
    probe = ready()
    for number, reply in enumerate(
        (b"250 yes\r\n", b"550-no\r\n550 never\r\n", b"451 wait\r\n"), 1
    ):
        assert probe.ask(f"u{number}@corp.example") == b"RCPT TO:<u%d@corp.example>\r\n" % number
        assert probe.receive(reply[:5]) is ProbeSignal.WAIT
        assert probe.receive(reply[5:]) is ProbeSignal.ANSWERED
        assert probe.asked == number
    assert probe.answer == PeerReply(451, ("wait",))
    assert probe.is_reusable
    assert probe.quit() == b"QUIT\r\n"
    assert not probe.is_reusable


def test_utf8_is_said_where_it_is_offered() -> None:
    probe = ProbeConversation("x", "check@corp.example")
    probe.receive(b"220 x\r\n")
    probe.take_output()
    probe.receive(b"250-x\r\n250 SMTPUTF8\r\n")
    assert probe.take_output() == [b"MAIL FROM:<check@corp.example> SMTPUTF8\r\n"]
    assert probe.may_ask("j\u00f6rg@corp.example")
    assert not ready(b"250 x\r\n").may_ask("j\u00f6rg@corp.example")


def test_an_old_server_gets_helo() -> None:
    probe = ProbeConversation("x", "")
    probe.receive(b"220 x\r\n")
    probe.receive(b"502 what\r\n")
    assert probe.take_output() == [b"HELO x\r\n"]
    assert probe.receive(b"250 x\r\n") is ProbeSignal.SEND
    assert probe.take_output() == [b"MAIL FROM:<>\r\n"]


@pytest.mark.parametrize(
    "words",
    [
        [b"554 no\r\n"],
        [b"421 busy\r\n"],
        [b"220 x\r\n", b"451 x\r\n"],
        [b"220 x\r\n", b"502 x\r\n", b"502 x\r\n"],
        [b"220 x\r\n", b"250 x\r\n", b"530 TLS first\r\n"],
    ],
)
def test_a_refusal_is_about_the_server(words: list[bytes]) -> None:
    probe = ProbeConversation("x", "")
    signals = [probe.receive(each) for each in words]
    assert signals[-1] is ProbeSignal.REFUSED
    assert probe.refusal is not None
    assert probe.phase is ProbePhase.OVER


@pytest.mark.parametrize("words", [b"HTTP/1.0 200\r\n", b"220 a\r\n220 b\r\n", b"\0" * 5000])
def test_nonsense_is_an_error(words: bytes) -> None:
    with pytest.raises(PeerError):
        ProbeConversation("x", "").receive(words)


def test_a_reply_to_nothing_is_an_error_but_a_goodbye_is_not() -> None:
    with pytest.raises(PeerError):
        ready().receive(b"250 ok\r\n")
    probe = ready()
    assert probe.receive(b"421 idle\r\n") is ProbeSignal.REFUSED
    probe = ready()
    probe.ask("a@b")
    assert probe.receive(b"250 ok\r\n421 bye\r\n") is ProbeSignal.ANSWERED
    assert not probe.is_reusable


def test_too_many_recipients_is_about_the_transaction() -> None:
    probe = ready()
    probe.ask("a@b")
    probe.receive(b"452 full\r\n")
    assert not probe.is_full  # the first one: about the mailbox
    probe.ask("a@b")
    probe.receive(b"452 full\r\n")
    assert probe.is_full


def test_no_address_can_add_a_command() -> None:
    with pytest.raises(ValueError, match="line end"):
        ready().ask("a@b>\r\nDATA\r\n")
