"""`mailwarden tls-verify`: a real TLS conversation, explained (admin 1.6.5)."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from mailwarden.system.crypto.tls import server_context
from tests.certificates import CertificateAuthority
from tests.dns_server import serving
from tests.end_to_end.gateway import Gateway, base_config, free_port
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_operations import command

ZONE = {"mx.partner.example": {"A": ["127.0.0.1"]}, "other.example": {"A": ["127.0.0.1"]}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


def verify(
    tmp_path: Path,
    authority: CertificateAuthority,
    tls: ssl.SSLContext | None,
    control: str,
    *words: str,
    code: int = 0,
    **answers: Any,
) -> str:
    with Sink(tls=tls, **answers) as sink, serving(ZONE) as dns:
        config = base_config(
            tmp_path,
            smtp_routes={"partner.example": f"mx.partner.example:{sink.port}"},
            destinations={"partner.example": {"tls": control}},
            dns={"servers": [dns.address]},
            delivery={"ca_file": authority.file},
        )
        gateway = Gateway(tmp_path, config)
        gateway.start()
        try:
            text = command(gateway, "tls-verify", "partner.example", *words, code=code)
            assert sink.count == 0
            assert gateway.status()["totals"].get("connections_out", 0) == 0
        finally:
            gateway.stop()
        return text


def test_a_good_certificate_is_shown_and_taken(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    tls = server_context(authority.issue("mx.partner.example"), verify_client=False)
    text = verify(tmp_path, authority, tls, "required_verify")
    for words in (
        "TLS for partner.example is required_verify (destination controls, row partner.example)",
        "mx.partner.example [127.0.0.1]:",
        "220 sink.test ESMTP",
        "TLSv1.3 with TLS_",
        "certificate of mx.partner.example, by authority, until ",
        "leads to a known authority",
        "result: mail goes there encrypted, and the certificate is verified",
        "would go to 1 of 1",
    ):
        assert words in text, text


def test_a_certificate_for_somebody_else_stops_what_has_to_be_verified(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    tls = server_context(authority.issue("elsewhere.example"), verify_client=False)
    text = verify(tmp_path, authority, tls, "required_verify", code=1)
    assert "the certificate is not for mx.partner.example" in text
    assert "result: no mail goes there" in text
    assert "would go to none of 1 hosts" in text


def test_an_unknown_authority_is_explained_and_what_mail_would_do(
    tmp_path: Path, authority: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = CertificateAuthority(tmp_path_factory.mktemp("stranger"), "stranger")
    tls = server_context(stranger.issue("mx.partner.example"), verify_client=False)
    text = verify(tmp_path, authority, tls, "preferred_verify")
    assert "certificate verify failed: " in text
    assert "certificate of mx.partner.example, by stranger" in text
    assert "result: mail goes there encrypted; the certificate does not matter" in text


def test_a_host_without_starttls(tmp_path: Path, authority: CertificateAuthority) -> None:
    text = verify(tmp_path, authority, None, "preferred")
    assert "STARTTLS is not offered" in text
    assert "result: mail goes there in the clear" in text


def test_a_host_without_starttls_that_has_to_have_it(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    text = verify(tmp_path, authority, None, "required", code=1)
    assert "encrypted: STARTTLS is not offered" in text


def test_one_host_is_named_and_hosts_that_refuse(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    text = verify(
        tmp_path, authority, None, "none", "other.example",
        answer=lambda verb, _: b"451 not you\r\n" if verb == "EHLO" else None, code=1,
    )  # fmt: skip
    assert "other.example is none of its hosts; it is spoken to all the same" in text
    assert "other.example [127.0.0.1]:" in text
    assert "result: no mail goes there: 451 not you" in text


def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    port = free_port()
    routes = {"partner.example": f"127.0.0.1:{port}", "corp.example": "null:"}
    gateway = Gateway(tmp_path, base_config(tmp_path, smtp_routes=routes))
    gateway.start()
    try:
        text = command(gateway, "tls-verify", "partner.example", code=1)
        assert "cannot be reached: Connection refused" in text
        text = command(gateway, "tls-verify", "corp.example", code=1)
        assert "there is no host to speak to" in text
        text = command(gateway, "tls-verify", "nowhere.example", "--json", code=1)
        assert "DNS Soft Error looking up nowhere.example" in text
    finally:
        gateway.stop()


def test_a_host_is_tried_at_the_port_that_is_named(
    tmp_path: Path, authority: CertificateAuthority
) -> None:
    closed = free_port()
    text = verify(tmp_path, authority, None, "preferred", f"mx.partner.example:{closed}", code=1)
    assert f"mx.partner.example [127.0.0.1]:{closed}\n" in text
    assert "cannot be reached: " in text
