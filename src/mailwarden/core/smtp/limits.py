"""How much a peer may make the SMTP core hold or do; what administrators set is in the rules."""

from typing import Final

# Lines, in bytes with their CRLF.

# A command may have 512 bytes (RFC 5321, 4.5.3.1.4); each extension adds what its parameters
# need. MAIL grows most, and one limit for all commands costs nothing.
COMMAND_LINE_BYTES_MAX: Final = (
    512
    + 26  # SIZE (RFC 1870, section 3)
    + 17  # BODY (RFC 6152, section 2)
    + 10  # SMTPUTF8 (RFC 6531, 3.1)
    + 500  # AUTH (RFC 4954, section 3)
    + 120  # RET and ENVID (RFC 3461, section 4)
    + 11  # REQUIRETLS (RFC 8689, section 2)
)
AUTH_LINE_BYTES_MAX: Final = 12288  # of AUTH and of each response (RFC 4954, section 4)
REPLY_LINE_BYTES_MAX: Final = 512  # RFC 5321, 4.5.3.1.5
LOGGED_CHARACTERS_MAX: Final = 128  # of a bad line, in the event that tells of it

# Values.

HELO_NAME_BYTES_MAX: Final = 255  # RFC 5321, 4.5.3.1.2
SIZE_DIGITS_MAX: Final = 20  # RFC 1870, section 3; BDAT has no limit of its own (RFC 3030)
ENVELOPE_ID_CHARACTERS_MAX: Final = 100  # RFC 3461, 4.4
ORIGINAL_RECIPIENT_CHARACTERS_MAX: Final = 500  # RFC 3461, 4.2
LIMITS_VALUE_MAX: Final = 999_999  # RFC 9422: six digits
XCLIENT_VALUE_CHARACTERS_MAX: Final = 255
PROXY_V1_BYTES_MAX: Final = 107  # with CRLF, says the protocol's text
PROXY_V2_BYTES_MAX: Final = 16 + 4096  # fixed part, then addresses and TLVs

# What a session may do.

# Above this many bytes that wait for an answer, the caller should stop reading.
BUFFERED_BYTES_MAX: Final = 256 * 1024
# Commands between two accepted messages that bring none on their way: NOOP, RSET, EHLO, MAIL
# that is refused and so on. Each one more counts as a bad command.
IDLE_COMMANDS_MAX: Final = 100
# RCPT commands beyond the recipients that a message may have; each one more counts as bad.
RECIPIENT_OVERSHOOT_MAX: Final = 1000
