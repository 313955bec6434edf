"""A RADIUS server that knows a few users, answers as told, and remembers what it was asked."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mailwarden.core.access.radius import (
    Attribute,
    Code,
    Packet,
    build_response,
    has_message_authenticator,
    parse_packet,
    reveal_password,
)

Answerer = Callable[[bytes, Packet], Iterable[bytes]]


@dataclass
class RadiusServerOfTests(asyncio.DatagramProtocol):
    """Answers over UDP; `answer` may be replaced to misbehave."""

    secret: bytes = b"s3cr3t"
    passwords: dict[bytes, bytes] = field(default_factory=dict)
    classes: dict[bytes, list[bytes]] = field(default_factory=dict)
    drops: int = 0  # questions that are lost on the way
    asked: list[Packet] = field(default_factory=list)
    answer: Answerer | None = None

    async def start(self) -> int:
        """Listen on a port of the loopback interface; return it."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = parse_packet(data)
        self.asked.append(packet)
        if len(self.asked) <= self.drops:
            return
        for answer in (self.answer or self.judge)(data, packet):
            self._transport.sendto(answer, addr)

    def judge(self, data: bytes, packet: Packet) -> Iterable[bytes]:
        """Return the answer of a server that keeps to the rules."""
        if not has_message_authenticator(data, self.secret):
            return []
        user = packet.values(Attribute.USER_NAME)[0]
        wanted = self.passwords.get(user)
        if wanted is None or not self._is_right(packet, wanted):
            return [build_response(Code.ACCESS_REJECT, packet, [], self.secret)]
        attributes = [(Attribute.CLASS, value) for value in self.classes.get(user, [])]
        return [build_response(Code.ACCESS_ACCEPT, packet, attributes, self.secret)]

    def _is_right(self, packet: Packet, wanted: bytes) -> bool:
        for hidden in packet.values(Attribute.USER_PASSWORD):
            return reveal_password(hidden, self.secret, packet.authenticator) == wanted
        (answer,) = packet.values(Attribute.CHAP_PASSWORD)
        (challenge,) = packet.values(Attribute.CHAP_CHALLENGE)
        return answer[1:] == hashlib.md5(answer[:1] + wanted + challenge).digest()
