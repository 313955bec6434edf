"""What a client's conversation brings to the caller of `server.py`: one small value each.

Every event but `Content` waits for an answer, and has in `reply` what the core would answer.
Dispatch by `type(event)`.
"""

from typing import ClassVar, Final

import msgspec

from mailwarden.core.mail.address import AddressError
from mailwarden.core.mail.envelope import Body, Notify
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.content import FAULT_REPLIES, Fault
from mailwarden.core.smtp.reply import Reply

# What moves a conversation without being a command; see the table in order.py.
CONNECT: Final = "(connect)"
PROMPT: Final = "(prompt)"
CHUNK: Final = "(chunk)"
END: Final = "(end)"
NONE: Final = "(none)"


class Greeting(msgspec.Struct, gc=False):
    """The connection is there. An answer of 4yz or 5yz refuses all mail (RFC 5321, 3.1)."""

    reply: Reply

    verb: ClassVar[str] = CONNECT


class Hello(msgspec.Struct, gc=False):
    """EHLO (`extended`) or HELO; whatever transaction there was is over (RFC 5321, 4.1.4)."""

    verb: str
    name: str  # as the client gives it: any text without control characters; "" only for HELO
    reply: Reply

    @property
    def extended(self) -> bool:
        """Whether it is EHLO."""
        return self.verb == "EHLO"


class Mail(msgspec.Struct, gc=False):
    """MAIL begins a transaction."""

    address: str  # "" is the null sender
    size: int | None = None  # as declared (RFC 1870)
    body: Body = Body.UNSPECIFIED
    smtputf8: bool = False
    requiretls: bool = False
    return_full: bool | None = None  # RET= (RFC 3461, 4.3)
    envelope_id: str = ""  # ENVID=, decoded (RFC 3461, 4.4)
    auth: str | None = None  # AUTH=, decoded; "" is `<>` (RFC 4954, section 5)

    verb: ClassVar[str] = "MAIL"

    @property
    def reply(self) -> Reply:
        """What the core would answer."""
        return replies.sender_ok(self.address)


class Rcpt(msgspec.Struct, gc=False):
    """RCPT names one recipient."""

    address: str
    notify: Notify = Notify.UNSPECIFIED
    original: str = ""  # ORCPT= in the form `type;address`, decoded (RFC 3461, 4.2)

    verb: ClassVar[str] = "RCPT"

    @property
    def reply(self) -> Reply:
        """What the core would answer."""
        return replies.recipient_ok(self.address)


class Data(msgspec.Struct, gc=False):
    """DATA asks whether the content may come. BDAT does not ask: there content just comes."""

    verb: ClassVar[str] = "DATA"
    reply: ClassVar[Reply] = replies.GO_AHEAD


class Content(msgspec.Struct, gc=False):
    """A piece of content. Not to be answered.

    With `fault` set, no more pieces will come, and those that came may be released; the rest is
    read and thrown away.
    """

    data: bytes  # CRLF line ends, not dot-stuffed
    fault: Fault | None = None


class Chunk(msgspec.Struct, gc=False):
    """A BDAT that is not the last has come whole. After 4yz or 5yz the transaction is over."""

    size: int

    verb: ClassVar[str] = CHUNK

    @property
    def reply(self) -> Reply:
        """What the core would answer."""
        return replies.chunk_received(self.size)


class EndOfContent(msgspec.Struct, gc=False):
    """The content is complete, or with `fault` set cannot be taken; the transaction is over.

    The core never says by itself that mail was accepted: without a fault, `reply` is 451.
    """

    data: bytes  # the last piece; all of a message that came at once
    size: int  # bytes as sent: without stuffed dots, before bare CR and LF were cleaned
    dotted: bool  # see core/mail/content.py
    fault: Fault | None = None

    verb: ClassVar[str] = END

    @property
    def reply(self) -> Reply:
        """What the core would answer."""
        return replies.SERVER_ERROR if self.fault is None else FAULT_REPLIES[self.fault]


class Reset(msgspec.Struct, gc=False):
    """RSET: whatever transaction there was is over."""

    verb: ClassVar[str] = "RSET"
    reply: ClassVar[Reply] = replies.RESET


class Noop(msgspec.Struct, gc=False):
    """NOOP."""

    verb: ClassVar[str] = "NOOP"
    reply: ClassVar[Reply] = replies.OK


