"""The receiving side of SMTP without I/O: bytes in, events out, bytes to send out (RFC 5321)."""

from collections.abc import Callable, Mapping
from typing import Final

from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.auth import SaslExchange, Step, begin_auth
from mailwarden.core.smtp.command import parse_bdat, parse_hello, parse_mail, parse_rcpt
from mailwarden.core.smtp.conduct import BAD, Conduct
from mailwarden.core.smtp.content import ChunkReader, DataReader, Fault
from mailwarden.core.smtp.events import (
    Answerable,
    Auth,
    BadSyntax,
    Chunk,
    Content,
    Data,
    EndOfContent,
    Event,
    Expn,
    Greeting,
    Hello,
    Help,
    LimitExceeded,
    LineMalformed,
    LineTooLong,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Refused,
    Reset,
    StartTls,
    Unknown,
    Vrfy,
    XClient,
)
from mailwarden.core.smtp.limits import (
    AUTH_LINE_BYTES_MAX,
    BUFFERED_BYTES_MAX,
    LOGGED_CHARACTERS_MAX,
    RECIPIENT_OVERSHOOT_MAX,
)
from mailwarden.core.smtp.order import FAILURES, MOVES, WITHOUT_TLS, State, out_of_order
from mailwarden.core.smtp.received import LineFault, Received
from mailwarden.core.smtp.reply import Reply
from mailwarden.core.smtp.rules import ConversationRules
from mailwarden.core.smtp.xclient import parse_xclient

# Commands that an accepted message leads to; all others count as idle.
_BUSY: Final = frozenset({"RCPT", "DATA", "BDAT", "QUIT"})
# States whose next event may need no bytes: our greeting, and the end of a chunk.
_UNASKED: Final = frozenset({State.CONNECTED, State.CHUNK})
_NO_PARAMETERS: Final = replies.syntax_error("no parameters allowed")


