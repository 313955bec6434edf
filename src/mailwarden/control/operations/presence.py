"""Who is there at present, as operations see the living sessions."""

from collections.abc import Sequence
from typing import Protocol

from mailwarden.core.access.account import Channel


class Whence(Protocol):
    """Where somebody comes from; see `remote.session_host.Origin`."""

    @property
    def channel(self) -> Channel:
        """By which way."""
        ...

    @property
    def address(self) -> str:
        """Of the client; "" is this machine."""
        ...

    @property
    def device(self) -> str:
        """The name of a tty, or ""."""
        ...


class PresentSession(Protocol):
    """A session as it is listed. `since` counts from the epoch; the others are spans.

    `detached_seconds` is None while somebody is connected.
    """

    @property
    def number(self) -> int:
        """What it is called by."""
        ...

    @property
    def user(self) -> str:
        """Whose it is."""
        ...

    @property
    def origin(self) -> Whence:
        """Where its user comes from."""
        ...

    @property
    def since(self) -> float:
        """When it began."""
        ...

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was typed."""
        ...

    @property
    def pending_changes(self) -> int:
        """How many changes wait for a commit."""
        ...

    @property
    def detached_seconds(self) -> float | None:
        """How long ago the line was cut."""
        ...


class Presence(Protocol):
    """The living sessions."""

    def rows(self) -> Sequence[PresentSession]:
        """Return all sessions, the oldest first."""
        ...

    def renew(self, number: int, generation: int) -> None:
        """Let a session go on whose user has changed the own account: it is of `generation` now."""
        ...


class NobodyPresent:
    """A Presence without sessions, where only single operations are done."""

    def rows(self) -> Sequence[PresentSession]:
        """Return no session."""
        return ()

    def renew(self, number: int, generation: int) -> None:
        """Do nothing."""
