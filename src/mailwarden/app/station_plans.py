"""What a configuration means for the stations: their settings made ready, without any effect.

A worker builds its stations from these (wiring.py), and a trace its own (tracing).
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from mailwarden.app.own_endpoints import ourselves_of
from mailwarden.control.config.destination_table import destination_table
from mailwarden.control.config.model import GatewayConfig
from mailwarden.core.policy.alt_sources import AltSourceIndex
from mailwarden.core.policy.bounce_profile import Profiles
from mailwarden.core.policy.destinations import DestinationIndex
from mailwarden.core.policy.masquerade import MasqueradeIndex, MasqueradeRules
from mailwarden.core.routes import RouteTable
from mailwarden.mailflow.delivery.gateways import Gateways
from mailwarden.mailflow.delivery.plan import Plan as DeliveryPlan
from mailwarden.mailflow.delivery.plan import TlsContexts
from mailwarden.mailflow.listener.bounces import BounceVerification
from mailwarden.mailflow.listener.context import ListenerContext, make_context
from mailwarden.mailflow.listener.grants import ServerTls
from mailwarden.mailflow.listener.settings import Listener
from mailwarden.mailflow.workqueue.stage import Plan
from mailwarden.services.bounce_tags import BounceTags
from mailwarden.services.call_ahead.asker import CallAhead
from mailwarden.stores.spool.spool import Spool
from mailwarden.system.crypto.memory_files import certificate_in_memory
from mailwarden.system.crypto.settings import CertificateFiles, TlsProtocol
from mailwarden.system.crypto.tls import CertificateError, client_context, server_context
from mailwarden.system.log.maillog import MailLog


def listener_context(
    config: GatewayConfig,
    listener: Listener,
    *,
    tls: ServerTls | None,
    verify: Callable[[str, str], bool] | None,
    call_ahead: CallAhead | None,
    tags: BounceTags | None,
) -> ListenerContext:
    """Return the context of one listener of `config`, which stands there alone."""
    interface = config.interfaces[listener.interface]
    sources = config.delivery.alt_sources
    context = make_context(
        listener,
        config.inbound,
        interface=(listener.interface, interface.address, interface.hostname or config.hostname),
        tls=tls,
        inline_size_max_bytes=config.spool.inline_size_max_bytes,
        verify=verify,
        call_ahead=call_ahead,
        alt_sources=sources.indexed(AltSourceIndex) if sources else None,
        bounces=None if tags is None else BounceVerification(config.bounce_verification, tags),
    )
    return replace(context, reverse_seconds=config.dns.reverse_timeout_seconds)


def server_tls(
    config: GatewayConfig, base: Path, listener: Listener, pairs: Mapping[str, str]
) -> ServerTls | None:
    """Return how `listener` speaks TLS; None without a certificate.

    `pairs` are those that the gateway keeps.

    Raises:
        CertificateError: its files cannot be used.
    """
    if not listener.certificate:
        return None
    protocol = config.tls.inbound
    with certificate_files(config, base, listener.certificate, pairs) as files:
        return _server_tls(files, protocol)


def _server_tls(files: CertificateFiles, protocol: TlsProtocol) -> ServerTls:
    plain = server_context(files, verify_client=False, protocol=protocol)
    if not files.client_ca:
        return ServerTls(plain)
    checking = server_context(files, verify_client=True, protocol=protocol)
    checking.verify_mode = ssl.CERT_OPTIONAL  # a client that has none may come in all the same
    demanding = server_context(files, verify_client=True, protocol=protocol)
    return ServerTls(plain, checking, demanding)


@contextmanager
def certificate_files(
    config: GatewayConfig, base: Path, name: str, pairs: Mapping[str, str]
) -> Iterator[CertificateFiles]:
    """Give the files of a certificate, by paths that are right wherever we are.

    Raises:
        CertificateError: the gateway keeps it, and it is not among `pairs`.
    """
    files = config.certificates[name]
    client_ca = str(base / files.client_ca) if files.client_ca else ""
    if not files.is_kept:
        yield CertificateFiles(
            certificate=str(base / files.certificate),
            key=str(base / files.key),
            client_ca=client_ca,
        )
        return
    if name not in pairs:
        raise CertificateError("certificate", f"the certificate {name} was not handed over")
    pem = pairs[name].encode("ascii")
    with certificate_in_memory(pem, pem) as held:
        yield replace(held, client_ca=client_ca)


def work_queue_plan(config: GatewayConfig, spool: Spool, log: MailLog) -> Plan:
    """Return what the stages of the work queue are built from."""
    return Plan(
        policies=config.mail_policies, masquerades=_masquerades(config), spill=spool.spill, log=log
    )


def _masquerades(config: GatewayConfig) -> dict[str, MasqueradeRules]:
    """Return how the listeners masquerade; those that do not are left out."""
    return {
        listener.name: MasqueradeRules(
            listener.masquerade.indexed(MasqueradeIndex),
            tuple(header.field_name for header in listener.masquerade_headers),
            listener.masquerade_envelope_sender,
        )
        for listener in config.listeners
        if listener.masquerade
    }


def client_tls(config: GatewayConfig, base: Path, pairs: Mapping[str, str]) -> TlsContexts:
    """Return how delivery speaks TLS; `pairs` are the certificates that the gateway keeps.

    Raises:
        CertificateError: the files that it needs cannot be used.
    """
    ca_file = str(base / config.delivery.ca_file) if config.delivery.ca_file else ""
    name = destination_table(config).certificate
    protocol = config.tls.outbound
    with ExitStack() as opened:
        shown = None
        if name:
            shown = opened.enter_context(certificate_files(config, base, name, pairs))
        trusting, verifying = (
            client_context(
                ca_file,
                verify=verify,
                certificate=shown,
                authorities=config.authorities,
                protocol=protocol,
            )
            for verify in (False, True)
        )
    return TlsContexts(trusting, verifying, protocol)


def delivery_plan(
    config: GatewayConfig, *, tls: TlsContexts, tags: BounceTags | None
) -> DeliveryPlan:
    """Return everything that steers delivery."""
    controls = destination_table(config)
    return DeliveryPlan(
        settings=config.delivery,
        hostname=config.hostname,
        routes=RouteTable(config.smtp_routes),
        destinations=DestinationIndex(controls),
        profiles=Profiles(config.bounce_profiles),
        tls=tls,
        interfaces=config.interfaces,
        ourselves=ourselves_of(config),
        gateways=Gateways(config.interfaces, config.interface_groups, config.delivery.interface),
        tags=tags,
        logged_headers=config.logs.headers,
        send_tls_alert=controls.send_tls_alert,
    )
