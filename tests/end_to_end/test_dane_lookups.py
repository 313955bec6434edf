"""DANE from the question to a name server on loopback to the certificate that a host shows."""

import _ssl
import asyncio
import dataclasses
import hashlib
import random
import ssl
from pathlib import Path
from typing import Any

import pytest

from mailwarden.core.policy.dane import DaneDecision, DaneLevel, Trust, match_chain
from mailwarden.services.transport_security.anchors import anchor_context
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.crypto.peer_names import is_for
from mailwarden.system.crypto.settings import CertificateFiles
from mailwarden.system.crypto.tls import client_context, server_context
from mailwarden.system.dns.client import CachingResolver
from mailwarden.system.dns.settings import DnsSettings
from mailwarden.system.dns.tlsa import DaneLookups
from tests.certificates import CertificateAuthority
from tests.dns_server import serving
from tests.unit.system.crypto.test_tls import shake_hands

HOST = "mx.partner.example"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A certificate together with its authority, as DANE-TA wants it to be shown."""
    directory = tmp_path_factory.mktemp("certificates")
    authority = CertificateAuthority(directory)
    issued = authority.issue(HOST)
    both = directory / "both.pem"
    both.write_text(Path(issued.certificate).read_text() + Path(authority.file).read_text())
    return dataclasses.replace(issued, certificate=str(both))


def show_chain(files: CertificateFiles) -> tuple[bytes, ...]:
    """Return the chain that a server with `files` shows."""
    context = client_context("", verify=False)
    client, _ = shake_hands(server_context(files, verify_client=False), context)
    shown: Any = client._sslobj  # type: ignore[attr-defined]
    return tuple(each.public_bytes(_ssl.ENCODING_DER) for each in shown.get_unverified_chain())


def make_zone(record: str, *, is_signed: bool = True) -> dict[str, Any]:
    signed = {"SECURE": []} if is_signed else {}
    return {
        "partner.example": {"MX": [f"10 {HOST}"], **signed},
        HOST: {"A": ["127.0.0.1"], **signed},
        f"_25._tcp.{HOST}": {"TLSA": [record], **signed},
    }


async def look_up(zone: dict[str, Any], *, is_trusted: bool = True) -> tuple[Trust, DaneDecision]:
    with serving(zone) as server:
        names = (server.address,)
        resolver = CachingResolver(
            DnsSettings(trusted_servers=names) if is_trusted else DnsSettings(servers=names),
            loop=asyncio.get_running_loop(),
            clock=SystemClock(),
            randomness=random.SystemRandom(),
        )
        lookups = DaneLookups(resolver)
        next_hop = await lookups.find_next_hop("partner.example")
        decision = await lookups.decide(next_hop, HOST)
        resolver.close()
    return next_hop.trust, decision


async def test_the_certificate_of_a_host(files: CertificateFiles) -> None:
    chain = show_chain(files)
    trust, decision = await look_up(make_zone(f"3 0 1 {hashlib.sha256(chain[0]).hexdigest()}"))
    assert (trust, decision.level) == (Trust.SECURE, DaneLevel.VERIFY)
    match = match_chain(decision.records, chain)
    assert match is not None
    assert not match.needs_path
    assert match_chain(decision.records, chain[1:]) is None


async def test_an_authority_that_a_host_shows(files: CertificateFiles) -> None:
    chain = show_chain(files)
    _, decision = await look_up(make_zone(f"2 0 2 {hashlib.sha512(chain[1]).hexdigest()}"))
    match = match_chain(decision.records, chain)
    assert match is not None
    assert (match.needs_path, match.depth) == (True, 1)
    # The second connection checks what the first one could not.
    client, _ = shake_hands(
        server_context(files, verify_client=False), anchor_context([chain[match.depth]])
    )
    certificate = client.getpeercert()
    assert certificate is not None
    assert is_for(certificate, decision.names)


async def test_a_forger_who_shows_the_authority_of_somebody_else(
    files: CertificateFiles, tmp_path: Path
) -> None:
    anchor = show_chain(files)[1]
    forged = CertificateAuthority(tmp_path).issue(HOST)
    both = tmp_path / "both.pem"
    leaf = Path(forged.certificate).read_text()
    both.write_text(leaf + ssl.DER_cert_to_PEM_cert(anchor))
    files = dataclasses.replace(forged, certificate=str(both))
    _, decision = await look_up(make_zone(f"2 0 1 {hashlib.sha256(anchor).hexdigest()}"))
    match = match_chain(decision.records, show_chain(files))
    assert match is not None
    assert match.needs_path
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server_context(files, verify_client=False), anchor_context([anchor]))


@pytest.mark.parametrize(("is_signed", "is_trusted"), [(True, False), (False, True)])
async def test_without_dnssec_there_is_no_dane(is_signed: bool, is_trusted: bool) -> None:
    zone = make_zone("3 1 1 " + "ab" * 32, is_signed=is_signed)
    trust, decision = await look_up(zone, is_trusted=is_trusted)
    assert (trust, decision.level) == (Trust.INSECURE, DaneLevel.NONE)
