"""Who does something, from where, and what they may do."""

from dataclasses import dataclass

from mailwarden.core.access.roles import NO_RIGHTS, Rights, role_name
from mailwarden.stores.configuration.record import Author, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An administrator in a session. `address` is that of the client; "" is this machine.

    `is_local` is False for somebody whom another server has let in. `is_trusted` is somebody whom
    the operating system vouches for, who has given no password.
    """

    user: str
    rights: Rights
    source: Source
    address: str = ""
    is_local: bool = True
    is_trusted: bool = False

    @property
    def author(self) -> Author:
        """The administrator as the store keeps it."""
        return Author(self.user, role_name(self.rights.role), self.source, self.address)

    @property
    def is_at_console(self) -> bool:
        """Whether the administrator is at the machine itself, by whichever way (CLI-03)."""
        return self.source is Source.CLI and not self.address


NOBODY = Actor(user="", rights=NO_RIGHTS, source=Source.SYSTEM)
