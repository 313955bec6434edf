"""What a stage may decide about a message. The runner carries it out."""

from dataclasses import dataclass
from typing import Final

from mailwarden.stores.spool.spool import Stored


class Continue:
    """Go on with the next stage."""

    __slots__ = ()


CONTINUE: Final = Continue()


@dataclass(frozen=True, slots=True)
class Drop:
    """End the message without a word to its sender; `by` is for the log: `filter 'x'`."""

    by: str


@dataclass(frozen=True, slots=True)
class Bounce:
    """Refuse the recipients `rids` and tell the sender."""

    rids: tuple[int, ...]
    reason: str  # `5.1.1 - Bad destination email address`
    by: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Park the message under a name until somebody releases it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Replace the message by a changed one, which gets a new MID and goes on from here."""

    stored: Stored
    by: str  # for the log: `add-footer filter 'legal'`


@dataclass(frozen=True, slots=True)
class Group:
    """Recipients that share a mail policy."""

    policy: str
    rids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """Give each group but the last a message of its own (mailflow 1.3)."""

    groups: tuple[Group, ...]


Outcome = Continue | Drop | Bounce | Hold | Rewrite | Split
