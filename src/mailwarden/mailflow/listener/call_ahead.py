"""Asks the server behind about a recipient before it is taken (mailflow 2.8)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mailwarden.core.smtp.events import Rcpt
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.receiving_control import count_invalid
from mailwarden.services.call_ahead.answers import Answer, Finding
from mailwarden.services.call_ahead.asker import CallAhead
from mailwarden.services.call_ahead.settings import action_reply

if TYPE_CHECKING:  # a session decides with this, and this decides about sessions
    from mailwarden.mailflow.listener.session import Session

Take = Callable[[], Reply]  # what the recipient gets when it is accepted


def call_ahead(
    session: "Session", event: Rcpt, address: str, take: Take, asker: CallAhead
) -> Reply | None:
    """Decide about a recipient, at once where the answer is known."""
    aliases = session.context.aliases
    # Whom the alias table knows the server behind need not know.
    if aliases is not None and aliases.expand(address).matched:
        return take()
    answer = asker.peek(address)
    if answer is not None:
        return _decide(session, address, take, asker, answer)
    asker.ask(address, _CallAheadAnswer(session, event, address, take, asker))
    return None


class _CallAheadAnswer:
    """Goes on with RCPT once the server has said something."""

    __slots__ = ("_address", "_asker", "_event", "_session", "_take")

    def __init__(
        self, session: "Session", event: Rcpt, address: str, take: Take, asker: CallAhead
    ) -> None:
        self._session = session
        self._event = event
        self._address = address
        self._take = take
        self._asker = asker

    def __call__(self, answer: Answer) -> None:
        session = self._session
        if session.is_closing or session.transaction is None:
            return
        reply = _decide(session, self._address, self._take, self._asker, answer)
        if reply is not None:
            session.answer_later(self._event, reply)


def _decide(
    session: "Session", address: str, take: Take, asker: CallAhead, answer: Answer
) -> Reply | None:
    """Return what the recipient hears; None when the connection has ended."""
    if answer.finding is Finding.ACCEPTED:
        return take()
    transaction, parts = session.transaction, session.parts
    assert transaction is not None
    reply = action_reply(asker.profile.action_after(answer.finding))
    said = f"{answer.server} said {answer.detail}" if answer.server else answer.detail
    done = "accepted" if reply is None else "rejected"
    parts.log.info(
        f"MID {transaction.mid} ICID {session.icid} SMTP call-ahead {asker.name}: <{address}> "
        f"{done} after a {answer.finding.value}: {said}"
    )
    if reply is None:
        return take()
    parts.log.rcpt_rejected(transaction.mid, session.icid, address, "SMTP Call-Ahead")
    parts.counters["recipients_rejected"] += 1
    parts.counters["call_ahead_rejected"] += 1
    session.host_counts().undo()
    # Who does not exist for the server behind counts like one whom a directory does not have (3.7).
    return count_invalid(session, reply) if answer.finding is Finding.PERMANENT else reply
