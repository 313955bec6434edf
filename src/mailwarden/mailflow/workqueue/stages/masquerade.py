"""Step 11: inner addresses of the sender and in the header become outer ones (mailflow 5.4).

Which table is asked, the listener that took the message decides. A message whose addresses no
entry concerns goes on as it came. One that changes gets a new MID, as any that is rewritten (1.1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Final

import msgspec

from mailwarden.core.mail.content import Content, InlineContent
from mailwarden.core.mail.header_addresses import RewrittenHeader, rewrite_header
from mailwarden.core.mail.message import read_header_block
from mailwarden.core.policy.masquerade import MasqueradeRules
from mailwarden.mailflow.workqueue.job import Job
from mailwarden.mailflow.workqueue.outcome import CONTINUE, Outcome, Rewrite
from mailwarden.mailflow.workqueue.stage import Plan, Stage
from mailwarden.stores.spool.spool import Spill, Stored
from mailwarden.system.log.maillog import MailLog

BY: Final = "masquerading"
UNREAD_LOGGED_MAX: Final = 5  # fields of a message that could not be read and are named in the log


class Masquerade:
    """Rewrites by the table of the listener that a message came through."""

    name = "masquerading"

    def __init__(
        self, rules: Mapping[str, MasqueradeRules], spill: Callable[[], Spill], log: MailLog
    ) -> None:
        """`rules` are by listener; `spill` begins a file for content that is in one already."""
        self._rules: Final = rules
        self._spill: Final = spill
        self._log: Final = log

    def process(self, job: Job) -> Outcome | Awaitable[Outcome]:
        """Rewrite the message where the table says so."""
        rules = self._rules.get(job.envelope.listener)
        if rules is None:
            return CONTINUE
        content = job.stored.content
        old = read_header_block(content) if rules.fields else b""
        header = rewrite_header(old, rules.table.rewrite, rules.fields)
        sender = rules.table.rewrite(job.envelope.sender) if rules.sender else None
        self._tell(job, header, sender)
        if not header.changes and sender is None:
            return CONTINUE
        if not header.changes:
            return self._with(job, sender, content)
        if isinstance(content, InlineContent):
            data = header.block + content.data[len(old) :]
            return self._with(job, sender, InlineContent(data, dotted=content.dotted))
        return self._with_large(job, sender, header.block, len(old))

    def _with(self, job: Job, sender: str | None, content: Content) -> Rewrite:
        envelope = job.envelope
        if sender is not None:
            envelope = msgspec.structs.replace(envelope, sender=sender)
        return Rewrite(Stored(envelope, job.stored.header, content), BY)

    async def _with_large(
        self, job: Job, sender: str | None, block: bytes, skipped: int
    ) -> Rewrite:
        """Write content that is in a file anew, with other mail in between."""
        content = job.stored.content
        spill = self._spill()
        try:
            spill.write(block)
            for chunk in content.chunks():
                spill.write(chunk[skipped:] if skipped else chunk)
                skipped = max(0, skipped - len(chunk))
                await asyncio.sleep(0)
        except BaseException:
            spill.abandon()
            raise
        return self._with(job, sender, spill.finish(dotted=content.dotted))

    def _tell(self, job: Job, header: RewrittenHeader, sender: str | None) -> None:
        if sender is not None:
            self._log.masqueraded_sender(job.mid, job.envelope.sender, sender)
        for change in header.changes:
            self._log.masqueraded_header(job.mid, change.field, change.old, change.new)
        for unread in islice(header.unread, UNREAD_LOGGED_MAX):
            self._log.not_masqueraded(job.mid, unread.name, unread.reason)


def build(plan: Plan) -> Stage | None:
    """Return the stage, or None where no listener has a masquerade table."""
    if not plan.masquerades:
        return None
    return Masquerade(plan.masquerades, plan.spill, plan.log)
