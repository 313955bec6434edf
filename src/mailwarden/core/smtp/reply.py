"""SMTP replies (RFC 5321, 4.2) and the catalogue of all that the gateway says (mailflow 2.6)."""

import re
from typing import Final

from mailwarden.core.smtp.limits import REPLY_LINE_BYTES_MAX

# What stands before the words of a reply: `#4.3.1` in the product's form, `2.0.0` in RFC 2034's.
_STATUS: Final = re.compile(r"#?([245]\.[0-9x]{1,3}\.[0-9]{1,3}) ")
_LETTERS_SURE_TO_FIT: Final = (REPLY_LINE_BYTES_MAX - 2) // 4  # of up to four bytes each
_CONTROL: Final = {**dict.fromkeys(range(32), "?"), 127: "?"}


class Reply:
    """A code and its lines of text; never changed once made.

    `status` is the enhanced code (RFC 3463) for clients that were offered RFC 2034: by default
    the one in front of the text, else `x.0.0`; None says that this reply never has one.
    """

    __slots__ = ("_enhanced", "_plain", "code", "lines", "status")

    def __init__(self, code: int, *lines: str, status: str | None = "") -> None:
        self.code: Final = code
        self.lines: Final = lines or ("",)
        self.status: Final = status
        self._plain: bytes | None = None
        self._enhanced: bytes | None = None

    @property
    def text(self) -> str:
        """All lines, joined by blanks."""
        return " ".join(self.lines)

    def encode(self, *, enhanced: bool = False) -> bytes:
        """Return the reply as it is sent; `enhanced` asks for the form of RFC 2034.

        Control characters become `?`, and lines are cut at 512 bytes (RFC 5321, 4.5.3.1.5), so
        that nothing in a variable can add a line.
        """
        if enhanced:
            if self._enhanced is None:
                self._enhanced = _encode(self.code, with_status(self))
            return self._enhanced
        if self._plain is None:
            self._plain = _encode(self.code, self.lines)
        return self._plain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reply) and (self.code, self.lines, self.status) == (
            other.code,
            other.lines,
            other.status,
        )

    def __hash__(self) -> int:
        return hash((self.code, self.lines, self.status))

    def __repr__(self) -> str:
        return f"Reply({self.code}, {', '.join(map(repr, self.lines))})"


def with_status(reply: Reply) -> tuple[str, ...]:
    """Return the lines of `reply` in the form of RFC 2034, section 4.

    The one rule between both forms: the code in front of the text loses its `#`; a text without
    one gets the reply's `status`. Each line of a reply carries it. Codes 3yz have none.
    """
    match = _STATUS.match(reply.lines[0])
    kind = reply.code // 100
    if reply.status is None or kind not in (2, 4, 5):
        return reply.lines
    status = reply.status or (match[1] if match else f"{kind}.0.0")
    first = reply.lines[0][match.end() :] if match else reply.lines[0]
    return tuple(f"{status} {line}" for line in (first, *reply.lines[1:]))


def _encode(code: int, lines: tuple[str, ...]) -> bytes:
    if len(lines) == 1:
        return _encode_line(f"{code} {lines[0]}")
    *others, last = lines
    first = [_encode_line(f"{code}-{line}") for line in others]
    return b"".join((*first, _encode_line(f"{code} {last}")))


def _encode_line(line: str) -> bytes:
    if len(line) <= _LETTERS_SURE_TO_FIT and line.isprintable():
        return f"{line}\r\n".encode()
    line = line.translate(_CONTROL)
    try:
        data = line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a UTF-16 pair, out of a configuration
        data = line.encode("utf-8", "replace")
    return data[: REPLY_LINE_BYTES_MAX - 2] + b"\r\n"


# Replies that open and end a connection. RFC 2034 leaves greeting and EHLO without status.


def greeting(host: str, text: str = "ESMTP", code: int = 220) -> Reply:
    """Return the banner."""
    return Reply(code, f"{host} {text}", status=None)


def access_refused(host: str, text: str, code: int = 554) -> Reply:
    """Return the banner of a host that may not send: two lines (mailflow 3.3)."""
    return Reply(code, host, text, status=None)


def hello(host: str, *offers: str) -> Reply:
    """Return the answer to HELO, or with `offers` to EHLO."""
    return Reply(250, host, *offers, status=None)


