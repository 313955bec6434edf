"""A reputation score and whoever gives one (mailflow 3.2, `SBRS[a:b]`)."""

from typing import Final, NamedTuple, Protocol

SCORE_MIN: Final = -10.0
SCORE_MAX: Final = 10.0
PRIVATE: Final = "rfc1918"  # words of the log: nobody is asked about private addresses
FAILED: Final = "unable to retrieve"  # who was asked could not say
NOT_ENABLED: Final = "not enabled"  # the listener does not ask


class Score(NamedTuple):
    """What one provider says of an address.

    `value` has one decimal; None is no score: nothing is known, or nobody could say. `why` is one
    line for people. `others` are the providers that were asked before and had no score. `word` is
    what the log says instead of `None` where that has a reason of its own.
    """

    value: float | None
    provider: str
    why: str
    others: tuple["Score", ...] = ()
    word: str = ""

    @property
    def logged(self) -> float | str | None:
        """What stands behind `SBRS` in the log (mailflow 8.2)."""
        return self.value if self.value is not None else self.word or None

    def describe(self) -> str:
        """Return the score and its reason in one line: `-4.2: 310 messages in 7 days`."""
        return f"{'none' if self.value is None else format(self.value, '+.1f')}: {self.why}"


class Reputation(Protocol):
    """Gives scores.

    Addresses are text as sockets give it. Neither method raises for what outside help does or
    fails to do, nor for text that is no address: there is no score then, and `why` says so.
    """

    @property
    def name(self) -> str:
        """What logs and settings call it."""
        ...

    async def score(self, address: str) -> Score:
        """Return the score of `address`; takes no longer than the provider's timeout."""
        ...

    def peek(self, address: str) -> Score | None:
        """Return what `score` would, if that needs no waiting."""
        ...


def bounded(value: float) -> float:
    """Return `value` within the limits of a score, with one decimal and never as -0.0."""
    return round(min(SCORE_MAX, max(SCORE_MIN, value)), 1) + 0.0
