"""Every reply word for word (mailflow 2.6), in both forms."""

import pytest

from mailwarden.core.policy.sender_check import DOMAIN_MISSING, expand_sender
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.limits import REPLY_LINE_BYTES_MAX
from mailwarden.core.smtp.reply import Reply

PLAIN = [
    (replies.greeting("gw1.corp.example"), "220 gw1.corp.example ESMTP"),
    (replies.hello("gw1.corp.example"), "250 gw1.corp.example"),
    (replies.sender_ok("a@x.example"), "250 sender <a@x.example> ok"),
    (replies.sender_ok(""), "250 sender <> ok"),
    (replies.recipient_ok("b@y.example"), "250 recipient <b@y.example> ok"),
    (replies.GO_AHEAD, "354 go ahead"),
    (replies.message_accepted(4711), "250 ok:  Message 4711 accepted"),
    (replies.RESET, "250 reset"),
    (replies.OK, "250 ok"),
    (replies.goodbye("gw1.corp.example"), "221 gw1.corp.example"),
    (replies.GO_AHEAD_TLS, "220 Go ahead with TLS"),
    (replies.AUTHENTICATED, "235 #2.0.0 OK Authenticated"),
    (replies.AUTHENTICATION_FAILED, "535 #5.7.8 Authentication failed"),
    (replies.TOO_MANY_TLS_SESSIONS, "421 #4.4.5 Too many TLS sessions at this time"),
    (replies.TOO_MANY_FROM_HOST, "421 #4.4.5 Too many connections from your host"),
    (replies.TOO_MANY_TO_HOST, "421 #4.4.5 Too many connections to this host"),
    (replies.TOO_MANY_TO_LISTENER, "421 #4.4.5 Too many connections to this listener"),
    (replies.TOO_MANY_MESSAGES, "421 #4.x.2 Too many messages for this session"),
    (
        replies.service_not_available("gw1"),
        "421 gw1 Service not available, closing transaction channel",
    ),
    (replies.CONNECTION_TIME_EXCEEDED, "421 Exceeded allowable connection time, disconnecting."),
    (replies.BAD_COMMANDS_EXCEEDED, "421 Exceeded bad SMTP command limit, disconnecting"),
    (
        replies.NO_MESSAGE_INJECTED,
        "421 Timed out waiting for successful message injection, disconnecting.",
    ),
    (replies.SERVER_ERROR, "451 #4.3.0 Server Error"),
    (replies.QUEUE_FULL, "452 #4.3.1 queue full"),
    (replies.RESOURCES_LOW, "452 #4.3.1 server resources low - try again later"),
    (replies.system_error(28), "452 #4.3.1 temporary system error (28)"),
    (replies.TOO_MANY_RECIPIENTS, "452 #4.5.3 Too many recipients"),
    (replies.TOO_MANY_RECIPIENTS_THIS_HOUR, "452 Too many recipients received this hour"),
    (replies.TLS_NOT_AVAILABLE, "454 TLS not available due to a temporary reason"),
    (replies.COMMAND_UNKNOWN, "500 #5.5.1 command not recognized"),
    (replies.LINE_TOO_LONG, "500 Line too long"),
    (replies.EHLO_NEEDS_DOMAIN, "501 #5.0.0 EHLO requires domain address"),
    (replies.syntax_error("here"), "501 #5.5.2 syntax error here"),
    (replies.AUTH_ARGUMENTS_INVALID, "501 #5.5.4 Invalid arguments to AUTH command"),
    (replies.cannot_decode_auth("x"), "501 #5.5.4 cannot decode AUTH parameter x"),
    (replies.AUTH_NOT_AVAILABLE, "503 #5.3.3 AUTH not available"),
    (replies.AUTH_IN_TRANSACTION, "503 #5.5.0 AUTH not permitted during a mail transaction"),
    (replies.ALREADY_AUTHENTICATED, "503 #5.5.0 Already authenticated"),
    (replies.MAIL_FIRST, "503 #5.5.1 MAIL first"),
    (replies.RCPT_FIRST, "503 #5.5.1 RCPT first"),
    (
        replies.auth_mechanism_not_available("X"),
        "504 #5.5.1 AUTH mechanism X is not available",
    ),
    (replies.STARTTLS_FIRST, "530 #5.7.0 Must issue a STARTTLS command first"),
    (
        replies.SENDER_STARTTLS_FIRST,
        "530 #5.7.0 This sender must issue a STARTTLS command first",
    ),
    (replies.AUTHENTICATION_REQUIRED, "530 Authentication required"),
    (replies.ENCRYPTION_REQUIRED, "538 #5.7.11 Encryption required"),
    (replies.ADDRESS_REJECTED, "550 #5.1.0 Address rejected."),
    (replies.recipient_rejected("b@y.example"), "550 #5.1.0 Address rejected b@y.example"),
    (replies.HEADER_SIZE_EXCEEDED, "552 #5.3.4 message header size exceeds limit"),
    (replies.MESSAGE_SIZE_EXCEEDED, "552 #5.3.4 message size exceeds limit"),
    (
        expand_sender(DOMAIN_MISSING, "a@nope.invalid"),
        "553 #5.1.8 Domain of sender address <a@nope.invalid> does not exist",
    ),
    (replies.SERVER_FAILURE, "554 #5.3.0 Server Error"),
    (replies.TOO_MANY_HOPS, "554 Too many hops"),
    (replies.BARE_CR_LF, "554 message body contains illegal bare CR/LF characters."),
]
ENHANCED = [
    (replies.sender_ok("a@x.example"), "250 2.1.0 sender <a@x.example> ok"),
    (replies.recipient_ok("b@y.example"), "250 2.1.5 recipient <b@y.example> ok"),
    (replies.ADDRESS_REJECTED, "550 5.1.0 Address rejected."),
    (replies.message_accepted(1), "250 2.0.0 ok:  Message 1 accepted"),
    (replies.TOO_MANY_MESSAGES, "421 4.5.3 Too many messages for this session"),
    (replies.CANNOT_VERIFY, f"252 {replies.CANNOT_VERIFY.text}"),
    (replies.LINE_TOO_LONG, "500 5.5.2 Line too long"),
    (replies.invalid_address("sender", "x"), "553 5.1.7 invalid sender address: x"),
    (replies.AUTHENTICATED, "235 2.7.0 OK Authenticated"),
    (Reply(554, "This address was retired"), "554 5.0.0 This address was retired"),
    # RFC 2034 leaves out what has no status: greeting, EHLO and 3yz.
    (replies.greeting("gw1"), "220 gw1 ESMTP"),
    (replies.hello("gw1"), "250 gw1"),
    (replies.GO_AHEAD, "354 go ahead"),
    (replies.auth_challenge("VXNlcm5hbWU6"), "334 VXNlcm5hbWU6"),
]