def goodbye(host: str) -> Reply:
    """Return the answer to QUIT."""
    return Reply(221, host)


def service_not_available(host: str) -> Reply:
    """Return what a suspended listener or one that shuts down says."""
    return Reply(421, f"{host} Service not available, closing transaction channel", status="4.3.2")


TOO_MANY_TLS_SESSIONS: Final = Reply(421, "#4.4.5 Too many TLS sessions at this time")
TOO_MANY_FROM_HOST: Final = Reply(421, "#4.4.5 Too many connections from your host")
TOO_MANY_TO_HOST: Final = Reply(421, "#4.4.5 Too many connections to this host")
TOO_MANY_TO_LISTENER: Final = Reply(421, "#4.4.5 Too many connections to this listener")
TOO_MANY_MESSAGES: Final = Reply(421, "#4.x.2 Too many messages for this session", status="4.5.3")
CONNECTION_TIME_EXCEEDED: Final = Reply(
    421, "Exceeded allowable connection time, disconnecting.", status="4.4.2"
)
BAD_COMMANDS_EXCEEDED: Final = Reply(
    421, "Exceeded bad SMTP command limit, disconnecting", status="4.7.0"
)
IDLE_TOO_LONG: Final = Reply(421, "Timed out waiting for a command, disconnecting.", status="4.4.2")
NO_MESSAGE_INJECTED: Final = Reply(
    421, "Timed out waiting for successful message injection, disconnecting.", status="4.4.2"
)

# Commands that went well.


def sender_ok(address: str) -> Reply:
    """Return the answer to MAIL."""
    return Reply(250, f"sender <{address}> ok", status="2.1.0")


def recipient_ok(address: str) -> Reply:
    """Return the answer to RCPT."""
    return Reply(250, f"recipient <{address}> ok", status="2.1.5")


def message_accepted(mid: int) -> Reply:
    """Return the answer to the end of the content: the gateway is now answerable for it."""
    return Reply(250, f"ok:  Message {mid} accepted")


def chunk_received(size: int) -> Reply:
    """Return the answer to a BDAT that is not the last (RFC 3030, section 2)."""
    return Reply(250, f"{size} octets received")


GO_AHEAD: Final = Reply(354, "go ahead")
RESET: Final = Reply(250, "reset")
OK: Final = Reply(250, "ok")
GO_AHEAD_TLS: Final = Reply(220, "Go ahead with TLS")
AUTHENTICATED: Final = Reply(235, "#2.0.0 OK Authenticated", status="2.7.0")
HELP: Final = Reply(214, "See RFC 5321 for the commands of this protocol")
CANNOT_VERIFY: Final = Reply(
    252, "2.0.0 Cannot VRFY user, but will accept message and attempt delivery"
)

# Not now.

SERVER_ERROR: Final = Reply(451, "#4.3.0 Server Error")
QUEUE_FULL: Final = Reply(452, "#4.3.1 queue full")
RESOURCES_LOW: Final = Reply(452, "#4.3.1 server resources low - try again later")
TOO_MANY_RECIPIENTS: Final = Reply(452, "#4.5.3 Too many recipients")
TOO_MANY_RECIPIENTS_THIS_HOUR: Final = Reply(
    452, "Too many recipients received this hour", status="4.7.0"
)
TLS_NOT_AVAILABLE: Final = Reply(454, "TLS not available due to a temporary reason", status="4.7.0")


def system_error(errno: int | str) -> Reply:
    """Return what is said when the disk or the system fails."""
    return Reply(452, f"#4.3.1 temporary system error ({errno})")


# Commands that are wrong or come at the wrong time.


def syntax_error(what: str) -> Reply:
    """Return the answer to a command that cannot be read."""
    return Reply(501, f"#5.5.2 syntax error {what}")


def invalid_argument(what: str) -> Reply:
    """Return the answer to a parameter whose value is wrong."""
    return Reply(501, f"#5.5.4 invalid argument {what}")


def unknown_parameter(name: str) -> Reply:
    """Return the answer to a parameter of MAIL or RCPT that is not known (RFC 5321, 4.1.1.11)."""
    return Reply(555, f"#5.5.4 parameter {name} not recognized or not implemented")


