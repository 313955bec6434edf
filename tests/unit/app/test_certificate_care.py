"""The care for certificates: what is told in time, and what is handed to the workers."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailwarden.app.management.certificate_care import HAND_OUT, TOLD, CertificateCare
from mailwarden.app.management_ports import ACME, ManagementPorts
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import demo_text, parse_config
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.alerts import CRITICAL, SYSTEM, WARNING
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from tests.unit.control.commands.counter import Counter

DAY = 86_400
DIRECTORY = "https://127.0.0.1:1/dir"  # nobody listens there


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    counter = Counter(tmp_path)
    yield counter
    counter.close()


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, text: str, *, is_warning: bool = False) -> None:
        self.lines.append(text)


def configure(counter: Counter, **settings: Any) -> None:
    """Put settings in force."""
    administration = counter.administration
    candidate = counter.desk().candidate
    for name, value in settings.items():
        candidate = candidate.put((name,), value, MODEL)
    administration.config = administration.build(candidate.tree)


def acme(**changes: Any) -> dict[str, Any]:
    return {
        "directory": DIRECTORY,
        "terms_agreed": True,
        "certificates": {"mx": {"domains": ["mx1.corp.example"]}},
        **changes,
    }


def keep(counter: Counter, name: str, days: int) -> None:
    """Keep a certificate that runs out in so many days."""
    administration = counter.administration
    pair = sign_self(
        make_key(KeyType.P_256), Wanted(common_name="a.example", days=days), counter.clock.time()
    )
    administration.certificates.add(name, pair)


async def test_crt_09_what_runs_out_is_told_each_day_once(counter: Counter, tmp_path: Path) -> None:
    keep(counter, "mx", 90)
    (tmp_path / "cut.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END")
    table = {"mx": {}, "gone": {}, "file": {"certificate": "cut.pem", "key": "cut.pem"}}
    configure(counter, certificates=table)
    log = Log()
    care = CertificateCare(tmp_path, counter.administration, log)
    told = counter.alerts.told
    for _ in range(3):
        care.look_for_expiry()
    counter.clock.advance(80 * DAY)
    care.look_for_expiry()
    care = CertificateCare(tmp_path, counter.administration, log)  # after a restart
    care.look_for_expiry()
    counter.clock.advance(10 * DAY)
    care.look_for_expiry()
    counter.clock.advance(DAY)
    care.look_for_expiry()
    assert [(each.severity, each.about, each.text) for each in told] == [
        (WARNING, SYSTEM, "The certificate mx expires in 90 days"),
        (CRITICAL, SYSTEM, "The certificate mx expires in 10 days"),
        (CRITICAL, SYSTEM, "The certificate mx expires today"),
        (CRITICAL, SYSTEM, "The certificate mx has expired 1 day ago"),
    ]
    assert log.lines == [each.text for each in told]


async def test_what_acme_renews_is_told_when_it_is_late(counter: Counter, tmp_path: Path) -> None:
    keep(counter, "mx", 30)
    configure(counter, certificates={"mx": {}}, acme=acme())
    care = CertificateCare(tmp_path, counter.administration, Log())
    care.look_for_expiry()
    assert counter.alerts.told == []
    counter.clock.advance(16 * DAY)
    care.look_for_expiry()
    assert len(counter.alerts.told) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": []}', b"{" * 5000, b"\xff"])
async def test_damaged_notes_count_as_none(
    counter: Counter, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / TOLD).write_bytes(content)
    keep(counter, "mx", 90)
    configure(counter, certificates={"mx": {}})
    CertificateCare(tmp_path, counter.administration, Log()).look_for_expiry()
    assert len(counter.alerts.told) == 1


async def test_what_is_issued_is_handed_out(counter: Counter, tmp_path: Path) -> None:
    log = Log()
    counter.gateway.answers[HAND_OUT["command"]] = [{"problems": ["a worker cannot use it"]}]
    care = CertificateCare(tmp_path, counter.administration, log)
    care.certificate_issued("mx", counter.clock.time() + DAY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert counter.gateway.asked == [HAND_OUT]
    assert log.lines[-1] == "Certificate mx is not used: a worker cannot use it"
    await care.close()


async def test_an_order_that_fails_is_told(counter: Counter, tmp_path: Path) -> None:
    configure(counter, certificates={"mx": {}}, acme=acme())
    care = CertificateCare(tmp_path, counter.administration, Log())
    care.start()
    running = asyncio.create_task(care.run())
    await asyncio.sleep(0)
    assert counter.alerts.told == []  # there is no socket to be asked at yet
    care.listen([socket.create_server(("127.0.0.1", 0))])
    async with asyncio.timeout(60):
        while not counter.alerts.told:
            await asyncio.sleep(0.01)
    (told,) = counter.alerts.told
    assert told.severity == WARNING
    assert told.text.startswith("The certificate mx cannot be had by ACME: ")
    configure(counter, acme={})
    care.follow()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await care.close()


def config_of(folder: Path, wanted: dict[str, Any]) -> GatewayConfig:
    tree = yaml.safe_load(demo_text())
    tree["interfaces"]["Loopback"]["ssh_port"] = 0
    text = yaml.safe_dump({**tree, "acme": wanted})
    return parse_config(text, "x", folder, look_at_files=False)


def test_ports_are_bound_where_they_are_wanted(tmp_path: Path) -> None:
    ports = ManagementPorts()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = acme(http_addresses=["127.0.0.1"], http_port=port)
        config = config_of(tmp_path, wanted)
        with pytest.raises(OSError, match=r"acme\.http_port"):
            ports.bind(config)
    assert ports.bind(config)
    assert not ports.bind(config)
    assert (ports.services(), len(ports.descriptors())) == ([ACME], 1)
    by_dns = {"mx": {"domains": ["mx1.corp.example"], "challenge": "dns-01"}}
    wanted |= {"certificates": by_dns, "dns_hook": "/bin/true"}
    assert ports.bind(config_of(tmp_path, wanted))
    assert ports.descriptors() == []
    ports.close()
