"""TLS settings in a running gateway: what `openssl s_client` sees, and what a reload changes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.system.crypto.tls import server_context
from tests.certificates import CertificateAuthority
from tests.end_to_end.gateway import Client, Gateway, base_config, message, running, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_operations import command


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("settings")
    config = base_config(
        folder,
        certificates={"gw": {"certificate": str(certificate[0]), "key": str(certificate[1])}},
    )
    config["listeners"][0].update(certificate="gw", policy={"tls": "preferred"})
    with running(folder, **config) as started:
        yield started


def s_client(gateway: Gateway, *options: str, typed: str = "") -> str:
    address = f"127.0.0.1:{gateway.port()}"
    done = subprocess.run(
        ["openssl", "s_client", "-connect", address, "-starttls", "smtp", *options],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_def_07_renegotiation_by_the_client_is_refused(gateway: Gateway) -> None:
    calm = s_client(gateway, "-tls1_2", typed="QUIT\n")
    assert "Secure Renegotiation IS supported" in calm
    assert "Protocol  : TLSv1.2" in calm
    said = s_client(gateway, "-tls1_2", typed="R\n")
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said


def test_tls_1_3_comes_first_and_old_versions_not_at_all(gateway: Gateway) -> None:
    assert "New, TLSv1.3, Cipher is TLS_" in s_client(gateway)
    old = s_client(gateway, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in old


def test_a_reload_swaps_versions_and_ciphers(gateway: Gateway) -> None:
    with Client(gateway.port()) as client:
        client.command("EHLO before")
        gateway.config["tls"] = {
            "inbound": {"maximum_version": "TLSv1.2", "ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"}
        }
        gateway.write_config()
        command(gateway, "reload")
        try:
            seen = s_client(gateway)
            assert "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in seen
            assert client.message(["bob@corp.example"], message()).startswith("250 ok:")
        finally:
            del gateway.config["tls"]
            gateway.write_config()
            command(gateway, "reload")
    assert "New, TLSv1.3" in s_client(gateway)


def test_a_wrong_list_is_a_problem_with_its_line(gateway: Gateway) -> None:
    gateway.config["tls"] = {"outbound": {"ciphers": "aNULL"}}
    gateway.write_config()
    try:
        said = command(gateway, "reload", code=1)
        lines = gateway.path.read_text(encoding="utf-8").splitlines()
        number = next(n for n, line in enumerate(lines, 1) if "aNULL" in line)
        assert f"{gateway.path}:{number}:" in said
        assert "tls.outbound.ciphers" in said
    finally:
        del gateway.config["tls"]
        gateway.write_config()
        command(gateway, "reload")


def test_delivery_verifies_against_the_custom_list(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    tls = server_context(authority.issue("127.0.0.1", "IP:127.0.0.1"), verify_client=False)
    pem = Path(authority.file).read_text(encoding="ascii")
    with Sink(tls=tls) as sink:
        config = base_config(
            tmp_path,
            smtp_routes={"partner.example": f"[127.0.0.1]:{sink.port}"},
            destinations={"partner.example": {"tls": "required_verify"}},
            authorities={"system": False, "custom": [pem]},
            tls={"outbound": {"maximum_version": "TLSv1.2"}},
        )
        with running(tmp_path, **config) as gateway, Client(gateway.port("Out")) as client:
            client.command("EHLO x")
            assert client.message(["bob@partner.example"], message()).startswith("250 ok:")
            wait_until(lambda: sink.count == 1, "delivery with a verified certificate")
