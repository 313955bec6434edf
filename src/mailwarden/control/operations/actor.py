"""Who does something, from where, and what they may do."""

from dataclasses import dataclass

from mailwarden.core.access.roles import NO_RIGHTS, Rights, role_name
from mailwarden.stores.configuration.record import Author, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An administrator in a session. `address` is that of the client; "" is this machine."""

    user: str
    rights: Rights
    source: Source
    address: str = ""

    @property
    def author(self) -> Author:
        """The administrator as the store keeps it."""
        return Author(self.user, role_name(self.rights.role), self.source, self.address)


NOBODY = Actor(user="", rights=NO_RIGHTS, source=Source.SYSTEM)
