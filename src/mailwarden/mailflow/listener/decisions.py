"""What the listener decides about each thing that a client says (mailflow 1.2, steps 4 to 8).

Each function takes the session and an event and returns the reply, or None when the answer has to
wait: `session.answer_later` gives it then.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mailwarden.core.mail.date import build_received_date
from mailwarden.core.mail.encoded_word import decode_unstructured
from mailwarden.core.mail.envelope import Direction, Envelope
from mailwarden.core.mail.received import build_protocol, build_received
from mailwarden.core.policy.aliases import AliasIndex
from mailwarden.core.policy.hat_policy import Rule
from mailwarden.core.policy.rat import RatAction, rat_reply
from mailwarden.core.policy.sender_check import (
    DomainState,
    SenderAction,
    SenderDecision,
    SenderRules,
    check_sender,
    judge_domain,
)
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.content import Fault
from mailwarden.core.smtp.events import (
    Auth,
    BadCommandLimit,
    BadSyntax,
    Content,
    EndOfContent,
    Greeting,
    Hello,
    InvalidAddress,
    LimitExceeded,
    LineMalformed,
    LineTooLong,
    Mail,
    Rcpt,
    Refused,
    Reset,
    StartTls,
    Unknown,
    XClient,
)
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.admission import begin_anew
from mailwarden.mailflow.listener.bounces import BounceKind, judge_content, judge_recipient
from mailwarden.mailflow.listener.call_ahead import call_ahead
from mailwarden.mailflow.listener.receiving_control import (
    count_invalid,
    refuse_harvester,
    refuse_over_rate,
)
from mailwarden.mailflow.listener.sender import look_up_domain, peek_domain
from mailwarden.mailflow.listener.settings import ListenerType
from mailwarden.mailflow.listener.transaction import Transaction, added_header, look_at
from mailwarden.stores.spool.spool import Entry, Settlement, SpoolFailure, State, Stored

if TYPE_CHECKING:  # a session decides with these, and these decide about sessions
    from mailwarden.mailflow.listener.session import Session

EXPANDED_RECIPIENTS_MAX: Final = 100_000  # of one message, once aliases were expanded
RECEIVING_ABORTED: Final = "Receiving aborted"
_FAULTS: Final = {
    Fault.MESSAGE_SIZE: "Message size exceeds limit",
    Fault.HEADER_SIZE: "Message header size exceeds limit",
    Fault.BARE_CR_LF: "Message contains bare CR or LF",
}


def greeting(session: "Session", _event: Greeting) -> Reply:
    """Greet, or refuse a host that may not send (mailflow 3.3)."""
    return session.banner()


def hello(session: "Session", event: Hello) -> Reply:
    """Remember how the client calls itself."""
    session.abort_transaction(RECEIVING_ABORTED)
    session.helo = event.name
    session.is_extended = event.extended
    return event.reply


def reset(session: "Session", event: Reset) -> Reply:
    """Forget the message that was begun."""
    session.abort_transaction(RECEIVING_ABORTED)
    return event.reply


def mail(session: "Session", event: Mail) -> Reply | None:
    """Begin a message, unless there is no room for it."""
    parts, grant = session.parts, session.access.grant
    if session.messages >= grant.policy.max_msgs_per_session:
        parts.log.receiving_failed(session.icid, "Too Many Messages")
        return replies.TOO_MANY_MESSAGES
    if parts.pressure.refuses:
        parts.counters["refused_for_resources"] += 1
        full = parts.pressure.is_full
        parts.log.receiving_failed(session.icid, "Queue full" if full else "Resources low")
        return replies.QUEUE_FULL if parts.pressure.is_full else replies.RESOURCES_LOW
    if grant.sender_rules is not None:
        return _verify_sender(session, event, grant.sender_rules)
    return _begin_message(session, event)


def _verify_sender(session: "Session", event: Mail, rules: SenderRules) -> Reply | None:
    """Decide about the sender of a message, at once where what DNS says is known (3.8)."""
    decision = check_sender(event.address, rules, session.context.sender_exceptions)
    if decision.action is not SenderAction.LOOK_UP:
        return _judged(session, event, decision)
    resolver = session.parts.resolver
    state = peek_domain(resolver, decision.domain)
    if state is not None:
        return _judged(session, event, judge_domain(event.address, rules, state))
    task = asyncio.get_running_loop().create_task(look_up_domain(resolver, decision.domain))
    task.add_done_callback(_SenderAnswer(session, event, rules))
    return None


class _SenderAnswer:
    """Goes on with MAIL once DNS has said something about the sender's domain."""

    __slots__ = ("_event", "_rules", "_session")

    def __init__(self, session: "Session", event: Mail, rules: SenderRules) -> None:
        self._session = session
        self._event = event
        self._rules = rules

    def __call__(self, task: "asyncio.Task[DomainState]") -> None:
        session, event = self._session, self._event
        if session.is_closing or task.cancelled():
            return
        reply = _judged(session, event, judge_domain(event.address, self._rules, task.result()))
        if reply is not None:
            session.answer_later(event, reply)


