"""A caller of the receiving core that accepts whatever the core accepts."""

import itertools
from collections.abc import Callable, Iterable

from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.content import BareCrLf
from mailwarden.core.smtp.events import (
    Answerable,
    Auth,
    Chunk,
    Content,
    EndOfContent,
    Event,
    Hello,
    Quit,
    Reset,
)
from mailwarden.core.smtp.order import State
from mailwarden.core.smtp.reply import Reply
from mailwarden.core.smtp.rules import ConversationRules
from mailwarden.core.smtp.server import ServerConversation

Policy = Callable[[Answerable], Reply | None]
GREETING = "220 gw1.corp.example ESMTP"
USERS = {"ann": "secret"}


class Handshake:
    """Stands in a dialogue for the client's TLS handshake."""

    def __repr__(self) -> str:
        return "HANDSHAKE"


HANDSHAKE = Handshake()


def make_rules(**changes: object) -> ConversationRules:
    """Return the rules of the specification's examples, with `changes`."""
    return ConversationRules(**{"hostname": "gw1.corp.example", **changes})  # type: ignore[arg-type]


class Caller:
    """Keeps what it gets: replies as lines, messages, events."""

    def __init__(
        self,
        rules: ConversationRules | None = None,
        *,
        policy: Policy = lambda _event: None,
        is_encrypted: bool = False,
    ) -> None:
        self.conversation = ServerConversation(rules or make_rules(), is_encrypted=is_encrypted)
        self.policy = policy
        self.messages: list[bytes] = []
        self.dotted: list[bool] = []
        self.events: list[Event] = []
        self.sent = b""
        self._pieces: list[bytes] = []
        self._faulty = False

    def say(self, *parts: bytes | Handshake) -> list[str]:
        """Give `parts` to the conversation, each in one read; return the lines answered."""
        before = len(self.sent)
        for part in parts or (b"",):
            if isinstance(part, Handshake):
                if self.conversation.state is State.TLS:
                    self.conversation.tls_started()
            else:
                self.conversation.receive(part)
            self._work()
        return self.sent[before:].decode("utf-8", "surrogateescape").splitlines()

    def _work(self) -> None:
        while (event := self.conversation.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, Content):
                self._take(event)
            else:
                self.sent += self.conversation.answer(self._decide(event))

    def _take(self, event: Content) -> None:
        assert not self._faulty or event.fault, "a piece behind a fault"
        if event.fault:
            self._faulty = True
            self._pieces.clear()
        else:
            assert event.data
            self._pieces.append(event.data)

    def _decide(self, event: Answerable) -> Reply | None:
        if isinstance(event, Hello | Reset | Quit):
            self._pieces.clear()
            self._faulty = False
        reply = self.policy(event)
        if isinstance(event, EndOfContent):
            reply = self._finish(event, reply)
        elif isinstance(event, Chunk) and reply is not None and reply.code >= 400:
            self._pieces.clear()
        elif isinstance(event, Auth) and USERS.get(event.user) == event.password:
            reply = replies.AUTHENTICATED
        return reply

    def _finish(self, event: EndOfContent, reply: Reply | None) -> Reply | None:
        pieces, self._pieces = [*self._pieces, event.data], []
        self._faulty = False
        if event.fault is not None or reply is not None:
            assert not event.data or event.fault is None
            return reply
        self.messages.append(b"".join(pieces))
        self.dotted.append(event.dotted)
        return replies.message_accepted(len(self.messages))


def talk(*parts: bytes | Handshake, **changes: object) -> list[str]:
    """Return all lines of a conversation under rules with `changes`, but for the greeting."""
    return Caller(make_rules(**changes)).say(*parts)[1:]


def codes(lines: Iterable[str]) -> list[str]:
    """Return the code of each reply in `lines`."""
    return [line[:3] for line in lines if line[3:4] == " "]


def transfer(
    wire: bytes, *cuts: int, bare_cr_lf: BareCrLf = BareCrLf.CLEAN, **changes: object
) -> tuple[str, bytes]:
    """Return the last reply to `wire` behind DATA, cut at `cuts`, and the message, if accepted."""
    caller = Caller(make_rules(bare_cr_lf=bare_cr_lf, **changes))
    caller.say(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
    ends = [0, *cuts, len(wire)]
    lines = caller.say(*(wire[a:b] for a, b in itertools.pairwise(ends)))
    return lines[-1] if lines else "", caller.messages[-1] if caller.messages else b""
