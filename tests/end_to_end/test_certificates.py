"""Certificates that the gateway keeps: from `certconfig` and from an authority to the clients."""

import os
import signal
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from mailwarden.services.certificates.facts import names_of
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from tests.end_to_end.gateway import Gateway, base_config, running, wait_until
from tests.end_to_end.pebble import pebble
from tests.end_to_end.test_cli_commands import cli, wait_administration
from tests.end_to_end.test_operations import command
from tests.unit.services.certificates.authority import NOW

CONNECTIONS = 20  # so many that each of two workers gets some


def seen(gateway: Gateway) -> set[x509.Certificate]:
    """Return the certificates that clients are shown after STARTTLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    found = set()
    for _ in range(CONNECTIONS):
        with smtplib.SMTP("127.0.0.1", gateway.port(), timeout=30) as client:
            client.starttls(context=context)
            assert isinstance(client.sock, ssl.SSLSocket)
            der = client.sock.getpeercert(binary_form=True)
            assert der is not None
            found.add(x509.load_der_x509_certificate(der))
    return found


def names_seen(gateway: Gateway) -> set[tuple[str, ...]]:
    return {names_of(each) for each in seen(gateway)}


def with_certificate(name: str = "mx1") -> Callable[[dict], None]:
    def change(config: dict) -> None:
        config["workers"] = 2
        config["certificates"] = {name: {}}
        config["listeners"][0] |= {"certificate": name, "policy": {"tls": "preferred"}}

    return change


def put_new(gateway: Gateway, name: str) -> tuple[x509.Certificate, str]:
    """Put a certificate for `name` where it can be imported; return it and what to type then."""
    pair = sign_self(make_key(KeyType.P_256), Wanted(common_name=name), NOW)
    folder = gateway.state / "management" / "configuration"
    (folder / "mx.p12").write_bytes(pair.to_pkcs12("x", "a password"))
    lines = "certconfig certificate import mx1 mx.p12 - force\na password\ncommit new\n"
    return pair.certificate, lines


def import_new(gateway: Gateway, name: str) -> x509.Certificate:
    """Bring in a certificate for `name`, as `mx1`, and commit it."""
    certificate, lines = put_new(gateway, name)
    shown = command(gateway, "cli", given=lines)
    assert "Changes committed" in shown, shown
    return certificate


def test_a_commit_reaches_all_workers(tmp_path: Path) -> None:
    config = base_config(tmp_path)
    with_certificate()(config)
    with running(tmp_path, **config) as gateway:
        assert names_seen(gateway) == {("gw1.corp.example",)}  # there is none yet
        gateway.wait_log("the system certificate is used instead")
        wait_administration(gateway)
        first = import_new(gateway, "mx1.corp.example")
        assert seen(gateway) == {first}
        store = gateway.state / "management" / "certificates"
        assert {path.stat().st_mode & 0o077 for path in store.rglob("*")} == {0}
        second = import_new(gateway, "mx2.corp.example")
        assert seen(gateway) == {second}
        pid = gateway.worker_pids()[0]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: gateway.is_up() and pid not in gateway.worker_pids(), "a new worker")
        assert seen(gateway) == {second}
        cli(gateway, "certconfig", "certificate", "new", "spare", "x.example", "key_type",
            "ECDSA P-256")  # fmt: skip
        assert seen(gateway) == {second}
        gateway.stop()
        gateway.start()
        assert seen(gateway) == {second}
        gateway.config["certificates"]["mx9"] = {}
        gateway.config["listeners"][0]["certificate"] = "mx9"
        gateway.write_config()
        with pytest.raises(AssertionError, match="keeps no certificate of this name"):
            command(gateway, "reload")
        assert seen(gateway) == {second}


def test_after_a_kill_there_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    config = base_config(tmp_path)
    with_certificate()(config)
    with running(tmp_path, **config) as gateway:
        wait_administration(gateway)
        first = import_new(gateway, "mx1.corp.example")
        kept = gateway.state / "management" / "certificates" / "mx1"
        before = set(kept.iterdir())
        second, lines = put_new(gateway, "mx2.corp.example")
        argv = [sys.executable, "-m", "mailwarden.app", "--config", str(gateway.path), "cli"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as client:
            assert client.stdin is not None
            client.stdin.write(lines.encode())
            client.stdin.close()
            wait_until(lambda: set(kept.iterdir()) - before, "the new one is kept")
            gateway.kill()
            client.kill()
        gateway.start()
        assert seen(gateway) in ({first}, {second})


def test_an_authority_renews_what_clients_see(tmp_path: Path) -> None:
    (tmp_path / "pebble").mkdir()
    with pebble(tmp_path / "pebble") as server:
        config = base_config(tmp_path, workers=2)
        with_certificate("mx")(config)
        config["authorities"] = {"system": False, "custom": list(server.authorities.custom)}
        config["acme"] = {
            "directory": server.directory,
            "terms_agreed": True,
            "http_addresses": ["127.0.0.1"],
            "http_port": server.http_port,
            "certificates": {"mx": {"domains": ["mx1.corp.example"]}},
        }
        with running(tmp_path, **config) as gateway:
            assert names_seen(gateway) == {("mx1.corp.example",)}  # it may stand in still
            gateway.wait_log("Certificate mx was issued")
            gateway.wait_log("a certificate that the gateway keeps changed")
            (issued,) = seen(gateway)
            assert names_of(issued) == ("mx1.corp.example",)
            assert "Pebble" in issued.issuer.rfc4514_string()
