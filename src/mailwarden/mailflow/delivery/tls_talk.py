"""One conversation with a host up to TLS, to be told of: `mailwarden tls-verify`.

It is not one of delivery's connections: it has no DCID, counts nowhere and sends no mail.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

from mailwarden.core.smtp.client import ClientConversation, PeerError, Signal
from mailwarden.mailflow.delivery.connection import words
from mailwarden.mailflow.delivery.hosts import Endpoint
from mailwarden.system.crypto.peer_chain import peer_chain

TALK_SECONDS: Final = 30.0
READ_BYTES: Final = 64 * 1024
HANDSHAKE_BYTES_MAX: Final = 1024 * 1024
SHOWN_LENGTH_MAX: Final = 200


class TlsTalk:
    """What a conversation showed."""

    __slots__ = (
        "certificate",
        "chain",
        "cipher",
        "error",
        "greeting",
        "is_connected",
        "is_encrypted",
        "is_unverified",
        "local_address",
        "offers_starttls",
        "protocol",
    )

    def __init__(self) -> None:
        self.is_connected = False
        self.local_address = ""
        self.greeting = ""
        self.offers_starttls: bool | None = None  # None: it did not come that far
        self.is_encrypted = False
        self.protocol = ""
        self.cipher = ""
        self.certificate: Mapping[str, Any] = {}  # only of one that was verified
        self.chain: tuple[bytes, ...] = ()  # DER, that of the host first
        self.error = ""  # why it went no further
        self.is_unverified = False  # the error is that the certificate could not be verified


class TalkSettings:
    """How to talk: from which address, under which name, and whom to trust."""

    __slots__ = ("context", "hello", "local_address", "server_name")

    def __init__(
        self, *, local_address: str | None, hello: str, context: ssl.SSLContext, server_name: str
    ) -> None:
        self.local_address: Final = local_address
        self.hello: Final = hello
        self.context: Final = context
        self.server_name: Final = server_name  # for SNI; "" is none


async def talk_to(endpoint: Endpoint, settings: TalkSettings) -> TlsTalk:
    """Return what comes of a conversation with `endpoint`; never raises for what the peer does."""
    talk = TlsTalk()
    try:
        async with asyncio.timeout(TALK_SECONDS):
            await _talk(endpoint, settings, talk)
    except TimeoutError:
        talk.error = f"timeout after {TALK_SECONDS:g} seconds"
    except PeerError as broken:
        talk.error = str(broken)
    except ssl.SSLCertVerificationError as failed:
        talk.error = f"certificate verify failed: {failed.verify_message}"
        talk.is_unverified = True
    except ssl.SSLError as refused:
        talk.error = f"TLS error: {refused.reason or refused}"
    except (OSError, ValueError) as failure:
        talk.error = words(failure)
    return talk


async def _talk(endpoint: Endpoint, settings: TalkSettings, talk: TlsTalk) -> None:
    local = None if settings.local_address is None else (settings.local_address, 0)
    reader, writer = await asyncio.open_connection(
        endpoint.address, endpoint.port, local_addr=local
    )
    try:
        talk.is_connected = True
        talk.local_address = str((writer.get_extra_info("sockname") or ("",))[0])
        conversation = ClientConversation(settings.hello, wants_tls=True)
        signal = Signal.WAIT
        while signal in (Signal.WAIT, Signal.SEND):
            data = await _read(reader)
            if not talk.greeting:
                talk.greeting = _first_line(data)
            signal = conversation.receive(data)
            if signal is Signal.SEND:
                writer.writelines(conversation.take_output())
        if signal is Signal.REFUSED:
            refusal = conversation.refusal
            assert refusal is not None  # that is what REFUSED means
            talk.error = f"{refusal.code} {refusal.text}"[:SHOWN_LENGTH_MAX]
            return
        talk.offers_starttls = signal is Signal.HANDSHAKE
        if signal is Signal.HANDSHAKE:
            await _go_over_to_tls(reader, writer, settings, talk)
        else:
            writer.writelines(conversation.quit())
    finally:
        writer.close()


async def _go_over_to_tls(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    settings: TalkSettings,
    talk: TlsTalk,
) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = settings.context.wrap_bio(
        incoming, outgoing, server_hostname=settings.server_name or None
    )
    taken = 0
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
        except ssl.SSLError:
            writer.write(outgoing.read())  # an alert says why
            raise
        data = await _read(reader)
        taken += len(data)
        if taken > HANDSHAKE_BYTES_MAX:
            raise PeerError("the handshake does not end")
        incoming.write(data)
    writer.write(outgoing.read())
    talk.is_encrypted = True
    talk.protocol = session.version() or ""
    cipher = session.cipher()
    talk.cipher = cipher[0] if cipher else ""
    talk.certificate = session.getpeercert() or {}
    talk.chain = peer_chain(session)
    session.write(b"QUIT\r\n")
    writer.write(outgoing.read())


async def _read(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(READ_BYTES)
    if not data:
        raise PeerError("the host closed the connection")
    return data


def _first_line(data: bytes) -> str:
    return data.split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")[:SHOWN_LENGTH_MAX]
