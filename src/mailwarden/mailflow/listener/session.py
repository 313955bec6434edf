"""One client's connection: between the socket and the SMTP core, with the clocks and limits.

What the client says goes to `ServerConversation`; what to answer is decided in `decisions.py`.
Here are the socket, TLS, deadlines, and the rule that replies go out in order even when one has
to wait for the disk.
"""

import asyncio
import math
import ssl
from collections.abc import Callable
from typing import Final, Protocol, cast

from mailwarden.core.policy.hat_variables import HatVariables, variables_of
from mailwarden.core.policy.host_forms import HostFacts
from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import Answerable, Content, EndOfContent, Event, StartTls
from mailwarden.core.smtp.order import State
from mailwarden.core.smtp.proxy import ProxyError, ProxyHeader, ProxyReader
from mailwarden.core.smtp.reply import Reply
from mailwarden.core.smtp.server import ServerConversation
from mailwarden.mailflow.listener.access import Access
from mailwarden.mailflow.listener.admission import begin
from mailwarden.mailflow.listener.context import ListenerContext, Parts
from mailwarden.mailflow.listener.decisions import DECISIONS, content
from mailwarden.mailflow.listener.host_counts import HostCounts
from mailwarden.mailflow.listener.receiving_control import remember
from mailwarden.mailflow.listener.settings import ListenerType
from mailwarden.mailflow.listener.transaction import Transaction
from mailwarden.system.crypto.tls_layer import TlsLayer
from mailwarden.system.net.deadlines import Deadlines

SOFT_SHARE: Final = 0.8  # of the total time, from which on the next command ends it (2.4)
HANDSHAKE_SECONDS: Final = 60.0  # for PROXY header and TLS
LINGER_SECONDS: Final = 10.0  # for a client to take the last reply


class Owner(Protocol):
    """The listener that a session belongs to."""

    parts: Parts
    deadlines: Deadlines["Session"]

    def began(self, session: "Session") -> None:
        """Count the session in."""
        ...

    def ended(self, session: "Session") -> None:
        """Count the session out."""
        ...


