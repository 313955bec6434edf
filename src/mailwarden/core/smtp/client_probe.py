"""Asks a server whether it takes recipients, without sending mail (mailflow 2.8), without I/O.

The conversation is greeting, EHLO, MAIL, and then one RCPT for each question; QUIT ends it.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from mailwarden.core.smtp.client_capabilities import NO_CAPABILITIES, parse_capabilities
from mailwarden.core.smtp.client_commands import is_one_line_each
from mailwarden.core.smtp.client_replies import PeerError, PeerReply, ReplyReader

TOO_MANY_RECIPIENTS: Final = 452  # RFC 5321, 4.5.3.1.10: of this transaction


class ProbePhase(Enum):
    """What the conversation is waiting for."""

    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    MAIL = "MAIL"
    READY = "nothing"
    RCPT = "RCPT"
    OVER = "end"


class ProbeSignal(Enum):
    """What the caller has to do."""

    WAIT = "wait"  # for more bytes
    SEND = "send"  # what `take_output` returns
    READY = "ready"  # `ask` or `quit`
    ANSWERED = "answered"  # `answer` is the reply; READY for the next question
    REFUSED = "refused"  # `refusal` says why; the connection is of no more use


class ProbeConversation:
    """One connection's conversation. `hello` is our name, `sender` the MAIL FROM; "" is `<>`."""

    __slots__ = (
        "_output",
        "_reader",
        "_takes_utf8",
        "answer",
        "asked",
        "hello",
        "phase",
        "refusal",
        "sender",
    )

    def __init__(self, hello: str, sender: str) -> None:
        self.hello: Final = hello
        self.sender: Final = sender
        self.phase = ProbePhase.GREETING
        self.answer: PeerReply | None = None
        self.refusal: PeerReply | None = None
        self.asked = 0  # questions
        self._reader: Final = ReplyReader()
        self._output: list[bytes] = []
        self._takes_utf8 = False

    def receive(self, data: bytes) -> ProbeSignal:
        """Take bytes from the server and return what they lead to.

        Raises:
            PeerError: the server broke the protocol, for example by replies to nothing.
        """
        signal = ProbeSignal.WAIT
        for reply in self._reader.feed(data):
            if signal is ProbeSignal.ANSWERED and reply.code == 421:  # a goodbye, not an error
                self._refuse(reply)
            elif signal is ProbeSignal.WAIT:
                signal = self._take(reply)
            elif signal is not ProbeSignal.REFUSED:
                raise PeerError(f"reply {reply.code} before the command")
        return signal

    @property
    def is_reusable(self) -> bool:
        """Whether another question can be asked."""
        return self.phase is ProbePhase.READY

    @property
    def is_full(self) -> bool:
        """Whether the answer is about the transaction: the same may be asked in another one."""
        return (
            self.answer is not None and self.answer.code == TOO_MANY_RECIPIENTS and self.asked > 1
        )

    def _take(self, reply: PeerReply) -> ProbeSignal:
        if reply.code == 421 and self.phase is not ProbePhase.OVER:  # RFC 5321, 3.8
            return self._refuse(reply)
        match self.phase:
            case ProbePhase.RCPT if reply.code < 300 or reply.code >= 400:
                self.phase = ProbePhase.READY
                self.answer = reply
                return ProbeSignal.ANSWERED
            case ProbePhase.GREETING:
                if reply.code != 220:
                    return self._refuse(reply)
                return self._command(f"EHLO {self.hello}\r\n", ProbePhase.EHLO)
            case ProbePhase.EHLO:
                if 500 <= reply.code < 600:  # RFC 5321, 4.1.4: an old server
                    return self._command(f"HELO {self.hello}\r\n", ProbePhase.HELO)
                offers = parse_capabilities(reply.lines) if reply.code == 250 else NO_CAPABILITIES
                self._takes_utf8 = offers.smtputf8
                return self._mail(reply)
            case ProbePhase.HELO:
                return self._mail(reply)
            case ProbePhase.MAIL:
                if not 200 <= reply.code < 300:
                    return self._refuse(reply)
                self.phase = ProbePhase.READY
                return ProbeSignal.READY
        raise PeerError(f"reply {reply.code} while waiting for {self.phase.value}")

    def _mail(self, reply: PeerReply) -> ProbeSignal:
        if reply.code != 250:
            return self._refuse(reply)
        # Declared where it is offered: a later question may need it (RFC 6531, 3.4).
        utf8 = " SMTPUTF8" if self._takes_utf8 else ""
        return self._command(f"MAIL FROM:<{self.sender}>{utf8}\r\n", ProbePhase.MAIL)

    def _refuse(self, reply: PeerReply) -> ProbeSignal:
        self.refusal = reply
        self.phase = ProbePhase.OVER
        return ProbeSignal.REFUSED

    def _command(self, command: str, phase: ProbePhase) -> ProbeSignal:
        self.phase = phase
        self._output = [command.encode("utf-8", "surrogateescape")]
        return ProbeSignal.SEND

    def take_output(self) -> Sequence[bytes]:
        """Return the bytes that `SEND` is about."""
        output, self._output = self._output, []
        return output

    def may_ask(self, address: str) -> bool:
        """Whether the server understands `address`, which may not be ASCII (RFC 6531, 3.5)."""
        return address.isascii() or self._takes_utf8

    def ask(self, address: str) -> bytes:
        """Return the question whether the server takes `address`; only when READY.

        Raises:
            ValueError: the address holds a line end.
        """
        command = f"RCPT TO:<{address}>\r\n"
        if not is_one_line_each([command]):
            raise ValueError("an address holds a line end")
        self.phase = ProbePhase.RCPT
        self.answer = None
        self.asked += 1
        return command.encode("utf-8", "surrogateescape")

    def quit(self) -> bytes:
        """Say goodbye; return the bytes to send."""
        self.phase = ProbePhase.OVER
        return b"QUIT\r\n"
