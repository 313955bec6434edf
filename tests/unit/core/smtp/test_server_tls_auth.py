"""STARTTLS (RFC 3207) and AUTH (RFC 4954) at receipt (mailflow 2.7)."""

import base64

import pytest

from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import Auth, BadCommandLimit, Greeting, StartTls
from mailwarden.core.smtp.limits import AUTH_LINE_BYTES_MAX
from mailwarden.core.smtp.order import State
from mailwarden.core.smtp.rules import ConversationRules
from mailwarden.core.smtp.server import ServerConversation

from .caller import HANDSHAKE, Caller, codes, make_rules

MAIL = b"MAIL FROM:<ann@partner.example>\r\n"
FIRST = "530 #5.7.0 Must issue a STARTTLS command first"


def b64(text: str | bytes) -> bytes:
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


GOOD = b64("\0ann\0secret")


def tls_rules(**changes: object) -> ConversationRules:
    return make_rules(offers_starttls=True, **changes)


def auth_rules(**changes: object) -> ConversationRules:
    return make_rules(**{"offers_auth": True, "requires_tls_for_auth": False, **changes})


def auth(*lines: bytes, **changes: object) -> list[str]:
    """Return what is answered to `lines` behind EHLO."""
    caller = Caller(auth_rules(**changes))
    caller.say(b"EHLO x\r\n")
    return caller.say(*[line + b"\r\n" for line in lines])


# STARTTLS.


def test_starttls() -> None:
    caller = Caller(tls_rules())
    assert caller.say(b"EHLO x\r\n")[-1] == "250 STARTTLS"
    assert caller.say(b"STARTTLS\r\n") == ["220 Go ahead with TLS"]
    assert caller.conversation.state is State.TLS
    assert caller.say(HANDSHAKE, MAIL) == ["503 #5.5.1 HELO first"]  # all is forgotten
    assert "STARTTLS" not in caller.say(b"EHLO x\r\n")[-1]
    assert caller.say(b"STARTTLS\r\n") == ["503 #5.5.0 TLS already active"]
    assert codes(caller.say(MAIL)) == ["250"]


def test_starttls_may_be_declined() -> None:
    caller = Caller(
        tls_rules(),
        policy=lambda event: replies.TLS_NOT_AVAILABLE if type(event) is StartTls else None,
    )
    lines = caller.say(b"EHLO x\r\n", b"STARTTLS\r\n" + MAIL)
    assert lines[-2:] == [
        "454 TLS not available due to a temporary reason",
        "250 sender <ann@partner.example> ok",
    ]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"STARTTLS now\r\n", "501 #5.5.2 syntax error no parameters allowed"),
        (MAIL + b"STARTTLS\r\n", "503 #5.5.1 bad sequence of commands"),
    ],
)
def test_starttls_at_the_wrong_time(line: bytes, reply: str) -> None:
    assert Caller(tls_rules()).say(b"EHLO x\r\n", line)[-1] == reply


INJECTED = b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<bob@corp.example>\r\n"


def test_nothing_behind_starttls_in_clear_is_executed() -> None:
    wire = b"EHLO x\r\nSTARTTLS\r\n" + INJECTED
    for cut in range(len(wire)):
        caller = Caller(tls_rules())
        lines = caller.say(wire[:cut], wire[cut:])
        assert lines[-1] == "220 Go ahead with TLS"
        assert caller.conversation.has_injection
        assert caller.conversation.is_closed
        assert caller.conversation.buffered == 0
        with pytest.raises(RuntimeError):
            caller.conversation.tls_started()


def test_injection_while_the_answer_is_under_way() -> None:
    conversation = ServerConversation(tls_rules())
    for line in (b"", b"EHLO x\r\n"):
        conversation.receive(line)
        conversation.next_event()
        conversation.answer()
    conversation.receive(b"STARTTLS\r\n")
    assert type(conversation.next_event()) is StartTls
    conversation.receive(b"NOOP\r\n")
    conversation.answer()
    assert conversation.has_injection
    assert conversation.next_event() is None


