"""Who a client is, and what it may do: from the connection to the greeting (mailflow 3.1)."""

import asyncio
from typing import TYPE_CHECKING, Final

from mailwarden.core.policy.hat_policy import Rule
from mailwarden.core.policy.host_forms import HostFacts, NameStatus
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import XClient
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.hosts import (
    NO_ANSWER,
    NO_NAME_ASKED,
    Known,
    Question,
    find_host,
    peek_host,
)
from mailwarden.services.engines.reputation.score import FAILED
from mailwarden.system.dns.resolver import HostName

if TYPE_CHECKING:  # a session is admitted with these, and these decide about sessions
    from mailwarden.mailflow.listener.session import Session

_LIMIT_WORDS: Final = {
    replies.TOO_MANY_TO_HOST: "connections to this gateway are open (inbound.max_connections)",
    replies.TOO_MANY_TO_LISTENER: "connections to {name} are open (max_connections)",
    replies.TOO_MANY_FROM_HOST: "connections from {client} to {name} are open (max_concurrency)",
}


def begin(session: "Session") -> None:
    """Count a client in and find out about it; the session goes on once that is done."""
    context = session.context
    listener, limit = context.settings, context.inbound.max_connections
    if not session.take_place("connections", limit):
        _turn_away(session, replies.TOO_MANY_TO_HOST, limit)
        return
    limit = listener.max_connections
    if not session.take_place(f"listener:{listener.name}", limit):
        _turn_away(session, replies.TOO_MANY_TO_LISTENER, limit)
        return
    question = _ask_about(session, None)
    known = peek_host(session.parts, question)
    if known is not None:
        _admitted(session, known)
    else:
        session.ask_first()
        _Answer(session, question, None).wait()


def begin_anew(session: "Session", event: XClient) -> Reply | None:
    """Judge a client of which a trusted peer told; None when the answer has to wait."""
    question = _ask_about(session, _claimed_name(session, event))
    known = peek_host(session.parts, question)
    if known is not None:
        return _admitted_anew(session, known)
    _Answer(session, question, event).wait()
    return None


def _ask_about(session: "Session", name: HostName | None) -> Question:
    """Return what has to be known of the client; `name` if its name is known already."""
    context = session.context
    if name is None and not (context.settings.reverse_dns and session.client):
        name = NO_NAME_ASKED  # a peer that has gone already has no address either
    if name is None and context.reverse_seconds <= 0:
        name = NO_ANSWER  # as if the lookup took too long, at once (admin SYS-13)
    needs = context.hosts.needs_of(session.client)
    return Question(session.client, needs, name, context.uses_reputation, context.reverse_seconds)


def _claimed_name(session: "Session", event: XClient) -> HostName | None:
    """Return the name that XCLIENT gives the client; None when it has to be looked up."""
    attributes = event.attributes
    if "NAME" in attributes:
        name = attributes["NAME"]
        return HostName(name, NameStatus.EXISTS) if name else HostName("", NameStatus.NX_DOMAIN)
    if attributes.get("ADDR"):
        return None
    return HostName(session.facts.name, session.facts.name_status)


class _Answer:
    """Goes on with a session once everything is known that its admission needs."""

    __slots__ = ("_event", "_question", "_session")

    def __init__(self, session: "Session", question: Question, event: XClient | None) -> None:
        self._session = session
        self._question = question
        self._event = event  # None: the session has just begun

    def wait(self) -> None:
        """Ask; the answer comes by itself."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(find_host(self._session.parts, self._question))
        task.add_done_callback(self)

    def __call__(self, task: "asyncio.Task[Known]") -> None:
        """Take the answer."""
        session, event = self._session, self._event
        if session.is_closing or task.cancelled():
            return
        error = task.exception()
        if error is None:
            known = task.result()
        else:  # a fault of ours is no fault of the client: it is as if nobody had answered
            session.parts.log.warning(f"Nothing was found out about {session.client}: {error!r}")
            facts = HostFacts(session.client, "", NameStatus.SERV_FAIL)
            known = Known(facts, FAILED)
        if event is None:
            _admitted(session, known)
            return
        reply = _admitted_anew(session, known)
        if reply is not None:
            session.answer_later(event, reply)


def _admitted(session: "Session", known: Known) -> None:
    refusal = _admit(session, known)
    if refusal is not None:
        session.end(refusal)
    elif not session.is_closing:
        session.greet()


def _admitted_anew(session: "Session", known: Known) -> Reply | None:
    refusal = _admit(session, known)
    return refusal if refusal is not None or session.is_closing else session.banner()


def _admit(session: "Session", known: Known) -> Reply | None:
    """Decide about a client: it goes on under its policy, is cut, or hears what is returned."""
    context, parts = session.context, session.parts
    access = context.hosts.decide(known.facts)
    match = access.match
    session.access, session.facts = access, known.facts
    if access.rule is Rule.TCPREFUSE:
        parts.counters["connections_cut"] += 1
        parts.log.tcp_refuse(match.group or "", match.entry, known.sbrs)
        session.cut()
        return None
    session.take_number()
    name = HostName(known.facts.name, known.facts.name_status)
    session.client_name = name.name if name.status is NameStatus.EXISTS else ""
    _log_connection(session, name)
    parts.log.access(session.icid, access.rule.value, match.group or "", match.entry, known.sbrs)
    if access.rule is Rule.REJECT:
        parts.counters["hosts_rejected"] += 1
        if access.grant.is_delayed:
            parts.log.delayed_reject(session.icid, session.client)
    grant, limit = access.grant, access.grant.policy.max_concurrency
    if not session.take_client_place(limit):
        return _refuse(session, replies.TOO_MANY_FROM_HOST, limit)
    is_trusted = context.xclients.find(session.peer) is not None
    session.conversation.rules = grant.trusted_rules if is_trusted else grant.rules
    return None


def _turn_away(session: "Session", reply: Reply, limit: int) -> None:
    session.take_number()
    _log_connection(session, NO_NAME_ASKED)
    session.end(_refuse(session, reply, limit))


def _refuse(session: "Session", reply: Reply, limit: int) -> Reply:
    """Say in the log which limit is reached."""
    parts, name = session.parts, session.context.settings.name
    words = _LIMIT_WORDS[reply].format(name=name, client=session.client)
    parts.counters["connections_over_limit"] += 1
    parts.log.info(f"ICID {session.icid} refused: {limit} {words}")
    parts.log.receiving_failed(session.icid, "Connection limit exceeded")
    return reply


def _log_connection(session: "Session", name: HostName) -> None:
    context = session.context
    session.parts.log.new_smtp_icid(
        session.icid, context.interface, context.address, session.client, name.name,
        name.status is NameStatus.EXISTS and bool(name.name),
    )  # fmt: skip
