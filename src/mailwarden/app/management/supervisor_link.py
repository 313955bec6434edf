"""The supervisor, as the management process sees it: a channel, questions and answers."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from mailwarden.app.accepted import texts_to_memory
from mailwarden.app.channel import Channel, Packet
from mailwarden.control.operations.gateway import ActivationError, Answer, GatewayError, Request
from mailwarden.control.operations.versions import Texts

ANSWER_SECONDS: Final = 60.0  # for the next answer; the supervisor gives up earlier
ACTIVATION_SECONDS: Final = 120.0

OnPacket = Callable[[Packet, list[int]], None]


class SupervisorLink:
    """A Gateway. What is no answer goes to `on_packet`."""

    def __init__(self, on_packet: OnPacket) -> None:
        self._on_packet: Final = on_packet
        self._channel: Channel | None = None
        self._number = 0
        self._answers: dict[int, asyncio.Queue[Packet]] = {}

    def use(self, channel: Channel) -> None:
        """Speak over `channel`, whose packets come to `take`."""
        self._channel = channel

    def say(self, what: str, **more: object) -> None:
        """Tell the supervisor something."""
        if self._channel is not None:
            self._channel.send({"say": what, **more})

    async def ask(self, request: Request) -> AsyncIterator[Answer]:
        """Yield the answers to `request`, as the control socket gives them.

        Raises:
            GatewayError: there is none in time.
        """
        number, answers = self._begin()
        try:
            self.say("ask", id=number, request=request)
            while (packet := await _next(answers, ANSWER_SECONDS)).get("do") == "answer":
                yield packet["data"]
        finally:
            del self._answers[number]

    async def activate(self, texts: Texts) -> Sequence[str]:
        """Let the gateway work by a version; return what is worth to know about it.

        Raises:
            ActivationError: it cannot.
            GatewayError: it does not answer.
        """
        number, answers = self._begin()
        file = texts_to_memory(texts.text, texts.tables, {})  # keys are not ours to hand
        try:
            assert self._channel is not None
            packet = {"say": "activate", "id": number, "number": texts.number}
            self._channel.send(packet, [file])
            answer = await _next(answers, ACTIVATION_SECONDS)
        finally:
            os.close(file)
            del self._answers[number]
        if answer["problems"]:
            raise ActivationError(answer["problems"])
        return [str(note) for note in answer["notes"]]

    def take(self, packet: Packet, descriptors: list[int]) -> None:
        """Take a packet of the supervisor."""
        if packet.get("do") in ("answer", "answered", "activated"):
            queue = self._answers.get(packet["id"])
            if queue is not None:  # else nobody waits any more
                queue.put_nowait(packet)
        else:
            self._on_packet(packet, descriptors)

    def _begin(self) -> tuple[int, "asyncio.Queue[Packet]"]:
        if self._channel is None:
            raise GatewayError("the gateway is not ready")
        self._number += 1
        queue: asyncio.Queue[Packet] = asyncio.Queue()
        self._answers[self._number] = queue
        return self._number, queue


async def _next(answers: "asyncio.Queue[Packet]", seconds: float) -> Packet:
    try:
        async with asyncio.timeout(seconds):
            return await answers.get()
    except TimeoutError:
        raise GatewayError(f"the gateway does not answer within {seconds:g} seconds") from None
