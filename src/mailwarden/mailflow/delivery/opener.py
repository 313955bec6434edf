"""Opens a connection to the best host that can be reached, over TLS as it has to be.

Which attempts are made in which order is in tls_attempts.py; who a host has to be, in
transport_security.py.
"""

import asyncio
import errno
from typing import Final

from mailwarden.core.policy.destinations import DestinationTls
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.core.policy.transport_security import Security
from mailwarden.core.smtp.client import Phase, Signal
from mailwarden.mailflow.delivery.admission import Admission, NoPlaceError
from mailwarden.mailflow.delivery.connection import TIMEOUT, SmtpConnection, words
from mailwarden.mailflow.delivery.failure import (
    ENCRYPTION_NEEDED,
    NO_REPLY,
    DeliveryFailedError,
    Failure,
    UnsubscribedError,
    host_failure,
    network_failure,
    unsubscribed,
)
from mailwarden.mailflow.delivery.handshake import (
    AnchorFoundError,
    Handshake,
    TlsFailedError,
    tls_failed,
)
from mailwarden.mailflow.delivery.hosts import Endpoint, HostSearch
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.mailflow.delivery.tls_attempts import Attempt, Check, attempts
from mailwarden.mailflow.delivery.transport_security import NOTHING_NEEDED, Need, Outcome
from mailwarden.system.net.stream import as_protocol

ENDPOINTS_TRIED_MAX: Final = 20  # for one connection
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  not bound to: it stands in the log
_DOWN: Final = "host down: "
_PASSED_OVER: Final = network_failure("no host left to try")
_OUR_TROUBLE: Final = frozenset(  # says nothing about the host
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL}
)


