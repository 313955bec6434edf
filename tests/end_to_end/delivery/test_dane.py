"""What TLSA records ask of the chain of a host, and how its sessions are counted for reports."""

import dataclasses
import hashlib
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mailwarden.core.policy.tls_report import PolicyType, ReportCollector, ResultType
from mailwarden.mailflow.delivery.plan import TlsContexts
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.mailflow.delivery.transport_security import TransportSecurity
from mailwarden.mailflow.delivery.transport_settings import TlsReportSettings
from mailwarden.services.transport_security.cache import PolicyCache
from mailwarden.services.transport_security.fetcher import FakePolicyFetcher, FetchError
from mailwarden.services.transport_security.policies import PolicySource
from mailwarden.system.crypto.tls import client_context, server_context
from mailwarden.system.dns.tlsa import DaneLookups
from tests.certificates import CertificateAuthority
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import ALL, Server

HOST = "mx.partner.example"
REPORTING = DeliverySettings(tls_reports=TlsReportSettings(enabled=True))
SECURE: Mapping[str, list[str]] = {"SECURE": []}
POLICY = b"version: STSv1\nmode: %b\nmx: mx.partner.example\nmax_age: 86400\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


async def serve(authority: CertificateAuthority, name: str = HOST, *, whole: bool = True) -> Server:
    """Return a server that shows its authority too if `whole`."""
    files = authority.issue(name)
    if whole:
        both = Path(f"{files.certificate}.both")
        both.write_text(Path(files.certificate).read_text() + Path(authority.file).read_text())
        files = dataclasses.replace(files, certificate=str(both))
    context = server_context(files, verify_client=False)
    return await Server(offers=(*ALL, "STARTTLS"), tls=context).start()


def anchor(authority: CertificateAuthority) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(authority.file).read_text())


def make_office(
    server: Server, tlsa: list[str], *, policy: bytes | FetchError | None = None
) -> tuple[Office, ReportCollector]:
    zone: dict[str, Any] = {
        "partner.example": {"MX": [f"10 {HOST}"], **SECURE},
        HOST: {"A": ["127.0.0.1"], **SECURE},
    }
    if tlsa:
        zone[f"_{server.port}._tcp.{HOST}"] = {"TLSA": tlsa, **SECURE}
    if policy is not None:
        zone["_mta-sts.partner.example"] = {"TXT": ["v=STSv1; id=1"]}
    contexts = TlsContexts(client_context("", verify=False), client_context("", verify=True))
    office = Office(zone=zone, port=server.port, tls=contexts, settings=REPORTING)
    results = ReportCollector()
    fetcher = FakePolicyFetcher({} if policy is None else {"partner.example": policy})
    source = PolicySource(PolicyCache(office.clock), office.resolver, fetcher, office.clock)
    office.security = TransportSecurity(
        REPORTING, DaneLookups(office.resolver), source, results, office.clock, is_trusted=True
    )
    return office, results


def counted(results: ReportCollector) -> list[tuple[PolicyType, str, int, list[ResultType]]]:
    (day,) = results.days()
    return [
        (part.policy.type, part.policy.domain, part.successes, [f.result for f, _ in part.details])
        for domain in results.results(day)
        for part in domain.policies
    ]


async def deliver(office: Office, server: Server, count: int = 1) -> None:
    for number in range(count):
        office.put("u@partner.example")
        await office.until(lambda n=number: len(server.received) > n)
        await office.empty()
        await office.pass_time(10)  # the connection ends
        await office.until(lambda: not server.open_connections)


async def test_an_authority_that_only_dns_holds(authority: CertificateAuthority) -> None:
    """RFC 7671, 5.2.1."""
    server = await serve(authority, whole=False)
    office, results = make_office(server, [f"2 0 0 {anchor(authority).hex()}"])
    async with office:
        await deliver(office, server, 2)
    assert all(message.is_encrypted for message in server.received)
    # The first connection found the authority, and the second message knew it.
    assert server.connections == 3
    assert counted(results) == [(PolicyType.TLSA, HOST, 2, [])]
    assert office.delivery.counters["dane_verified"] == 2
    await server.stop()