def test_tls_required_lets_little_through() -> None:
    caller = Caller(tls_rules(requires_tls=True, max_bad_commands=99, offers_auth=True))
    lines = [
        b"MAIL FROM:<>\r\n", b"RCPT TO:<b@c.example>\r\n", b"DATA\r\n", b"VRFY x\r\n",
        b"HELP\r\n", b"AUTH PLAIN\r\n", b"BDAT 4\r\nQUIT", b"FOO\r\n",
    ]  # fmt: skip
    for hello in (b"", b"EHLO x\r\n", b"HELO x\r\n"):
        caller.say(hello)
        assert caller.say(*lines) == [FIRST] * len(lines)
    assert codes(caller.say(b"NOOP\r\nRSET\r\nEHLO x\r\nSTARTTLS\r\n"))[:2] == ["250", "250"]
    assert codes(caller.say(HANDSHAKE, b"EHLO x\r\n" + MAIL)) == ["250", "250"]


def test_implicit_tls_meets_what_is_required() -> None:
    caller = Caller(tls_rules(requires_tls=True), is_encrypted=True)
    assert codes(caller.say(b"EHLO x\r\n" + MAIL)) == ["220", "250", "250"]


def test_tls_started_needs_starttls() -> None:
    with pytest.raises(RuntimeError):
        ServerConversation(tls_rules()).tls_started()


# AUTH.


@pytest.mark.parametrize(
    ("lines", "replies_"),
    [
        ([b"AUTH PLAIN " + GOOD], ["235 #2.0.0 OK Authenticated"]),
        ([b"auth plain " + GOOD], ["235 #2.0.0 OK Authenticated"]),
        ([b"AUTH PLAIN", GOOD], ["334 ", "235 #2.0.0 OK Authenticated"]),
        ([b"AUTH PLAIN " + b64("ann\0ann\0secret")], ["235 #2.0.0 OK Authenticated"]),
        ([b"AUTH PLAIN " + b64("bob\0ann\0secret")], ["535 #5.7.8 Authentication failed"]),
        ([b"AUTH PLAIN " + b64("\0ann\0wrong")], ["535 #5.7.8 Authentication failed"]),
        (
            [b"AUTH LOGIN", b64("ann"), b64("secret")],
            ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 #2.0.0 OK Authenticated"],
        ),
        (
            [b"AUTH LOGIN " + b64("ann"), b64("secret")],
            ["334 UGFzc3dvcmQ6", "235 #2.0.0 OK Authenticated"],
        ),
        (
            [b"AUTH LOGIN", b64("ann"), b64("wrong")],
            ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "535 #5.7.8 Authentication failed"],
        ),
        ([b"AUTH"], ["501 #5.5.4 Invalid arguments to AUTH command"]),
        ([b"AUTH PLAIN a b"], ["501 #5.5.4 Invalid arguments to AUTH command"]),
        ([b"AUTH CRAM-MD5"], ["504 #5.5.1 AUTH mechanism CRAM-MD5 is not available"]),
        ([b"AUTH PLAIN ?"], ["501 #5.5.4 cannot decode AUTH parameter ?"]),
        ([b"AUTH PLAIN ="], ["501 #5.5.4 cannot decode AUTH parameter "]),
        ([b"AUTH PLAIN", b"="], ["334 ", "501 #5.5.4 cannot decode AUTH parameter ="]),
        ([b"AUTH PLAIN " + b64("ann")], ["501 #5.5.4 cannot decode AUTH parameter YW5u"]),
        ([b"AUTH PLAIN " + b64("\0\0x")], ["501 #5.5.4 cannot decode AUTH parameter AAB4"]),
        ([b"AUTH PLAIN " + b64("\0x\0")], ["501 #5.5.4 cannot decode AUTH parameter AHgA"]),
        (
            [b"AUTH PLAIN " + b64(b"\0\xff\0x")],
            ["501 #5.5.4 cannot decode AUTH parameter AP8AeA=="],
        ),
        ([b"AUTH LOGIN ="], ["501 #5.5.4 cannot decode AUTH parameter "]),
        ([b"AUTH LOGIN " + b64("a\0b")], ["501 #5.5.4 cannot decode AUTH parameter YQBi"]),
        ([b"AUTH PLAIN", b"*"], ["334 ", "501 #5.0.0 AUTH cancelled"]),
        (
            [b"AUTH LOGIN", b64("ann"), b"*"],
            ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "501 #5.0.0 AUTH cancelled"],
        ),
        ([b"AUTH PLAIN", b"\xc3\xa4"], ["334 ", "501 #5.5.4 cannot decode AUTH parameter ä"]),
    ],
)
def test_exchange(lines: list[bytes], replies_: list[str]) -> None:
    assert auth(*lines) == replies_
    assert auth(b"\r\n".join(lines)) == replies_
    assert auth(*lines, b"NOOP")[-1] == "250 ok"  # the exchange is over


