"""One mail transaction with a server: MAIL, RCPT, content (RFC 5321, 3.3).

Small content goes out together with the commands where the server offers PIPELINING (RFC 2920)
and CHUNKING (RFC 3030): one write, and all replies are matched in order. Larger content waits
for the replies to RCPT.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

from mailwarden.core.mail.content import Content
from mailwarden.core.mail.envelope import Body, Envelope
from mailwarden.core.smtp.client_capabilities import Capabilities
from mailwarden.core.smtp.client_commands import build_mail, build_rcpt, is_one_line_each
from mailwarden.core.smtp.client_content import END_OF_DATA, end_with_dot
from mailwarden.core.smtp.client_replies import PeerError, PeerReply
from mailwarden.core.smtp.client_rules import Refusal, check_message, is_internationalized, is_utf8

SINGLE_WRITE_BYTES_MAX: Final = 64 * 1024  # header and content that go out with the commands
BAD_ADDRESS: Final = "5.1.3 - Bad destination mailbox address syntax"


class Step(Enum):
    """Which reply comes next."""

    RESET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    FINAL = "end of data"
    OVER = "over"


class Move(Enum):
    """What the caller has to do after a reply."""

    WAIT = "wait"  # for more replies
    SEND = "send"  # `output`
    CONTENT = "content"  # send what `content` yields
    DONE = "done"  # the transaction is over


_MAIL: Final = Step.MAIL


class Transaction:
    """The commands of one message for the recipients `rids`, and what the server said to them.

    `mail`, `rcpts` (in the order of `rids`), `data` and `final` are the replies; `data` is None
    unless DATA was refused.
    """

    __slots__ = (
        "_commands",
        "_content",
        "_data",
        "_header",
        "_offers",
        "_size",
        "accepted",
        "data",
        "envelope",
        "final",
        "is_content_sent",
        "mail",
        "output",
        "rcpts",
        "rids",
        "step",
    )

    def __init__(
        self,
        envelope: Envelope,
        rids: Sequence[int],
        header: bytes,
        content: Content,
        offers: Capabilities,
    ) -> None:
        self.envelope: Final = envelope
        self.rids: Final = rids
        self.step = Step.MAIL
        self.mail: PeerReply | None = None
        self.rcpts: list[PeerReply] = []
        self.data: PeerReply | None = None
        self.final: PeerReply | None = None
        self.accepted = 0  # recipients
        self.is_content_sent = False  # all of it was handed to the transport
        self.output: list[bytes] = []
        self._header: Final = header
        self._content: Final = content
        self._offers: Final = offers
        self._size: Final = len(header) + content.size
        self._commands: list[str] = []
        self._data: list[bytes] | None = None  # small content that goes out with the commands

    def prepare(self) -> Refusal | None:
        """Write the commands; return why the message cannot go to this server, if so."""
        envelope, offers = self.envelope, self._offers
        recipients = [envelope.recipients[rid] for rid in self.rids]
        rcpts = [build_rcpt(recipient, offers) for recipient in recipients]
        needs_utf8 = says_utf8 = False
        if envelope.smtputf8 or not (envelope.sender.isascii() and "".join(rcpts).isascii()):
            addresses = [envelope.sender, *(recipient.address for recipient in recipients)]
            needs_utf8 = is_internationalized(envelope, addresses, self._header, self._content)
            # UTF-8 that came without SMTPUTF8 goes on as it came, and is declared where offered.
            says_utf8 = needs_utf8 or (
                not envelope.smtputf8 and all(is_utf8(address) for address in addresses)
            )
        refusal = check_message(envelope, self._size, offers, utf8=needs_utf8)
        if refusal is not None:
            return refusal
        if offers.pipelining and offers.chunking and self._size <= SINGLE_WRITE_BYTES_MAX:
            self._data = list(self._pieces())
        mail = build_mail(
            envelope, self._size, offers, eight_bit=self._may_be_eight_bit(), utf8=says_utf8
        )
        self._commands = [mail, *rcpts]
        if not is_one_line_each(self._commands):
            return Refusal(BAD_ADDRESS, "an address holds a line end")
        return None

    def _may_be_eight_bit(self) -> bool:
        body = self.envelope.body
        if body is Body.UNSPECIFIED and self._data is not None:
            return not all(map(bytes.isascii, self._data))
        return body is not Body.SEVENBIT  # large content is not searched

    def start(self, *, reset: bool = False) -> list[bytes]:
        """Return the first bytes to send; `reset` puts RSET in front of them."""
        if reset:
            self.step = Step.RESET
        if not self._offers.pipelining:
            return [b"RSET\r\n"] if reset else [_encode(self._commands[0])]
        text = "".join(self._commands)
        if reset:
            text = f"RSET\r\n{text}"
        if self._data is not None:
            self.is_content_sent = True
            return [_encode(f"{text}BDAT {self._size} LAST\r\n"), *self._data]
        if not self._offers.chunking:
            text += "DATA\r\n"
        return [_encode(text)]

    def take_all_good(self, replies: Sequence[PeerReply]) -> bool:
        """Take all replies at once if that is all there are, and all are good.

        So it is for most messages. It returns False, having done nothing, when `take` has to look
        at each reply.
        """
        if self.step is not _MAIL or self._data is None or len(replies) != len(self.rids) + 2:
            return False
        for reply in replies:
            if reply.code >= 300:
                return False
        self.mail = replies[0]
        self.rcpts = list(replies[1:-1])
        self.final = replies[-1]
        self.accepted = len(self.rids)
        self.step = Step.OVER
        return True

    def take(self, reply: PeerReply) -> Move:
        """Take the next reply and return what it leads to.

        Raises:
            PeerError: this reply makes no sense here.
        """
        if reply.code == 421:  # RFC 5321, 3.8: the answer to all that is still open
            self._fill(reply)
            return Move.DONE
        match self.step:
            case Step.RCPT:
                return self._take_rcpt(reply)
            case Step.FINAL:
                return self._take_final(reply)
            case Step.MAIL:
                return self._take_mail(reply)
            case Step.DATA:
                return self._take_data(reply)
            case Step.RESET if 200 <= reply.code < 300:
                self.step = Step.MAIL
                return Move.WAIT if self._offers.pipelining else self._send(self._commands[0])
        raise PeerError(f"reply {reply.code} to {self.step.value}")

    def _take_mail(self, reply: PeerReply) -> Move:
        if 300 <= reply.code < 400:
            raise PeerError(f"reply {reply.code} to MAIL")
        self.mail = reply
        self.step = Step.RCPT
        if self._offers.pipelining:
            return Move.WAIT
        return self._send(self._commands[1]) if reply.code < 300 else self._over()

    def _take_rcpt(self, reply: PeerReply) -> Move:
        if 300 <= reply.code < 400:
            raise PeerError(f"reply {reply.code} to RCPT")
        self.rcpts.append(reply)
        if reply.code < 300:
            self.accepted += 1
        if len(self.rcpts) < len(self.rids):
            if self._offers.pipelining:
                return Move.WAIT
            return self._send(self._commands[1 + len(self.rcpts)])
        return self._after_recipients()

    def _after_recipients(self) -> Move:
        if self._data is not None:
            self.step = Step.FINAL
            return Move.WAIT
        if not self._offers.chunking and self._offers.pipelining:
            self.step = Step.DATA
            return Move.WAIT
        if not self.accepted or not self._is_mail_accepted():
            return self._over()
        if self._offers.chunking:
            self.step = Step.FINAL
            return Move.CONTENT
        self.step = Step.DATA
        return self._send("DATA\r\n")

    def _take_data(self, reply: PeerReply) -> Move:
        if reply.code < 300:
            raise PeerError(f"reply {reply.code} to DATA")
        if reply.code >= 400:
            self.data = reply
            return self._over()
        self.step = Step.FINAL
        if self.accepted and self._is_mail_accepted():
            return Move.CONTENT
        # RFC 2920, 3.1: a server that takes DATA for nobody is sent nothing but the dot.
        self.output = [END_OF_DATA]
        return Move.SEND

    def _take_final(self, reply: PeerReply) -> Move:
        if 300 <= reply.code < 400:
            raise PeerError(f"reply {reply.code} to the end of data")
        if reply.code < 300 and self.accepted and not self.is_content_sent:
            raise PeerError("the content was accepted before it was sent")
        self.final = reply
        return self._over()

    def _send(self, command: str) -> Move:
        self.output = [_encode(command)]
        return Move.SEND

    def _over(self) -> Move:
        self.step = Step.OVER
        return Move.DONE

    def _fill(self, reply: PeerReply) -> None:
        if self.mail is None:
            self.mail = reply
        missing = len(self.rids) - len(self.rcpts)
        self.rcpts.extend([reply] * missing)
        self.final = reply
        self.step = Step.OVER

    def _is_mail_accepted(self) -> bool:
        return self.mail is not None and self.mail.code < 300

    def content(self) -> Iterator[bytes]:
        """Yield what follows `Move.CONTENT`; `is_content_sent` is set when nothing is left."""
        if self._offers.chunking:
            # One chunk for all: the size is known, and no reply has to be awaited in between.
            yield b"BDAT %d LAST\r\n" % self._size
            yield from self._pieces()
        else:
            yield from end_with_dot(self._pieces(), dotted=self._content.dotted)
        self.is_content_sent = True

    def _pieces(self) -> Iterator[bytes]:
        if self._header:
            yield self._header
        yield from self._content.chunks()

    @property
    def is_delivered(self) -> bool:
        """Whether the server took the message for every recipient."""
        return (
            self.final is not None
            and self.final.code < 300
            and self.accepted == len(self.rids)
            and self._is_mail_accepted()
        )

    @property
    def is_reset_due(self) -> bool:
        """Whether the server may still hold the transaction open, so that RSET must follow.

        A content that was refused after BDAT leaves it in an undefined state (RFC 3030, 2).
        """
        if self.final is not None and self.final.code < 300:
            return False
        return self._is_mail_accepted()

    @property
    def is_only_final_missing(self) -> bool:
        """Whether the server has all it needs and only owes the last reply."""
        return self.step is Step.FINAL and self.accepted > 0 and self.is_content_sent

    def answer_to(self, index: int) -> tuple[Step, PeerReply | None]:
        """Return the reply that decided about the recipient `rids[index]`, and to what it came."""
        if self.mail is not None and self.mail.code >= 300:
            return Step.MAIL, self.mail
        if index < len(self.rcpts) and self.rcpts[index].code >= 300:
            return Step.RCPT, self.rcpts[index]
        if self.data is not None:
            return Step.DATA, self.data
        return Step.FINAL, self.final


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
