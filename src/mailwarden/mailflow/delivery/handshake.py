"""The handshake on a connection to a next hop, and whether the host is who it has to be."""

import ssl
from collections.abc import Mapping
from typing import Any, Final

from mailwarden.core.policy.dane import match_chain
from mailwarden.core.policy.tls_report import ResultType
from mailwarden.core.routes import address_of
from mailwarden.mailflow.delivery.connection import SmtpConnection, words
from mailwarden.mailflow.delivery.shared import Shared
from mailwarden.mailflow.delivery.tls_attempts import Attempt, Check
from mailwarden.mailflow.delivery.transport_security import Need, first_anchors
from mailwarden.services.transport_security.anchors import describe_failure
from mailwarden.system.crypto.peer_chain import peer_chain
from mailwarden.system.crypto.peer_names import is_for
from mailwarden.system.net.stream import as_protocol

TLSA_MISMATCH: Final = "no TLSA record describes its certificate"


class TlsFailedError(Exception):
    """TLS did not come about on a connection, or not with whom it had to be."""

    def __init__(self, dcid: int, result: ResultType, reason: str) -> None:
        super().__init__(f"DCID {dcid}: {reason}")
        self.dcid: Final = dcid
        self.result: Final = result
        self.reason: Final = reason


class AnchorFoundError(Exception):
    """A TLSA record describes an authority in the chain: the next connection is to lead to it."""

    def __init__(self, anchors: tuple[bytes, ...]) -> None:
        super().__init__()
        self.anchors: Final = anchors


class Handshake:
    """The handshake of one connection."""

    __slots__ = ("_attempt", "_connection", "_need", "_shared")

    def __init__(
        self, shared: Shared, connection: SmtpConnection, attempt: Attempt, need: Need
    ) -> None:
        self._shared: Final = shared
        self._connection: Final = connection
        self._attempt: Final = attempt
        self._need: Final = need

    async def run(self) -> None:
        """Go over to TLS.

        Raises:
            TlsFailedError: it failed; the connection is gone.
            AnchorFoundError: another connection has to find out; this one is gone.
        """
        connection = self._connection
        host = connection.endpoint.host
        transport = connection.transport
        assert transport is not None  # it is connected
        if not connection.is_usable:  # lost since the reply to STARTTLS
            raise TlsFailedError(connection.dcid, ResultType.VALIDATION_FAILURE, "connection lost")
        try:
            encrypted = await self._shared.loop.start_tls(
                transport,
                as_protocol(connection),
                self._context(),
                server_hostname=None if address_of(host) else self._need.server_name or host,
                ssl_handshake_timeout=connection.plan.settings.command_timeout_seconds,
            )
        except (OSError, TimeoutError, ValueError) as error:  # SSLError is an OSError
            result, reason = _explain(error)
            failed = tls_failed(self._shared, connection.dcid, result, reason)
            connection.abort()
            connection.forget()
            raise failed from error
        assert encrypted is not None  # None is for transports that are closing
        connection.tls_established(encrypted)
        session = encrypted.get_extra_info("ssl_object")
        certificate = session.getpeercert() or {}
        try:
            self._check(session, certificate)
        except (TlsFailedError, AnchorFoundError):
            connection.abort()
            raise
        self._shared.counters["tls_out"] += 1
        self._shared.log.tls_success_out(
            connection.dcid, session.version(), session.cipher()[0], _common_name(certificate)
        )

    def _context(self) -> ssl.SSLContext:
        contexts = self._connection.plan.tls
        match self._attempt.check:
            case Check.NOTHING:
                return contexts.trusting
            case Check.DANE:
                security, anchors = self._shared.security, self._attempt.anchors
                if not anchors or security is None:
                    return contexts.trusting
                return security.anchor_context(anchors, contexts.protocol)
            case Check.AUTHORITY | Check.MX_NAME:
                return contexts.verifying

    def _check(self, session: ssl.SSLObject, certificate: Mapping[str, Any]) -> None:
        endpoint = self._connection.endpoint
        match self._attempt.check:
            case Check.NOTHING:
                return
            case Check.AUTHORITY:
                # mailflow 7.2: the name of the host will do, or the domain that led to it.
                names = [name for name in (endpoint.host, endpoint.domain) if name]
                self._check_names(certificate, names)
            case Check.MX_NAME:
                self._check_mx_name(certificate)
            case Check.DANE if self._attempt.anchors:
                self._check_names(certificate, list(self._need.host.dane.names))
            case Check.DANE:
                self._check_records(session)

    def _check_names(self, certificate: Mapping[str, Any], names: list[str]) -> None:
        if not is_for(certificate, names):
            reason = f"certificate is not for {self._connection.endpoint.host}"
            raise self._failed(ResultType.CERTIFICATE_HOST_MISMATCH, reason)

    def _check_mx_name(self, certificate: Mapping[str, Any]) -> None:
        # RFC 8461, 4.1: only a DNS-ID counts; `is_for` takes the common name where there is none.
        names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
        self._check_names(certificate, [self._connection.endpoint.host] if names else [])

    def _check_records(self, session: ssl.SSLObject) -> None:
        """Compare what the host shows with its TLSA records (RFC 7672, 3.1)."""
        decision = self._need.host.dane
        chain = peer_chain(session)
        match = match_chain(decision.records, chain)
        if match is not None and not match.needs_path:
            return
        # An authority in the chain is only a claim: whether the certificate leads to it, the next
        # connection finds out. RFC 7671, 5.2.1: one that stands in DNS need not be shown.
        anchors = (chain[match.depth],) if match is not None else first_anchors(decision)
        if not anchors:
            raise self._failed(ResultType.TLSA_INVALID, TLSA_MISMATCH)
        security = self._shared.security
        assert security is not None  # who else would have asked for DANE
        security.note_anchors(decision, anchors)
        text = "a TLSA record names an authority, which the next connection verifies"
        self._shared.log.info(f"DCID {self._connection.dcid} {text}")
        raise AnchorFoundError(anchors)

    def _failed(self, result: ResultType, reason: str) -> TlsFailedError:
        return tls_failed(self._shared, self._connection.dcid, result, reason)


def tls_failed(shared: Shared, dcid: int, result: ResultType, reason: str) -> TlsFailedError:
    """Count and log that TLS did not come about on a connection; return it as an error."""
    shared.counters["tls_failed"] += 1
    shared.log.tls_failed_out(dcid, reason)
    return TlsFailedError(dcid, result, reason)


def _explain(error: Exception) -> tuple[ResultType, str]:
    """Return what to report, and the words for the log."""
    if isinstance(error, ssl.SSLError):
        result, reason = describe_failure(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = f"certificate verify failed: {error.verify_message}"
        return result, reason
    if isinstance(error, ValueError):  # of a TLSA record that holds no certificate after all
        return ResultType.TLSA_INVALID, str(error)
    return ResultType.VALIDATION_FAILURE, words(error)


def _common_name(certificate: Mapping[str, Any]) -> str:
    """Return the common name; "" when there is none, or nobody looked at the certificate."""
    parts = [part for group in certificate.get("subject", ()) for part in group]
    return next((value for key, value in parts if key == "commonName"), "")
