"""The receiving core: order of commands, offers, counting what is bad, closing."""

import pytest

from mailwarden.core.policy.sender_check import DOMAIN_MISSING
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import (
    Answerable,
    BadCommandLimit,
    Data,
    EndOfContent,
    Greeting,
    Hello,
    LineMalformed,
    LineTooLong,
    Mail,
    Rcpt,
    Vrfy,
)
from mailwarden.core.smtp.limits import (
    BUFFERED_BYTES_MAX,
    IDLE_COMMANDS_MAX,
    RECIPIENT_OVERSHOOT_MAX,
)
from mailwarden.core.smtp.order import MOVES, State
from mailwarden.core.smtp.reply import Reply
from mailwarden.core.smtp.server import ServerConversation

from .caller import GREETING, Caller, codes, make_rules, talk

MAIL = b"MAIL FROM:<ann@partner.example>\r\n"
RCPT = b"RCPT TO:<bob@corp.example>\r\n"
BAD_LIMIT = "421 Exceeded bad SMTP command limit, disconnecting"

ORDER = [
    ([b"EHLO x", b"MAIL FROM:<>"], "250 250"),
    ([b"HELO x", b"MAIL FROM:<>"], "250 250"),
    ([b"MAIL FROM:<>"], "503"),
    ([b"AUTH PLAIN"], "503"),
    ([b"EHLO x", b"MAIL FROM:<>", b"MAIL FROM:<>"], "250 250 503"),
    ([b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<b@c.example>", b"MAIL FROM:<>"], "250 250 250 503"),
    ([b"EHLO x", b"RCPT TO:<b@c.example>", b"DATA", b"BDAT 0"], "250 503 503 503"),
    ([b"EHLO x", b"MAIL FROM:<>", b"RSET", b"RCPT TO:<b@c.example>"], "250 250 250 503"),
    ([b"EHLO x", b"MAIL FROM:<>", b"EHLO x", b"RCPT TO:<b@c.example>"], "250 250 250 503"),
    ([b"EHLO x", b"MAIL FROM:<>", b"HELO x", b"MAIL FROM:<>"], "250 250 250 250"),
    ([b"RSET", b"NOOP", b"VRFY x", b"EXPN x", b"HELP", b"MAIL FROM:<>"], "250 250 252 502 214 503"),
    ([b"EHLO x", b"MAIL FROM:<>", b"NOOP", b"VRFY x", b"RCPT TO:<b@c.example>"],
     "250 250 250 252 250"),
    ([b"eHlO x", b"mail from:<>", b"Rcpt To:<b@c.example>", b"data", b"."], "250 250 250 354 250"),
    ([b"EHLO x", b"MAIL  FROM:<>", b"MAIL"], "250 501 501"),
    ([b"EHLO x ", b"MAIL FROM:<> ", b"RCPT TO:<b@c.example> ", b"DATA ", b"."],
     "250 250 250 354 250"),
    ([b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<b@c.example>", b"DATA x", b"DATA", b"."],
     "250 250 250 501 354 250"),
    ([b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<>"], "250 250 553"),
    ([b"QUIT", b"NOOP"], "221"),
    ([b"", b" NOOP", b"NOOP", b"NOOP x"], "500 500 250 250"),
    ([b"STARTTLS", b"XCLIENT NAME=x", b"AUTH"], "500 500 503"),
    ([b"EHLO x", b"STARTTLS", b"XCLIENT NAME=x", b"AUTH PLAIN"], "250 500 500 503"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), ORDER)
def test_order_of_commands(lines: list[bytes], expected: str) -> None:
    assert codes(talk(*[line + b"\r\n" for line in lines])) == expected.split()
    assert codes(talk(b"".join(line + b"\r\n" for line in lines))) == expected.split()


def test_words_of_sequence_errors() -> None:
    assert talk(MAIL) == ["503 #5.5.1 HELO first"]
    assert talk(b"HELO\r\n", MAIL, MAIL)[-1] == "503 #5.5.1 nested MAIL command"
    assert talk(b"EHLO\r\n") == ["501 #5.0.0 EHLO requires domain address"]
    assert talk(b"VRFY bob\r\n") == [
        "252 2.0.0 Cannot VRFY user, but will accept message and attempt delivery"
    ]


def test_table_of_moves_is_whole() -> None:
    assert set(MOVES) == set(State)
    assert all(move in State for moves in MOVES.values() for move in moves.values())


def test_offers() -> None:
    rules = make_rules(
        offers_starttls=True,
        offers_auth=True,
        enhanced_status_codes=True,
        offers_xclient=True,
        max_msgs_per_session=10,
        max_message_size=1000,
        requires_tls_for_auth=False,
    )
    assert [line[4:] for line in Caller(rules).say(b"EHLO x\r\n")[1:]] == [
        "gw1.corp.example",
        "8BITMIME",
        "SIZE 1000",
        "PIPELINING",
        "CHUNKING",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "LIMITS MAILMAX=10 RCPTMAX=50",
        "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
        "AUTH PLAIN LOGIN",
        "AUTH=PLAIN LOGIN",
        "STARTTLS",
    ]
    many = make_rules(max_rcpts_per_msg=1_000_000, max_msgs_per_session=10**7)
    assert "250 LIMITS MAILMAX=999999 RCPTMAX=999999" in Caller(many).say(b"EHLO x\r\n")
    inside = Caller(rules, is_encrypted=True).say(b"EHLO x\r\n")
    assert "250-REQUIRETLS" in inside
    assert not any("STARTTLS" in line for line in inside)
    assert inside[-1] == "250 AUTH=PLAIN LOGIN"


def test_hello_tells_what_was_said() -> None:
    caller = Caller()
    caller.say(b"HELO\r\nHELO  [192.0.2.25] \r\nEHLO \xc3\xa4.example\r\n")
    hellos = [event for event in caller.events if isinstance(event, Hello)]
    assert [(event.name, event.extended) for event in hellos] == [
        ("", False), ("[192.0.2.25]", False), ("ä.example", True),
    ]  # fmt: skip
    assert caller.say(b"EHLO " + b"x" * 256 + b"\r\n")[0].startswith("501 #5.5.2 ")


def test_enhanced_status_codes() -> None:
    lines = talk(b"EHLO x\r\n", MAIL, b"RCPT TO:<joe%x@y.example>\r\n", enhanced_status_codes=True)
    assert lines[-2] == "250 2.1.0 sender <ann@partner.example> ok"
    assert lines[-1].startswith("553 5.1.3 ")
    assert "250-ENHANCEDSTATUSCODES" in lines


def test_vrfy_tells_its_argument() -> None:
    caller = Caller()
    caller.say(b"VRFY bob smith\r\n")
    assert caller.events[-1] == Vrfy("bob smith")


# Answers.


def test_event_waits_for_its_answer() -> None:
    conversation = ServerConversation(make_rules())
    assert type(conversation.next_event()) is Greeting
    assert conversation.next_event() is None
    conversation.receive(b"EHLO x\r\n")
    assert conversation.next_event() is None
    assert conversation.buffered == 8  # early talk, as the caller can see
    assert conversation.answer() == f"{GREETING}\r\n".encode()
    assert type(conversation.next_event()) is Hello
    conversation.receive(b"NO")
    conversation.receive(b"OP\r\n")
    assert (conversation.next_event(), conversation.buffered) == (None, 6)
    assert conversation.answer().startswith(b"250-")
    assert conversation.next_event() is not None
    assert conversation.answer(Reply(250, "one at a time")) == b"250 one at a time\r\n"
    assert conversation.next_event() is None


def test_answer_without_event_is_our_error() -> None:
    conversation = ServerConversation(make_rules())
    with pytest.raises(RuntimeError):
        conversation.answer()


def test_refused_commands_move_nothing() -> None:
    def policy(event: Answerable) -> Reply | None:
        if isinstance(event, Mail) and event.address.startswith("bad"):
            return DOMAIN_MISSING
        if isinstance(event, Rcpt) and event.address.startswith("bad"):
            return replies.ADDRESS_REJECTED
        return replies.QUEUE_FULL if isinstance(event, Data) and event_count else None

    event_count = 0
    caller = Caller(policy=policy)
    lines = caller.say(b"EHLO x\r\nMAIL FROM:<bad@x.example>\r\nRCPT TO:<bob@corp.example>\r\n")
    assert lines[-1] == "503 #5.5.1 MAIL first"
    lines = caller.say(MAIL + b"RCPT TO:<bad@corp.example>\r\nDATA\r\n")
    assert codes(lines) == ["250", "550", "503"]
    event_count = 1
    assert codes(caller.say(RCPT + b"DATA\r\n")) == ["250", "452"]
    event_count = 0
    assert codes(caller.say(b"DATA\r\n.\r\n")) == ["354", "250"]


@pytest.mark.parametrize("reply", [None, replies.QUEUE_FULL, replies.TOO_MANY_HOPS])
def test_transaction_is_over_after_content(reply: Reply | None) -> None:
    caller = Caller(policy=lambda event: reply if isinstance(event, EndOfContent) else None)
    caller.say(b"EHLO x\r\n", MAIL, RCPT, b"DATA\r\n")
    lines = caller.say(b".\r\n" + RCPT + MAIL)
    assert codes(lines) == [str(reply.code) if reply else "250", "503", "250"]


def test_core_never_accepts_by_itself() -> None:
    conversation = ServerConversation(make_rules())
    sent = b""
    conversation.receive(b"EHLO x\r\n" + MAIL + RCPT + b"DATA\r\n.\r\n")
    while conversation.next_event() is not None:
        sent = conversation.answer()
    assert sent == b"451 #4.3.0 Server Error\r\n"


def test_pipelined_batch_is_answered_in_order() -> None:
    lines = talk(b"EHLO x\r\n" + MAIL + RCPT * 3 + b"DATA\r\na\r\n.\r\n" + MAIL + b"QUIT\r\n")
    assert " ".join(codes(lines)) == "250 250 250 250 250 354 250 250 221"


def test_refusing_greeting_leaves_quit() -> None:
    refusal = replies.access_refused("gw1", "No mail from you")
    caller = Caller(policy=lambda event: refusal if isinstance(event, Greeting) else None)
    assert caller.say() == ["554-gw1", "554 No mail from you"]
    assert codes(caller.say(b"EHLO x\r\n", MAIL, b"BDAT 3\r\nabc", b"FOO\r\n")) == [
        "503", "503", "503", "500",
    ]  # fmt: skip
    assert caller.say(b"QUIT\r\n") == ["221 gw1.corp.example"]
    assert caller.conversation.is_closed


def test_421_closes() -> None:
    full = replies.TOO_MANY_MESSAGES
    caller = Caller(policy=lambda event: full if isinstance(event, Mail) else None)
    assert codes(caller.say(b"EHLO x\r\n" + MAIL + b"NOOP\r\n")) == ["220", "250", "421"]
    assert caller.conversation.is_closed
    assert caller.say(b"NOOP\r\n") == []
    assert caller.conversation.buffered == 0


@pytest.mark.parametrize("said", [b"", b"EHLO x\r\n" + MAIL + RCPT + b"DATA\r\nhalf a mess"])
def test_close_at_any_time(said: bytes) -> None:
    caller = Caller()
    caller.say(said)
    assert caller.conversation.close(replies.CONNECTION_TIME_EXCEEDED) == (
        b"421 Exceeded allowable connection time, disconnecting.\r\n"
    )
    assert caller.conversation.is_closed
    assert caller.say(b"\r\n.\r\nNOOP\r\n") == []


def test_close_while_an_event_waits() -> None:
    conversation = ServerConversation(make_rules())
    conversation.next_event()
    conversation.close(replies.service_not_available("gw1"))
    with pytest.raises(RuntimeError):
        conversation.answer()


# Lines.


@pytest.mark.parametrize(
    "line",
    [
        b"NOOP\nQUIT\r\n", b"NOOP\rQUIT\r\n", b"NOOP\r\rQUIT\r\n", b"NO\0OP\r\n", b"NOOP\x7f\r\n",
        b"NOOP \x1b[2J\r\n", b"\nNOOP\r\n", b"NOOP\n\r\n", b"NOOP\r\r\n", b"\rNOOP\r\n",
    ],
)  # fmt: skip
def test_malformed_line_is_one_error(line: bytes) -> None:
    for cut in range(len(line)):
        caller = Caller()
        lines = caller.say(line[:cut], line[cut:])
        assert lines[1:] == ["500 #5.5.2 syntax error bare CR, bare LF or control character"]
        assert type(caller.events[-1]) is LineMalformed
        assert codes(caller.say(b"NOOP\r\n")) == ["250"]


def test_lf_only_client_gets_its_error_at_once() -> None:
    caller = Caller()
    assert codes(caller.say(b"EHLO x\n")) == ["220", "500"]
    assert caller.say(b"MAIL FROM:<a@b.example>\nDATA\n") == []
    assert codes(caller.say(b"\r\nNOOP\r\n")) == ["250"]


def test_endless_line_is_one_error_and_no_memory() -> None:
    caller = Caller()
    assert caller.say(b"x" * 2000)[1:] == ["500 Line too long"]
    event = caller.events[-1]
    assert type(event) is LineTooLong
    assert event.line == "x" * 128
    for _ in range(100):
        assert caller.say(b"y" * 10_000) == []
        assert caller.conversation.buffered == 0
    assert caller.say(b"\r\nNOOP\r\n") == ["250 ok"]


def test_bytes_above_127_reach_the_address_rules() -> None:
    caller = Caller()
    caller.say(b"EHLO x\r\nMAIL FROM:<j\xc3\xb6rg@x.example>\r\n")
    assert caller.events[-1] == Mail("jörg@x.example")
    assert caller.say(b"RCPT TO:<\xff@y.example>\r\n")[0].encode("utf-8", "surrogateescape") == (
        b"250 recipient <\xff@y.example> ok"
    )


@pytest.mark.parametrize("rest", [b"", b"NOO", b"EHLO x\r\n" + MAIL + RCPT + b"DATA\r\na\r\n."])
def test_consumed_bytes_are_let_go(rest: bytes) -> None:
    caller = Caller()
    caller.say((b"NOOP " + b"x" * 500 + b"\r\n") * 50 + rest)
    buffer = caller.conversation._received.buffer
    assert len(buffer) == caller.conversation.buffered <= 3


def test_is_full_while_much_waits() -> None:
    conversation = ServerConversation(make_rules())
    conversation.next_event()
    for _ in range(BUFFERED_BYTES_MAX // 1024):
        conversation.receive(b"x" * 1024)
    assert not conversation.is_full
    conversation.receive(b"x")
    assert conversation.is_full


# What is bad is counted.


def test_bad_commands_end_the_conversation() -> None:
    caller = Caller()
    lines = caller.say(b"EHLO x\r\n" + b"FOO\r\n" * 20)
    assert lines[-1] == BAD_LIMIT
    assert codes(lines).count("500") == 10
    assert type(caller.events[-1]) is BadCommandLimit
    assert caller.conversation.is_closed


@pytest.mark.parametrize(
    "line",
    [b"FOO", b"MAIL", b"DATA", b"RCPT TO:<b@c.example>", b"EHLO", b"MAIL FROM:<>", b"a\nb",
     b"x" * 3000, b"AUTH PLAIN", b"MAIL FROM:<> X=Y", b"MAIL FROM:<%@x.example>"],
)  # fmt: skip
def test_each_kind_of_bad_command_counts(line: bytes) -> None:
    prefix = b"EHLO x\r\n" if b" X=" in line or b"%" in line else b""
    lines = talk(prefix, (line + b"\r\n") * 3, max_bad_commands=2)
    assert lines[-1] == BAD_LIMIT


@pytest.mark.parametrize(
    "line",
    [b"NOOP", b"RSET", b"EHLO x", b"HELO", b"VRFY x", b"HELP", b"MAIL FROM:<> SIZE=30000000"],
)
def test_floods_count_after_an_allowance(line: bytes) -> None:
    caller = Caller()
    caller.say(b"HELO x\r\n" + (line + b"\r\n") * (IDLE_COMMANDS_MAX - 1 + 10))
    assert not caller.conversation.is_closed
    lines = caller.say(line + b"\r\n")
    assert lines == [BAD_LIMIT]


def test_refused_mail_counts_as_idle() -> None:
    deny = DOMAIN_MISSING
    caller = Caller(policy=lambda event: deny if isinstance(event, Mail) else None)
    assert caller.say(b"EHLO x\r\n" + MAIL * 200)[-1] == BAD_LIMIT


def test_accepted_messages_forgive_idle_commands() -> None:
    caller = Caller()
    caller.say(b"EHLO x\r\n")
    for _ in range(3):
        caller.say(b"NOOP\r\n" * (IDLE_COMMANDS_MAX - 1))
        assert codes(caller.say(MAIL + RCPT + b"DATA\r\n.\r\n"))[-1] == "250"


def test_million_recipients_end_somewhere() -> None:
    caller = Caller(make_rules(max_rcpts_per_msg=50))
    lines = caller.say(b"EHLO x\r\n", MAIL, RCPT * 2000)
    assert lines.count("452 #4.5.3 Too many recipients") == RECIPIENT_OVERSHOOT_MAX + 10
    assert lines[-1] == BAD_LIMIT


def test_million_unknown_recipients_end_somewhere() -> None:
    deny = replies.ADDRESS_REJECTED
    caller = Caller(policy=lambda event: deny if isinstance(event, Rcpt) else None)
    assert caller.say(b"EHLO x\r\n", MAIL, RCPT * 2000)[-1] == BAD_LIMIT


def test_rules_may_change_between_commands() -> None:
    def policy(event: Answerable) -> None:
        if isinstance(event, Mail):
            caller.conversation.rules = make_rules(max_message_size=10)

    caller = Caller(policy=policy)
    lines = caller.say(b"EHLO x\r\n", MAIL, RCPT, b"DATA\r\n", b"0123456789\r\n.\r\n")
    assert lines[-1] == "552 #5.3.4 message size exceeds limit"
