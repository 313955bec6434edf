"""How much a peer may make the SMTP core hold or do; what administrators set is in the rules."""

from typing import Final

REPLY_LINE_BYTES_MAX: Final = 512  # with code and CRLF (RFC 5321, 4.5.3.1.5)
