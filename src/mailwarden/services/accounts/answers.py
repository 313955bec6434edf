"""What signing in comes to."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.access.account import Change, Channel
from mailwarden.core.access.roles import AnyRole

# The same for a wrong password, a user that does not exist and one that is locked (PWD-05).
INCORRECT: Final = "Login incorrect"
TOO_MANY: Final = "Too many failed logins. Try again later."


class Attempt(NamedTuple):
    """Somebody who wants to sign in.

    `address` is the client's IP address, behind a trusted proxy that of its client; at the
    console it is not looked at. `code` is a one-time or recovery code, "" before one is asked for.
    """

    user: str
    password: str
    channel: Channel
    address: str = ""
    code: str = ""


class Reason(Enum):
    """Why somebody was refused; for the log, not for the one refused."""

    WRONG_PASSWORD = "wrong password"  # noqa: S105  words for the log
    UNKNOWN_USER = "unknown user"
    LOCKED_BY_FAILURES = "locked after failed logins"
    LOCKED_BY_ADMINISTRATOR = "locked by an administrator"
    WRONG_CODE = "wrong one-time code"
    TOO_MANY = "too many failed logins"
    REJECTED = "rejected by the external server"
    NO_ROLE = "no role is mapped"
    NO_ACCESS = "the role has no access by this way"
    WRONG_KEY = "SSH key not authorised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Somebody who is signed in.

    With `change` the password has to be changed before anything else. `days_left` asks for a
    reminder. `last_at` and `last_from` are of the login before this one (CLI-07). A role of None
    is a local user whose role was deleted, who can only log out. `is_trusted` is somebody whom the
    operating system vouches for: no password was asked for, so that a new one ends nothing.
    """

    user: str
    role: AnyRole
    is_local: bool
    channel: Channel
    address: str
    change: Change = Change.NONE
    days_left: int | None = None
    last_at: float = 0.0
    last_from: str = ""
    generation: int = 0
    detail: str = ""  # for the log: which server said what
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """The password is right; ask for a one-time code and try again with both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Somebody who is not signed in.

    `message` is for the person, `reason` and `detail` are for the log. `was_locked` says that this
    attempt locked the account, which is worth an alert (PWD-01). A wait of more than 0 is what
    attempts have to be spaced by.
    """

    reason: Reason
    message: str = INCORRECT
    detail: str = ""
    was_locked: bool = False
    wait_seconds: float = 0.0


Answer = Admitted | CodeWanted | Refused
