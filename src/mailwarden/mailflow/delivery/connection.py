"""One connection to a next hop: moves bytes, and keeps the conversation's deadlines.

There is no task, future or timer for a message: replies drive it on, and a sweep over all
connections finds those whose deadline is over.
"""

import asyncio
import fcntl
import math
import os
import struct
import termios
from collections.abc import Iterator, Sequence
from typing import Final, Protocol, cast

from mailwarden.core.mail.received import resolve_by
from mailwarden.core.smtp.client import (
    ClientConversation,
    PeerError,
    Phase,
    Refusal,
    Signal,
    Transaction,
)
from mailwarden.core.smtp.client_transaction import Step
from mailwarden.mailflow.delivery.admission import Admission
from mailwarden.mailflow.delivery.failure import (
    Failure,
    local_failure,
    network_failure,
    refusal_failure,
)
from mailwarden.mailflow.delivery.hosts import Endpoint
from mailwarden.mailflow.delivery.plan import Plan
from mailwarden.mailflow.delivery.queue import Unit
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.stores.spool.spool import DamagedError, ReportKind, SpoolFailure, Stored

QUIT_TIMEOUT_SECONDS: Final = 5.0
WRITE_BUFFER_BYTES: Final = 256 * 1024  # of large content that the peer has not taken yet
TIMEOUT: Final = "timeout"
EOF: Final = "EOF"


class Owner(Protocol):
    """The queue that a connection works for."""

    def next_unit(self, connection: "SmtpConnection") -> Unit | None:
        """Return what `connection` is to send next."""
        ...

    def is_full(self, connection: "SmtpConnection") -> bool:
        """Whether `connection` is to be ended although there may be more to send."""
        ...

    def idle(self, connection: "SmtpConnection") -> None:
        """Hear that `connection` has nothing to do."""
        ...

    def closed(self, connection: "SmtpConnection") -> None:
        """Hear that `connection` is gone."""
        ...

    def answered(
        self, connection: "SmtpConnection", unit: Unit, stored: Stored, transaction: Transaction
    ) -> None:
        """Hear how a transaction ended that did not go well for everybody."""
        ...

    def lost(self, connection: "SmtpConnection", unit: Unit, stored: Stored, details: str) -> None:
        """Hear that the connection broke within a transaction."""
        ...

    def unsendable(
        self, connection: "SmtpConnection", unit: Unit, stored: Stored, failure: Failure
    ) -> None:
        """Hear that `unit` cannot go this way."""
        ...