class Opener:
    """Opens a connection that `admission` is for."""

    __slots__ = (
        "_admission",
        "_is_full",
        "_refused",
        "_shared",
        "_tls",
        "_tries",
        "_wants_policies",
    )

    def __init__(
        self,
        shared: Shared,
        admission: Admission,
        tls: DestinationTls,
        *,
        wants_policies: bool = True,
    ) -> None:
        """`wants_policies` is off for mail that goes whatever TLS does (RFC 8460, 3)."""
        self._shared: Final = shared
        self._admission: Final = admission
        self._tls: Final = tls
        self._wants_policies: Final = wants_policies
        self._tries = 0
        self._is_full = False  # there is a host that would be tried if the limits let us
        self._refused: Need | None = None  # by an MTA-STS policy

    async def open(self, search: HostSearch, tried: frozenset[str]) -> SmtpConnection:
        """Return a connection that is ready, to the first host found that is not in `tried`.

        Raises:
            DeliveryFailedError: there is none.
            NoPlaceError: there is one that enough connections go to, or enough mail went to.
        """
        failure: Failure | None = None
        while group := await search.next_group():
            for endpoint in group:
                try:
                    return await self._use(endpoint, tried)
                except UnsubscribedError:
                    raise
                except DeliveryFailedError as failed:
                    failure = _worse(failure, failed.failure)
        if await self._has_new_policy():
            for endpoint in search.found:
                try:
                    return await self._use(endpoint, tried)
                except UnsubscribedError:
                    raise
                except DeliveryFailedError as again:
                    failure = again.failure
        if self._is_full:
            raise NoPlaceError(self._admission.seconds)
        failure = failure or search.failure or network_failure("no host left to try")
        raise DeliveryFailedError(failure)

    async def _has_new_policy(self) -> bool:
        """Whether a policy that kept mail from going has just been replaced (RFC 8461, 5.1)."""
        security, refused = self._shared.security, self._refused
        if security is None or refused is None:
            return False
        self._tries = 0
        return await security.renew(refused)

    async def _use(self, endpoint: Endpoint, tried: frozenset[str]) -> SmtpConnection:
        if endpoint.host in tried or self._tries >= ENDPOINTS_TRIED_MAX:
            raise DeliveryFailedError(_PASSED_OVER)
        listed = self._shared.plan.unsubscribed
        if listed is not None and listed.find_host(endpoint.address) is not None:
            raise UnsubscribedError(unsubscribed(endpoint.address))
        error = self._shared.states.error(endpoint, self._admission.interface)
        if error is not None:
            raise DeliveryFailedError(network_failure(f"{_DOWN}{error}", endpoint.address))
        if not self._admission.enter(endpoint.address):
            self._is_full = True
            raise DeliveryFailedError(_PASSED_OVER)
        self._tries += 1
        try:
            return await self._reach(endpoint, await self._find_need(endpoint))
        except DeliveryFailedError as failed:
            self._admission.failed(failed.failure)
            raise

    async def _find_need(self, endpoint: Endpoint) -> Need:
        security = self._shared.security
        if security is None or not self._wants_policies:
            return NOTHING_NEEDED
        return await security.find(endpoint)

    async def _reach(self, endpoint: Endpoint, need: Need) -> SmtpConnection:
        if need.security is Security.UNREACHABLE:
            raise self._unreachable(endpoint, need)
        first: TlsFailedError | None = None
        ways = attempts(self._tls, need.security)
        for attempt in ways:
            try:
                connection = await self._open(endpoint, attempt, need)
            except TlsFailedError as error:
                first = first or error
                continue
            self._record(endpoint, need, _outcome(connection, first, need))
            return connection
        assert first is not None  # only that leads here
        self._shared.log.tls_required_out(first.dcid, endpoint.address)
        self._shared.tls_alerts.required(endpoint, first.reason)
        self._record(endpoint, need, Outcome(first.result, first.reason))
        raise DeliveryFailedError(self._needed(endpoint, need, first.reason))

    def _unreachable(self, endpoint: Endpoint, need: Need) -> DeliveryFailedError:
        """Count and log that a host must not be spoken to; return it as an error."""
        failure = self._needed(endpoint, need, need.host.reason)
        self._shared.log.info(
            f"No connection to {endpoint.host} address {endpoint.address}: {failure.lines[0]}"
        )
        self._record(endpoint, need, Outcome(need.host.failure))
        return DeliveryFailedError(failure)

    def _needed(self, endpoint: Endpoint, need: Need, reason: str) -> Failure:
        """Return the failure of a host that does not meet what is asked of it."""
        if need.is_about_policy:
            self._refused = need
        who = need.words()
        detail = "TLS was required but could not be successfully negotiated"
        if who:
            detail = f"{who} of {need.domain or endpoint.host}: {endpoint.host}: {reason}"
        return Failure(f"4.{ENCRYPTION_NEEDED}", NO_REPLY, (detail,), endpoint.address)

    def _record(self, endpoint: Endpoint, need: Need, outcome: Outcome) -> None:
        security = self._shared.security
        if security is None:
            return
        counter = security.record(endpoint, need, outcome)
        if counter is not None:
            self._shared.counters[counter.value] += 1

    async def _open(self, endpoint: Endpoint, attempt: Attempt, need: Need) -> SmtpConnection:
        """Return a connection that is ready; see `_try`."""
        security = self._shared.security
        if attempt.check is not Check.DANE or security is None:
            return await self._try(endpoint, attempt, need)
        anchors = security.known_anchors(need.host.dane)
        if anchors:
            try:
                return await self._try(endpoint, attempt._replace(anchors=anchors), need)
            except TlsFailedError:
                pass  # it may have changed to another of its records: look anew
        try:
            return await self._try(endpoint, attempt, need)
        except AnchorFoundError as found:
            attempt = attempt._replace(anchors=found.anchors)
        return await self._try(endpoint, attempt, need)

    async def _try(self, endpoint: Endpoint, attempt: Attempt, need: Need) -> SmtpConnection:
        """Return a connection that is ready.

        Raises:
            TlsFailedError: there was no TLS, and this connection must not go on without.
            AnchorFoundError: another connection has to find out whether the host is the right one.
            DeliveryFailedError: the host cannot be reached or does not want us.
        """
        shared = self._shared
        dcid = shared.identifiers.next_dcid()
        connection = SmtpConnection(
            shared, endpoint, dcid, self._admission, wants_tls=attempt.starttls
        )
        try:
            await self._connect(connection)
            signal = await self._signal(connection)
            if signal is Signal.HANDSHAKE:
                await Handshake(shared, connection, attempt, need).run()
                signal = await self._signal(connection)
        except BaseException:  # also when cancelled: nobody else knows this connection
            connection.abort()
            raise
        if attempt.must_encrypt and not connection.conversation.is_encrypted:
            connection.end()
            raise TlsFailedError(dcid, ResultType.STARTTLS_NOT_SUPPORTED, "STARTTLS is not offered")
        shared.states.set_up(endpoint, self._admission.interface)
        return connection

    async def _connect(self, connection: SmtpConnection) -> None:
        shared, endpoint, plan = self._shared, connection.endpoint, connection.plan
        try:
            local = plan.local_address(endpoint.address, self._admission.interface)
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
            failure = self._refusal(connection)
        elif isinstance(outcome, Failure) and _is_about_tls(connection):
            connection.abort()
            reason = " ".join(outcome.lines)
            result = ResultType.VALIDATION_FAILURE
            raise tls_failed(self._shared, connection.dcid, result, reason)
        elif isinstance(outcome, Failure):
            failure = outcome
        else:
            return outcome
        connection.abort()
        self._shared.counters["connections_failed"] += 1
        seconds = connection.plan.settings.host_down_seconds
        self._set_down(connection.endpoint, failure.response, seconds)
        raise DeliveryFailedError(failure)

    def _refusal(self, connection: SmtpConnection) -> Failure:
        conversation, reply = connection.conversation, connection.conversation.refusal
        assert reply is not None  # that is what REFUSED means
        if conversation.phase is Phase.STARTTLS:
            connection.end()
            reason = "STARTTLS unexpected response"
            result = ResultType.STARTTLS_NOT_SUPPORTED
            raise tls_failed(self._shared, connection.dcid, result, reason)
        failure = host_failure(reply, connection.address, connection.dcid)
        self._shared.log.connection_error(
            connection.dcid,
            connection.address,
            failure.response,
            connection.interface,
            "refused by the host",
        )
        return failure

    def _set_down(self, endpoint: Endpoint, error: str, seconds: float) -> None:
        """Leave `endpoint` alone, unless it only has enough connections of ours."""
        interface = self._admission.interface
        if not any(
            isinstance(other, SmtpConnection)
            and other.endpoint == endpoint
            and other.is_usable
            and other.admission.interface == interface
            for other in self._shared.connections
        ):
            self._shared.states.set_down(endpoint, seconds, error, interface)


