"""Refuses recipients of hosts that sent, or asked for, too many within the hour (3.6 and 3.7)."""

from typing import TYPE_CHECKING, Final

from mailwarden.core.alerts import HARVEST_ATTACKS, WARNING
from mailwarden.core.policy.hat_policy import Rule
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.host_counts import Room, full_reply, harvest_reply
from mailwarden.mailflow.listener.transaction import Transaction
from mailwarden.services.throttling.rate_harvest import harvest_alert, harvest_warning

if TYPE_CHECKING:  # a session decides with these, and these decide about sessions
    from mailwarden.mailflow.listener.session import Session

RECEIVING_CONTROL: Final = "Receiving Control"  # words of the log, for who refused
SENDER_RATE_LIMIT: Final = "Sender Rate Limit"
HARVEST: Final = "DHAP"


def refuse_harvester(session: "Session", transaction: Transaction, address: str) -> Reply | None:
    """Return what a recipient hears whose host asked for too many that do not exist."""
    parts = session.parts
    if not session.host_counts().is_harvesting(parts.clock.time()):
        return None
    parts.log.rcpt_rejected(transaction.mid, session.icid, address, HARVEST)
    parts.counters["recipients_refused_for_harvest"] += 1
    return harvest_reply(session.access.grant.policy, session.variables())


def count_invalid(session: "Session", reply: Reply) -> Reply | None:
    """Count a recipient that does not exist and would hear `reply`.

    Return what it is to hear. None: that was one too many, and the connection has ended.
    """
    parts, policy = session.parts, session.access.grant.policy
    harvest = session.host_counts().count_invalid(parts.clock.time())
    if not harvest.is_over:
        return reply
    if harvest.is_news:
        name, listener = session.client_name, session.context.settings.name
        group = session.access.match.group or "None"
        words = harvest_warning(session.client, name, policy.dhap_limit, group, listener)
        parts.log.warning(f"LDAP: {words}")
        text = harvest_alert(session.client, policy.dhap_limit, listener)
        parts.alerts.alert(WARNING, HARVEST_ATTACKS, text, f"harvest {session.client}")
    parts.counters["harvests_stopped"] += 1
    session.end(harvest_reply(policy, session.variables()))
    return None


def refuse_over_rate(session: "Session", transaction: Transaction, address: str) -> Reply | None:
    """Count a recipient; return what it hears if that passes a limit of its host or sender."""
    parts = session.parts
    room = session.host_counts().take(transaction.mail.address, parts.clock.time())
    if room is Room.FREE:
        return None
    is_sender = room is Room.SENDER_FULL
    by = SENDER_RATE_LIMIT if is_sender else RECEIVING_CONTROL
    parts.log.rcpt_rejected(transaction.mid, session.icid, address, by)
    parts.counters["recipients_over_sender_rate" if is_sender else "recipients_over_rate"] += 1
    return full_reply(room, session.access.grant.policy, session.variables())


def remember(session: "Session") -> None:
    """Let the history know what the connection showed of its host.

    Nothing of relay hosts and users who logged in: their mail says nothing of a stranger.
    """
    counts, reputation = session.counts, session.parts.reputation
    session.counts = None
    if counts is None or reputation is None or not session.context.uses_reputation:
        return
    if session.access.rule is Rule.RELAY or session.user:
        return
    brought = session.messages - counts.messages_before
    reputation.note(session.client, brought, counts.accepted, counts.invalid)
