"""Puts mail into the spool that an administrator has the gateway send, such as its configuration.

Whoever asks has written it; here it gets its envelope, and is on the disk before that is told.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import (
    NULL_SENDER,
    Body,
    Direction,
    Envelope,
    Notify,
    Recipient,
)
from mailwarden.core.patterns import parse_mailbox
from mailwarden.stores.spool.identifiers import Identifiers
from mailwarden.stores.spool.spool import Entry, Spool, SpoolFailure, State, Stored
from mailwarden.system.clock.clock import Clock
from mailwarden.system.log.maillog import MailLog

RECIPIENTS_MAX: Final = 100
LETTER_BYTES_MAX: Final = 40 * 1024 * 1024
LINE_BYTES_MAX: Final = 998  # RFC 5322, 2.1.1


class LetterError(ValueError):
    """It cannot be sent; the message says why."""


class Letters:
    """Those of one worker."""

    def __init__(self, spool: Spool, identifiers: Identifiers, log: MailLog, clock: Clock) -> None:
        self._spool: Final = spool
        self._identifiers: Final = identifiers
        self._log: Final = log
        self._clock: Final = clock

    async def send(self, mail: bytes, recipients: Sequence[str], by: str) -> int:
        """Return the MID of `mail`, which has CRLF and only ASCII, once it is durable.

        Raises:
            LetterError: it is no mail, or nobody is named that could get it.
            SpoolFailure: the spool does not take it.
        """
        to = _addresses(recipients)
        _check(mail)
        mid = self._identifiers.next_mid()
        envelope = Envelope(
            mid=mid,
            icid=0,
            sender=NULL_SENDER,  # nobody here reads an answer
            recipients=tuple(Recipient(address, Notify.NEVER) for address in to),
            received_at=self._clock.time(),
            direction=Direction.GENERATED,
            body=Body.SEVENBIT,
            report=True,
        )
        await self._put(Stored(envelope, b"", InlineContent(mail)))
        self._log.info(f"MID {mid} was written for administrator {by}")
        self._log.start_mid(mid, 0)
        self._log.mail_from(mid, 0, NULL_SENDER)
        for rid, address in enumerate(to):
            self._log.rcpt_to(mid, 0, rid, address)
        self._log.ready(mid, len(mail), NULL_SENDER)
        self._log.queued(mid)
        return mid

    async def _put(self, message: Stored) -> None:
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(_: Entry | None, failure: SpoolFailure | None) -> None:
            if kept.done():
                return
            if failure is None:
                kept.set_result(None)
            else:
                kept.set_exception(failure)

        self._spool.put(message, State.QUEUED, done)
        await kept


def _addresses(recipients: Sequence[str]) -> list[str]:
    if not 0 < len(recipients) <= RECIPIENTS_MAX:
        raise LetterError(f"a letter has 1 to {RECIPIENTS_MAX} recipients")
    addresses = []
    for text in recipients:
        try:
            address = parse_mailbox(text)
        except ValueError as error:
            raise LetterError(str(error)) from error
        if not address.isascii():
            raise LetterError("a letter goes to addresses in ASCII only")
        addresses.append(address)
    return list(dict.fromkeys(addresses))


def _check(mail: bytes) -> None:
    """Look whether it can be sent everywhere: what asks may be mistaken, peers would refuse it."""
    if len(mail) > LETTER_BYTES_MAX:
        raise LetterError(f"a letter has at most {LETTER_BYTES_MAX} bytes")
    if not mail.isascii() or b"\0" in mail:
        raise LetterError("a letter is in ASCII")
    lines = mail.split(b"\r\n")
    if lines.pop():
        raise LetterError("a letter ends with CRLF")
    if any(b"\r" in line or b"\n" in line or len(line) > LINE_BYTES_MAX for line in lines):
        raise LetterError(f"lines of a letter end with CRLF and have {LINE_BYTES_MAX} bytes")