class Vrfy(msgspec.Struct, gc=False):
    """VRFY; nothing is ever disclosed (RFC 5321, 7.3)."""

    argument: str

    verb: ClassVar[str] = "VRFY"
    reply: ClassVar[Reply] = replies.CANNOT_VERIFY


class Expn(msgspec.Struct, gc=False):
    """EXPN."""

    argument: str

    verb: ClassVar[str] = "EXPN"
    reply: ClassVar[Reply] = replies.EXPN_NOT_AVAILABLE


class Help(msgspec.Struct, gc=False):
    """HELP."""

    argument: str

    verb: ClassVar[str] = "HELP"
    reply: ClassVar[Reply] = replies.HELP


class Quit(msgspec.Struct, gc=False):
    """QUIT: after the answer the conversation is closed."""

    reply: Reply

    verb: ClassVar[str] = "QUIT"


class StartTls(msgspec.Struct, gc=False):
    """STARTTLS. After 220 the handshake follows, then `tls_started`."""

    verb: ClassVar[str] = "STARTTLS"
    reply: ClassVar[Reply] = replies.GO_AHEAD_TLS


class AuthPrompt(msgspec.Struct, gc=False):
    """A step of a SASL exchange: simply to be answered."""

    reply: Reply

    verb: ClassVar[str] = PROMPT


class Auth(msgspec.Struct, gc=False):
    """Credentials to be checked. Only `replies.AUTHENTICATED` makes the session authenticated."""

    mechanism: str
    user: str
    password: str

    verb: ClassVar[str] = "AUTH"
    reply: ClassVar[Reply] = replies.AUTHENTICATION_FAILED

    def __repr__(self) -> str:
        return f"Auth(mechanism={self.mechanism!r}, user={self.user!r})"


class XClient(msgspec.Struct, gc=False):
    """XCLIENT from a trusted peer: who the real client is.

    After 220 the session starts anew; an answer of 4yz or 5yz refuses all mail, as in `Greeting`.
    """

    attributes: dict[str, str | None]  # by name in upper case; None is not known
    reply: Reply

    verb: ClassVar[str] = "XCLIENT"


class Unknown(msgspec.Struct, gc=False):
    """A line that is no command."""

    line: str
    reply: Reply = replies.COMMAND_UNKNOWN

    verb: ClassVar[str] = NONE


class BadSyntax(msgspec.Struct, gc=False):
    """A command that cannot be read. `is_lost` says that nobody knows where the next begins."""

    command: str
    reply: Reply
    is_lost: bool = False

    verb: ClassVar[str] = NONE


class InvalidAddress(msgspec.Struct, gc=False):
    """MAIL or RCPT with an address that the rules do not let pass."""

    which: str  # `sender` or `recipient`
    error: AddressError

    verb: ClassVar[str] = NONE

    @property
    def reply(self) -> Reply:
        """What the core would answer."""
        return replies.invalid_address(self.which, self.error.reason)


class Refused(msgspec.Struct, gc=False):
    """A command that comes at the wrong time or that the rules do not allow."""

    command: str
    reply: Reply

    verb: ClassVar[str] = NONE


class LimitExceeded(msgspec.Struct, gc=False):
    """MAIL with a size, or RCPT with a number, that is more than may be; no bad command."""

    command: str
    reply: Reply

    verb: ClassVar[str] = NONE


class LineTooLong(msgspec.Struct, gc=False):
    """A command line beyond the limit; one event, however long it goes on."""

    line: str  # its begin

    verb: ClassVar[str] = NONE
    reply: ClassVar[Reply] = replies.LINE_TOO_LONG


class LineMalformed(msgspec.Struct, gc=False):
    """A command line with a bare CR, a bare LF or another control character (RFC 5321, 2.3.8)."""

    line: str  # its begin

    verb: ClassVar[str] = NONE
    reply: ClassVar[Reply] = replies.LINE_MALFORMED


class BadCommandLimit(msgspec.Struct, gc=False):
    """One bad command too many; `event` is what it was. After the answer all is over."""

    event: "Event | None"

    verb: ClassVar[str] = NONE
    reply: ClassVar[Reply] = replies.BAD_COMMANDS_EXCEEDED


Answerable = (
    Greeting | Hello | Mail | Rcpt | Data | Chunk | EndOfContent | Reset | Noop | Vrfy | Expn | Help
    | Quit | StartTls | AuthPrompt | Auth | XClient | Unknown | BadSyntax | InvalidAddress
    | Refused | LimitExceeded | LineTooLong | LineMalformed | BadCommandLimit
)  # fmt: skip
Event = Answerable | Content
