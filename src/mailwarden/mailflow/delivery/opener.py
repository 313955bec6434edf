"""Opens a connection to the best host that can be reached, over TLS as the destination wants it.

What the destination controls say of TLS (mailflow 7.2) is one table: which attempts are made, in
which order; each one is a connection of its own.
"""

import asyncio
import errno
import ssl
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mailwarden.core.policy.destinations import DestinationTls
from mailwarden.core.routes import address_of
from mailwarden.core.smtp.client import Phase, Signal
from mailwarden.mailflow.delivery.connection import TIMEOUT, SmtpConnection, words
from mailwarden.mailflow.delivery.failure import (
    ENCRYPTION_NEEDED,
    NO_REPLY,
    DeliveryFailedError,
    Failure,
    host_failure,
    network_failure,
)
from mailwarden.mailflow.delivery.hosts import Endpoint, HostSearch
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.system.crypto.peer_names import is_for
from mailwarden.system.net.stream import as_protocol

ENDPOINTS_TRIED_MAX: Final = 20  # for one connection
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  not bound to: it stands in the log
_OUR_TROUBLE: Final = frozenset(  # says nothing about the host
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL}
)


class Attempt(NamedTuple):
    """One way to speak to a host."""

    starttls: bool
    verify: bool = False
    must_encrypt: bool = False


_CLEAR: Final = Attempt(starttls=False)
_ENCRYPTED: Final = Attempt(starttls=True)
ATTEMPTS: Final[Mapping[DestinationTls, tuple[Attempt, ...]]] = {
    DestinationTls.NONE: (_CLEAR,),
    DestinationTls.PREFERRED: (_ENCRYPTED, _CLEAR),
    DestinationTls.REQUIRED: (Attempt(starttls=True, must_encrypt=True),),
    DestinationTls.PREFERRED_VERIFY: (Attempt(starttls=True, verify=True), _ENCRYPTED, _CLEAR),
    DestinationTls.REQUIRED_VERIFY: (Attempt(starttls=True, verify=True, must_encrypt=True),),
}


class TlsFailedError(Exception):
    """TLS did not come about on this connection; `reason` says why."""

    def __init__(self, dcid: int, reason: str) -> None:
        super().__init__(f"DCID {dcid}: {reason}")
        self.dcid: Final = dcid
        self.reason: Final = reason


