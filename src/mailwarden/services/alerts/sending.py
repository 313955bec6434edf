"""Sends one alert mail to one server (RFC 5321), over TLS where that is offered (RFC 3207).

Whatever the server says, and however slowly: it costs a bounded time and a bounded memory. Its
certificate is not checked, as the alternative would be to send in the clear (RFC 7435, 3).
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol

from mailwarden.core.mail.content import InlineContent
from mailwarden.core.mail.envelope import NULL_SENDER, Body, Direction, Envelope, Notify, Recipient
from mailwarden.core.smtp.client import (
    ClientConversation,
    PeerError,
    PeerReply,
    Phase,
    Refusal,
    Signal,
)
from mailwarden.services.alerts.alert import clean_line
from mailwarden.services.alerts.finder import Endpoint
from mailwarden.system.crypto.tls_layer import TlsLayer

SEND_SECONDS: Final = 300.0  # for all of it
CONNECT_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 120.0  # between two pieces of what the server says
READ_BYTES: Final = 16 * 1024
RECEIVED_BYTES_MAX: Final = 512 * 1024  # of one conversation, handshake included
WORDS_LENGTH_MAX: Final = 200


class Fate(Enum):
    """What became of a letter at a server."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # for good
    FAILED = "failed"  # another server, or this one later, may take it


class Answer(NamedTuple):
    """A fate, and words about it that can be logged."""

    fate: Fate
    words: str


class Sender(Protocol):
    """Sends a mail; `ServerSender` does, and tests do otherwise."""

    async def send(
        self, endpoint: Endpoint, address: str, content: bytes, hello: str, now: float
    ) -> Answer:
        """Return what became of `content` for `address` at `endpoint`; never raises."""
        ...


class ServerSender:
    """Sends over the network. `context` None is to send in the clear."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context: Final = context

    async def send(
        self, endpoint: Endpoint, address: str, content: bytes, hello: str, now: float
    ) -> Answer:
        """Return what became of `content` for `address` at `endpoint`.

        `hello` is our name, `now` epoch seconds. Where TLS does not come about, the mail goes in
        the clear: an alert that does not arrive is worse.
        """
        envelope = Envelope(
            mid=0,
            icid=0,
            sender=NULL_SENDER,  # nobody answers it (RFC 3834, 5, and RFC 5321, 6.1)
            recipients=(Recipient(address, Notify.NEVER),),
            received_at=now,
            direction=Direction.GENERATED,
            body=Body.SEVENBIT if content.isascii() else Body.EIGHTBITMIME,
            smtputf8=not address.isascii(),
        )
        answer: Answer | None = None
        for context in (self._context, None) if self._context is not None else (None,):
            talk = _Talk(ClientConversation(hello, wants_tls=context is not None), context)
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    answer = await talk.run(endpoint, envelope, content)
            except TimeoutError:
                answer = _failed(f"it did not answer in time ({talk.conversation.phase.value})")
            except ssl.SSLError as error:
                answer = _failed(f"TLS: {error.reason or error}")
            except (PeerError, OSError) as error:
                answer = _failed(_words(error))
            if talk.conversation.phase not in (Phase.STARTTLS, Phase.HANDSHAKE):
                break
        assert answer is not None  # there is one attempt at least
        return answer


class _Talk:
    """One connection, from the greeting to QUIT."""

    def __init__(self, conversation: ClientConversation, context: ssl.SSLContext | None) -> None:
        self.conversation: Final = conversation
        self._context: Final = context
        self._tls: TlsLayer | None = None
        self._received = 0

    async def run(self, endpoint: Endpoint, envelope: Envelope, content: bytes) -> Answer:
        """Raises PeerError, OSError (TimeoutError and ssl.SSLError among them)."""
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                endpoint.address, endpoint.port, limit=READ_BYTES
            )
        try:
            return await self._converse(reader, writer, envelope, content)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):  # what broke was said already
                await writer.wait_closed()

    async def _converse(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        envelope: Envelope,
        content: bytes,
    ) -> Answer:
        conversation = self.conversation
        while True:
            signal = await self._next_signal(reader, writer)
            match signal:
                case Signal.SEND:
                    await self._write(writer, conversation.take_output())
                case Signal.HANDSHAKE:
                    assert self._context is not None  # else STARTTLS would not have been sent
                    self._tls = TlsLayer(self._context, server_side=False)
                    await self._write_raw(writer, self._tls.begin())
                case Signal.READY:
                    begun = conversation.begin(envelope, (0,), b"", InlineContent(content))
                    if isinstance(begun, Refusal):
                        return _failed(f"{begun.reason}: {begun.detail}")
                    await self._write(writer, begun)
                case Signal.CONTENT:
                    assert conversation.transaction is not None
                    await self._write(writer, list(conversation.transaction.content()))
                case Signal.DONE:
                    answer = self._answer()
                    if conversation.is_reusable:
                        with contextlib.suppress(OSError):  # the mail is there, whatever follows
                            await self._write(writer, conversation.quit())
                    return answer
                case Signal.REFUSED:
                    return _failed(_reply(conversation.refusal))
                case Signal.CLOSED:
                    return _failed("it said goodbye")

    async def _next_signal(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Signal:
        """Read until something is to be done."""
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                data = await reader.read(READ_BYTES)
            self._received += len(data)
            if not data:
                raise PeerError("it closed the connection")
            if self._received > RECEIVED_BYTES_MAX:
                raise PeerError(f"it said more than {RECEIVED_BYTES_MAX} bytes")
            if self._tls is not None:
                data = await self._decrypt(self._tls, data, writer)
            signal = self.conversation.receive(data) if data else Signal.WAIT
            if signal is not Signal.WAIT:
                return signal
            if self._tls is not None and self._tls.peer_closed:
                raise PeerError("it closed the connection")

    async def _decrypt(self, tls: TlsLayer, data: bytes, writer: asyncio.StreamWriter) -> bytes:
        was_established = tls.is_established
        clear, out = tls.feed(data)
        if out:
            await self._write_raw(writer, out)
        if tls.is_established and not was_established:
            await self._write(writer, self.conversation.tls_established())
        return clear

    async def _write(self, writer: asyncio.StreamWriter, pieces: Sequence[bytes]) -> None:
        data = b"".join(pieces)
        await self._write_raw(writer, data if self._tls is None else self._tls.encrypt(data))

    async def _write_raw(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    def _answer(self) -> Answer:
        transaction = self.conversation.transaction
        assert transaction is not None  # DONE is about one
        if transaction.is_delivered:
            return Answer(Fate.DELIVERED, _reply(transaction.final))
        _, reply = transaction.answer_to(0)
        is_final = reply is not None and reply.code >= 500
        return Answer(Fate.REFUSED if is_final else Fate.FAILED, _reply(reply))


def _failed(words: str) -> Answer:
    return Answer(Fate.FAILED, clean_line(words, WORDS_LENGTH_MAX))


def _reply(reply: PeerReply | None) -> str:
    return "" if reply is None else clean_line(f"{reply.code} {reply.text}", WORDS_LENGTH_MAX)


def _words(error: PeerError | OSError) -> str:
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)
