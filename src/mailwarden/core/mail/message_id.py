"""Message-ID for mail that comes without one, or that we write (RFC 5322, 3.6.4)."""

import re
from typing import Final

_NOT_IN_HOSTNAME: Final = re.compile(r"[^A-Za-z0-9._-]")
_HOSTNAME_CHARACTERS_MAX: Final = 255


def build_message_id(mid: int, time: float, hostname: str) -> str:
    """Return the value of a Message-ID field, angle brackets included.

    It is unique because a gateway uses each MID once; the time (seconds since the epoch) tells
    apart gateways that were set up anew under the same name.
    """
    host = _NOT_IN_HOSTNAME.sub("-", hostname[:_HOSTNAME_CHARACTERS_MAX]) or "localhost"
    return f"<{int(time):x}.{mid}@{host}>"
