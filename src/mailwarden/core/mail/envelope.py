"""The envelope: who sent a message from where, and to whom it goes (RFC 5321, 2.3.1).

Addresses are `str` in the form `local@domain`, the domain in lower case, without angle brackets;
`""` is the null reverse-path. Bytes that are not UTF-8 are kept with `surrogateescape`, so that
an address always leaves exactly as it came.
"""

from enum import Enum, IntEnum, IntFlag
from typing import Final

import msgspec


class Direction(Enum):
    """Which policy table applies, from the access rule of the host (mailflow 1.3)."""

    INCOMING = "in"  # ACCEPT
    OUTGOING = "out"  # RELAY, or an authenticated session
    GENERATED = "own"  # written by the gateway itself


class Notify(IntFlag):
    """When the sender wants a report about a recipient (RFC 3461, 4.1)."""

    UNSPECIFIED = 0  # as RFC 3461 says: failures, and delays at our choice
    NEVER = 1
    SUCCESS = 2
    FAILURE = 4
    DELAY = 8


class Body(IntEnum):
    """What the client declared of the content with BODY= (RFC 6152, RFC 3030)."""

    UNSPECIFIED = 0
    SEVENBIT = 1
    EIGHTBITMIME = 2
    BINARYMIME = 3


class Recipient(msgspec.Struct, frozen=True):
    """One recipient; its index in the envelope is the RID."""

    address: str
    notify: Notify = Notify.UNSPECIFIED
    original: str = ""  # ORCPT=, in the form `type;address`, xtext decoded (RFC 3461, 4.2)
    mailhost: str = ""  # next hop that overrides the SMTP routes; "" is none


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of a message besides its bytes. Made once, never changed."""

    mid: int
    icid: int  # 0 for mail that the gateway made
    sender: str
    recipients: tuple[Recipient, ...]
    received_at: float  # seconds since the epoch
    direction: Direction = Direction.INCOMING
    listener: str = ""
    interface: str = ""
    client_address: str = ""
    client_name: str = ""  # verified reverse name; "" is none
    helo: str = ""
    user: str = ""  # who authenticated; "" is nobody
    body: Body = Body.UNSPECIFIED
    smtputf8: bool = False  # RFC 6531
    requiretls: bool = False  # RFC 8689
    envelope_id: str = ""  # ENVID=, xtext decoded (RFC 3461, 4.4)
    return_full: bool | None = None  # RET=FULL, RET=HDRS, or not said (RFC 3461, 4.3)
    bounce_profile: str = "Default"
    policy: str = ""  # mail policy that the recipients were matched to; "" before that
    passed: str = ""  # last stage of the work queue that it passed before it was rewritten or split
    parent: int = 0  # MID that this message was split or rewritten from; 0 is none
    gateway: str = ""  # interface or group that it leaves from; "" is that of `delivery.interface`
    report: bool = False  # a bounce, warning or notice of ours: it skips the scanning stages
    tls_optional: bool = False  # it goes whatever becomes of TLS (RFC 8460, 3)


NULL_SENDER: Final = ""


def domain_of(address: str) -> str:
    """Return the part behind the last `@`; `""` where there is none."""
    return address.rpartition("@")[2] if "@" in address else ""
