"""TLS to the next hop: the table of mailflow 7.2, row by row."""

import pytest

from mailwarden.core.policy.destinations import DestinationRow, DestinationTls
from mailwarden.mailflow.delivery.plan import TlsContexts
from mailwarden.system.crypto.tls import client_context, server_context
from tests.certificates import CertificateAuthority
from tests.unit.mailflow.delivery.office import Office
from tests.unit.mailflow.delivery.servers import ALL, Act, Server

TLS = (*ALL, "STARTTLS")
NAME = "mx.partner.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("stranger"), "stranger")


async def serve(authority: CertificateAuthority, name: str = NAME, **more: object) -> Server:
    context = server_context(authority.issue(name), verify_client=False)
    return await Server(**{"offers": TLS, "tls": context, **more}).start()


def office_for(
    server: Server, authority: CertificateAuthority, tls: DestinationTls, **more: object
) -> Office:
    zone = {"partner.example": {"MX": [f"10 {NAME}"]}, NAME: {"A": ["127.0.0.1"]}}
    contexts = TlsContexts(
        client_context("", verify=False), client_context(authority.file, verify=True)
    )
    rows = {"partner.example": DestinationRow(tls=tls)}
    return Office(zone=zone, port=server.port, tls=contexts, destinations=rows, **more)


async def outcome(office: Office, server: Server, **fields: object) -> str:
    """Return `encrypted`, `clear`, `delayed` or `bounced`."""
    async with office:
        office.put("u@partner.example", **fields)
        await office.until(lambda: server.received or office.with_text("Delayed") or office.reports)
        if server.received:
            await office.empty()
            return "encrypted" if server.received[-1].is_encrypted else "clear"
    return "bounced" if office.reports else "delayed"


CASES = [  # setting, certificate: none (no STARTTLS), broken, wrong, right
    (DestinationTls.NONE, ("clear", "clear", "clear", "clear")),
    (DestinationTls.PREFERRED, ("clear", "clear", "encrypted", "encrypted")),
    (DestinationTls.REQUIRED, ("delayed", "delayed", "encrypted", "encrypted")),
    (DestinationTls.PREFERRED_VERIFY, ("clear", "clear", "encrypted", "encrypted")),
    (DestinationTls.REQUIRED_VERIFY, ("delayed", "delayed", "delayed", "encrypted")),
]


@pytest.mark.parametrize(("tls", "outcomes"), CASES)
async def test_no_starttls(
    authority: CertificateAuthority, tls: DestinationTls, outcomes: tuple[str, ...]
) -> None:
    server = await Server().start()
    assert await outcome(office := office_for(server, authority, tls), server) == outcomes[0]
    required = "TLS was required but could not be successfully negotiated"
    assert len(office.with_text(f"DCID 88 IP 127.0.0.1 {required}")) == (outcomes[0] == "delayed")
    await server.stop()


@pytest.mark.parametrize(("tls", "outcomes"), CASES)
@pytest.mark.parametrize("answer", ["454 not now", b"220 go\r\nNO TLS HERE\r\n", Act.CLOSE])
async def test_handshake_fails(
    authority: CertificateAuthority, tls: DestinationTls, outcomes: tuple[str, ...], answer: object
) -> None:
    server = await Server(TLS, answers={"STARTTLS": [answer]}, repeat=True).start()
    office = office_for(server, authority, tls)
    assert await outcome(office, server) == outcomes[1]
    if tls is not DestinationTls.NONE:
        said = "STARTTLS unexpected response" if isinstance(answer, str) else ""
        assert office.with_text("TLS failed")[0].startswith(f"DCID 88 TLS failed: {said}")
    await server.stop()


@pytest.mark.parametrize(("tls", "outcomes"), CASES)
async def test_closes_at_the_first_words_over_tls(
    authority: CertificateAuthority, tls: DestinationTls, outcomes: tuple[str, ...]
) -> None:
    server = await serve(authority)
    friendly = server.answer

    def answer(kind: str, text: str) -> object:
        greeted = server.commands[-2:] == ["STARTTLS", "EHLO gw1.corp.example"]
        return Act.CLOSE if kind == "EHLO" and greeted else friendly(kind, text)

    server.answer = answer
    assert await outcome(office_for(server, authority, tls), server) == outcomes[1]
    await server.stop()


