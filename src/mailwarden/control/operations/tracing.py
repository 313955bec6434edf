"""Leading a message through the configuration without sending it (admin 1.6.5, `trace`)."""

import base64
from typing import Final, NamedTuple

from mailwarden.control.config.reader import ConfigError
from mailwarden.control.operations.asking import answers, of_workers
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.tracer import Traced, TracedMail, TraceRefusedError

CONTENT_BYTES_MAX: Final = 32 * 1024 * 1024  # it is kept in memory
RUNNING: Final = "the running configuration"
PENDING: Final = "the running configuration with your pending changes"


class StoredMail(NamedTuple):
    """A message of the queue, without the header lines that the gateway put on top."""

    listener: str
    client_address: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes


async def trace(desk: Desk, mail: TracedMail, *, with_pending: bool = False) -> Traced:
    """Return what would become of a message, by what is in force or with the pending changes.

    Raises:
        RefusedOperationError: the message makes no sense, or the changes cannot be in force.
    """
    desk.require("trace")
    administration = desk.administration
    config = administration.config
    if with_pending:
        try:
            config = administration.build(desk.candidate.tree)
        except ConfigError as error:
            raise RefusedOperationError(str(error)) from error
    called = PENDING if with_pending else RUNNING
    try:
        return await administration.tracer.trace(config, mail, called)
    except TraceRefusedError as error:
        raise RefusedOperationError(str(error)) from error


async def stored_mail(desk: Desk, mid: int) -> StoredMail:
    """Return a message of the queue; that somebody looked at it is recorded.

    Raises:
        RefusedOperationError: there is none, or it is too large or damaged.
    """
    desk.require("trace")
    rows = await of_workers(desk, {"command": "queue_show", "mid": mid})
    row = next((each for each in rows if each.get("found")), None)
    if row is None or "envelope" not in row:
        raise RefusedOperationError(f"MID {mid} is not in the queue, or cannot be read.")
    desk.record("trace", f"MID {mid}")
    content = bytearray()
    is_whole = False
    request = {"command": "queue_archive", "mid": mid, "as_received": True}
    async for piece in answers(desk, request):
        content += base64.b64decode(piece.get("data") or "")
        is_whole = is_whole or bool(piece.get("done"))
        if len(content) > CONTENT_BYTES_MAX:
            raise RefusedOperationError(f"MID {mid} is larger than {CONTENT_BYTES_MAX} bytes.")
    if not is_whole:
        raise RefusedOperationError(f"MID {mid} is not in the queue any more.")
    envelope = row["envelope"]
    return StoredMail(
        listener=str(envelope.get("listener") or ""),
        client_address=str(envelope.get("client") or ""),
        helo=str(envelope.get("helo") or ""),
        sender=str(row.get("sender") or ""),
        recipients=tuple(str(each["address"]) for each in row.get("recipients") or ()),
        content=bytes(content),
    )