class ServerConversation:
    """One client's conversation. Only `answer` moves `state`, but for BDAT, which asks nothing.

    The caller passes bytes to `receive`, then takes events from `next_event` until it is None,
    answers each but `Content`, and sends what `answer` returns, in order. It may answer later:
    until then there is no next event, and what arrives waits (see `buffered`).
    """

    __slots__ = (
        "_conduct", "_content", "_event", "_fault_told", "_moves", "_read", "_received",
        "_recipients", "_recipients_asked", "_refusal", "_sasl", "_swallow",
        "has_injection", "is_authenticated", "is_encrypted", "rules", "state",
    )  # fmt: skip

    def __init__(self, rules: ConversationRules, *, is_encrypted: bool = False) -> None:
        self.rules = rules  # may be replaced while an event waits for its answer
        self.is_encrypted = is_encrypted
        self.is_authenticated = False
        self.has_injection = False  # something came in clear behind STARTTLS; it was dropped
        self._received = Received()
        self._event: Answerable | None = None
        self._content: DataReader | ChunkReader | None = None
        self._fault_told: Fault | None = None
        self._sasl: SaslExchange | None = None
        self._refusal: Answerable | None = None  # to be handed out when the chunk is over
        self._swallow = 0
        self._conduct = Conduct()
        self._recipients = 0
        self._recipients_asked = 0
        self._move(State.CONNECTED)

    @property
    def buffered(self) -> int:
        """Bytes that wait to be understood. With a `Greeting` at hand they are early talk."""
        return len(self._received)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that the caller should stop reading."""
        return len(self._received) > BUFFERED_BYTES_MAX

    @property
    def is_closed(self) -> bool:
        """Whether the conversation is over: send what is to be sent, then close."""
        return self.state is State.CLOSED

    def receive(self, data: bytes) -> None:
        """Take what the client sent."""
        if self._moves:
            self._received.add(data)
        elif self.state is State.TLS and data:
            self._refuse_injection()

    def next_event(self) -> Event | None:
        """Return what the caller has to decide or to take; None when there is nothing yet."""
        if self._event is not None:
            return None
        received = self._received
        if received.later_bytes:
            received.join()
        elif received.offset >= len(received.buffer) and self.state not in _UNASKED:
            received.trim()
            return None
        event = self._read(self)
        if event is None:
            received.trim()
        elif not isinstance(event, Content):
            self._event = event
        return event

    def answer(self, reply: Reply | None = None) -> bytes:
        """Return the bytes that answer the last event, with `reply` or what the core proposes.

        A 421 closes the conversation (RFC 5321, 3.8).
        """
        event = self._event
        if event is None:
            raise RuntimeError("no event waits for an answer")
        self._event = None
        if reply is None:
            reply = event.reply
        code = reply.code
        if code >= 400:
            self._fail(event, code)
        elif (state := self._moves.get(event.verb)) is not None:
            if state is not self.state:
                self._move(state)
            if (after := _AFTER.get(type(event))) is not None:
                after(self, event)
        return reply.encode(enhanced=self.rules.enhanced_status_codes)

    def close(self, reply: Reply) -> bytes:
        """Return `reply` to be sent unasked, as when time is up; the conversation is closed."""
        self._close()
        return reply.encode(enhanced=self.rules.enhanced_status_codes)

    def tls_started(self) -> None:
        """Begin anew inside TLS: nothing that was said in clear counts (RFC 3207, 4.2)."""
        if self.state is not State.TLS:
            raise RuntimeError("there was no STARTTLS")
        self.is_encrypted = True
        self.is_authenticated = False
        self._move(State.GREETED)

    def _move(self, state: State) -> None:
        self.state = state
        self._moves = MOVES[state]
        self._read = _READERS[state]

    def _close(self) -> None:
        self._move(State.CLOSED)
        self._event = None
        self._received.clear()

    def _fail(self, event: Answerable, code: int) -> None:
        """Do what follows from an answer of 4yz or 5yz."""
        if code == 421 or (type(event) is BadSyntax and event.is_lost):
            self._close()
            return
        if type(event) is Auth:
            self._conduct.wrong_auth()
        state = State.REFUSED if type(event) is XClient else FAILURES.get(self.state)
        if state is not None:
            self._content = None
            self._sasl = None
            self._move(state)

    # Reading. Each reader returns the next event, or None for more bytes.

    def _read_nothing(self) -> None:
        return None

    def _read_greeting(self) -> Greeting:
        return Greeting(self.rules.greeting)

    def _read_command(self) -> Event | None:
        line = self._received.next_line()
        if not isinstance(line, str):
            return self._line_fault(line)
        verb, _, argument = line.partition(" ")
        command = _COMMANDS.get(verb) or _COMMANDS.get(verb := verb.upper())
        rules = self.rules
        if (
            command is None
            or verb not in self._moves
            or (rules.requires_tls and self._lacks_tls(verb))
        ):
            return self._refuse(verb, argument, line)
        event = command(self, argument)
        if type(event) in BAD:
            return self._conduct.after_bad(event, rules.max_bad_commands)
        if verb not in _BUSY:
            return self._conduct.after_idle(event, rules.max_bad_commands)
        return event

    def _read_auth(self) -> Event | None:
        line = self._received.next_line(AUTH_LINE_BYTES_MAX)
        if not isinstance(line, str):
            return self._line_fault(line)
        assert self._sasl is not None
        step = self._sasl.respond(line)
        if type(step) is Refused:
            return self._conduct.after_bad(step, self.rules.max_bad_commands)
        return self._auth_step(step)

    def _read_data(self) -> Event | None:
        content, received = self._content, self._received
        assert type(content) is DataReader
        piece, received.offset = content.read(received.buffer, received.offset)
        if content.ended:
            check = content.check
            return EndOfContent(piece, check.size, check.dotted, check.fault)
        return self._piece(piece, content.check.fault)

    def _read_chunk(self) -> Event | None:
        content, received = self._content, self._received
        assert type(content) is ChunkReader
        piece, received.offset = content.read(received.buffer, received.offset)
        check = content.check
        if content.ended and (content.is_last or check.fault is not None):
            return EndOfContent(piece, check.size, check.dotted, check.fault)
        if content.ended and not piece:
            return Chunk(content.size)
        return self._piece(piece, check.fault)

    def _read_refused_chunk(self) -> Event | None:
        """Pass over a chunk that comes at the wrong time, then hand out the refusal."""
        received = self._received
        size = min(self._swallow, len(received.buffer) - received.offset)
        received.offset += size
        self._swallow -= size
        event = self._refusal
        if self._swallow or event is None:
            return None
        self._read = _READERS[self.state]
        return self._conduct.after_idle(event, self.rules.max_bad_commands)

    def _piece(self, data: bytes, fault: Fault | None) -> Content | None:
        """Return a piece, or once that there will be no more of them."""
        if data:
            return Content(data)
        if fault is self._fault_told:
            return None
        self._fault_told = fault
        return Content(b"", fault)

    # What cannot be taken.

    def _line_fault(self, fault: LineFault | None) -> Answerable | None:
        if fault is None:
            return None
        kind = LineTooLong if fault is LineFault.TOO_LONG else LineMalformed
        event = kind(self._received.line_begin)
        return self._conduct.after_bad(event, self.rules.max_bad_commands)

    def _lacks_tls(self, verb: str) -> bool:
        return self.rules.requires_tls and not self.is_encrypted and verb not in WITHOUT_TLS

    def _is_known(self, verb: str) -> bool:
        """Return whether `verb` is a command as far as this client can know."""
        if verb == "XCLIENT":
            return self.rules.offers_xclient
        if verb == "STARTTLS":
            return self.rules.offers_starttls or self.is_encrypted
        return verb in _COMMANDS

    def _refuse(self, verb: str, argument: str, line: str) -> Event | None:
        reply = replies.STARTTLS_FIRST if self._lacks_tls(verb) else None
        if not self._is_known(verb):
            event: Answerable = Unknown(
                line[:LOGGED_CHARACTERS_MAX], reply or replies.COMMAND_UNKNOWN
            )
        else:
            event = Refused(verb, reply or out_of_order(self.state, verb))
        if verb == "BDAT":
            return self._refuse_chunk(argument, event)
        return self._conduct.after_bad(event, self.rules.max_bad_commands)

    def _refuse_chunk(self, argument: str, event: Answerable) -> Event | None:
        """Answer a BDAT with `event` once its chunk is over, which follows in any case."""
        parsed = parse_bdat(argument)
        if isinstance(parsed, BadSyntax):
            return self._conduct.after_bad(parsed, self.rules.max_bad_commands)
        self._swallow = parsed[0]
        self._refusal = event
        self._read = _READERS[None]
        return self._read_refused_chunk()

    def _refuse_injection(self) -> None:
        """End it all: RFC 3207 lets nothing follow STARTTLS in clear (CVE-2011-0411).

        Whether these bytes come in the same read as STARTTLS or later, none is ever a command.
        """
        self.has_injection = True
        self._close()

    # Commands, in the order of RFC 5321. Each returns its event.

    def _ehlo(self, argument: str) -> Event:
        return parse_hello("EHLO", argument, self.rules, is_encrypted=self.is_encrypted)

    def _helo(self, argument: str) -> Event:
        return parse_hello("HELO", argument, self.rules, is_encrypted=self.is_encrypted)

    def _mail(self, argument: str) -> Event:
        if self.rules.requires_auth and not self.is_authenticated:
            return Refused("MAIL", replies.AUTHENTICATION_REQUIRED)
        return parse_mail(argument, self.rules, is_encrypted=self.is_encrypted)

    def _rcpt(self, argument: str) -> Event:
        recipients_max = self.rules.max_rcpts_per_msg
        self._recipients_asked += 1
        if self._recipients_asked > recipients_max + RECIPIENT_OVERSHOOT_MAX:
            return Refused("RCPT", replies.TOO_MANY_RECIPIENTS)
        if self._recipients >= recipients_max:
            return LimitExceeded("RCPT", replies.TOO_MANY_RECIPIENTS)
        return parse_rcpt(argument, self.rules)

    def _data(self, argument: str) -> Event:
        return BadSyntax("DATA", _NO_PARAMETERS) if argument.strip() else Data()

    def _bdat(self, argument: str) -> Event | None:
        parsed = parse_bdat(argument)
        if isinstance(parsed, BadSyntax):
            return parsed
        content = self._content
        if type(content) is not ChunkReader:
            self._content = content = ChunkReader(self.rules.content_limits)
            self._fault_told = None
        size, is_last = parsed
        content.begin(size, is_last=is_last)
        self._move(State.CHUNK)
        return self._read_chunk()

    def _reset(self, _argument: str) -> Event:
        return Reset()

    def _noop(self, _argument: str) -> Event:
        return Noop()

    def _quit(self, _argument: str) -> Event:
        return Quit(self.rules.goodbye)

    def _vrfy(self, argument: str) -> Event:
        return Vrfy(argument)

    def _expn(self, argument: str) -> Event:
        return Expn(argument)

    def _help(self, argument: str) -> Event:
        return Help(argument)

    def _starttls(self, argument: str) -> Event:
        if self.is_encrypted:
            return Refused("STARTTLS", replies.ALREADY_ENCRYPTED)
        if not self.rules.offers_starttls:
            return Unknown("STARTTLS")
        return BadSyntax("STARTTLS", _NO_PARAMETERS) if argument.strip() else StartTls()

    def _auth(self, argument: str) -> Event:
        rules = self.rules
        if not rules.offers_auth:
            return Refused("AUTH", replies.AUTH_NOT_AVAILABLE)
        if self.is_authenticated:
            return Refused("AUTH", replies.ALREADY_AUTHENTICATED)
        if not rules.allows_auth(is_encrypted=self.is_encrypted):
            return Refused("AUTH", replies.ENCRYPTION_REQUIRED)
        self._sasl, step = begin_auth(argument)
        return self._auth_step(step)

    def _auth_step(self, step: Step) -> Answerable:
        if type(step) is Auth:
            return self._conduct.before_auth(step, self.rules.max_bad_commands)
        return step

    def _xclient(self, argument: str) -> Event:
        if not self.rules.offers_xclient:
            return Unknown("XCLIENT")
        try:
            return XClient(parse_xclient(argument), self.rules.greeting)
        except ValueError as error:
            return BadSyntax("XCLIENT", replies.invalid_argument(str(error)))

    # What follows from an answer of 2yz or 3yz, besides the move.

    def _after_quit(self, _event: Answerable) -> None:
        self._received.clear()

    def _after_transaction(self, _event: Answerable) -> None:
        self._content = None

    def _after_mail(self, _event: Answerable) -> None:
        self._recipients = self._recipients_asked = 0

    def _after_rcpt(self, _event: Answerable) -> None:
        self._recipients += 1

    def _after_data(self, _event: Answerable) -> None:
        self._content = DataReader(self.rules.content_limits)
        self._fault_told = None

    def _after_content(self, _event: Answerable) -> None:
        self._content = None
        self._conduct.accepted()

    def _after_starttls(self, _event: Answerable) -> None:
        if len(self._received):
            self._refuse_injection()

    def _after_auth(self, _event: Answerable) -> None:
        self._sasl = None
        self.is_authenticated = True

    def _after_xclient(self, event: Answerable) -> None:
        assert type(event) is XClient
        self.is_authenticated = bool(event.attributes.get("LOGIN"))


# Tables of the methods above; all call them with the conversation as first argument.

_COMMANDS: Final[Mapping[str, Callable[[ServerConversation, str], Event | None]]] = {
    "EHLO": ServerConversation._ehlo,
    "HELO": ServerConversation._helo,
    "MAIL": ServerConversation._mail,
    "RCPT": ServerConversation._rcpt,
    "DATA": ServerConversation._data,
    "RSET": ServerConversation._reset,
    "VRFY": ServerConversation._vrfy,
    "EXPN": ServerConversation._expn,
    "HELP": ServerConversation._help,
    "NOOP": ServerConversation._noop,
    "QUIT": ServerConversation._quit,
    "BDAT": ServerConversation._bdat,
    "STARTTLS": ServerConversation._starttls,
    "AUTH": ServerConversation._auth,
    "XCLIENT": ServerConversation._xclient,
}
_READERS: Final[Mapping[State | None, Callable[[ServerConversation], Event | None]]] = {
    None: ServerConversation._read_refused_chunk,  # in whatever state
    **dict.fromkeys(State, ServerConversation._read_command),
    State.CONNECTED: ServerConversation._read_greeting,
    State.AUTH: ServerConversation._read_auth,
    State.DATA: ServerConversation._read_data,
    State.CHUNK: ServerConversation._read_chunk,
    State.TLS: ServerConversation._read_nothing,
    State.CLOSED: ServerConversation._read_nothing,
}
_AFTER: Final[Mapping[type, Callable[[ServerConversation, Answerable], None]]] = {
    Quit: ServerConversation._after_quit,
    Hello: ServerConversation._after_transaction,
    Reset: ServerConversation._after_transaction,
    Mail: ServerConversation._after_mail,
    Rcpt: ServerConversation._after_rcpt,
    Data: ServerConversation._after_data,
    EndOfContent: ServerConversation._after_content,
    StartTls: ServerConversation._after_starttls,
    Auth: ServerConversation._after_auth,
    XClient: ServerConversation._after_xclient,
}