class Session:
    """A connection from accept to close."""

    __slots__ = (
        "__weakref__", "_asked_at", "_client_place", "_eof", "_gauges", "_idle_seconds",
        "_latest_end", "_layer", "_monotonic", "_now", "_out", "_owner", "_proxy",
        "_reading", "_soft_end", "_total_end", "_transport", "_unsuccessful_end", "_waiting",
        "access", "client", "client_name", "context", "conversation", "counts", "deadline",
        "deadline_tick",
        "facts", "helo", "icid", "is_closing", "is_extended", "is_orderly", "messages", "parts",
        "peer", "transaction", "user",
    )  # fmt: skip

    def __init__(self, owner: Owner, context: ListenerContext) -> None:
        self._owner = owner
        self.parts = owner.parts
        self.context = context
        self.conversation: ServerConversation
        self.transaction: Transaction | None = None
        self.icid = 0
        self.client = ""  # address that counts: behind a proxy, that of the real client
        self.client_name = ""
        self.helo = ""
        self.is_extended = False
        self.user = ""
        self.access: Access  # as soon as it has an ICID
        self.facts: HostFacts  # that this rests on
        self.counts: HostCounts | None = None  # from the first recipient on
        self.messages = 0
        self.is_closing = False
        self.is_orderly = False  # the end was agreed on: QUIT, or a 421 of ours
        self.deadline = math.inf
        self.deadline_tick = -1
        self._transport: asyncio.Transport
        self._proxy: ProxyReader | None = None
        self._layer: TlsLayer | None = None
        self._out: list[bytes] = []
        self._gauges: list[str] = []
        self._client_place = ""  # the one of these that is the client's own
        self._asked_at = -1.0  # when others were asked about the client; -1 if nobody had to be
        self._waiting = True  # until it is known who the client is
        self._eof = False
        self._reading = True
        self._monotonic = self.parts.clock.monotonic
        self._now = 0.0
        self._idle_seconds = 0.0
        self._soft_end = self._total_end = self._unsuccessful_end = self._latest_end = math.inf

    # The connection begins.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a fresh connection."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.client = self.peer = peer[0] if peer else ""
        now = self.parts.clock.monotonic()
        self._owner.began(self)
        self._owner.deadlines.set(self, now + HANDSHAKE_SECONDS)
        inbound = self.context.inbound
        self._total_end = now + inbound.total_time_max_seconds
        self._soft_end = now + inbound.total_time_max_seconds * SOFT_SHARE
        if self.context.settings.type is ListenerType.PUBLIC:
            self._unsuccessful_end = now + inbound.unsuccessful_timeout_seconds
        self._latest_end = min(self._total_end, self._unsuccessful_end)
        self._idle_seconds = inbound.command_timeout_seconds
        if self.context.proxies.find(self.peer) is not None:
            self._proxy = ProxyReader()
        else:
            self._begin()

    def _begin(self) -> None:
        """Judge the client, once it is known who it is."""
        implicit = self.context.settings.implicit_tls
        rules = self.context.undecided.rules
        self.conversation = ServerConversation(rules, is_encrypted=implicit)
        begin(self)

    # The client is judged; see `admission.py`.

    def take_number(self) -> None:
        """Let the connection count: it gets an ICID, unless it has one."""
        if not self.icid:
            self.icid = self.parts.identifiers.next_icid()
            self.parts.counters["connections_in"] += 1

    def take_place(self, key: str, limit: int) -> bool:
        """Take a place in a count until the connection ends; False when there is none."""
        if not self.parts.gauges.try_acquire(key, limit):
            return False
        self._gauges.append(key)
        return True

    def take_client_place(self, limit: int) -> bool:
        """Take one of the places of the client's address, which may have changed."""
        key = f"client:{self.context.settings.name}:{self.client}"
        if key == self._client_place:
            return True
        if self._client_place:
            self._gauges.remove(self._client_place)
            self.parts.gauges.release(self._client_place)
            self._client_place = ""
        if not self.take_place(key, limit):
            return False
        self._client_place = key
        return True

    def ask_first(self) -> None:
        """Note that others have to be asked about the client."""
        self._asked_at = self._monotonic()

    def greet(self) -> None:
        """Greet the client, or begin TLS where that comes first."""
        if self.context.settings.implicit_tls and self._layer is None:
            if self.take_tls_place():
                self._waiting = False
                self._start_layer()
            else:
                self.end(replies.TOO_MANY_TLS_SESSIONS)
            return
        self._waiting = False
        self._extend()
        self.pump()

    def cut(self) -> None:
        """Close at once, without a word."""
        self.is_closing = self.is_orderly = True
        self._transport.abort()

    def host_counts(self) -> HostCounts:
        """Return what is counted of the client within the hour."""
        counts = self.counts
        if counts is None:
            policy, counting = self.access.grant.policy, self.context.counting
            counts = HostCounts(self.parts.rates, policy, self.facts, counting, self.messages)
            self.counts = counts
        return counts

    def banner(self) -> Reply:
        """Return the greeting, or the refusal in its place."""
        grant = self.access.grant
        return grant.fixed_banner or grant.banner(self.variables())

    def variables(self) -> HatVariables:
        """Return what the variables in texts stand for."""
        return variables_of(self.facts, self.access.match)

    # Bytes come.

    def data_received(self, data: bytes) -> None:
        """Take bytes from the wire."""
        if self.is_closing:
            return
        if self._proxy is not None:
            self._read_proxy(data)
            return
        if self._layer is not None:
            clear = self._decrypt(data)
            if clear is None:
                return
            data = clear
        if data:
            self._extend()
            self.conversation.receive(data)
            if not self._waiting:
                self.pump()
            elif self.conversation.is_full:
                self._throttle()
        elif self._layer is not None and self._layer.peer_closed:
            self.eof_received()

    def _read_proxy(self, data: bytes) -> None:
        assert self._proxy is not None
        try:
            header = self._proxy.receive(data)
        except ProxyError as error:
            self.parts.log.warning(f"Connection from {self.peer} closed: {error}")
            self.close()
            return
        if header is None:
            return
        rest, self._proxy = self._proxy.rest, None
        self._trust(header)
        self._begin()
        if rest:
            self.data_received(rest)

    def _trust(self, header: ProxyHeader) -> None:
        if header.client_address:
            self.client = header.client_address

    def _decrypt(self, data: bytes) -> bytes | None:
        """Return the clear text in `data`; None when TLS failed or is not ready."""
        layer = self._layer
        assert layer is not None
        was_established = layer.is_established
        try:
            clear, reply = layer.feed(data)
        except (ssl.SSLError, ValueError):  # ValueError: a name in the handshake is nonsense
            self.parts.log.tls_failed_in(self.icid)
            self.is_orderly = True
            self._transport.write(layer.pending())
            self.close()
            return None
        if reply:
            self._transport.write(reply)
        if not layer.is_established:
            return None
        if not was_established:
            self.parts.log.tls_success_in(self.icid, layer.protocol, layer.cipher)
            self._extend()
            if not self.context.settings.implicit_tls:
                self.conversation.tls_started()
            self.pump()
        return clear

    # Events are answered.

    def pump(self) -> None:
        """Answer what the conversation brings, until it has to wait; then write once."""
        conversation = self.conversation
        out = self._out
        while not self._waiting and not self.is_closing:
            event = conversation.next_event()
            if event is None:
                break
            if isinstance(event, Content):
                content(self, event)
                continue
            kind = type(event)
            decide = DECISIONS.get(kind)
            if self._now > self._soft_end and kind is not EndOfContent:
                self.parts.log.connection_time_exceeded(self.icid, self.client)
                reply: Reply | None = replies.CONNECTION_TIME_EXCEEDED
            elif decide is None:
                reply = event.reply
            else:
                reply = decide(self, event)
            if reply is None:  # answered later
                self._waiting = True
                break
            out.append(conversation.answer(reply))
            if conversation.state >= State.TLS:
                self._turn(event)
        if out:
            self._flush()
        if not self._reading or self._waiting or self._eof:
            self._mind_the_flow()

    def _mind_the_flow(self) -> None:
        """Go on reading, or stop, or end, as things stand after a round of answers."""
        if self.is_closing:
            return
        if self._waiting:
            self._throttle()
            return
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        if self._eof:
            self.close()

    def _turn(self, event: Event) -> None:
        """Do what follows when the last answer ended the conversation or leads into TLS."""
        if self.conversation.is_closed:
            if self.conversation.has_injection:
                self.parts.log.receiving_failed(self.icid, "Commands behind STARTTLS in the clear")
            self.is_orderly = True
            self._flush()
            self.close()
        elif type(event) is StartTls:
            self._flush()
            self._start_layer()

    def answer_later(self, event: Answerable, reply: Reply) -> None:
        """Give the answer that the decision about `event` had to wait for."""
        self._waiting = False
        if self.is_closing:
            return
        self._extend()
        self._out.append(self.conversation.answer(reply))
        if self.conversation.state >= State.TLS:
            self._turn(event)
        self.pump()

    def take_tls_place(self) -> bool:
        """Take a place among the encrypted connections; False when there is none."""
        return self.take_place("tls", self.context.inbound.max_tls_connections)

    def believe(self, attributes: dict[str, str | None]) -> None:
        """Take a trusted peer's word for who the real client is (XCLIENT)."""
        remember(self)
        if address := attributes.get("ADDR"):
            self.client = address
        if login := attributes.get("LOGIN"):
            self.user = login
        self.helo = attributes.get("HELO") or ""

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is due that has to wait for something."""
        return self._waiting

    @property
    def cipher(self) -> str:
        """Name of the cipher suite; "" when the connection is not encrypted."""
        layer = self._layer
        return layer.cipher if layer is not None and layer.is_established else ""

    def _start_layer(self) -> None:
        tls = self.access.grant.tls
        assert tls is not None
        self._layer = TlsLayer(tls, server_side=True)
        now = self.parts.clock.monotonic()
        self._owner.deadlines.set(self, min(now + HANDSHAKE_SECONDS, self._total_end))

    def _flush(self) -> None:
        if not self._out:
            return
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        if self._layer is not None and self._layer.is_established:
            data = self._layer.encrypt(data)
        self._transport.write(data)

    def _throttle(self) -> None:
        """Stop reading from a client that is far ahead of our answers."""
        if self._reading and not self.is_closing and self.conversation.is_full:
            self._reading = False
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The client does not read our replies: do not read its commands."""
        if self._reading and not self.is_closing:
            self._reading = False
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read on."""
        if not self._reading and not self.is_closing and not self.conversation.is_full:
            self._reading = True
            self._transport.resume_reading()

    # Time passes.

    def _extend(self) -> None:
        """Begin the wait for the client's next bytes."""
        now = self._now = self._monotonic()
        at = now + self._idle_seconds
        if at > self._latest_end:
            at = self._latest_end
        if at >= self.deadline:  # the wheel finds out by itself
            self.deadline = at
        else:
            self._owner.deadlines.set(self, at)

    def succeeded(self) -> None:
        """The connection has brought a message: it is no probe."""
        self.messages += 1
        self._unsuccessful_end = math.inf
        self._latest_end = self._total_end

    def due(self, now: float) -> None:
        """A deadline has passed: end the connection with the words for it."""
        log = self.parts.log
        if self.is_closing:
            self._transport.abort()
        elif self._waiting and now < self._total_end + LINGER_SECONDS:
            self._owner.deadlines.set(self, now + LINGER_SECONDS)  # we are late, not the client
        elif not self.icid:
            self.close()
        elif now >= self._total_end:
            log.connection_time_exceeded(self.icid, self.client)
            self.end(replies.CONNECTION_TIME_EXCEEDED)
        elif now >= self._unsuccessful_end:
            log.no_injection_timeout(self.icid, self.client)
            self.end(replies.NO_MESSAGE_INJECTED)
        else:
            log.receiving_failed(self.icid, "Timed out waiting for the client")
            self.end(replies.IDLE_TOO_LONG)

    def end(self, reply: Reply) -> None:
        """Send `reply` out of turn and close."""
        self.is_orderly = True
        if self._layer is None or self._layer.is_established:
            self._out.append(self.conversation.close(reply))
            self._flush()
        self.close()

    # The connection ends.

    def eof_received(self) -> bool:
        """The client has closed its side; what it sent before is still answered."""
        self._eof = True
        if self._waiting:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close once what is written has gone out."""
        if self.is_closing:
            return
        self.is_closing = True
        if self._layer is not None and self._layer.is_established:
            self._transport.write(self._layer.close())
        self._owner.deadlines.set(self, self.parts.clock.monotonic() + LINGER_SECONDS)
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  why does not matter
        """Give back what the connection held."""
        self.is_closing = True
        self._owner.deadlines.remove(self)
        self._owner.ended(self)
        for key in self._gauges:
            self.parts.gauges.release(key)
        self._gauges.clear()
        if not self.icid:
            self._lost_early()
            return
        log = self.parts.log
        if not self.is_orderly:
            log.icid_lost(self.icid)
        self.abort_transaction("Receiving aborted")
        log.icid_close(self.icid)
        remember(self)

    def _lost_early(self) -> None:
        """Say in the log that the client did not wait for what others know of it."""
        if self._asked_at < 0 or self.is_orderly:
            return
        context, now = self.context, self._monotonic()
        began_at = self._total_end - context.inbound.total_time_max_seconds
        self.take_number()
        log = self.parts.log
        log.lost_before_command(
            self.icid, self.client, context.interface, context.address, now - began_at,
            now - self._asked_at,
        )  # fmt: skip
        log.icid_close(self.icid)

    def abort_transaction(self, why: str) -> None:
        """Forget the message that is being received, and say so in the log."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.abandon()
            self.parts.log.aborted(transaction.mid, why)
            self.parts.log.finished(transaction.mid, "aborted")


Factory = Callable[[], Session]