def _judged(session: "Session", event: Mail, decision: SenderDecision) -> Reply | None:
    if decision.log:
        session.parts.log.sender_judged(session.icid, event.address, decision.log)
    if decision.reply is not None:
        session.parts.counters["senders_rejected"] += 1
        return decision.reply
    return _begin_message(session, event)


def _begin_message(session: "Session", event: Mail) -> Reply | None:
    parts, context = session.parts, session.context
    session.abort_transaction(RECEIVING_ABORTED)
    mid = parts.identifiers.next_mid()
    session.transaction = Transaction(mid, event, parts.spool, context.inline_size_max_bytes)
    parts.log.start_mid(mid, session.icid)
    parts.log.mail_from(mid, session.icid, event.address)
    delay = parts.pressure.delay_seconds()
    if not delay:
        return event.reply
    loop = asyncio.get_running_loop()
    loop.call_later(delay, session.answer_later, event, event.reply)
    return None


def rcpt(session: "Session", event: Rcpt) -> Reply | None:
    """Take a recipient, if the listener is there for it (mailflow 4)."""
    transaction = session.transaction
    assert transaction is not None
    log, mid = session.parts.log, transaction.mid
    if session.access.grant.is_delayed:
        log.rcpt_rejected(mid, session.icid, event.address, "HAT")
        session.parts.counters["recipients_rejected"] += 1
        return session.access.grant.refusal(session.variables())
    reply: Reply = event.reply
    address: str = event.address
    if session.context.bounces is not None:
        judged = judge_recipient(
            session, transaction, address, session.context.bounces, is_relaying(session)
        )
        if judged.refusal is not None:
            return judged.refusal
        address = judged.address
    if session.context.domain_map is not None:
        mapped = session.context.domain_map.rewrite(address)
        if mapped is not None and mapped != address:
            log.info(f"MID {mid} domain map: {address} mapped to {mapped}")
            address = mapped
    if is_relaying(session):
        refusal = refuse_over_rate(session, transaction, address)
        return refusal or take_recipient(session, transaction, event, address, reply)
    entry = session.context.recipients.find(address)
    if not entry.bypass_throttle:
        refusal = refuse_harvester(session, transaction, address)
        if refusal is not None:
            return refusal
    if entry.action is RatAction.REJECT:
        log.rcpt_rejected(mid, session.icid, address, "RAT")
        session.parts.counters["recipients_rejected"] += 1
        reply = rat_reply(entry, event.address)
        return reply if entry.bypass_throttle else count_invalid(session, reply)
    if entry.reply is not None:
        reply = entry.reply
    if entry.bypass_throttle:
        session.host_counts().pass_by()
    else:
        refusal = refuse_over_rate(session, transaction, address)
        if refusal is not None:
            return refusal
    if session.context.call_ahead is not None and not entry.bypass_callahead:
        take = partial(take_recipient, session, transaction, event, address, reply)
        return call_ahead(session, event, address, take, session.context.call_ahead)
    return take_recipient(session, transaction, event, address, reply)


def take_recipient(
    session: "Session", transaction: Transaction, event: Rcpt, address: str, reply: Reply
) -> Reply:
    """Add a recipient that all tables and servers have let through, and return the answer."""
    log, mid = session.parts.log, transaction.mid
    if session.context.aliases is not None:
        if not _add_expanded(session, transaction, event, address, session.context.aliases):
            session.host_counts().undo()
            return replies.TOO_MANY_RECIPIENTS
        return reply
    rid = transaction.add_recipient(event, address)
    log.rcpt_to(mid, session.icid, rid, address)
    return reply


