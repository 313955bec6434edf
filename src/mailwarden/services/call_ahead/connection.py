"""A connection to a server that is asked about recipients."""

import asyncio
import os
from collections.abc import Callable
from typing import Final, cast

from mailwarden.core.smtp.client_probe import ProbeConversation, ProbeSignal
from mailwarden.core.smtp.client_replies import PeerError, PeerReply
from mailwarden.services.call_ahead.servers import Endpoint
from mailwarden.system.net.stream import as_protocol


class ServerFailedError(Exception):
    """A server cannot be asked; the text says why."""


class ProbeConnection:
    """Carries one question after the other; `closed` is called once when it is gone."""

    __slots__ = ("_closed", "_is_gone", "_outcome", "_transport", "conversation", "endpoint")

    def __init__(
        self,
        endpoint: Endpoint,
        conversation: ProbeConversation,
        closed: Callable[["ProbeConnection"], None],
    ) -> None:
        self.endpoint: Final = endpoint
        self.conversation: Final = conversation
        self._closed: Final = closed
        self._transport: asyncio.Transport | None = None
        self._outcome: asyncio.Future[ProbeSignal] | None = None
        self._is_gone = False

    async def open(self, local_address: str) -> None:
        """Connect and go as far as the first question; `local_address` "" is any.

        Raises:
            ServerFailedError: the server cannot be reached, or does not want us.
        """
        loop = asyncio.get_running_loop()
        self._outcome = loop.create_future()
        try:
            await loop.create_connection(
                lambda: as_protocol(self),
                self.endpoint.address,
                self.endpoint.port,
                local_addr=(local_address, 0) if local_address else None,
            )
        except OSError as error:
            self._outcome = None
            self.abort()
            named = error.errno is not None and error.errno > 0
            words = os.strerror(error.errno or 0) if named else str(error)
            raise ServerFailedError(words) from error
        except BaseException:  # cancelled: nobody waits for the outcome any more
            self._outcome = None
            self.abort()
            raise
        await self._signal()

    async def ask(self, address: str) -> PeerReply:
        """Return the reply to RCPT.

        Raises:
            ServerFailedError: there was none.
        """
        if self._transport is None or not self.is_usable:
            raise ServerFailedError("the connection is gone")
        self._outcome = asyncio.get_running_loop().create_future()
        self._transport.write(self.conversation.ask(address))
        await self._signal()
        assert self.conversation.answer is not None  # that is what ANSWERED means
        return self.conversation.answer

    async def _signal(self) -> ProbeSignal:
        assert self._outcome is not None
        try:
            signal = await self._outcome
        finally:
            self._outcome = None
        refusal = self.conversation.refusal
        if signal is ProbeSignal.REFUSED and refusal is not None:
            self.close()
            raise ServerFailedError(f"{refusal.code} {refusal.text}")
        return signal

    @property
    def is_usable(self) -> bool:
        """Whether another question can be asked."""
        return not self._is_gone and self.conversation.is_reusable

    def close(self) -> None:
        """Say goodbye."""
        if self._transport is not None and not self._is_gone:
            if self.conversation.is_reusable:
                self._transport.write(self.conversation.quit())
            self._transport.close()
        self._gone()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
        self._gone()

    def _gone(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._closed(self)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        self._transport = cast("asyncio.Transport", transport)
        if self._is_gone:  # given up meanwhile
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the conversation and do what it says."""
        if self._is_gone:
            return
        try:
            signal = self.conversation.receive(data)
        except PeerError as error:
            self._fail(str(error))
            return
        if signal is ProbeSignal.SEND:
            assert self._transport is not None
            self._transport.writelines(self.conversation.take_output())
        elif signal is not ProbeSignal.WAIT:
            self._conclude(signal)

    def _conclude(self, signal: ProbeSignal) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(signal)
        elif signal is ProbeSignal.REFUSED:  # 421 to an idle connection
            self.close()

    def _fail(self, words: str) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(ServerFailedError(words))
        self.abort()

    def eof_received(self) -> bool:
        """Let the transport close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait for this connection."""
        words = "the server closed the connection" if exc is None else str(exc)
        self._fail(words)

    def pause_writing(self) -> None:
        """Questions are short: nothing piles up."""

    def resume_writing(self) -> None:
        """As above."""
