"""The sending side of an SMTP conversation (RFC 5321), without I/O.

The caller feeds the bytes that come in and does what the signal says; `take_output` gives the
bytes to send. A conversation goes from the greeting over EHLO, and STARTTLS if that is wanted, to
READY; then `begin` starts one transaction after the other, until `quit`.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from mailwarden.core.mail.content import Content
from mailwarden.core.mail.envelope import Envelope
from mailwarden.core.smtp.client_capabilities import (
    NO_CAPABILITIES,
    Capabilities,
    parse_capabilities,
)
from mailwarden.core.smtp.client_replies import PeerError, PeerReply, ReplyReader
from mailwarden.core.smtp.client_rules import Refusal
from mailwarden.core.smtp.client_transaction import Move, Transaction

__all__ = [
    "Capabilities",
    "ClientConversation",
    "PeerError",
    "PeerReply",
    "Phase",
    "Refusal",
    "Signal",
    "Transaction",
]


class Phase(Enum):
    """What the conversation is waiting for."""

    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    HANDSHAKE = "TLS handshake"
    READY = "nothing"
    TRANSACTION = "transaction"
    QUIT = "QUIT"
    OVER = "end"


class Signal(Enum):
    """What the caller has to do."""

    WAIT = "wait"  # for more bytes
    SEND = "send"  # what `take_output` returns
    HANDSHAKE = "handshake"  # do it, then call `tls_established`
    READY = "ready"  # `begin` or `quit`
    CONTENT = "content"  # send what `transaction.content()` yields
    DONE = "done"  # `transaction` holds the replies; go on if `is_reusable`
    REFUSED = "refused"  # by `refusal`, in `phase`; the connection is of no more use
    CLOSED = "closed"  # the server said goodbye


_TRANSACTION: Final = Phase.TRANSACTION


class ClientConversation:
    """One connection's conversation.

    `hello` is our name in EHLO; `wants_tls` asks for STARTTLS where it is offered.
    """

    __slots__ = (
        "_output",
        "_reader",
        "_reset_due",
        "_wants_tls",
        "hello",
        "is_encrypted",
        "is_reusable",
        "offers",
        "phase",
        "refusal",
        "transaction",
    )

    def __init__(self, hello: str, *, wants_tls: bool) -> None:
        self.hello: Final = hello
        self.phase = Phase.GREETING
        self.offers = NO_CAPABILITIES
        self.is_encrypted = False
        self.is_reusable = True
        self.refusal: PeerReply | None = None
        self.transaction: Transaction | None = None
        self._wants_tls: Final = wants_tls
        self._reader = ReplyReader()
        self._output: list[bytes] = []
        self._reset_due = False

    def receive(self, data: bytes) -> Signal:
        """Take bytes from the server and return what they lead to.

        Raises:
            PeerError: the server broke the protocol, for example by replies to nothing.
        """
        signal = Signal.WAIT
        replies = self._reader.feed(data)
        if self.phase is _TRANSACTION and self._is_all_good(replies):
            replies, signal = [], Signal.DONE
        for reply in replies:
            if signal is Signal.WAIT:
                signal = self._take(reply)
            elif signal in (Signal.DONE, Signal.REFUSED):
                self.is_reusable = False  # as by 421 behind the last reply: a goodbye, not an error
            else:
                raise PeerError(f"reply {reply.code} before the command")
        if signal is not Signal.WAIT and self._reader.is_inside:
            # What came in clear must not count as said under TLS (CVE-2021-38371).
            if signal is Signal.HANDSHAKE:
                raise PeerError("bytes between STARTTLS and the handshake")
            self.is_reusable = False
        return signal

    def _is_all_good(self, replies: Sequence[PeerReply]) -> bool:
        """Take the short way for a transaction that goes well."""
        if self.transaction is None or not self.transaction.take_all_good(replies):
            return False
        self._reset_due = False
        self.phase = Phase.READY
        return True

    def _take(self, reply: PeerReply) -> Signal:
        match self.phase:
            case Phase.TRANSACTION:
                return self._take_in_transaction(reply)
            case Phase.GREETING:
                return self._command("EHLO", Phase.EHLO) if reply.code == 220 else self._no(reply)
            case Phase.EHLO:
                return self._take_ehlo(reply)
            case Phase.HELO:
                return self._ready() if reply.code == 250 else self._no(reply)
            case Phase.STARTTLS:
                if reply.code != 220:
                    return self._no(reply)
                self.phase = Phase.HANDSHAKE
                return Signal.HANDSHAKE
            case Phase.QUIT:
                self.phase = Phase.OVER
                return Signal.CLOSED
            case Phase.READY if reply.code == 421:  # RFC 5321, 3.8
                return self._no(reply)
        raise PeerError(f"reply {reply.code} while waiting for {self.phase.value}")

    def _take_in_transaction(self, reply: PeerReply) -> Signal:
        transaction = self.transaction
        assert transaction is not None  # TRANSACTION is entered with one
        match transaction.take(reply):
            case Move.WAIT:
                return Signal.WAIT
            case Move.SEND:
                self._output = transaction.output
                return Signal.SEND
            case Move.CONTENT:
                return Signal.CONTENT
        if reply.code == 421 or not (transaction.is_content_sent or transaction.final is None):
            self.is_reusable = False  # the server leaves, or did not wait for all of the content
        self._reset_due = transaction.is_reset_due
        self.phase = Phase.READY
        return Signal.DONE

    def _take_ehlo(self, reply: PeerReply) -> Signal:
        if 500 <= reply.code < 600:  # RFC 5321, 4.1.4: an old server; not so for 4yz
            return self._command("HELO", Phase.HELO)
        if reply.code != 250:
            return self._no(reply)
        self.offers = parse_capabilities(reply.lines)
        if self._wants_tls and self.offers.starttls and not self.is_encrypted:
            self.phase = Phase.STARTTLS
            self._output = [b"STARTTLS\r\n"]
            return Signal.SEND
        return self._ready()

    def _ready(self) -> Signal:
        self.phase = Phase.READY
        return Signal.READY

    def _no(self, reply: PeerReply) -> Signal:
        self.refusal = reply
        self.is_reusable = False
        return Signal.REFUSED

    def _command(self, verb: str, phase: Phase) -> Signal:
        self.phase = phase
        self._output = [f"{verb} {self.hello}\r\n".encode("ascii", "replace")]
        return Signal.SEND

    def take_output(self) -> Sequence[bytes]:
        """Return the bytes that `Signal.SEND` is about."""
        output, self._output = self._output, []
        return output

    def tls_established(self) -> Sequence[bytes]:
        """Begin anew over TLS (RFC 3207, 4.2: all that was learnt is forgotten); return EHLO."""
        self.is_encrypted = True
        self.offers = NO_CAPABILITIES
        self._reader = ReplyReader()
        self._command("EHLO", Phase.EHLO)
        return self.take_output()

    def begin(
        self, envelope: Envelope, rids: Sequence[int], header: bytes, content: Content
    ) -> Sequence[bytes] | Refusal:
        """Start a transaction; return the bytes to send, or why the message cannot go this way.

        Only when READY. After a `Refusal` the conversation is READY as before.
        """
        transaction = Transaction(envelope, rids, header, content, self.offers)
        refusal = transaction.prepare()
        if refusal is not None:
            return refusal
        self.transaction = transaction
        self.phase = Phase.TRANSACTION
        reset, self._reset_due = self._reset_due, False
        return transaction.start(reset=reset)

    def quit(self) -> Sequence[bytes]:
        """Say goodbye; return the bytes to send."""
        self.phase = Phase.QUIT
        self.is_reusable = False
        return [b"QUIT\r\n"]