def _add_expanded(
    session: "Session", transaction: Transaction, event: Rcpt, address: str, aliases: AliasIndex
) -> bool:
    """Add the recipients that `address` stands for (5.3); each that is there already, once.

    Return False when they are too many for one message.
    """
    log, mid = session.parts.log, transaction.mid
    expansion = aliases.expand(address)
    count = len(transaction.recipients) + len(expansion.addresses)
    if expansion.matched and (expansion.is_too_large or count > EXPANDED_RECIPIENTS_MAX):
        log.warning(f"MID {mid} alias {expansion.matched} stands for too many: {address} refused")
        return False
    if expansion.matched:
        log.alias_match(mid, len(transaction.recipients), address, expansion.addresses)
    if expansion.is_dropped:
        transaction.dropped += 1
        return True
    for target in expansion.addresses:
        if expansion.matched and transaction.has_recipient(target):
            continue
        rid = transaction.add_recipient(event, target)
        log.rcpt_to(mid, session.icid, rid, target)
    return True


def is_relaying(session: "Session") -> bool:
    """Whether every recipient is taken: relay hosts, users, and listeners without a RAT."""
    if session.access.rule is Rule.RELAY or session.user:
        return True
    return session.context.settings.type is not ListenerType.PUBLIC


def content(session: "Session", event: Content) -> None:
    """Take a piece of content."""
    transaction = session.transaction
    if transaction is None:
        return
    if event.fault is not None:
        transaction.abandon()
        return
    try:
        transaction.add(event.data)
    except SpoolFailure as failure:
        transaction.failure = failure
        transaction.abandon()


def end_of_content(session: "Session", event: EndOfContent) -> Reply | None:
    """Put the message into the spool, or say why not."""
    transaction = session.transaction
    assert transaction is not None
    if event.fault is not None:
        return _refuse(session, event, _FAULTS[event.fault], event.reply)
    if transaction.failure is not None:
        return _failed(session, transaction.failure)
    if not transaction.recipients:
        return _drop(session, transaction)
    try:
        whole = transaction.finish(event.data, dotted=event.dotted)
    except SpoolFailure as failure:
        return _failed(session, failure)
    context, parts = session.context, session.parts
    scan, bare = look_at(whole, context.inbound.max_header_size)
    if scan.received >= context.inbound.max_received_headers:
        return _refuse(session, event, "Message loop", replies.TOO_MANY_HOPS)
    marks = b""
    if context.bounces is not None and transaction.bounce != BounceKind.NONE:
        mark = judge_content(session, transaction, whole, context.bounces)
        if mark is None:
            return _refuse(session, event, "Invalid bounce", replies.INVALID_BOUNCE)
        marks = mark
    received_at = parts.clock.time()
    header = added_header(
        (_received(session, received_at) if context.settings.add_received_header else b"") + marks,
        scan,
        message_id=(transaction.mid, received_at, context.hostname)
        if context.inbound.add_message_id or is_relaying(session)
        else None,
        bare=bare,
    )
    if scan.message_id is not None:
        value = scan.message_id.decode("utf-8", "backslashreplace")
        parts.log.message_id(transaction.mid, value)
    if scan.subject is not None:
        parts.log.subject(transaction.mid, decode_unstructured(scan.subject))
    stored = Stored(_envelope(session, transaction, received_at), header, whole)
    return _store(session, event, stored)


def _drop(session: "Session", transaction: Transaction) -> Reply:
    """Take a message all of whose recipients lead to /dev/null, and forget it (5.3)."""
    transaction.abandon()
    session.transaction = None
    session.succeeded()
    counters = session.parts.counters
    counters["messages_in"] += 1
    counters["dropped"] += 1
    session.parts.log.finished(transaction.mid, "done")
    return replies.message_accepted(transaction.mid)