def test_auth_event_tells_all_but_shows_no_password() -> None:
    caller = Caller(auth_rules())
    caller.say(b"EHLO x\r\nAUTH PLAIN " + b64("\0jörg\0geheim") + b"\r\n")
    event = caller.events[-1]
    assert event == Auth("PLAIN", "jörg", "geheim")
    assert "geheim" not in repr(event)
    assert not caller.conversation.is_authenticated


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"AUTH PLAIN " + GOOD + b"\r\nAUTH PLAIN\r\n", "503 #5.5.0 Already authenticated"),
        (MAIL + b"AUTH PLAIN\r\n", "503 #5.5.0 AUTH not permitted during a mail transaction"),
    ],
)
def test_auth_at_the_wrong_time(said: bytes, reply: str) -> None:
    assert auth(said.removesuffix(b"\r\n"))[-1] == reply


def test_auth_off() -> None:
    assert auth(b"AUTH PLAIN", offers_auth=False) == ["503 #5.3.3 AUTH not available"]


def test_auth_required() -> None:
    assert auth(MAIL.strip(), requires_auth=True) == ["530 Authentication required"]
    assert codes(auth(b"AUTH PLAIN " + GOOD, MAIL.strip(), requires_auth=True)) == ["235", "250"]


def test_auth_needs_tls() -> None:
    rules = auth_rules(requires_tls_for_auth=True, offers_starttls=True)
    caller = Caller(rules)
    assert not any("AUTH" in line for line in caller.say(b"EHLO x\r\n"))
    assert caller.say(b"AUTH PLAIN " + GOOD + b"\r\n") == ["538 #5.7.11 Encryption required"]
    lines = caller.say(b"STARTTLS\r\n", HANDSHAKE, b"EHLO x\r\n")
    assert "250 AUTH=PLAIN LOGIN" in lines
    assert codes(caller.say(b"AUTH PLAIN " + GOOD + b"\r\n")) == ["235"]


def test_starttls_forgets_who_authenticated() -> None:
    caller = Caller(auth_rules(offers_starttls=True))
    caller.say(b"EHLO x\r\nAUTH PLAIN " + GOOD + b"\r\n")
    assert caller.conversation.is_authenticated
    caller.say(b"STARTTLS\r\n", HANDSHAKE)
    assert not caller.conversation.is_authenticated


def test_guessing_passwords_ends() -> None:
    wrong = b"AUTH PLAIN " + b64("\0ann\0wrong") + b"\r\n"
    caller = Caller(auth_rules(max_bad_commands=3))
    lines = caller.say(b"EHLO x\r\n", wrong * 10)
    assert codes(lines)[2:] == ["535", "535", "535", "421"]
    assert type(caller.events[-1]) is BadCommandLimit
    assert sum(type(event) is Auth for event in caller.events) == 3


def test_long_responses() -> None:
    password = "p" * 8000
    line = b"AUTH PLAIN " + b64(f"\0ann\0{password}") + b"\r\n"
    for cut in (1, 5, 2000, 9000):
        caller = Caller(auth_rules())
        caller.say(b"EHLO x\r\n", line[:cut], line[cut:])
        assert caller.events[-1] == Auth("PLAIN", "ann", password)
    caller.say(b"AUTH PLAIN\r\n" + line[11:])
    assert caller.events[-1] == Auth("PLAIN", "ann", password)


@pytest.mark.parametrize("command", [b"AUTH PLAIN ", b"AUTH PLAIN\r\n"])
def test_too_long_responses(command: bytes) -> None:
    line = command + b"A" * AUTH_LINE_BYTES_MAX + b"\r\n"
    for cut in (5, 2000, AUTH_LINE_BYTES_MAX, len(line) - 1):
        caller = Caller(auth_rules())
        lines = caller.say(b"EHLO x\r\n", line[:cut], line[cut:], b"NOOP\r\n")
        assert lines[-2:] == ["500 Line too long", "250 ok"]


def test_greeting_is_not_repeated_inside_tls() -> None:
    caller = Caller(tls_rules())
    caller.say(b"EHLO x\r\nSTARTTLS\r\n", HANDSHAKE, b"NOOP\r\n")
    assert sum(type(event) is Greeting for event in caller.events) == 1
