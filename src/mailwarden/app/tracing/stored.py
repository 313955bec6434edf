"""A message in the spool as something to trace. The spool's files are only read."""

from dataclasses import dataclass
from pathlib import Path

from mailwarden.app.tracing.request import CONTENT_BYTES_MAX, TraceError
from mailwarden.core.mail.envelope import Envelope
from mailwarden.stores.spool.spool import DamagedError, SpoolFailure
from mailwarden.stores.spool.tools import Inspection
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """Envelope and content, without the header lines that the gateway put on top."""

    envelope: Envelope
    content: bytes


def load_stored(spool: Path, mid: int) -> StoredMessage:
    """Return message `mid` of the spool in a folder.

    Raises:
        TraceError: there is none, or it cannot be read.
    """
    try:
        inspection = Inspection(SystemFiles(), SystemClock(), spool)
        shown, pieces = inspection.show(mid), inspection.export(mid)
        if shown is None or pieces is None:
            raise TraceError(f"there is no message MID {mid} in {spool}")
        next(pieces)  # what the gateway put on top
        content = bytearray()
        for piece in pieces:
            content += piece
            if len(content) > CONTENT_BYTES_MAX:
                raise TraceError(f"MID {mid} is larger than {CONTENT_BYTES_MAX} bytes")
    except (DamagedError, SpoolFailure) as error:
        raise TraceError(f"MID {mid} cannot be read: {error}") from error
    return StoredMessage(shown.envelope, bytes(content))
