"""What a trace found: decisions in the order of the mail's way, and what became of the message."""

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

SHOWN_MAX: Final = 1000  # lines of the log, lookups, recipients, destinations of a message


class Outcome(Enum):
    """What becomes of the message."""

    REFUSED = "refused"  # the client keeps it
    DROPPED = "dropped"
    HELD = "held"
    DEFERRED = "deferred"  # the work queue tries again
    QUEUED = "queued"  # there is something to deliver
    UNFINISHED = "unfinished"  # the trace took too long


class Fate(Enum):
    """What becomes of the recipients of one destination."""

    CONNECT = "connect"  # delivery would connect now
    LOCAL = "local"  # it ends on this machine
    DROP = "drop"
    BOUNCE = "bounce"  # it fails for good
    RETRY = "retry"  # it cannot be tried now


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing that was decided."""

    what: str
    result: str
    rule: str = ""  # by what: the entry of a table, a setting
    details: tuple[tuple[str, str], ...] = ()
    microseconds: float | None = None  # that it took; None is not measured by itself


@dataclass(frozen=True, slots=True)
class Section:
    """What one station decided."""

    title: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the client says, and what it would hear; code 0 is that the connection was closed."""

    said: str
    code: int
    lines: tuple[str, ...]
    microseconds: float

    @property
    def reply(self) -> str:
        """The reply in one line."""
        return f"{self.code} {' '.join(self.lines)}" if self.code else "the connection is closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A host that delivery would try, in this order."""

    host: str
    address: str
    port: int
    preference: int
    tls: tuple[str, ...]  # the ways to speak to it, in this order
    policy: str = ""  # of its domain that asks for that: DANE or MTA-STS


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where some recipients of a message go."""

    recipients: tuple[str, ...]
    fate: Fate
    why: str
    next_hop: str
    route: str  # key of the SMTP route; "" is none
    row: str  # of the destination controls
    counted_with: str  # whose limits are shared
    limits: tuple[tuple[str, str], ...]
    tls: str
    bounce_profile: str
    gateway: str  # virtual gateway, or group; "" leaves it to the system
    interface: str
    local_address: str  # that we would connect from; "" is none
    hello: str
    sender: str  # that the mail leaves with
    hosts: tuple[Endpoint, ...]
    microseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedMessage:
    """A message as it leaves the work queue."""

    mid: int
    parent: int  # MID that it was made from; 0 is none
    outcome: Outcome
    why: str
    policy: str
    sender: str
    recipients: tuple[str, ...]
    size: int  # bytes
    header: tuple[str, ...]  # lines
    destinations: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question to the DNS."""

    question: str
    answer: str
    microseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceReport:
    """All of it. The texts hold whatever the message held: `render` makes them fit to be shown."""

    configuration: str
    listener: str
    client_address: str
    sender: str
    recipients: tuple[str, ...]
    outcome: Outcome
    verdict: str  # a sentence
    exchanges: tuple[Exchange, ...]
    sections: tuple[Section, ...]
    messages: tuple[TracedMessage, ...]
    lookups: tuple[Lookup, ...]
    log: tuple[str, ...]  # lines that the mail log would get
    notes: tuple[str, ...]  # what a trace cannot know
    microseconds: float

    def as_json(self) -> dict[str, Any]:
        """Return it as data for JSON."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever `asdict` makes
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _details(value[key]) if key in _PAIRS else _plain(value[key]) for key in value}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return round(value, 1) if isinstance(value, float) else value


_PAIRS: Final = ("details", "limits")  # have names that may come twice


def _details(pairs: Any) -> list[dict[str, str]]:  # noqa: ANN401  as above
    return [{"name": name, "text": text} for name, text in pairs]
