"""Why the store refuses something."""

from typing import NamedTuple


class DamagedError(Exception):
    """What was kept is not what it was; the text says what is wrong with it."""


class StoreError(Exception):
    """The store cannot do it; the text says why, for administrators."""


class Broken(NamedTuple):
    """The first thing that is wrong with a store: a record, by its number, or 0 for the file."""

    number: int
    what: str

    def __str__(self) -> str:
        return f"record {self.number} {self.what}" if self.number else self.what


class CorruptStoreError(StoreError):
    """The store cannot be relied upon, and nothing works by it until it is restored."""

    def __init__(self, path: str, broken: Broken, last_good: int) -> None:
        """`last_good` is the number of the newest version of which there is a copy, or 0."""
        remedy = (
            f"version {last_good} can be restored from its copy"
            if last_good
            else "there is no copy of an earlier version beside it"
        )
        super().__init__(f"{path} is damaged: {broken}; {remedy}")
        self.broken = broken
        self.last_good = last_good


class HeadMovedError(StoreError):
    """Somebody else committed since: the change has to be merged first."""

    def __init__(self, expected: int, head: int) -> None:
        super().__init__(f"version {expected} is no longer the last one: that is {head}")
        self.expected = expected
        self.head = head


class CommitUnderWayError(StoreError):
    """Another commit is between its beginning and its end."""

    def __init__(self, user: str, number: int) -> None:
        super().__init__(f"{user} is about to commit version {number}; try again in a moment")
        self.user = user


class AwaitingConfirmationError(StoreError):
    """The last version may still fall back by itself, so that nothing can be built on it."""

    def __init__(self, user: str, number: int) -> None:
        super().__init__(
            f"version {number} of {user} is not confirmed yet; confirm it or let it fall back first"
        )
        self.user = user
        self.number = number


class UnknownVersionError(StoreError):
    """There is no such version."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no version {number}")


class ForgottenVersionError(StoreError):
    """The version is in the history, but its tree was removed to bound the store."""

    def __init__(self, number: int) -> None:
        super().__init__(f"version {number} is too old: only its record is kept")
