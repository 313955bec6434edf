"""The ports that the stations of a trace have: they work as those of a worker, without effect."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from mailwarden.core.mail.bounce_tag import TagKey
from mailwarden.services.bounce_tags import KeyUses
from mailwarden.services.engines.reputation.score import Score
from mailwarden.system.log.maillog import Level, MailLog

EVENTS_MAX: Final = 200_000  # of the log; more are only counted


class LogEvent(NamedTuple):
    """A line that the mail log would get."""

    kind: str
    level: str
    text: str
    fields: dict[str, Any]


class Recorder:
    """Takes the events of a mail log and keeps them."""

    def __init__(self) -> None:
        self.events: Final[list[LogEvent]] = []
        self.lost = 0
        self.log: Final = MailLog(None, self, None, level=Level.INFO, stamp=str, iso=str)

    def write(self, line: str) -> None:
        """Take one event."""
        if len(self.events) >= EVENTS_MAX:
            self.lost += 1
            return
        fields: dict[str, Any] = msgspec.json.decode(line)
        kind, level, text = (str(fields.pop(name, "")) for name in ("event", "level", "text"))
        self.events.append(LogEvent(kind, level, text, fields))

    def since(self, mark: int) -> list[LogEvent]:
        """Return the events from position `mark` on."""
        return self.events[mark:]


class Numbers:
    """MIDs, ICIDs and DCIDs from 1 on."""

    def __init__(self) -> None:
        self._mid = self._icid = self._dcid = 0

    def next_mid(self) -> int:
        """Return a message id."""
        self._mid += 1
        return self._mid

    def next_icid(self) -> int:
        """Return an injection connection id."""
        self._icid += 1
        return self._icid

    def next_dcid(self) -> int:
        """Return a delivery connection id."""
        self._dcid += 1
        return self._dcid


class NoUses(KeyUses):
    """Keeps no note of which keys are used."""

    def __init__(self) -> None:
        """There is no file."""

    def note(self, key: TagKey, now: float) -> None:
        """Do nothing."""


class ScoreSource(Protocol):
    """Knows the scores of hosts; see `Reputation`."""

    def peek(self, address: str) -> Score | None:
        """Return the score, if that needs no waiting."""
        ...

    async def score(self, address: str) -> Score:
        """Return the score."""
        ...


class QuietReputation:
    """Scores of somebody else, who hears nothing of this connection."""

    def __init__(self, scores: ScoreSource) -> None:
        self._scores: Final = scores

    def peek(self, address: str) -> Score | None:
        """Return the score, if that needs no waiting."""
        return self._scores.peek(address)

    async def score(self, address: str) -> Score:
        """Return the score."""
        return await self._scores.score(address)

    def note(self, address: str, messages: int, recipients: int, bad_recipients: int) -> None:
        """Do nothing."""


class GivenScore:
    """One score for everybody; None is that there is none."""

    def __init__(self, value: float | None) -> None:
        self._score: Final = Score(value, "trace", "given for the trace")

    @property
    def name(self) -> str:
        """What it is called."""
        return self._score.provider

    def peek(self, _address: str) -> Score:
        """Return it."""
        return self._score

    async def score(self, _address: str) -> Score:
        """Return it."""
        return self._score

    def note(self, address: str, messages: int, recipients: int, bad_recipients: int) -> None:
        """Do nothing."""


Verify = Callable[[str, str], bool]


def verify_only(user: str) -> Verify:
    """Return who takes any password of `user` for the right one."""
    return lambda name, _password: bool(user) and name == user