def _is_about_tls(connection: SmtpConnection) -> bool:
    """Whether a connection broke at STARTTLS or at the first words over TLS.

    Servers whose TLS does not work often just close; in TLS 1.3 a refusal comes that late.
    """
    conversation = connection.conversation
    return conversation.is_encrypted or conversation.phase in (Phase.STARTTLS, Phase.HANDSHAKE)


def _worse(known: Failure | None, other: Failure) -> Failure | None:
    """Return what is told of several hosts: the last one that was tried, else the first one."""
    if other is _PASSED_OVER:
        return known
    if known is not None and other.lines[:1] and other.lines[0].startswith(_DOWN):
        return known
    return other


def _outcome(connection: SmtpConnection, failed: TlsFailedError | None, need: Need) -> Outcome:
    """Return what a session counts as."""
    is_encrypted = connection.conversation.is_encrypted
    if need.host.security in (Security.OPPORTUNISTIC, Security.ENCRYPT) and is_encrypted:
        failed = None  # nobody but our own settings asked for more
    if failed is not None:
        return Outcome(failed.result, failed.reason, connection.interface)
    if is_encrypted:
        return Outcome(local_address=connection.interface)
    if not connection.wants_tls:
        return Outcome(wanted_tls=False)
    reason = "STARTTLS is not offered"
    return Outcome(ResultType.STARTTLS_NOT_SUPPORTED, reason, connection.interface)