class SmtpConnection:
    """Carries one message after the other, for as long as its owner has some."""

    __slots__ = (
        "_clock",
        "_is_closing",
        "_is_paused",
        "_is_reported",
        "_outcome",
        "_owner",
        "_piece",
        "_pieces",
        "_stored",
        "address",
        "admission",
        "conversation",
        "dcid",
        "deadline",
        "endpoint",
        "hello",
        "interface",
        "is_drained",
        "plan",
        "sent",
        "shared",
        "transport",
        "tried",
        "unit",
        "wants_tls",
    )

    def __init__(
        self,
        shared: Shared,
        endpoint: Endpoint,
        dcid: int,
        admission: Admission,
        *,
        wants_tls: bool,
    ) -> None:
        self.shared: Final = shared
        self.admission: Final = admission
        self.plan: Final[Plan] = shared.plan
        self.endpoint: Final = endpoint
        self.address: Final = endpoint.address
        self.dcid: Final = dcid
        self.interface = ""  # our address, once connected
        self.hello = shared.plan.hostname  # our name there
        self.transport: asyncio.Transport | None = None
        self.conversation = ClientConversation(shared.plan.hostname, wants_tls=wants_tls)
        self.deadline = math.inf  # monotonic seconds
        self.unit: Unit | None = None  # in the present transaction
        self.tried: object = None  # the owner's note about the unit
        self.sent = 0  # transactions
        self.is_drained = False  # the peer's system had all our bytes when the connection ended
        self._clock: Final = shared.clock
        self._stored: Stored | None = None
        self._pieces: Iterator[bytes] | None = None  # of large content
        self._piece: bytes | None = None
        self._is_paused = False
        self._is_closing = False
        self._is_reported = False  # that it broke
        self.wants_tls: Final = wants_tls
        self._owner: Owner | None = None
        self._outcome: asyncio.Future[Signal | Failure] | None = None

    # Opening.

    async def wait(self) -> Signal | Failure:
        """Wait for the greeting and the rest, up to READY, HANDSHAKE or REFUSED."""
        if self._outcome is None:
            self._outcome = self.shared.loop.create_future()
        try:
            return await self._outcome
        finally:
            self._outcome = None

    def _conclude(self, outcome: Signal | Failure) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        self.transport = transport = cast("asyncio.Transport", transport)  # uvloop has its own kind
        self._outcome = self.shared.loop.create_future()
        self.interface = str((transport.get_extra_info("sockname") or ("",))[0])
        hello = self.plan.hello(self.interface, self.admission.interface)
        self.hello = hello
        self.conversation = ClientConversation(hello, wants_tls=self.wants_tls)
        self.shared.connections.add(self)
        self.shared.counters["connections_out"] += 1
        self.shared.log.new_smtp_dcid(self.dcid, self.interface, self.address, self.endpoint.port)
        self._set_deadline(self.plan.settings.greeting_timeout_seconds)

    def tls_established(self, transport: asyncio.Transport) -> None:
        """Go on over TLS."""
        self.transport = transport
        self._outcome = self.shared.loop.create_future()
        transport.writelines(self.conversation.tls_established())
        self._set_deadline(self.plan.settings.command_timeout_seconds)

    def adopt(self, owner: Owner) -> None:
        """Work for `owner` from now on."""
        self._owner = owner
        if self._is_closing or self.transport is None:  # lost in the meantime
            if self not in self.shared.connections:
                owner.closed(self)
            return
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.work()

    @property
    def is_open(self) -> bool:
        """Whether it is past its opening."""
        return self._owner is not None

    @property
    def is_usable(self) -> bool:
        """Whether it can take another message."""
        return not self._is_closing

    # Messages.

    def work(self) -> None:
        """Send what comes next; without anything, stay open for a while."""
        owner = self._owner
        if owner is None or self._is_closing:
            return
        if not self.conversation.is_reusable:
            self._close()
            return
        if owner.is_full(self) or self._is_full_for_peer():
            self.end()
            return
        while (unit := owner.next_unit(self)) is not None:
            if self._start(unit):
                return
        self.conversation.transaction = None  # lets go of the content
        self._set_deadline(self.plan.settings.idle_timeout_seconds)
        owner.idle(self)

    def _is_full_for_peer(self) -> bool:
        limit = self.conversation.offers.transactions_max  # RFC 9422, MAILMAX
        return bool(limit) and self.sent >= limit

    def _start(self, unit: Unit) -> bool:
        """Begin a transaction; return whether it was begun."""
        shared = self.shared
        stored = shared.load(unit)
        if stored is None:
            return False
        rids, envelope, queue = unit.rids, stored.envelope, unit.queue
        if self.plan.tags is not None and queue is not None:
            envelope = self.plan.outgoing(envelope, queue.limits, shared.clock.time())
        header = resolve_by(stored.header, self.hello)
        started = self.conversation.begin(envelope, rids, header, stored.content)
        assert self.transport is not None
        assert self._owner is not None
        if isinstance(started, Refusal):
            failure = refusal_failure(started, self.address, self.dcid)
            self._owner.unsendable(self, unit, stored, failure)
            return False
        self.unit = unit
        self._stored = stored
        shared.take_off(unit)
        shared.log.delivery_start(self.dcid, unit.entry.mid, rids)
        self.transport.writelines(started)
        self._set_deadline(self.plan.settings.command_timeout_seconds)
        return True

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the conversation and do what it says."""
        try:
            signal = self.conversation.receive(data)
        except PeerError as error:
            self._break(str(error))
            return
        if signal is Signal.DONE:
            self._finish()
            return
        match signal:
            case Signal.WAIT:
                self._wait_on()
            case Signal.SEND:
                self._write(self.conversation.take_output())
                self._set_deadline(self._step_timeout())
            case Signal.CONTENT:
                self._begin_content()
            case Signal.READY | Signal.HANDSHAKE:
                self.deadline = math.inf
                self._conclude(signal)
            case Signal.REFUSED:
                self._refused()
            case Signal.CLOSED:
                self._close()

    def _wait_on(self) -> None:
        """Give the last reply its own time once the others are here."""
        transaction = self.conversation.transaction
        if self.unit is None or transaction is None or self._pieces is not None:
            return
        if transaction.step is Step.FINAL:
            self._set_deadline(self.plan.settings.final_timeout_seconds)

    def _step_timeout(self) -> float:
        settings, transaction = self.plan.settings, self.conversation.transaction
        if self.unit is not None and transaction is not None:
            if transaction.step is Step.DATA:
                return settings.data_timeout_seconds
            if transaction.step is Step.FINAL:
                return settings.final_timeout_seconds
        return settings.command_timeout_seconds

    def _refused(self) -> None:
        self._conclude(Signal.REFUSED)
        if self._owner is not None:  # 421 to an idle connection (RFC 5321, 3.8)
            self._close()

    def _finish(self) -> None:
        transaction, unit, stored = self.conversation.transaction, self.unit, self._stored
        assert transaction is not None
        assert unit is not None
        assert stored is not None
        assert self._owner is not None
        self._leave_transaction(unit)
        self.sent += 1
        if transaction.is_delivered and transaction.final is not None:
            self.shared.settler.delivered(
                unit,
                stored,
                transaction.rids,
                self.dcid,
                response=transaction.final.text,
                report=self.report_kind,
            )
        else:
            self._owner.answered(self, unit, stored, transaction)
        self.work()

    @property
    def report_kind(self) -> ReportKind | None:
        """Which report of success is ours to make (RFC 3461, 5.2.2)."""
        return None if self.conversation.offers.dsn else ReportKind.RELAYED

    def _leave_transaction(self, unit: Unit) -> None:
        self.shared.land(unit)
        self.unit = None
        self._stored = None
        self._pieces = None
        self._piece = None

    # Large content.

    def _begin_content(self) -> None:
        transaction = self.conversation.transaction
        assert transaction is not None
        self._pieces = transaction.content()
        if self._read_piece():
            self._stream()

    def _stream(self) -> None:
        """Send content until the transport has enough of it."""
        self._set_deadline(self.plan.settings.data_timeout_seconds)
        while not self._is_paused and self._piece is not None:
            piece = self._piece
            # The next one is read first, so that the last one is known when it is sent: the
            # reply to it may come before the transport asks for more.
            if not self._read_piece():
                return
            self._write((piece,))
        if self._piece is None:
            self._pieces = None
            self._set_deadline(self.plan.settings.final_timeout_seconds)

    def _read_piece(self) -> bool:
        """Read the next piece of the content; False when it cannot be read."""
        assert self._pieces is not None
        try:
            self._piece = next(self._pieces, None)
        except (DamagedError, SpoolFailure, OSError) as error:
            self._unreadable(error)
            return False
        return True

    def _unreadable(self, error: Exception) -> None:
        """Stop in the middle of the content: the peer throws away what it got."""
        unit, stored = self.unit, self._stored
        assert unit is not None
        assert stored is not None
        self._leave_transaction(unit)
        self.shared.log.critical(f"MID {unit.entry.mid} cannot be read for delivery: {error}")
        failure = local_failure("the message cannot be read")._replace(dcid=self.dcid)
        self.shared.settler.failed(unit, stored, [(rid, failure) for rid in unit.open_rids()])
        self.abort()

    def pause_writing(self) -> None:
        """Stop sending: the peer is slower than we are."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Go on sending."""
        self._is_paused = False
        if self._piece is not None:
            self._stream()

    # The end.

    def end(self) -> None:
        """Say goodbye, unless it is busy: then `work` asks the owner afterwards."""
        if self._is_closing or self.conversation.phase is not Phase.READY:
            return
        self._is_closing = True
        self._write(self.conversation.quit())
        self._set_deadline(QUIT_TIMEOUT_SECONDS)

    def abort(self) -> None:
        """Close at once, without sending what is left."""
        self._is_closing = True
        if self.transport is not None:
            self.transport.abort()

    def _close(self) -> None:
        self._is_closing = True
        if self.transport is not None:
            self.transport.close()

    def _break(self, details: str) -> None:
        """Give up a connection whose peer is of no use."""
        self._report_loss(details)
        self.abort()

    def sweep(self, now: float) -> None:
        """Act if the deadline is over."""
        if now < self.deadline:
            return
        self.deadline = math.inf
        if self._is_closing:
            self.abort()
        elif self._owner is not None and self.unit is None:
            self.end()  # idle for long enough
        else:
            self._look_at_buffers()
            self._break(TIMEOUT)

    def _look_at_buffers(self) -> None:
        transport = self.transport
        self.is_drained = (
            transport is not None
            and transport.get_write_buffer_size() == 0
            and _unacknowledged(transport) == 0
        )

    def eof_received(self) -> bool:
        """Let the transport close."""
        self._is_closing = True
        self._look_at_buffers()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait for this connection."""
        if exc is not None:
            self.is_drained = False  # a reset: the peer had bytes of ours that it did not read
        if self.unit is not None or self._outcome is not None:
            self._report_loss(EOF if exc is None else words(exc))
        self.forget()

    def forget(self) -> None:
        """Let go of a connection that is no more; harmless when that was done."""
        self.deadline = math.inf
        self._is_closing = True
        if self not in self.shared.connections:
            return
        self.shared.connections.remove(self)
        self.shared.log.dcid_close(self.dcid)
        if self._owner is not None:
            self._owner.closed(self)

    def _report_loss(self, details: str) -> None:
        """Log what happened, and give back what was under way."""
        if self._is_reported:
            return
        self._is_reported = True
        self.shared.log.connection_error(self.dcid, self.address, details, self.interface)
        self._conclude(network_failure(details, self.address, self.dcid))
        unit, stored = self.unit, self._stored
        if unit is not None and stored is not None and self._owner is not None:
            self._leave_transaction(unit)
            self._owner.lost(self, unit, stored, details)

    def _write(self, buffers: Sequence[bytes]) -> None:
        assert self.transport is not None
        self.transport.writelines(buffers)

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._clock.monotonic() + seconds


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Return how many bytes the peer's system has not confirmed; 0 where it cannot be told.

    When a peer closes within the content, some are left: this tells it from a peer that closes
    after the content and before the reply.
    """
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return 0
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int(struct.unpack("i", answer)[0])


def words(error: Exception) -> str:
    """Return what an operating system error means, without what the event loop adds to it."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