async def test_a_host_that_changes_to_another_of_its_records(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    other = CertificateAuthority(tmp_path, "other")
    records = [f"2 0 1 {hashlib.sha256(anchor(each)).hexdigest()}" for each in (authority, other)]
    server, fresh = await serve(authority), await serve(other)
    office, results = make_office(server, records)
    async with office:
        await deliver(office, server)
        server.tls = fresh.tls
        office.put("u@partner.example")
        await office.until(lambda: len(server.received) == 2)
    assert server.received[1].is_encrypted
    assert counted(results) == [(PolicyType.TLSA, HOST, 2, [])]
    await server.stop()
    await fresh.stop()


async def test_a_certificate_that_only_claims_its_authority(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    forger = CertificateAuthority(tmp_path)
    files = forger.issue(HOST)
    both = tmp_path / "both.pem"
    both.write_text(Path(files.certificate).read_text() + Path(authority.file).read_text())
    server = await serve(authority)
    server.tls = server_context(
        dataclasses.replace(files, certificate=str(both)), verify_client=False
    )
    record = f"2 0 1 {hashlib.sha256(anchor(authority)).hexdigest()}"
    office, results = make_office(server, [record])
    async with office:
        office.put("u@partner.example")
        await office.logged("Delayed")
    assert server.received == []
    assert counted(results) == [(PolicyType.TLSA, HOST, 0, [ResultType.CERTIFICATE_NOT_TRUSTED])]
    await server.stop()


async def test_the_name_for_sni_is_the_base_domain(authority: CertificateAuthority) -> None:
    """RFC 7672, 2.2.3 and 8.1."""
    server = await serve(authority)
    names: list[str | None] = []
    assert server.tls is not None
    server.tls.sni_callback = lambda _, name, __: names.append(name)  # type: ignore[assignment,return-value]
    office, _ = make_office(server, ["3 1 1 " + "ab" * 32])
    async with office:
        office.put("u@partner.example")
        await office.logged("Delayed")
    assert names == [HOST]
    await server.stop()


async def test_a_policy_that_is_tested(authority: CertificateAuthority) -> None:
    server = await serve(authority)
    office, results = make_office(server, [], policy=POLICY % b"testing")
    async with office:
        await deliver(office, server)
    assert server.received[0].is_encrypted  # though the controls say nothing of TLS
    failed = [ResultType.CERTIFICATE_NOT_TRUSTED]
    assert counted(results) == [(PolicyType.STS, "partner.example", 0, failed)]
    await server.stop()


async def test_a_policy_that_cannot_be_fetched(authority: CertificateAuthority) -> None:
    """RFC 8461, 6: it is reported, and mail goes as if there were none."""
    server = await serve(authority)
    office, results = make_office(server, [], policy=FetchError("the server answers 404"))
    async with office:
        await deliver(office, server)
    assert not server.received[0].is_encrypted
    await server.stop()
    failed = [ResultType.STS_POLICY_FETCH_ERROR]
    assert counted(results) == [(PolicyType.STS, "partner.example", 0, failed)]


async def test_mail_that_goes_whatever_tls_does(authority: CertificateAuthority) -> None:
    """RFC 8460, 3: reports go, and their sessions are in no report."""
    server = await serve(authority)
    office, results = make_office(server, ["3 1 1 " + "ab" * 32], policy=POLICY % b"enforce")
    async with office:
        office.put("tls@partner.example", tls_optional=True)
        await office.empty()
        assert [info.name for info in office.delivery.destinations()] == [
            "partner.example TLS optional"
        ]
    assert server.received[0].is_encrypted
    assert results.days() == ()
    await server.stop()