def _store(session: "Session", event: EndOfContent, stored: Stored) -> Reply | None:
    """Hand the message to the spool; the reply goes out when it is on disk."""
    kind = session.context.settings.type
    if kind is ListenerType.BLACKHOLE_NON_QUEUEING:
        _taken(session, stored, None)
        return replies.message_accepted(stored.envelope.mid)
    state = State.HELD if kind is ListenerType.BLACKHOLE else State.RECEIVED
    receipt = _Receipt(session, event, stored)
    session.parts.spool.put(stored, state, receipt.done)
    receipt.is_later = True
    return receipt.reply


class _Receipt:
    """Answers for one message once the spool has it, or has refused it.

    A closure would do; but a compiled one refers to itself, and only a collection frees it.
    """

    __slots__ = ("_event", "_session", "_stored", "is_later", "reply")

    def __init__(self, session: "Session", event: EndOfContent, stored: Stored) -> None:
        self._session = session
        self._event = event
        self._stored = stored
        self.is_later = False
        self.reply: Reply | None = None  # when it was known at once

    def done(self, entry: Entry | None, failure: SpoolFailure | None) -> None:
        """Take what became of the message."""
        session, stored = self._session, self._stored
        if entry is None:
            assert failure is not None
            reply = _failed(session, failure)
        else:
            is_dropped = session.context.settings.type is ListenerType.BLACKHOLE
            _taken(session, stored, entry if is_dropped else None)
            reply = replies.message_accepted(stored.envelope.mid)
        if self.is_later:
            session.answer_later(self._event, reply)
        else:
            self.reply = reply


def _taken(session: "Session", stored: Stored, drop: Entry | None) -> None:
    """The message is ours now; one from a blackhole is dropped at once (mailflow 2.1)."""
    parts, envelope = session.parts, stored.envelope
    size = len(stored.header) + stored.content.size
    session.transaction = None
    session.succeeded()
    counters = parts.counters
    counters["messages_in"] += 1
    counters["recipients_in"] += len(envelope.recipients)
    counters["bytes_in"] += size
    parts.log.ready(envelope.mid, size, envelope.sender)
    if session.context.settings.type in (
        ListenerType.BLACKHOLE,
        ListenerType.BLACKHOLE_NON_QUEUEING,
    ):
        rids = tuple(range(len(envelope.recipients)))
        if drop is not None:
            parts.spool.settle(drop, rids, Settlement.DROPPED)
        counters["dropped"] += len(rids)
        parts.log.finished(envelope.mid, "done")


def _refuse(session: "Session", event: EndOfContent, reason: str, reply: Reply) -> Reply:
    log = session.parts.log
    log.receiving_failed(session.icid, reason)
    log.info(f"ICID {session.icid} {event.size} bytes received of the refused message")
    session.parts.counters["messages_refused"] += 1
    session.abort_transaction(RECEIVING_ABORTED)
    return reply


def _failed(session: "Session", failure: SpoolFailure) -> Reply:
    session.parts.log.receiving_failed(session.icid, f"Spool: {failure.detail}")
    session.parts.counters["spool_failures"] += 1
    session.abort_transaction(RECEIVING_ABORTED)
    return replies.QUEUE_FULL if failure.full else replies.SERVER_ERROR


def _received(session: "Session", received_at: float) -> bytes:
    return build_received(
        client_name=session.client_name,
        helo=session.helo,
        client_address=session.client,
        by=session.context.received_by,
        protocol=build_protocol(esmtp=session.is_extended, cipher=session.cipher),
        date=build_received_date(received_at, session.parts.offset_minutes()),
    )


def _envelope(session: "Session", transaction: Transaction, received_at: float) -> Envelope:
    event, settings = transaction.mail, session.context.settings
    relayed = session.access.rule is Rule.RELAY or session.user
    return Envelope(
        mid=transaction.mid,
        icid=session.icid,
        sender=event.address,
        recipients=tuple(transaction.recipients),
        received_at=received_at,
        direction=Direction.OUTGOING if relayed else Direction.INCOMING,
        listener=settings.name,
        interface=session.context.interface,
        client_address=session.client,
        client_name=session.client_name,
        helo=session.helo,
        user=session.user,
        body=event.body,
        smtputf8=event.smtputf8,
        requiretls=event.requiretls,
        envelope_id=event.envelope_id,
        return_full=event.return_full,
        bounce_profile=settings.bounce_profile,
        gateway=_gateway(session, event.address),
    )