class Opener:
    """Opens connections."""

    def __init__(self, shared: Shared) -> None:
        self._shared: Final = shared

    async def open(
        self, search: HostSearch, tls: DestinationTls, tried: frozenset[str]
    ) -> SmtpConnection:
        """Return a connection that is ready, to the first host found that is not in `tried`.

        Raises:
            DeliveryFailedError: there is none.
        """
        failure: Failure | None = None
        count = 0
        while group := await search.next_group():
            for endpoint in group:
                error = self._shared.states.error(endpoint)
                if endpoint.host in tried or count >= ENDPOINTS_TRIED_MAX:
                    continue
                if error is not None:
                    failure = failure or network_failure(f"host down: {error}", endpoint.address)
                    continue
                count += 1
                try:
                    return await self._reach(endpoint, tls)
                except DeliveryFailedError as failed:
                    failure = failed.failure
        failure = failure or search.failure or network_failure("no host left to try")
        raise DeliveryFailedError(failure)

    async def _reach(self, endpoint: Endpoint, tls: DestinationTls) -> SmtpConnection:
        for attempt in ATTEMPTS[tls]:
            try:
                return await self._try(endpoint, attempt)
            except TlsFailedError as error:
                if attempt.must_encrypt:
                    self._shared.log.tls_required_out(error.dcid, endpoint.address)
                    self._shared.tls_alerts.required(endpoint, error.reason)
        detail = "TLS was required but could not be successfully negotiated"
        failure = Failure(f"4.{ENCRYPTION_NEEDED}", NO_REPLY, (detail,), endpoint.address)
        raise DeliveryFailedError(failure)

    async def _try(self, endpoint: Endpoint, attempt: Attempt) -> SmtpConnection:
        """Return a connection that is ready.

        Raises:
            TlsFailedError: there was no TLS, and this connection must not go on without.
            DeliveryFailedError: the host cannot be reached or does not want us.
        """
        shared = self._shared
        dcid = shared.identifiers.next_dcid()
        connection = SmtpConnection(shared, endpoint, dcid, wants_tls=attempt.starttls)
        try:
            await self._connect(connection)
            signal = await self._signal(connection)
            if signal is Signal.HANDSHAKE:
                await self._shake_hands(connection, attempt)
                signal = await self._signal(connection)
        except BaseException:  # also when cancelled: nobody else knows this connection
            connection.abort()
            raise
        if attempt.must_encrypt and not connection.conversation.is_encrypted:
            connection.end()
            raise TlsFailedError(dcid, "STARTTLS is not offered")
        shared.states.set_up(endpoint)
        return connection

    async def _connect(self, connection: SmtpConnection) -> None:
        shared, endpoint, plan = self._shared, connection.endpoint, connection.plan
        try:
            local = plan.local_address(endpoint.address)
        except ValueError as wrong:
            raise DeliveryFailedError(network_failure(str(wrong), endpoint.address)) from wrong
        try:
            async with asyncio.timeout(plan.settings.connect_timeout_seconds):
                await shared.loop.create_connection(
                    lambda: as_protocol(connection),
                    endpoint.address,
                    endpoint.port,
                    local_addr=None if local is None else (local, 0),
                )
        except (OSError, TimeoutError) as error:
            # The order matters: the time-out of a connect is an OSError as well.
            details = TIMEOUT if isinstance(error, TimeoutError) else words(error)
            shared.counters["connections_failed"] += 1
            shared.log.connection_error(
                connection.dcid, endpoint.address, details, local or ANY_ADDRESS
            )
            if not isinstance(error, OSError) or error.errno not in _OUR_TROUBLE:
                self._set_down(endpoint, details, plan.settings.host_down_seconds)
            failure = network_failure(details, endpoint.address, connection.dcid)
            raise DeliveryFailedError(failure) from error

    async def _signal(self, connection: SmtpConnection) -> Signal:
        """Return READY or HANDSHAKE."""
        outcome = await connection.wait()
        if outcome is Signal.REFUSED:
            failure = self._refused(connection)
        elif isinstance(outcome, Failure) and _is_about_tls(connection):
            connection.abort()
            raise self._tls_failed(connection, " ".join(outcome.lines))
        elif isinstance(outcome, Failure):
            failure = outcome
        else:
            return outcome
        connection.abort()
        self._shared.counters["connections_failed"] += 1
        seconds = connection.plan.settings.host_down_seconds
        self._set_down(connection.endpoint, failure.response, seconds)
        raise DeliveryFailedError(failure)

    def _refused(self, connection: SmtpConnection) -> Failure:
        conversation, reply = connection.conversation, connection.conversation.refusal
        assert reply is not None  # that is what REFUSED means
        if conversation.phase is Phase.STARTTLS:
            connection.end()
            raise self._tls_failed(connection, "STARTTLS unexpected response")
        failure = host_failure(reply, connection.address, connection.dcid)
        self._shared.log.connection_error(
            connection.dcid,
            connection.address,
            failure.response,
            connection.interface,
            "refused by the host",
        )
        return failure

    async def _shake_hands(self, connection: SmtpConnection, attempt: Attempt) -> None:
        contexts, transport = connection.plan.tls, connection.transport
        assert transport is not None  # it is connected
        host = connection.endpoint.host
        if not connection.is_usable:  # lost since the reply to STARTTLS
            raise TlsFailedError(connection.dcid, "connection lost")
        try:
            encrypted = await self._shared.loop.start_tls(
                transport,
                as_protocol(connection),
                contexts.verifying if attempt.verify else contexts.trusting,
                server_hostname=None if address_of(host) else host,
                ssl_handshake_timeout=connection.plan.settings.command_timeout_seconds,
            )
        except (OSError, TimeoutError) as error:  # SSLError is an OSError
            failed = self._tls_failed(connection, _tls_words(error))
            connection.abort()
            connection.forget()
            raise failed from error
        assert encrypted is not None  # None is for transports that are closing
        connection.tls_established(encrypted)
        session = encrypted.get_extra_info("ssl_object")
        certificate = session.getpeercert() or {}
        endpoint = connection.endpoint
        # mailflow 7.2: the name of the host will do, or the domain that led to it.
        names = [name for name in (endpoint.host, endpoint.domain) if name]
        if attempt.verify and not is_for(certificate, names):
            connection.abort()
            raise self._tls_failed(connection, f"certificate is not for {host}")
        self._shared.counters["tls_out"] += 1
        self._shared.log.tls_success_out(
            connection.dcid, session.version(), session.cipher()[0], _common_name(certificate)
        )

    def _tls_failed(self, connection: SmtpConnection, reason: str) -> TlsFailedError:
        self._shared.counters["tls_failed"] += 1
        self._shared.log.tls_failed_out(connection.dcid, reason)
        return TlsFailedError(connection.dcid, reason)

    def _set_down(self, endpoint: Endpoint, error: str, seconds: float) -> None:
        """Leave `endpoint` alone, unless it only has enough connections of ours."""
        if not any(
            isinstance(other, SmtpConnection) and other.endpoint == endpoint and other.is_usable
            for other in self._shared.connections
        ):
            self._shared.states.set_down(endpoint, seconds, error)


def _is_about_tls(connection: SmtpConnection) -> bool:
    """Whether a connection broke at STARTTLS or at the first words over TLS.

    Servers whose TLS does not work often just close; in TLS 1.3 a refusal comes that late.
    """
    conversation = connection.conversation
    return conversation.is_encrypted or conversation.phase in (Phase.STARTTLS, Phase.HANDSHAKE)


def _common_name(certificate: Mapping[str, Any]) -> str:
    """Return the common name; "" when there is none, or nobody looked at the certificate."""
    parts = [part for group in certificate.get("subject", ()) for part in group]
    return next((value for key, value in parts if key == "commonName"), "")


def _tls_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return words(error)
