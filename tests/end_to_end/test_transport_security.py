"""DANE and MTA-STS from the policy of a domain to the mail at its host, or to the mail that waits.

A name server, policy hosts and mail hosts of our own; one gateway for all cases, each of which has
a domain.
"""

import hashlib
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mailwarden.core.policy.dane_certificate import find_public_key
from mailwarden.system.crypto.settings import CertificateFiles
from mailwarden.system.crypto.tls import server_context
from tests.certificates import CertificateAuthority
from tests.dns_server import serving
from tests.end_to_end.gateway import Client, Gateway, base_config, message, running, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.web import Web

SECURE: dict[str, list[str]] = {"SECURE": []}
POLICY_PATH = "/.well-known/mta-sts.txt"


def der_of(file: str) -> bytes:
    """Return the first certificate of a file."""
    end = "-----END CERTIFICATE-----\n"
    return ssl.PEM_cert_to_DER_cert(Path(file).read_text().partition(end)[0] + end)


def dane_ee(certificate: bytes) -> str:
    return f"3 1 1 {hashlib.sha256(find_public_key(certificate)).hexdigest()}"


class Street:
    """Domains with their mail hosts; `zone` is what DNS says of them."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.zone: dict[str, Any] = {}
        self.routes: dict[str, str] = {}
        self.sinks: dict[str, Sink] = {}
        self._stack = stack
        self._directory = directory
        (directory / "known").mkdir()
        self.known = CertificateAuthority(directory / "known")
        (directory / "stranger").mkdir()
        self.stranger = CertificateAuthority(directory / "stranger", "stranger")
        self.policy_hosts: list[str] = []
        self.policies: dict[str, bytes] = {}

    def issue(self, authority: CertificateAuthority, host: str) -> CertificateFiles:
        """Return a certificate that is shown together with its authority."""
        files = authority.issue(host)
        both = Path(f"{files.certificate}.both")
        both.write_text(Path(files.certificate).read_text() + Path(authority.file).read_text())
        return CertificateFiles(certificate=str(both), key=files.key)

    def domain(
        self,
        domain: str,
        files: CertificateFiles | None,
        *,
        tlsa: str | dict[str, Any] | None = None,
        is_signed: bool = True,
        policy: str | None = None,
        mx: str = "",
    ) -> Sink:
        """Build one with a host `mx.<domain>`, and a policy in a mode that names `mx`."""
        context = None if files is None else server_context(files, verify_client=False)
        sink = self._stack.enter_context(Sink(tls=context))
        signed = SECURE if is_signed else {}
        host = f"mx.{domain}"
        self.zone[domain] = {"MX": [f"10 {host}"], **signed}
        self.zone[host] = {"A": ["127.0.0.1"], **signed}
        if tlsa is not None:
            records = {"TLSA": [tlsa], **signed} if isinstance(tlsa, str) else tlsa
            self.zone[f"_{sink.port}._tcp.{host}"] = records
        if policy is not None:
            self.zone[f"_mta-sts.{domain}"] = {"TXT": ["v=STSv1; id=1;"], "TTL": ["0"]}
            self.zone[f"mta-sts.{domain}"] = {"A": ["127.0.0.1"]}
            self.policy_hosts.append(f"mta-sts.{domain}")
            text = f"version: STSv1\nmode: {policy}\nmx: {mx or host}\nmax_age: 86400\n"
            self.policies[f"mta-sts.{domain}{POLICY_PATH}"] = text.encode()
        self.routes[domain] = f"{domain}:{sink.port}"
        self.sinks[domain] = sink
        return sink

    def web(self) -> Web:
        files = self.known.issue("policies.example", *self.policy_hosts)
        web = self._stack.enter_context(Web(server_context(files, verify_client=False)))
        web.files.update(self.policies)
        return web

    def config(self, directory: Path, dns: str, web: Web, **delivery: Any) -> dict[str, Any]:
        return base_config(
            directory,
            smtp_routes=self.routes,
            dns={"trusted_servers": [dns], "timeout_seconds": 5},
            delivery={
                "ca_file": self.known.file,
                "mta_sts": {"port": web.port},
                "host_down_seconds": 0,
                **delivery,
            },
        )


def build_dane(street: Street) -> None:
    files = street.issue(street.stranger, "mx.ee.example")
    leaf, authority = der_of(files.certificate), der_of(street.stranger.file)
    street.domain("ee.example", files, tlsa=dane_ee(leaf))
    anchor = f"2 0 1 {hashlib.sha256(authority).hexdigest()}"
    street.domain("ta.example", street.issue(street.stranger, "mx.ta.example"), tlsa=anchor)
    # Neither the name of the host nor that of the domain.
    street.domain("ta-name.example", files, tlsa=anchor)
    street.domain("mismatch.example", files, tlsa="3 1 1 " + "ab" * 32)
    street.domain("clear.example", None, tlsa=dane_ee(leaf))
    street.domain("none.example", files)
    street.domain("unsigned.example", files, tlsa="3 1 1 " + "ab" * 32, is_signed=False)
    street.domain("bogus.example", files, tlsa={"SERVFAIL": []})
    street.domain("unusable.example", files, tlsa="1 1 1 " + "ab" * 32)
    street.domain("exempt.example", files, tlsa="3 1 1 " + "ab" * 32)


def build_sts(street: Street) -> None:
    strange = street.issue(street.stranger, "mx.strange.example")
    for domain in ("sts.example", "unnamed.example", "fetch.example", "both.example"):
        files = street.issue(street.known, f"mx.{domain}")
        street.domain(domain, files, policy="enforce")
    street.domain("strange.example", strange, policy="enforce")
    # For the domain only, which would be enough for `required_verify`.
    street.domain("name.example", street.known.issue("name.example"), policy="enforce")
    street.policies[f"mta-sts.unnamed.example{POLICY_PATH}"] = (
        b"version: STSv1\nmode: enforce\nmx: *.elsewhere.example\nmax_age: 86400\n"
    )
    del street.policies[f"mta-sts.fetch.example{POLICY_PATH}"]
    street.domain("testing.example", strange, policy="testing")
    street.domain("testing-clear.example", None, policy="testing")
    # DANE that fails is not made up for (RFC 8461, 2).
    port = street.sinks["both.example"].port
    street.zone[f"_{port}._tcp.mx.both.example"] = {"TLSA": ["3 1 1 " + "ab" * 32], **SECURE}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with ExitStack() as stack:
        street = Street(tmp_path_factory.mktemp("street"), stack)
        build_dane(street)
        build_sts(street)
        yield street


@pytest.fixture(scope="module")
def gateway(street: Street, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("gateway")
    with serving(street.zone) as server:
        web = street.web()
        config = street.config(
            directory, server.address, web, dane={"except_domains": ["exempt.example"]}
        )
        with running(directory, **config) as gateway:
            yield gateway


def send(gateway: Gateway, domain: str, subject: str = "x") -> None:
    with Client(gateway.port("Out")) as client:
        client.command("EHLO ann.corp.example")
        reply = client.message([f"u@{domain}"], message(subject), sender="ann@corp.example")
        assert reply.startswith("250"), reply


def command(gateway: Gateway, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


DELIVERED = [
    ("ee.example", True),
    ("ta.example", True),
    ("none.example", False),
    ("unsigned.example", False),
    ("unusable.example", True),
    ("exempt.example", False),
    ("sts.example", True),
    ("fetch.example", False),
    ("testing.example", True),
    ("testing-clear.example", False),
]


@pytest.mark.parametrize(("domain", "is_encrypted"), DELIVERED)
def test_mail_goes(street: Street, gateway: Gateway, domain: str, is_encrypted: bool) -> None:
    sink = street.sinks[domain]
    send(gateway, domain)
    wait_until(lambda: sink.count, f"mail for {domain} in:\n{gateway.log()[-3000:]}")
    assert sink.encrypted == is_encrypted
    if domain in COUNTED:
        wait_counted(gateway, COUNTED[domain])


def wait_counted(gateway: Gateway, name: str) -> None:
    """Wait until `mailwarden status` has counted that at least once."""
    wait_until(lambda: gateway.status()["totals"].get(name), name)
    assert name.replace("_", " ") in command(gateway, "status").replace("_", " ")


COUNTED = {
    "ee.example": "dane_verified",
    "ta.example": "dane_verified",
    "sts.example": "mta_sts_verified",
}

WAITING = [  # domain, who asks, why not
    ("mismatch.example", "DANE", "no TLSA record describes its certificate"),
    ("both.example", "DANE", "no TLSA record describes its certificate"),
    ("clear.example", "DANE", "STARTTLS is not offered"),
    ("bogus.example", "DANE", "the TLSA lookup failed"),
    ("ta-name.example", "DANE", "certificate is not for mx.ta-name.example"),
    (
        "strange.example",
        "MTA-STS (enforce)",
        "certificate verify failed: self-signed certificate in certificate chain",
    ),
    ("name.example", "MTA-STS (enforce)", "certificate is not for mx.name.example"),
    ("unnamed.example", "MTA-STS (enforce)", "mx.unnamed.example is not in the MTA-STS policy"),
]


@pytest.mark.parametrize(("domain", "who", "why"), WAITING)
def test_mail_waits(street: Street, gateway: Gateway, domain: str, who: str, why: str) -> None:
    sink = street.sinks[domain]
    reason = f"{who} of {domain}: mx.{domain}: {why}"
    send(gateway, domain)
    line = gateway.wait_log(f"{reason}'")
    assert line.split("Info: ")[1].startswith("Delayed: DCID 0 MID ")
    assert "4.7.10 - Encryption needed" in line
    assert (sink.count, sink.encrypted) == (0, 0)
    name = f"{domain}:{sink.port}"
    (row,) = json.loads(command(gateway, "queue", "hosts", name, "--json"))
    assert reason in row["last_error"]
    assert row["endpoints"][0]["tls"] == who
    shown = command(gateway, "queue", "hosts", name)
    assert f"Last error: 4.7.10 - Encryption needed '{reason}'" in shown
    wait_counted(gateway, "dane_failed" if who == "DANE" else "mta_sts_failed")


def test_the_next_host_is_tried(street: Street, gateway: Gateway) -> None:
    """RFC 7672, 2.2: a host that is not the right one is as one that does not answer."""
    first = street.sinks["mismatch.example"]
    files = street.issue(street.stranger, "mx.two.example")
    context = server_context(files, verify_client=False)
    with Sink(tls=context, host="127.0.0.2", port=first.port) as second:
        street.zone["mismatch.example"]["MX"].append("20 mx.two.example")
        street.zone["mx.two.example"] = {"A": ["127.0.0.2"], **SECURE}
        tlsa = {"TLSA": [dane_ee(der_of(files.certificate))], **SECURE}
        street.zone[f"_{first.port}._tcp.mx.two.example"] = tlsa
        street.zone["two.example"] = street.zone["mismatch.example"]
        gateway.config["smtp_routes"]["two.example"] = f"two.example:{first.port}"
        gateway.write_config()
        assert "reloaded" in command(gateway, "reload")
        send(gateway, "two.example", "second")
        wait_until(lambda: second.encrypted, f"mail at the second host:\n{gateway.log()[-3000:]}")
        assert first.count == 0


def test_a_policy_outlives_a_restart(tmp_path: Path) -> None:
    with ExitStack() as stack:
        street = Street(tmp_path, stack)
        good = street.issue(street.known, "mx.kept.example")
        sink = street.domain("kept.example", good, policy="enforce", is_signed=False)
        server = stack.enter_context(serving(street.zone))
        web = street.web()
        (tmp_path / "gateway").mkdir()
        config = street.config(tmp_path / "gateway", server.address, web)
        with running(tmp_path / "gateway", **config) as gateway:
            send(gateway, "kept.example")
            wait_until(lambda: sink.encrypted == 1, "the first message")
            gateway.stop()
            # Somebody stands between, and lets no policy through that would show him.
            bad = street.issue(street.stranger, "mx.kept.example")
            sink.tls = server_context(bad, verify_client=False)
            street.zone["_mta-sts.kept.example"]["TXT"] = ["v=STSv1; id=2;"]
            web.files.clear()
            gateway.start()
            send(gateway, "kept.example")
            gateway.wait_log("MTA-STS (enforce) of kept.example: mx.kept.example: certificate")
            assert f"mta-sts.kept.example{POLICY_PATH}" in web.asked[1:]
            # RFC 8461, 5.1: a new policy is looked for before anything is given up.
            text = b"version: STSv1\nmode: none\nmax_age: 86400\n"
            web.files[f"mta-sts.kept.example{POLICY_PATH}"] = text
            street.zone["_mta-sts.kept.example"]["TXT"] = ["v=STSv1; id=3;"]
            command(gateway, "queue", "retry", "all")
            wait_until(lambda: sink.count == 2, f"the second message:\n{gateway.log()[-3000:]}")
            assert sink.encrypted == 1


def test_the_administrator_may_say_no(tmp_path: Path) -> None:
    with ExitStack() as stack:
        street = Street(tmp_path, stack)
        sink = street.domain("no.example", None, policy="enforce", tlsa="3 1 1 " + "ab" * 32)
        server = stack.enter_context(serving(street.zone))
        (tmp_path / "gateway").mkdir()
        config = street.config(tmp_path / "gateway", server.address, street.web())
        with running(tmp_path / "gateway", **config) as gateway:
            send(gateway, "no.example")
            gateway.wait_log("DANE of no.example: mx.no.example: STARTTLS is not offered")
            gateway.config["delivery"]["dane"] = {"enabled": False}
            gateway.write_config()
            command(gateway, "reload")
            command(gateway, "queue", "retry", "all")
            gateway.wait_log("MTA-STS (enforce) of no.example: mx.no.example: STARTTLS")
            gateway.config["delivery"]["mta_sts"]["except_domains"] = ["no.example"]
            gateway.write_config()
            command(gateway, "reload")
            command(gateway, "queue", "retry", "all")
            wait_until(lambda: sink.count == 1, f"the message:\n{gateway.log()[-3000:]}")


def test_a_policy_host_holds_mail_up_for_a_limited_time(tmp_path: Path) -> None:
    with ExitStack() as stack:
        street = Street(tmp_path, stack)
        sink = street.domain("slow.example", None, policy="enforce", is_signed=False)
        server = stack.enter_context(serving(street.zone))
        web = street.web()
        web.delay_seconds = 3600
        (tmp_path / "gateway").mkdir()
        sts = {"port": web.port, "timeout_seconds": 0.5}
        config = street.config(tmp_path / "gateway", server.address, web, mta_sts=sts)
        with running(tmp_path / "gateway", **config) as gateway:
            send(gateway, "slow.example")
            # RFC 8461, 3.3: without a policy that could be had, there is none.
            wait_until(lambda: sink.count == 1, f"the message:\n{gateway.log()[-3000:]}")
            assert web.asked == [f"mta-sts.slow.example{POLICY_PATH}"]


def test_dane_needs_trusted_servers(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, base_config(tmp_path))
    gateway.write_config()
    assert "DANE is off: `dns.trusted_servers` names no server" in command(gateway, "check")
    gateway.config["dns"] = {"trusted_servers": ["127.0.0.1"]}
    gateway.write_config()
    assert "DANE is off" not in command(gateway, "check")
