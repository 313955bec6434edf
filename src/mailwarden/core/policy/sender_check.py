"""Envelope sender verification: whether mail from a sender may come in (mailflow 3.8).

`check_sender` decides what it can without DNS; where it asks for a lookup, `judge_domain` decides
about what that found. The log words follow `ICID n Address: <s> `.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.mail.address_scanner import AddressError
from mailwarden.core.mail.domain import domain_to_ascii
from mailwarden.core.mail.envelope import NULL_SENDER
from mailwarden.core.policy.exceptions import (
    DEFAULT_REPLY,
    ExceptionAction,
    ExceptionIndex,
    SenderException,
)
from mailwarden.core.smtp.reply import Reply

# The texts of the first and the last one are our choice (unconfirmed).
DOMAIN_REQUIRED: Final = Reply(553, "#5.5.4 Domain required for sender address")
DOMAIN_MISSING: Final = Reply(
    553, "#5.1.8 Domain of sender address <$EnvelopeSender> does not exist"
)
DOMAIN_UNRESOLVED: Final = Reply(
    451, "#4.1.8 Domain of sender address <$EnvelopeSender> does not resolve"
)

LOG_DOMAIN_REQUIRED: Final = "sender rejected, envelope sender domain missing"
LOG_DOMAIN_MISSING: Final = "sender rejected, envelope sender domain does not exist"
LOG_DOMAIN_SILENT: Final = "sender rejected, envelope sender domain accepts no mail"
LOG_DOMAIN_UNRESOLVED: Final = "sender rejected, envelope sender domain could not be resolved"
LOG_ALLOWED: Final = "sender allowed, envelope sender matched domain exception"
LOG_REJECTED: Final = "sender rejected, envelope sender matched domain exception"

_VARIABLE: Final = re.compile(r"\$EnvelopeSender", re.IGNORECASE)


class DomainState(Enum):
    """What looking up a sender's domain found, MX first and then addresses."""

    EXISTS = "exists"  # it has one or the other
    MISSING = "missing"  # NXDOMAIN, or neither
    SILENT = "silent"  # a null MX: no bounce could be delivered (RFC 7505, 4.2)
    UNKNOWN = "unknown"  # SERVFAIL, no answer in time: it may be another time


class SenderAction(Enum):
    """What to do about a sender."""

    ACCEPT = "accept"
    REJECT = "reject"
    LOOK_UP = "look up"  # its domain, then ask `judge_domain`


class SenderDecision(NamedTuple):
    """What to do, and what to say about it."""

    action: SenderAction
    reply: Reply | None = None  # of a rejection, ready to be sent
    log: str = ""  # "" is not worth a line
    domain: str = ""  # to look up, in A-labels
    entry: SenderException | None = None  # the one that matched


@dataclass(frozen=True, slots=True)
class SenderRules:
    """What a policy asks of senders; `$EnvelopeSender` in the replies is replaced."""

    verify: bool = False
    use_exception_table: bool = False
    domain_required: Reply = DOMAIN_REQUIRED
    domain_missing: Reply = DOMAIN_MISSING
    domain_unresolved: Reply = DOMAIN_UNRESOLVED


_ACCEPTED: Final = SenderDecision(SenderAction.ACCEPT)


def check_sender(
    sender: str, rules: SenderRules, exceptions: ExceptionIndex | None = None
) -> SenderDecision:
    """Return what can be decided about `sender`, an address as in an envelope, without DNS."""
    if sender == NULL_SENDER:  # where bounces come from (RFC 5321, 4.5.5)
        return _ACCEPTED
    if rules.use_exception_table and exceptions is not None:
        entry = exceptions.find(sender)
        if entry is not None:
            return _excepted(sender, entry)
    if not rules.verify:
        return _ACCEPTED
    # An @ before a quote is part of the local part, and there is no domain.
    domain = sender.rpartition("@")[2] if "@" in sender and sender[-1] != '"' else ""
    if domain[:1] == "[":  # an address literal is not in DNS (RFC 5321, 4.1.3)
        return _ACCEPTED
    if "." not in domain:
        return _rejected(sender, rules.domain_required, LOG_DOMAIN_REQUIRED)
    try:
        name = domain_to_ascii(domain)
    except AddressError:
        return judge_domain(sender, rules, DomainState.MISSING)
    return SenderDecision(SenderAction.LOOK_UP, domain=name)


def judge_domain(sender: str, rules: SenderRules, state: DomainState) -> SenderDecision:
    """Return the decision about `sender` once its domain was looked up."""
    match state:
        case DomainState.EXISTS:
            return _ACCEPTED
        case DomainState.MISSING:
            return _rejected(sender, rules.domain_missing, LOG_DOMAIN_MISSING)
        case DomainState.SILENT:
            return _rejected(sender, _silent(rules.domain_missing), LOG_DOMAIN_SILENT)
        case DomainState.UNKNOWN:
            return _rejected(sender, rules.domain_unresolved, LOG_DOMAIN_UNRESOLVED)


def _silent(missing: Reply) -> Reply:
    """Return the reply to a sender whose domain has a null MX, with the code of `missing`.

    Its text cannot be that of `missing`: the domain exists. RFC 7505, 4.2 has the status X.7.27.
    """
    status = f"#{missing.code // 100}.7.27"
    return Reply(
        missing.code, f"{status} Domain of sender address <$EnvelopeSender> accepts no mail"
    )


def expand_sender(reply: Reply, sender: str) -> Reply:
    """Return `reply` with `sender` in place of `$EnvelopeSender`, in any case."""
    lines = [sender.join(_VARIABLE.split(line)) for line in reply.lines]
    return Reply(reply.code, *lines, status=reply.status)


def _excepted(sender: str, entry: SenderException) -> SenderDecision:
    if entry.action is ExceptionAction.ALLOW:
        return SenderDecision(SenderAction.ACCEPT, log=LOG_ALLOWED, entry=entry)
    reply = expand_sender(entry.reply or DEFAULT_REPLY, sender)
    return SenderDecision(SenderAction.REJECT, reply, LOG_REJECTED, entry=entry)


def _rejected(sender: str, reply: Reply, log: str) -> SenderDecision:
    return SenderDecision(SenderAction.REJECT, expand_sender(reply, sender), log)
