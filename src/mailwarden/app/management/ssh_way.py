"""The way in by SSH, where an interface has a port for it."""

import asyncio
import socket
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from mailwarden.control.operations.administration import Administration
from mailwarden.control.remote.session_host import SessionHost
from mailwarden.control.remote.sessions import Sessions
from mailwarden.core.access.access_list import AccessList

if TYPE_CHECKING:
    from mailwarden.control.remote.ssh_server import SshServer

PARTS: Final = "mailwarden.app.management.ssh_parts"
KEYS: Final = "ssh"  # folder of the host keys


class SshWay:
    """Serves once there are sockets; until then it costs nothing, as SSH takes long to load."""

    def __init__(
        self, folder: Path, administration: Administration, host: SessionHost, sessions: Sessions
    ) -> None:
        self._folder: Final = folder
        self._administration: Final = administration
        self._host: Final = host
        self._sessions: Final = sessions
        self._sockets: Sequence[socket.socket] = ()
        self._server: SshServer | None = None
        self._task: asyncio.Task[None] | None = None
        self._may_serve = False

    def start(self) -> None:
        """Serve from now on."""
        self._may_serve = True
        self.listen(self._sockets)

    def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Serve on these sockets, and on no others."""
        self._sockets = sockets
        if not self._may_serve:
            return
        if self._server is not None:
            self._server.listen(sockets)
        elif sockets:
            self._server = self._make()
            self._task = asyncio.get_running_loop().create_task(self._server.run(sockets))

    def follow(self) -> None:
        """Go on by the configuration in force."""
        if self._server is not None:
            config = self._administration.config
            access = AccessList(config.administration.network_access)
            self._server.use(config.management.ssh, access)

    def host_keys(self) -> list[str]:
        """Return a line with type and fingerprint for each key that there is."""
        folder = self._folder / KEYS
        if not any(folder.glob("ssh_host_*_key")):
            return []  # they are made when SSH is served for the first time
        algorithms = self._administration.config.management.ssh.host_keys
        shown: list[str] = import_module(PARTS).host_key_lines(folder, algorithms)
        return shown

    async def close(self) -> None:
        """End all connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _make(self) -> "SshServer":
        # Loaded only where it is used: it takes as long as all the rest of the process.
        make = import_module(PARTS).make_ssh_server
        made = make(self._folder / KEYS, self._administration, self._host, self._sessions)
        return cast("SshServer", made)