def _gateway(session: "Session", sender: str) -> str:
    """Return what mail leaves from, by the client and the sender as they are now (1.2, step 9)."""
    table = session.context.alt_sources
    entry = None if table is None else table.find(sender, session.client)
    return "" if entry is None else entry.gateway


def start_tls(session: "Session", event: StartTls) -> Reply:
    """Begin TLS, if there is a place for it."""
    return event.reply if session.take_tls_place() else replies.TOO_MANY_TLS_SESSIONS


def auth(session: "Session", event: Auth) -> None:
    """Check the password in a thread: that is meant to take long."""
    verify = session.context.verify
    assert verify is not None
    loop = asyncio.get_running_loop()

    def checked(future: "asyncio.Future[bool]") -> None:
        succeeded = not future.cancelled() and future.exception() is None and future.result()
        session.parts.log.auth(
            session.icid, succeeded, event.user, event.mechanism,
            session.context.inbound.auth_profile,
        )  # fmt: skip
        if succeeded:
            session.user = event.user
        else:
            session.parts.counters["auth_failures"] += 1
        reply = replies.AUTHENTICATED if succeeded else replies.AUTHENTICATION_FAILED
        session.answer_later(event, reply)

    loop.run_in_executor(None, verify, event.user, event.password).add_done_callback(checked)


def xclient(session: "Session", event: XClient) -> Reply | None:
    """Believe a trusted peer about the real client; the session begins anew."""
    session.abort_transaction(RECEIVING_ABORTED)
    session.believe(event.attributes)
    return begin_anew(session, event)


def unknown(session: "Session", event: Unknown) -> Reply:
    """Say in the log what the client wanted."""
    session.parts.log.unknown_command(session.icid, event.line)
    return event.reply


def bad_syntax(session: "Session", event: BadSyntax) -> Reply:
    """Say in the log which command could not be read."""
    session.parts.log.bad_syntax(session.icid, event.command)
    return event.reply


def malformed(session: "Session", event: LineTooLong | LineMalformed) -> Reply:
    """Say in the log how the bad line began."""
    session.parts.log.bad_syntax(session.icid, event.line)
    return event.reply


def invalid_address(session: "Session", event: InvalidAddress) -> Reply:
    """Say in the log what is wrong with the address."""
    log, error = session.parts.log, event.error
    if event.which == "sender" or session.transaction is None:
        log.invalid_sender(session.icid, error.reason, error.part)
    else:
        mid = session.transaction.mid
        log.invalid_recipient(session.icid, mid, error.reason, error.part)
    return event.reply


def refused(session: "Session", event: Refused | LimitExceeded) -> Reply:
    """Say in the log what the client was not allowed."""
    if event.reply is replies.STARTTLS_FIRST:
        session.parts.log.tls_required_in(session.icid)
    elif type(event) is LimitExceeded:
        session.parts.log.receiving_failed(session.icid, event.reply.lines[0].partition(" ")[2])
    return event.reply


def bad_command_limit(session: "Session", event: BadCommandLimit) -> Reply:
    """Log the last straw as what it was."""
    decide = DECISIONS.get(type(event.event))
    if decide is not None and type(event.event) in _ONLY_LOGGED:
        decide(session, event.event)
    session.parts.log.receiving_failed(session.icid, "Too many bad commands")
    return event.reply


_ONLY_LOGGED: Final = frozenset({Unknown, BadSyntax, LineTooLong, LineMalformed, InvalidAddress})

DECISIONS: Final[Mapping[type, Callable[["Session", Any], Reply | None]]] = {
    Greeting: greeting,
    Hello: hello,
    Mail: mail,
    Rcpt: rcpt,
    EndOfContent: end_of_content,
    Reset: reset,
    StartTls: start_tls,
    Auth: auth,
    XClient: xclient,
    Unknown: unknown,
    BadSyntax: bad_syntax,
    LineTooLong: malformed,
    LineMalformed: malformed,
    InvalidAddress: invalid_address,
    Refused: refused,
    LimitExceeded: refused,
    BadCommandLimit: bad_command_limit,
}
