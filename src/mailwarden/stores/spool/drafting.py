"""Turns a message into what the committer writes."""

import secrets
from typing import Final

from mailwarden.core.mail.content import InlineContent
from mailwarden.stores.spool.codec import Claim, LargeFile, encode_meta
from mailwarden.stores.spool.committer import LargePlan
from mailwarden.stores.spool.large import LargeContent
from mailwarden.stores.spool.part import Part
from mailwarden.stores.spool.record import CLAIM, DOTTED, LARGE, Draft
from mailwarden.stores.spool.spool import State, Stored

_NO_RECIPIENT: Final = "a message needs a recipient"

# The record, the content that lies in a file of its own, and what must be done about that file.
Drafted = tuple[Draft, LargeContent | None, LargePlan | None]


class Drafter:
    """Drafts the messages of one part, and names the files of their content."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._prefix = secrets.token_hex(6)  # of this run
        self._number = 0

    def large_name(self) -> str:
        """Return a name for a file that was never used."""
        self._number += 1
        return f"{self._prefix}-{self._number:x}"

    def draft(self, message: Stored, state: State, claim: Claim | None) -> Drafted:
        """Return what is to be written for `message`. Raises ValueError without recipients."""
        envelope, header, content = message
        recipients = len(envelope.recipients)
        if not recipients:
            raise ValueError(_NO_RECIPIENT)
        flags = DOTTED if content.dotted else 0
        if claim is not None:
            flags |= CLAIM
        large = plan = None
        if type(content) is InlineContent:
            data = content.data
            meta = encode_meta(envelope, claim)
        elif isinstance(content, LargeContent):
            large, plan = self._plan(content)
            flags |= LARGE
            data = b""
            meta = encode_meta(envelope, claim, large.file)
        else:
            data = content.read()
            meta = encode_meta(envelope, claim)
        draft = Draft(
            envelope.mid,
            state,
            envelope.received_at,
            recipients,
            flags,
            meta,
            header,
            data,
            content.size,
        )
        return draft, large, plan

    def _plan(self, content: LargeContent) -> tuple[LargeContent, LargePlan]:
        """Give a message a file of its own: the one just written, or another name of one."""
        if not content.owned:
            content.owned = True
            return content, LargePlan(content.path, content.fd)
        file = LargeFile(self.large_name(), content.file.size, content.file.crc)
        copy = LargeContent(self._part, file, dotted=content.dotted)
        copy.owned = True
        return copy, LargePlan(copy.path, -1, content.path)
