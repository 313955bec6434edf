"""What the ways to the command line need of the gateway: what it is, and sessions for people."""

from enum import Enum
from typing import Any, NamedTuple, Protocol

from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.terminal import Terminal
from mailwarden.control.operations import logins
from mailwarden.core.access.account import Channel
from mailwarden.services.accounts.answers import Admitted


class Origin(NamedTuple):
    """Where somebody comes from. `address` is "" on the machine itself; `device` is a tty's name.

    Both ways that are on the machine count as the console: who is root there may do all that one
    may do at the console.
    """

    channel: Channel
    address: str = ""
    device: str = ""


class Product(NamedTuple):
    """What is said of the gateway after the login (admin CLI-07)."""

    name: str
    version: str
    serial: str


class Access(Enum):
    """What happened at a way in; the values are words for the `authentication` log."""

    ADMITTED = logins.LOGGED_IN
    REFUSED = "refused"
    HUNG_UP = "hung up"  # the session is kept for a while
    RETURNED = "went on with the session"
    LEFT = logins.LOGGED_OUT
    ENDED = logins.ENDED  # from outside; the detail says why


class AccessEvent(NamedTuple):
    """For the `authentication` log. `user` and `detail` may be what strangers typed.

    `was_locked` says that this attempt locked the account, which is worth an alert (PWD-01).
    """

    access: Access
    user: str
    origin: Origin
    detail: str = ""
    discarded_changes: int = 0
    was_locked: bool = False


class Opened(Protocol):
    """A session that was opened for somebody."""

    @property
    def session(self) -> Session[Any]:
        """The session itself; whoever opened it runs it."""
        ...

    def pending_changes(self) -> int:
        """Return how many changes wait for a commit."""
        ...

    def close(self) -> None:
        """Drop what waits for a commit; called once, when the session is over."""
        ...


class SessionHost(Protocol):
    """The gateway, as SSH and the console see it.

    A session of it does not watch its own idleness (`idle_seconds` of its Host is None): `Sessions`
    does, which knows when nobody can type because the line is cut.
    """

    def banner(self) -> str:
        """Return what is shown before anybody logs in (admin CLI-08); "" is nothing."""
        ...

    def product(self) -> Product:
        """Return what this is."""
        ...

    def open_session(
        self, admitted: Admitted, origin: Origin, terminal: Terminal, number: int
    ) -> Opened:
        """Return a session on `terminal` for somebody who is signed in.

        `number` is that of its place among the living sessions.
        """
        ...

    def record(self, event: AccessEvent) -> None:
        """Write to the `authentication` log; returns at once."""
        ...