def invalid_address(which: str, reason: str) -> Reply:
    """Return the answer to an address that cannot be read; `which` is `sender` or `recipient`."""
    status = "5.1.7" if which == "sender" else "5.1.3"
    return Reply(553, f"#5.1.3 invalid {which} address: {reason}", status=status)


def cannot_decode_auth(parameter: str) -> Reply:
    """Return the answer to a SASL response that is not what it should be."""
    return Reply(501, f"#5.5.4 cannot decode AUTH parameter {parameter[:64]}")


def auth_mechanism_not_available(mechanism: str) -> Reply:
    """Return the answer to AUTH with a mechanism that is not ours."""
    return Reply(504, f"#5.5.1 AUTH mechanism {mechanism[:64]} is not available")


def auth_challenge(text: str) -> Reply:
    """Return a step of a SASL exchange; `text` is base64 or empty (RFC 4954, section 4)."""
    return Reply(334, text)


COMMAND_UNKNOWN: Final = Reply(500, "#5.5.1 command not recognized")
LINE_TOO_LONG: Final = Reply(500, "Line too long", status="5.5.2")
LINE_MALFORMED: Final = Reply(500, "#5.5.2 syntax error bare CR, bare LF or control character")
EHLO_NEEDS_DOMAIN: Final = Reply(501, "#5.0.0 EHLO requires domain address", status="5.5.4")
AUTH_ARGUMENTS_INVALID: Final = Reply(501, "#5.5.4 Invalid arguments to AUTH command")
AUTH_CANCELLED: Final = Reply(501, "#5.0.0 AUTH cancelled", status="5.7.0")
EXPN_NOT_AVAILABLE: Final = Reply(502, "#5.5.1 EXPN not available")
HELO_FIRST: Final = Reply(503, "#5.5.1 HELO first")
MAIL_FIRST: Final = Reply(503, "#5.5.1 MAIL first")
RCPT_FIRST: Final = Reply(503, "#5.5.1 RCPT first")
NESTED_MAIL: Final = Reply(503, "#5.5.1 nested MAIL command")
BDAT_STARTED: Final = Reply(503, "#5.5.1 only BDAT or RSET after BDAT")
BAD_SEQUENCE: Final = Reply(503, "#5.5.1 bad sequence of commands")
AUTH_NOT_AVAILABLE: Final = Reply(503, "#5.3.3 AUTH not available")
AUTH_IN_TRANSACTION: Final = Reply(503, "#5.5.0 AUTH not permitted during a mail transaction")
ALREADY_AUTHENTICATED: Final = Reply(503, "#5.5.0 Already authenticated")
ALREADY_ENCRYPTED: Final = Reply(503, "#5.5.0 TLS already active")

# Refused for good.

STARTTLS_FIRST: Final = Reply(530, "#5.7.0 Must issue a STARTTLS command first")
SENDER_STARTTLS_FIRST: Final = Reply(530, "#5.7.0 This sender must issue a STARTTLS command first")
AUTHENTICATION_REQUIRED: Final = Reply(530, "Authentication required", status="5.7.0")
AUTHENTICATION_FAILED: Final = Reply(535, "#5.7.8 Authentication failed")
ENCRYPTION_REQUIRED: Final = Reply(538, "#5.7.11 Encryption required")
INVALID_BOUNCE: Final = Reply(550, "#5.7.1 Invalid bounce: no such message was sent from here")
ADDRESS_REJECTED: Final = Reply(550, "#5.1.0 Address rejected.")
HEADER_SIZE_EXCEEDED: Final = Reply(552, "#5.3.4 message header size exceeds limit")
MESSAGE_SIZE_EXCEEDED: Final = Reply(552, "#5.3.4 message size exceeds limit")
SERVER_FAILURE: Final = Reply(554, "#5.3.0 Server Error")
TOO_MANY_HOPS: Final = Reply(554, "Too many hops", status="5.4.6")
BARE_CR_LF: Final = Reply(
    554, "message body contains illegal bare CR/LF characters.", status="5.6.0"
)


def recipient_rejected(address: str) -> Reply:
    """Return the answer to a recipient that the directory does not know."""
    return Reply(550, f"#5.1.0 Address rejected {address}")
