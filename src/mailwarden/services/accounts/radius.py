"""Asks RADIUS servers, one after the other, over UDP (RFC 2865; admin 3.3).

Each question goes out from a port of its own, to which the system lets only that server answer.
What comes is dropped unless it is proved genuine: see `core/access/radius.py`.
"""

import asyncio
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

from mailwarden.core.access.password import normal_form
from mailwarden.core.access.radius import (
    AUTHENTICATOR_BYTES,
    Attribute,
    Code,
    Login,
    Packet,
    build_request,
    parse_response,
)
from mailwarden.services.accounts.external import ExternalAnswer, Verdict
from mailwarden.services.accounts.settings import RadiusServer

SENDS: Final = 3  # of a question, evenly over the time-out: UDP loses packets
ADDRESSES_MAX: Final = 4  # tried of a server's name
WRONG_ANSWERS_MAX: Final = 1000  # looked at; a flood of forgeries is not worth more

Resolve = Callable[[str], Awaitable[Sequence[str]]]
Random = Callable[[int], bytes]


class RadiusAuthentication:
    """Asks the servers in their order.

    `resolve` turns a name into addresses, and raises OSError where that fails.
    """

    rejects_for_good: Final = True  # EXT-04

    def __init__(
        self,
        servers: Sequence[RadiusServer],
        nas_identifier: str,
        resolve: Resolve,
        random: Random = secrets.token_bytes,
    ) -> None:
        self._servers = tuple(servers)
        self._nas_identifier = nas_identifier.encode("utf-8", "replace")
        self._resolve = resolve
        self._random = random

    async def ask(self, user: str, password: str, address: str) -> ExternalAnswer:
        """Return what the first server that answers says."""
        login = Login(
            normal_form(user), normal_form(password), self._nas_identifier, address.encode()
        )
        details = []
        for server in self._servers:
            answer = await self._ask_server(server, login)
            details.append(f"{server.host}: {answer.detail}")
            if answer.verdict is not Verdict.UNREACHABLE:
                return answer._replace(detail="; ".join(details))
        return ExternalAnswer(Verdict.UNREACHABLE, detail="; ".join(details))

    async def _ask_server(self, server: RadiusServer, login: Login) -> ExternalAnswer:
        try:
            addresses = await self._addresses(server)
        except (OSError, TimeoutError) as error:
            return ExternalAnswer(Verdict.UNREACHABLE, detail=f"its name is not found: {error}")
        answer = ExternalAnswer(Verdict.UNREACHABLE, detail="its name has no address")
        for address in addresses[:ADDRESSES_MAX]:
            answer = await self._ask_address(server, address, login)
            if answer.verdict is not Verdict.UNREACHABLE:
                break
        return answer

    async def _addresses(self, server: RadiusServer) -> Sequence[str]:
        try:
            return [str(ipaddress.ip_address(server.host))]
        except ValueError:
            async with asyncio.timeout(server.timeout_seconds):
                return await self._resolve(server.host)

    async def _ask_address(
        self, server: RadiusServer, address: str, login: Login
    ) -> ExternalAnswer:
        secret = server.secret.encode("utf-8")
        try:
            request = build_request(
                login,
                secret,
                server.method.method,
                self._random(1)[0],
                self._random(AUTHENTICATOR_BYTES),
            )
        except ValueError as error:  # no server could ever accept it
            return ExternalAnswer(Verdict.REJECTED, detail=str(error))
        try:
            packet = await _exchange(server, address, request, secret)
        except (OSError, TimeoutError) as error:
            return ExternalAnswer(Verdict.UNREACHABLE, detail=str(error) or "no answer")
        return _read(packet)


def _read(packet: Packet) -> ExternalAnswer:
    if packet.code == Code.ACCESS_ACCEPT:
        classes = packet.values(Attribute.CLASS)
        groups = tuple(value.decode("utf-8", "backslashreplace") for value in classes)
        return ExternalAnswer(Verdict.ACCEPTED, groups, "accepted")
    if packet.code == Code.ACCESS_CHALLENGE:
        # RFC 2865, 4.4: who has no way of answering a challenge takes it for a rejection.
        return ExternalAnswer(Verdict.REJECTED, detail="wants a challenge answered")
    return ExternalAnswer(Verdict.REJECTED, detail="rejected")


async def _exchange(server: RadiusServer, address: str, request: bytes, secret: bytes) -> Packet:
    """Return the answer.

    Raises:
        TimeoutError: none came in time; the message says what came instead.
        OSError: the server cannot be reached.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Packet] = loop.create_future()
    transport, conversation = await loop.create_datagram_endpoint(
        lambda: _Conversation(request, secret, answer), remote_addr=(address, server.port)
    )
    try:
        for _ in range(SENDS):
            transport.sendto(request)
            await asyncio.wait({answer}, timeout=server.timeout_seconds / SENDS)
            if answer.done():
                return answer.result()
        fault = conversation.fault
        detail = f"; what came does not count, as {fault}" if fault else ""
        raise TimeoutError(f"no answer in {server.timeout_seconds:g} s{detail}")
    finally:
        answer.cancel()
        transport.close()


class _Conversation(asyncio.DatagramProtocol):
    """Waits for the one answer that counts."""

    def __init__(self, request: bytes, secret: bytes, answer: "asyncio.Future[Packet]") -> None:
        self._request = request
        self._secret = secret
        self._answer = answer
        self._wrong_answers = 0
        self.fault = ""  # why the last answer did not count

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  asyncio's name
        """Take the answer if it is the one."""
        if self._answer.done() or self._wrong_answers >= WRONG_ANSWERS_MAX:
            return
        try:
            packet = parse_response(data, self._request, self._secret)
        except ValueError as error:
            self._wrong_answers += 1
            self.fault = str(error)
        else:
            self._answer.set_result(packet)

    def error_received(self, exc: Exception) -> None:
        """Go on to the next server at once where nobody listens."""
        if not self._answer.done():
            self._answer.set_exception(exc)


async def resolve_by_system(name: str) -> Sequence[str]:
    """Return the addresses of a host as the system finds them.

    Raises:
        OSError: there are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(name, None)
    return list(dict.fromkeys(cast("str", entry[4][0]) for entry in found))