@pytest.mark.parametrize(("reply", "line"), PLAIN)
def test_words_of_the_product(reply: Reply, line: str) -> None:
    assert reply.encode() == line.encode() + b"\r\n"


@pytest.mark.parametrize(("reply", "line"), ENHANCED)
def test_form_of_rfc_2034(reply: Reply, line: str) -> None:
    assert reply.encode(enhanced=True) == line.encode() + b"\r\n"
    assert reply.encode(enhanced=True) == reply.encode(enhanced=True)


@pytest.mark.parametrize("reply", [reply for reply, _ in PLAIN])
def test_enhanced_form_has_one_status_of_the_code_s_class(reply: Reply) -> None:
    if reply.status is None or reply.code // 100 == 3:
        return
    status, _, text = reply.encode(enhanced=True).decode()[4:].partition(" ")
    numbers = status.split(".")
    assert len(numbers) == 3
    assert all(number.isdigit() for number in numbers)
    assert numbers[0] == str(reply.code)[0]
    assert not text.startswith(("#", "2.", "4.", "5."))


def test_lines() -> None:
    reply = replies.access_refused("gw1.corp.example", "No mail from you")
    assert reply.encode() == b"554-gw1.corp.example\r\n554 No mail from you\r\n"
    assert replies.hello("gw1", "DSN", "HELP").encode() == b"250-gw1\r\n250-DSN\r\n250 HELP\r\n"


def test_status_stands_on_each_line() -> None:
    reply = Reply(550, "#5.7.1 Go", "away")
    assert reply.encode(enhanced=True) == b"550-5.7.1 Go\r\n550 5.7.1 away\r\n"


@pytest.mark.parametrize("enhanced", [False, True])
def test_variables_never_add_a_line(enhanced: bool) -> None:
    data = replies.sender_ok("a\r\n250 b\n\r\0\x7f").encode(enhanced=enhanced)
    assert data.endswith(b"sender <a??250 b????> ok\r\n")
    assert data.count(b"\n") == data.count(b"\r") == 1


@pytest.mark.parametrize("letter", ["x", "ä", "\udcff", "\U0001f600"])
def test_long_lines_are_cut(letter: str) -> None:
    data = replies.recipient_ok(letter * 2000).encode()
    assert len(data) <= REPLY_LINE_BYTES_MAX
    assert data.startswith(b"250 recipient <")
    assert data.endswith(b"\r\n")


def test_bytes_of_an_address_come_back_as_they_came() -> None:
    address = b"j\xc3\xb6rg\xff@x.example".decode("utf-8", "surrogateescape")
    assert replies.sender_ok(address).encode() == b"250 sender <j\xc3\xb6rg\xff@x.example> ok\r\n"


def test_half_a_pair_does_no_harm() -> None:
    assert Reply(550, "a\ud800b").encode() == b"550 a?b\r\n"


def test_replies_are_values() -> None:
    assert Reply(250, "ok") == replies.OK
    assert Reply(250, "ok", status="2.0.0") != replies.OK
    assert len({Reply(250, "ok"), replies.OK}) == 1
    assert repr(replies.OK) == "Reply(250, 'ok')"
