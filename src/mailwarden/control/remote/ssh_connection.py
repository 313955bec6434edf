"""One connection over SSH: who is at its other end, and which sessions it may have.

Nothing is offered but sessions: ports, sockets, tunnels, agents and X11 are not forwarded, and no
environment is taken. `asyncssh.SSHServer` refuses what is not overridden here.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, cast

import asyncssh

from mailwarden.control.remote.log_in import ChangeDueError, LogIn, Question
from mailwarden.core.access.ssh_key import PublicKey, parse_public_key
from mailwarden.services.accounts.answers import Admitted

KEYS_ASKED_MAX: Final = 30  # public keys that a client asks about: agents may hold many
_TOO_MANY: Final = "Too many authentication failures"
_FULL: Final = "There are too many connections. Try again later."
WINDOW_BYTES: Final = 256 * 1024  # that a client may send on a channel before it is read
PACKET_BYTES: Final = 32 * 1024

Challenge = tuple[str, str, str, list[tuple[str, bool]]] | bool


class Inside(Protocol):
    """What is behind the door of one connection."""

    def enter(self, admitted: Admitted) -> bool:
        """Note that somebody has logged in; return whether there is room."""
        ...

    def leave(self) -> None:
        """Note that the connection is over."""
        ...

    def session(
        self, admitted: Admitted, connection: "Connection"
    ) -> "asyncssh.SSHServerSession[bytes] | str":
        """Return a new session, or why there is none."""
        ...


class Channel(asyncssh.SSHServerChannel[bytes]):
    """A session's channel. What a client sets in the environment is not kept: it has no bounds."""

    def _process_env_request(self, packet: asyncssh.packet.SSHPacket) -> bool:
        packet.get_string()
        packet.get_string()
        packet.check_end()
        return False


class Connection(asyncssh.SSHServerConnection):
    """Adds to asyncssh what a server among strangers needs.

    Who does not read what is sent is not read from either, so that answers do not pile up.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        visitor: "Visitor",
        signatures: frozenset[str],
    ) -> None:
        super().__init__(loop, options)
        self.visitor: Final = visitor
        self._signatures = signatures
        self._socket: asyncio.Transport | None = None
        self.writable: Final = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None = None) -> None:
        self.writable.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self.writable.clear()
        if self._socket is not None:
            self._socket.pause_reading()

    def resume_writing(self) -> None:
        self.writable.set()
        if self._socket is not None:
            self._socket.resume_reading()

    async def validate_public_key(
        self, username: str, key_data: bytes, msg: bytes, signature: bytes
    ) -> bool:
        """Tell whether a key is worth proving, or is proved, and then log its owner in."""
        if msg and _algorithm(signature) not in self._signatures:
            return False  # asyncssh would take SHA-1
        if not await super().validate_public_key(username, key_data, msg, signature):
            return False
        return self.visitor.key_proved(username, key_data) if msg else True

    def create_server_channel(
        self,
        _encoding: str | None = "",
        _errors: str = "",
        window: int = 0,
        max_pktsize: int = 0,
    ) -> "Channel":
        size = max_pktsize or PACKET_BYTES
        self._update_recv_pktlen(size)
        return Channel(
            self, asyncio.get_running_loop(), True, False, False, 0, 0, None, "strict",
            window or WINDOW_BYTES, size,
        )  # fmt: skip


class Visitor(asyncssh.SSHServer):
    """Whoever is at the other end of a connection."""

    def __init__(
        self,
        log_in: Callable[[Callable[[str], None]], LogIn],
        inside: Inside,
        banner: str,
        attempts_max: int,
    ) -> None:
        self._log_in = log_in(self._say)
        self._inside = inside
        self._banner = banner
        self._attempts_max = attempts_max
        self._connection: Connection | None = None
        self._keys_asked = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        assert isinstance(conn, Connection)
        self._connection = conn

    def connection_lost(self, _exc: Exception | None) -> None:
        self._connection = None
        self._inside.leave()

    def begin_auth(self, _username: str) -> bool:
        self._say(self._banner)
        self._banner = ""
        return True  # somebody has to log in

    def auth_completed(self) -> None:
        admitted, connection = self._log_in.admitted, self._connection
        if connection is None:
            return
        if admitted is None or admitted.user != connection.get_extra_info("username"):
            raise asyncssh.PermissionDenied("Nobody has logged in")
        if not self._inside.enter(admitted):
            raise asyncssh.DisconnectError(asyncssh.DISC_TOO_MANY_CONNECTIONS, _FULL)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._keys_asked += 1
        if self._keys_asked > KEYS_ASKED_MAX:
            raise asyncssh.DisconnectError(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, _TOO_MANY)
        found = _read_key(key.public_data)
        return found is not None and self._log_in.is_worth_proving(username, found)

    def key_proved(self, username: str, blob: bytes) -> bool:
        """Log the owner of a key in, who has proved to be it."""
        found = _read_key(blob)
        return found is not None and self._counted(self._log_in.by_key(username, found))

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        return await self._password(self._log_in.by_password(username, password))

    async def change_password(self, username: str, old_password: str, new_password: str) -> bool:
        return await self._password(self._log_in.change(username, old_password, new_password))

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, _username: str, _lang: str, _submethods: str) -> Challenge:
        return _challenge(self._log_in.begin())

    async def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Challenge:
        next_one = await self._log_in.answer(username, responses)
        if isinstance(next_one, Question):
            return _challenge(next_one)
        return self._counted(next_one)

    def session_requested(self) -> Any:  # noqa: ANN401  what asyncssh takes is not exported
        admitted, connection = self._log_in.admitted, self._connection
        if admitted is None or connection is None:
            return False
        session = self._inside.session(admitted, connection)
        if isinstance(session, str):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, session)
        return connection.create_server_channel(), session

    async def _password(self, tried: Awaitable[bool]) -> bool:
        try:
            return self._counted(await tried)
        except ChangeDueError as due:
            raise asyncssh.PasswordChangeRequired(f"{due}\n") from due

    def _counted(self, is_in: bool) -> bool:
        if not is_in and self._log_in.failures >= self._attempts_max:
            raise asyncssh.DisconnectError(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, _TOO_MANY)
        return is_in

    def _say(self, text: str) -> None:
        if text and self._connection is not None:
            # RFC 4252, 5.4: lines end with CR LF.
            self._connection.send_auth_banner(text.rstrip("\n").replace("\n", "\r\n") + "\r\n")


def _challenge(question: Question) -> Challenge:
    return "", question.instruction, "", [(prompt, False) for prompt in question.prompts]


def _read_key(blob: bytes) -> PublicKey | None:
    length = int.from_bytes(blob[:4], "big")
    kind = blob[4 : 4 + length].decode("ascii", "replace")
    try:
        return parse_public_key(f"{kind} {base64.b64encode(blob).decode('ascii')}")
    except ValueError:
        return None


def _algorithm(signature: bytes) -> str:
    """Return what a signature says of itself (RFC 4253, 6.6)."""
    length = int.from_bytes(signature[:4], "big")
    return signature[4 : 4 + length].decode("ascii", "replace")
