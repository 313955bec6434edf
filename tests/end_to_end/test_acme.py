"""Certificates from a real ACME server: http-01, dns-01, accounts that have to be known."""

import random
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailwarden.services.certificates.acme.https import HttpsClient, authority_context
from mailwarden.services.certificates.acme.keeper import AcmeKeeper
from mailwarden.services.certificates.acme.responders import Http01Responder
from mailwarden.services.certificates.acme.settings import (
    AcmeCertificate,
    AcmeSettings,
    ChallengeType,
    ExternalAccount,
)
from mailwarden.services.certificates.facts import names_of
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.stand_in import stand_in
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.crypto.memory_files import certificate_in_memory
from mailwarden.system.crypto.tls import server_context
from tests.end_to_end.pebble import MAC_KEY, Pebble, pebble

HOOK = """#!{python}
import json, sys, urllib.request
action, name, value = sys.argv[1:]
path = "set-txt" if action == "present" else "clear-txt"
body = json.dumps({{"host": name + ".", "value": value}}).encode()
urllib.request.urlopen("http://127.0.0.1:{port}/" + path, body).read()
"""


class NoResolver:
    async def resolve_addresses(self, name: str) -> tuple[str, ...]:
        raise AssertionError(name)


class Events:
    def __init__(self) -> None:
        self.issued: list[str] = []
        self.failed: list[str] = []

    def certificate_issued(self, name: str, ends_at: float) -> None:
        self.issued.append(name)

    def order_failed(self, name: str, reason: str, next_attempt_at: float) -> None:
        self.failed.append(reason)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield running


def settings_of(server: Pebble, wanted: AcmeCertificate, **changes: object) -> AcmeSettings:
    settings = AcmeSettings(
        directory=server.directory,
        terms_agreed=True,
        contact=("admin@corp.example",),
        certificates={"mx": wanted},
    )
    return replace(settings, **changes)  # type: ignore[arg-type]


class Place:
    """A keeper of certificates; its responder has to be started and closed."""

    def __init__(self, folder: Path, server: Pebble, settings: AcmeSettings) -> None:
        self.events, self.responder = Events(), Http01Responder()
        self.store = CertificateStore(folder / "certificates")
        self.keeper = AcmeKeeper(
            settings,
            self.store,
            folder / "acme",
            asker=HttpsClient(NoResolver(), authority_context(server.authorities)),
            http=self.responder,
            events=self.events,
            clock=SystemClock(),
            random=random.Random(1),
        )


async def order(place: Place, server: Pebble) -> None:
    with socket.create_server(("127.0.0.1", server.http_port)) as listening:
        await place.responder.start(listening)
        try:
            await place.keeper.order_due()
        finally:
            await place.responder.close()


@pytest.mark.parametrize("kind", [KeyType.P_256, KeyType.P_384, KeyType.RSA_2048])
async def test_http_01(tmp_path: Path, server: Pebble, kind: KeyType) -> None:
    domains = ("mx1.corp.example", "mx.corp.example")
    wanted = AcmeCertificate(domains=domains, key=kind)
    place = Place(tmp_path, server, settings_of(server, wanted))
    stand_in(place.store, place.keeper.settings.certificates, time.time())
    await order(place, server)
    assert (place.events.issued, place.events.failed) == (["mx"], [])
    pair = place.store.load("mx").pair
    assert set(names_of(pair.certificate)) == set(domains)
    assert pair.chain
    with certificate_in_memory(pair.certificate_pem, pair.key_pem) as files:
        server_context(files, verify_client=False)
    await place.keeper.order_due()  # nothing is due
    assert place.events.issued == ["mx"]
    assert await _again(place, server)  # the account is there already


async def _again(place: Place, server: Pebble) -> bool:
    with socket.create_server(("127.0.0.1", server.http_port)) as listening:
        await place.responder.start(listening)
        try:
            return await place.keeper.order("mx")
        finally:
            await place.responder.close()


async def test_dns_01_by_a_program(tmp_path: Path, server: Pebble) -> None:
    hook = tmp_path / "hook"
    hook.write_text(HOOK.format(python=sys.executable, port=server.dns_management))
    hook.chmod(0o755)
    wanted = AcmeCertificate(domains=("*.dns.example",), challenge=ChallengeType.DNS_01)
    place = Place(tmp_path, server, settings_of(server, wanted, dns_hook=str(hook)))
    await place.keeper.order_due()
    assert (place.events.issued, place.events.failed) == (["mx"], [])
    assert names_of(place.store.load("mx").pair.certificate) == ("*.dns.example",)


async def test_a_domain_that_is_not_ours(tmp_path: Path, server: Pebble) -> None:
    """Nobody answers at the port where the authority asks."""
    place = Place(tmp_path, server, settings_of(server, AcmeCertificate(domains=("a.example",))))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await place.responder.start(listening)
        await place.keeper.order_due()
        await place.responder.close()
    (reason,) = place.events.failed
    assert reason.startswith("a.example could not be verified: connection: ")
    assert place.store.names() == []


async def test_a_name_that_the_authority_refuses(tmp_path: Path, server: Pebble) -> None:
    wanted = AcmeCertificate(domains=("192-0-2-1.localhost.",))
    place = Place(tmp_path, server, settings_of(server, wanted))
    await order(place, server)
    assert place.events.issued == []
    assert "malformed" in place.events.failed[0] or "rejected" in place.events.failed[0].lower()


async def test_an_authority_that_nobody_vouches_for(tmp_path: Path, server: Pebble) -> None:
    place = Place(tmp_path, server, settings_of(server, AcmeCertificate(domains=("a.example",))))
    place.keeper.asker = HttpsClient(NoResolver(), authority_context())
    await place.keeper.order_due()
    assert "certificate" in place.events.failed[0]


async def test_an_account_has_to_be_known(tmp_path: Path) -> None:
    with pebble(tmp_path, external=True) as server:
        wanted = AcmeCertificate(domains=("mx1.corp.example",))
        place = Place(tmp_path, server, settings_of(server, wanted))
        assert not await _again(place, server)
        assert "set acme.external_account" in place.events.failed[0]
        account = ExternalAccount(key_id="kid-1", mac_key=MAC_KEY)
        place.keeper.settings = settings_of(server, wanted, external_account=account)
        assert await _again(place, server)
        assert place.events.issued == ["mx"]
