"""Messages that take the place of others: splinters (mailflow 1.3) and rewritten ones (1.1)."""

from collections.abc import Callable, Sequence

import msgspec

from mailwarden.core.mail.envelope import Envelope
from mailwarden.mailflow.workqueue.job import Job
from mailwarden.mailflow.workqueue.outcome import Group, Rewrite
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import (
    Entry,
    ReplaceDone,
    Spool,
    SpoolFailure,
    State,
    Stored,
)
from mailwarden.system.log.maillog import MailLog


def split(
    spool: Spool,
    identifiers: Identifiers,
    log: MailLog,
    job: Job,
    groups: Sequence[Group],
    passed: str,
    done: ReplaceDone,
) -> None:
    """Give every group but the last a message of its own with identical content.

    The original keeps the last group: which one keeps it is our choice (1.3, unconfirmed).
    """
    children = [
        _child(job, job.stored, identifiers.next_mid(), group, passed) for group in groups[:-1]
    ]
    moved = [rid for group in groups[:-1] for rid in group.rids]
    table = job.table

    def committed(entries: Sequence[Entry], failure: SpoolFailure | None) -> None:
        if failure is None:
            for child in children:
                envelope = child.envelope
                log.split(job.mid, envelope.mid, envelope.policy, table)
                log_start(log, child)
        done(entries, failure)

    spool.replace(job.entry, moved, [(child, State.RECEIVED) for child in children], committed)


def rewrite(
    spool: Spool,
    identifiers: Identifiers,
    log: MailLog,
    job: Job,
    outcome: Rewrite,
    passed: str,
    failed: Callable[[SpoolFailure], None],
) -> None:
    """Let a changed message with a new MID go on behind the stage `passed`."""
    child = _child(job, outcome.stored, identifiers.next_mid(), Group(job.policy, job.rids), passed)

    def committed(_entries: Sequence[Entry], failure: SpoolFailure | None) -> None:
        if failure is not None:
            failed(failure)
            return
        log.rewritten(job.mid, child.envelope.mid, outcome.by)
        log.finished(job.mid, "done")
        log_start(log, child)

    spool.replace(job.entry, job.rids, [(child, State.RECEIVED)], committed)


def _child(job: Job, stored: Stored, mid: int, group: Group, passed: str) -> Stored:
    envelope = msgspec.structs.replace(
        stored.envelope,
        mid=mid,
        icid=0,
        recipients=tuple(job.envelope.recipients[rid] for rid in group.rids),
        policy=group.policy,
        passed=passed,
        parent=job.mid,
    )
    return Stored(envelope, stored.header, stored.content)


def log_start(log: MailLog, stored: Stored) -> None:
    """Write the lines with which a message made by the gateway begins (mailflow 8.5)."""
    envelope: Envelope = stored.envelope
    log.start_mid(envelope.mid, 0)
    log.mail_from(envelope.mid, 0, envelope.sender)
    for rid, recipient in enumerate(envelope.recipients):
        log.rcpt_to(envelope.mid, 0, rid, recipient.address)
    log.ready(envelope.mid, len(stored.header) + stored.content.size, envelope.sender)
