"""Sessions of administrators, whichever way they come in."""

from typing import Any, Final, Protocol

from mailwarden.control.commands.catalog import CATALOG
from mailwarden.control.commands.host import AdministratorHost
from mailwarden.control.commands.node import PRODUCT
from mailwarden.control.dialogue.session import Session
from mailwarden.control.dialogue.terminal import Terminal
from mailwarden.control.operations import accounts
from mailwarden.control.operations.actor import Actor
from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.desk import Desk
from mailwarden.control.remote.session_host import (
    Access,
    AccessEvent,
    Origin,
    Product,
)
from mailwarden.core.access.account import Channel
from mailwarden.core.access.roles import rights_of
from mailwarden.services.accounts.answers import Admitted
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.stores.configuration.record import Author, Source
from mailwarden.system.log.escape import escape

_SHOWN_MAX: Final = 64  # letters of a name that a stranger typed
_DETAIL_MAX: Final = 500
_WAYS: Final = {Channel.SSH: "SSH", Channel.CONSOLE: "the console"}


class Log(Protocol):
    """Writes a line."""

    def __call__(self, text: str, *, is_warning: bool = False) -> None:
        """Write `text`."""
        ...


class OpenedSession:
    """An Opened."""

    def __init__(self, session: Session[Any], desk: Desk) -> None:
        self._session: Final = session
        self._desk: Final = desk

    @property
    def session(self) -> Session[Any]:
        """The session itself."""
        return self._session

    def pending_changes(self) -> int:
        """Return how many changes wait for a commit."""
        return self._desk.pending_changes()

    def close(self) -> None:
        """Drop what waits for a commit."""
        self._desk.drop()


class ManagementHost:
    """A SessionHost. `log` writes a line of the `authentication` log."""

    def __init__(self, administration: Administration, log: Log) -> None:
        self._administration: Final = administration
        self._log: Final = log

    def banner(self) -> str:
        """Return what is shown before anybody logs in."""
        return self._administration.config.administration.banner

    def product(self) -> Product:
        """Return what this is."""
        facts = self._administration.facts
        return Product(PRODUCT, facts.version, facts.serial)

    def open_session(
        self, admitted: Admitted, origin: Origin, terminal: Terminal, number: int
    ) -> OpenedSession:
        """Return a session on `terminal` for somebody who is signed in."""
        rights = rights_of(admitted.user, admitted.role, is_local=admitted.is_local)
        actor = Actor(
            user=admitted.user,
            rights=rights,
            source=Source.CLI,
            address=origin.address,
            is_local=admitted.is_local,
            is_trusted=admitted.is_trusted,
        )
        desk = Desk(actor, self._administration, number)
        return OpenedSession(Session(CATALOG, AdministratorHost(desk), terminal), desk)

    def record(self, event: AccessEvent) -> None:
        """Write to the `authentication` log, and to the audit log what is of somebody known."""
        user = event.user[:_SHOWN_MAX]
        where = event.origin.address or event.origin.device or "this machine"
        parts = [f"User {escape(user)} from {escape(where)} by {_WAYS[event.origin.channel]}"]
        parts.append(event.access.value)
        if event.detail:
            parts.append(escape(event.detail[:_DETAIL_MAX]))
        if event.discarded_changes:
            parts.append(f"{event.discarded_changes} uncommitted changes discarded")
        text = f"Authentication: {': '.join(parts)}"
        was_refused = event.access is Access.REFUSED
        self._log(text, is_warning=was_refused)
        if event.was_locked:
            accounts.tell_locked(self._administration, event.user)
        if was_refused:
            return  # strangers do not fill the chain; the log has them
        author = Author(user, "", Source.CLI, event.origin.address)
        try:
            store = self._administration.versions.store
            store.record(author, event.access.value, event.detail[:_DETAIL_MAX])
        except StoreError as error:
            self._log(f"The audit log cannot be written: {error}", is_warning=True)