@pytest.mark.parametrize(("tls", "outcomes"), CASES)
async def test_handshake_breaks(
    authority: CertificateAuthority, tls: DestinationTls, outcomes: tuple[str, ...]
) -> None:
    server = await Server(TLS).start()  # says 220 and speaks no TLS
    office = office_for(server, authority, tls)
    assert await outcome(office, server) == outcomes[1]
    if tls is not DestinationTls.NONE:
        assert office.with_text("DCID 88 TLS failed: ")
    assert office.gauges.value("outbound") == 0
    await server.stop()


@pytest.mark.parametrize(("tls", "outcomes"), CASES)
async def test_unknown_authority(
    authority: CertificateAuthority,
    stranger: CertificateAuthority,
    tls: DestinationTls,
    outcomes: tuple[str, ...],
) -> None:
    server = await serve(stranger)
    office = office_for(server, authority, tls)
    assert await outcome(office, server) == outcomes[2]
    if "VERIFY" in tls.name:
        assert "certificate verify failed" in office.with_text("TLS failed")[0]
    await server.stop()


@pytest.mark.parametrize(("tls", "outcomes"), CASES)
async def test_certificate_for_somebody_else(
    authority: CertificateAuthority, tls: DestinationTls, outcomes: tuple[str, ...]
) -> None:
    server = await serve(authority, "mx.other.example")
    office = office_for(server, authority, tls)
    assert await outcome(office, server) == outcomes[2]
    if "VERIFY" in tls.name:
        assert office.with_text("TLS failed") == [
            f"DCID 88 TLS failed: certificate is not for {NAME}"
        ]
    await server.stop()


@pytest.mark.parametrize(("tls", "outcomes"), CASES)
@pytest.mark.parametrize("name", [NAME, "partner.example"])
async def test_right_certificate(
    authority: CertificateAuthority, tls: DestinationTls, outcomes: tuple[str, ...], name: str
) -> None:
    server = await serve(authority, name)
    office = office_for(server, authority, tls)
    assert await outcome(office, server) == outcomes[3]
    if "VERIFY" in tls.name:
        line = office.with_text("TLS success")[0]
        assert line.startswith("DCID 88 TLS success protocol TLSv1.3 cipher TLS_")
        assert line.endswith(f"CN={name}")
    assert server.commands.count("EHLO gw1.corp.example") == (
        1 if tls is DestinationTls.NONE else 2
    )
    await server.stop()


REQUIRETLS = (*TLS, "REQUIRETLS")


async def test_requiretls(authority: CertificateAuthority) -> None:
    server = await serve(authority, offers=REQUIRETLS)
    office = office_for(server, authority, DestinationTls.NONE)
    assert await outcome(office, server, requiretls=True) == "encrypted"
    assert " REQUIRETLS" in server.received[0].mail
    await server.stop()


async def test_requiretls_without_the_offer_bounces(authority: CertificateAuthority) -> None:
    server = await serve(authority)
    office = office_for(server, authority, DestinationTls.PREFERRED)
    assert await outcome(office, server, requiretls=True) == "bounced"
    assert office.reports[0].reason == "5.7.30 - REQUIRETLS support required"
    await server.stop()


async def test_requiretls_without_verification_waits(
    authority: CertificateAuthority, stranger: CertificateAuthority
) -> None:
    server = await serve(stranger, offers=REQUIRETLS)
    office = office_for(server, authority, DestinationTls.PREFERRED)
    assert await outcome(office, server, requiretls=True) == "delayed"
    await server.stop()


async def test_many_messages_and_large_ones_over_tls(authority: CertificateAuthority) -> None:
    server = await serve(authority)
    large = b"Subject: x\r\n\r\n" + b"y" * 3_000_000 + b"\r\n"
    async with office_for(server, authority, DestinationTls.REQUIRED) as office:
        for _ in range(20):
            office.put("u@partner.example")
        office.put("v@partner.example", content=large, header=b"")
        await office.empty()
    assert all(m.is_encrypted for m in server.received)
    assert [m.content for m in server.received if m.recipients == ["v@partner.example"]] == [large]
    await server.stop()
