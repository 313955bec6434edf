"""Tells by what the listener decided: asks the tables that it asked the same once more.

What was decided is in the replies and events of the real session; here is only said by which entry.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from mailwarden.app.tracing.dialogue import Dialogue, Step
from mailwarden.app.tracing.places import entry_place, host_place
from mailwarden.app.tracing.ports import LogEvent, Recorder
from mailwarden.app.tracing.report import Decision, Section
from mailwarden.app.tracing.request import TraceRequest
from mailwarden.core.policy.aliases import DEV_NULL
from mailwarden.core.policy.aliases import AliasTable as Aliases
from mailwarden.core.policy.exceptions import build_exception
from mailwarden.core.policy.hat_policy import EffectivePolicy, Rule
from mailwarden.core.policy.host_forms import HostFacts, NameStatus
from mailwarden.core.policy.rat import POSTMASTER_ENTRY, RatEntry
from mailwarden.core.policy.rat_text import build_rat_entry
from mailwarden.core.policy.rewrite_sides import build_line
from mailwarden.core.policy.sender_check import SenderAction, check_sender
from mailwarden.core.smtp.command import parse_mail, parse_rcpt
from mailwarden.core.smtp.events import Mail, Rcpt
from mailwarden.mailflow.listener.decisions import is_relaying
from mailwarden.mailflow.listener.session import Session
from mailwarden.mailflow.listener.settings import InboundSettings, Listener

ADDRESSES_SHOWN_MAX: Final = 20
NO_LIMIT: Final = -1
_MEGABYTE: Final = 1024 * 1024

Details = list[tuple[str, str]]


class Receiving:
    """What one session decided."""

    def __init__(
        self, request: TraceRequest, session: Session, dialogue: Dialogue, recorder: Recorder
    ) -> None:
        self._request: Final = request
        self._session: Final = session
        self._context: Final = session.context
        self._dialogue: Final = dialogue
        self._recorder: Final = recorder
        self._name: Final = session.context.settings.name

    def sections(self) -> Iterator[Section]:
        """Yield what was decided, in its order."""
        yield Section("Connection", tuple(self._connection()))
        if self._dialogue.sender is not None:
            yield Section("Sender", (self._sender(self._dialogue.sender),))
        if self._dialogue.recipients:
            found = [self._recipient(*each) for each in self._dialogue.recipients]
            yield Section("Recipients", tuple(found))
        if self._dialogue.content:
            found = [self._content(step) for step in self._dialogue.content]
            yield Section("Content", tuple(found))

    # The connection.

    def _connection(self) -> Iterator[Decision]:
        session = self._session
        if hasattr(session, "access"):
            facts, access = session.facts, session.access
            yield Decision(what="host name", result=_host_name(self._context.settings, facts))
            yield Decision(what="reputation score", result=self._score())
            if facts.dnslists:
                yield Decision(what="DNS lists", result=", ".join(facts.dnslists))
            yield Decision(
                what="sender group",
                result=f"{access.match.group or 'none'}, by {access.match.entry}",
                rule=self._host_rule(),
            )
            policy = access.grant.policy
            yield Decision(
                what="mail flow policy",
                result=f"{f'${policy.name}, ' if policy.name else ''}{access.rule.value}",
                details=tuple(_policy_details(policy)),
            )
        for step in self._dialogue.connection:
            yield self._reply(step)
        if self._dialogue.failure:
            yield Decision(what="the client gives up", result=self._dialogue.failure)

    def _score(self) -> str:
        for event in self._recorder.events:
            if event.kind in ("access", "tcp_refuse"):
                return str(event.fields.get("sbrs", "None"))
        return "not asked for"

    def _host_rule(self) -> str:
        settings, match = self._context.settings, self._session.access.match
        if settings.host_access:
            return host_place(settings.host_access, f"host_access of {self._name}", match)
        if match.entry == "ALL":
            return f"what is left of a {settings.type.value} listener without host_access"
        return f"relay_hosts of {self._name}"

    def _reply(self, step: Step, rule: str = "", details: Details | None = None) -> Decision:
        exchange = step.exchange
        return Decision(
            what=exchange.said,
            result=exchange.reply,
            rule=rule,
            details=(*(details or ()), *self._told(step)),
            microseconds=exchange.microseconds,
        )

    def _told(self, step: Step) -> Iterator[tuple[str, str]]:
        """Yield what the log says of things that nothing else tells."""
        for event in self._events(step):
            if event.kind in _TELLING and _DOMAIN_MAP not in event.text:
                yield "log", event.text

    def _events(self, step: Step) -> Sequence[LogEvent]:
        return self._recorder.events[step.first_event : step.last_event]

    # The sender.

    def _sender(self, step: Step) -> Decision:
        grant, context = self._session.access.grant, self._context
        argument = step.exchange.said.removeprefix("MAIL ")
        event = parse_mail(argument, grant.rules, is_encrypted=bool(self._session.cipher))
        if not isinstance(event, Mail):
            return self._reply(step)
        details: Details = []
        rules = grant.sender_rules
        if rules is None:
            details.append(("sender verification", "off in this policy"))
        else:
            decided = check_sender(event.address, rules, context.sender_exceptions)
            if decided.entry is not None:
                table = context.inbound.sender_exceptions
                at = table.table.entries.index(decided.entry)
                place = entry_place(table, "inbound.sender_exceptions", at)
                details.append(("exception", f"{_plain(build_exception(decided.entry))} ({place})"))
            elif decided.action is SenderAction.LOOK_UP:
                details.append(("sender verification", f"looks up {decided.domain}"))
            elif decided.action is SenderAction.ACCEPT:
                details.append(("sender verification", "nothing to look up"))
        if step.is_taken:
            details += self._alt_source(event.address)
        return self._reply(step, details=details)

    def _alt_source(self, sender: str) -> Details:
        found = self._context.alt_sources
        entry = None if found is None else found.find(sender, self._session.client)
        if entry is None:
            return []
        return [("virtual gateway", f"{entry.gateway}, by {entry.key} (delivery.alt_sources)")]

    # Recipients.

    def _recipient(self, asked: str, step: Step, added: Sequence[str]) -> Decision:
        event = parse_rcpt(f"TO:<{asked}>", self._session.access.grant.rules)
        if not isinstance(event, Rcpt) or not self._was_decided(step):
            return self._reply(step)
        details: Details = []
        address = self._mapped(event.address, details)
        rule = ""
        if self._session.access.grant.is_delayed:
            rule = "inbound.delayed_hat_rejection"
        elif is_relaying(self._session):
            details.append(("recipient access", f"not asked: {self._why_relaying()}"))
        else:
            rule = self._rat_rule(address)
        if step.is_taken:
            self._expanded(address, added, details)
            if self._context.call_ahead is None and self._context.settings.call_ahead:
                details.append(("call-ahead", "not asked in this trace; a good answer is assumed"))
        return self._reply(step, rule, details)

    def _was_decided(self, step: Step) -> bool:
        """Whether the tables were asked: a limit or a syntax error comes before them."""
        return step.is_taken or any(
            event.kind in ("rcpt_rejected", "invalid_bounce_rejected")
            for event in self._events(step)
        )

    def _why_relaying(self) -> str:
        if self._session.user:
            return "the client has logged in"
        if self._session.access.rule is Rule.RELAY:
            return "the rule is RELAY"
        return f"the listener is {self._context.settings.type.value}"

    def _mapped(self, address: str, details: Details) -> str:
        """Return the address that the tables behind are asked about."""
        context = self._context
        if context.bounces is not None:
            tags, now = context.bounces.tags, self._session.parts.clock.time()
            stripped = tags.strip(address, now).address
            if stripped != address:
                details.append(("bounce tag", f"taken off: {address} is {stripped}"))
                address = stripped
        index = context.domain_map
        new = None if index is None else index.rewrite(address)
        if index is None or new is None or new == address:
            return address
        entry = index.find_entry(address)
        if entry is not None:
            table = context.settings.domain_map
            at = table.table.entries.index(entry)
            place = entry_place(table, f"domain_map of {self._name}", at)
            details.append(("domain map", f"{new}, by {_plain(build_line(*entry))} ({place})"))
        return new

    def _rat_rule(self, address: str) -> str:
        settings, entry = self._context.settings, self._context.recipients.find(address)
        if not settings.recipient_access:
            where = f"accepted_domains of {self._name}"
            return f"{entry.form} ({where})" if entry.form != "ALL" else f"none of {where}"
        if entry == POSTMASTER_ENTRY:
            return "RFC 5321, 4.5.1: postmaster is always taken"
        table = settings.recipient_access
        return f"{_plain(build_rat_entry(entry))} ({self._rat_place(entry, table.table.entries)})"

    def _rat_place(self, entry: RatEntry, entries: Sequence[RatEntry]) -> str:
        table, name = self._context.settings.recipient_access, f"recipient_access of {self._name}"
        at = next((n for n, each in enumerate(entries) if each is entry), -1)
        if at >= 0 or "ALL" in table.text:
            return entry_place(table, name, at)
        return f"{name}, which has no line for ALL"

    def _expanded(self, address: str, added: Sequence[str], details: Details) -> None:
        aliases = self._context.aliases
        if aliases is None:
            return
        expansion = aliases.expand(address)
        if not expansion.matched:
            return
        at = aliases.find_entry(address)
        table: Aliases = self._context.inbound.aliases.table
        targets = _some(table.all_entries()[at][0].targets)
        to = DEV_NULL if expansion.is_dropped else _some(added) if added else "known already"
        details.append(("alias", f"{expansion.matched}: {targets} (inbound.aliases)"))
        details.append(("goes to", to))

    # The message itself.

    def _content(self, step: Step) -> Decision:
        details: Details = []
        if step.exchange.said.startswith("(") and not step.is_taken:
            details += _content_limits(self._context.inbound, self._session.access.grant.policy)
        return self._reply(step, details=details)


_DOMAIN_MAP: Final = " domain map: "  # told with its entry
_TELLING: Final = frozenset(
    {
        "auth", "tls_success_in", "tls_failed_in", "tls_required_in", "sender_judged",
        "rcpt_rejected", "receiving_failed", "invalid_sender", "invalid_recipient",
        "invalid_bounce_rejected", "invalid_bounce_tagged", "delayed_reject", "tcp_refuse",
        "unknown_command", "bad_syntax", "warning", "info", "subject", "message_id", "ready",
    }
)  # fmt: skip


def _host_name(settings: Listener, facts: HostFacts) -> str:
    if facts.name_status is NameStatus.EXISTS:
        if facts.name:
            return f"{facts.name}, verified"
        return "none" if settings.reverse_dns else "not looked up: reverse_dns is off"
    words = facts.name_status.value
    return f"{facts.name}, not verified ({words})" if facts.name else f"none ({words})"


def _policy_details(policy: EffectivePolicy) -> Iterator[tuple[str, str]]:
    if policy.rule in (Rule.REJECT, Rule.TCPREFUSE):
        return
    yield "max_message_size", _size(policy.max_message_size)
    yield "max_rcpts_per_msg", str(policy.max_rcpts_per_msg)
    yield "max_msgs_per_session", str(policy.max_msgs_per_session)
    yield "max_concurrency", str(policy.max_concurrency)
    for name in ("max_rcpts_per_hour", "max_rcpts_per_hour_sender"):
        limit = getattr(policy, name)
        if limit != NO_LIMIT:
            yield name, str(limit)
    if policy.dhap_limit:
        yield "dhap_limit", str(policy.dhap_limit)
    yield "tls", policy.tls.value
    yield "smtp_auth", policy.smtp_auth.value
    yield "envelope_sender_verification", _on(policy.envelope_sender_verification)
    yield "use_exception_table", _on(policy.use_exception_table)


def _content_limits(inbound: InboundSettings, policy: EffectivePolicy) -> Iterator[tuple[str, str]]:
    yield "max_message_size", _size(policy.max_message_size)
    yield "inbound.max_header_size", _size(inbound.max_header_size)
    yield "inbound.max_header_lines", str(inbound.max_header_lines)
    yield "inbound.max_received_headers", str(inbound.max_received_headers)


def _size(count: int) -> str:
    return f"{count // _MEGABYTE}M" if count % _MEGABYTE == 0 else str(count)


def _on(value: bool) -> str:
    return "on" if value else "off"


def _plain(entry: str) -> str:
    """Return the line of an entry without the blanks that make columns."""
    return " ".join(entry.split())


def _some(addresses: Sequence[str]) -> str:
    shown = ", ".join(addresses[:ADDRESSES_SHOWN_MAX])
    more = len(addresses) - ADDRESSES_SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown
