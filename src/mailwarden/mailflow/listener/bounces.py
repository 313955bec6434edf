"""Bounce verification at receipt (mailflow 7.6): tells bounces of our mail from forged ones.

What is decided about a recipient stands before the domain map and the RAT. A message may turn out
to be the answer of a program only when its header is here; until then it is taken on approval, and
all recipients of a transaction are of one kind: others are told to come in another one.
"""

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from mailwarden.core.mail.bounce_tag import FIELDS_MAX, Finding, is_auto_reply
from mailwarden.core.mail.content import Content
from mailwarden.core.mail.envelope import NULL_SENDER
from mailwarden.core.mail.header import header_end, split_fields, unfold
from mailwarden.core.policy.bounce_verification import (
    BounceVerificationSettings,
    InvalidBounceAction,
)
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.reply import Reply
from mailwarden.mailflow.listener.transaction import Transaction
from mailwarden.services.bounce_tags import BounceTags

if TYPE_CHECKING:  # a session decides with this, and this decides about sessions
    from mailwarden.mailflow.listener.session import Session

SEARCHED_BYTES_MAX: Final = 64 * 1024  # of a header, for what programs say in their answers


class BounceKind(IntEnum):
    """What the recipients of a transaction have in common."""

    NONE = 0  # not a bounce, or one of our mail
    UNTAGGED = 1  # an invalid one, unless it is the answer of a program
    INVALID = 2


class BounceVerification(NamedTuple):
    """The settings, and who knows the keys."""

    settings: BounceVerificationSettings
    tags: BounceTags


class Judged(NamedTuple):
    """What is to be done about a recipient."""

    address: str  # to go on with
    refusal: Reply | None = None


def judge_recipient(
    session: "Session",
    transaction: Transaction,
    address: str,
    verification: BounceVerification,
    is_relaying: bool,
) -> Judged:
    """Take a tag of ours off, and decide about recipients of bounces.

    Whoever may relay sends our own mail: his bounces go to others, and have no tag of ours.
    """
    tags, now = verification.tags, session.parts.clock.time()
    is_bounce = transaction.mail.address == NULL_SENDER and not is_relaying
    if not (is_bounce and verification.settings.enabled):
        return Judged(tags.strip(address, now).address)
    untagged = session.access.grant.policy.untagged_bounces
    checked = tags.check(NULL_SENDER, address, now, allow_untagged=untagged)
    kind = BounceKind.NONE
    if checked.is_invalid_bounce:
        kind = BounceKind.INVALID
        if checked.finding is Finding.UNTAGGED and verification.settings.smart_exceptions:
            kind = BounceKind.UNTAGGED
        elif verification.settings.action is InvalidBounceAction.REJECT:
            session.parts.log.invalid_bounce_rejected(transaction.mid, session.icid, address)
            session.parts.counters["invalid_bounces"] += 1
            return Judged(address, replies.INVALID_BOUNCE)
    if not transaction.recipients:
        transaction.bounce = kind
    elif transaction.bounce != kind:
        return Judged(address, replies.TOO_MANY_RECIPIENTS)
    return Judged(checked.address)


def judge_content(
    session: "Session", transaction: Transaction, content: Content, verification: BounceVerification
) -> bytes | None:
    """Return what is to stand in the header of a bounce taken on approval; None to refuse it."""
    settings, parts = verification.settings, session.parts
    if transaction.bounce == BounceKind.UNTAGGED and _is_auto_reply(content):
        parts.counters["auto_replies_in"] += 1
        return b""
    parts.counters["invalid_bounces"] += 1
    if settings.action is InvalidBounceAction.REJECT:
        for recipient in transaction.recipients:
            parts.log.invalid_bounce_rejected(transaction.mid, session.icid, recipient.address)
        return None
    parts.log.invalid_bounce_tagged(transaction.mid, session.icid)
    return f"{settings.header_name}: {settings.header_value}\r\n".encode("ascii")


def _is_auto_reply(content: Content) -> bool:
    head = content.read(SEARCHED_BYTES_MAX)
    fields, _ = split_fields(head[: header_end(head)], is_added=False)
    return is_auto_reply(
        (field.name, unfold(field.value).decode("ascii", "replace"))
        for field in fields[:FIELDS_MAX]
    )
