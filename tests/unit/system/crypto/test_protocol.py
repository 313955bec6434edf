"""What `sslconfig` steers: versions and ciphers of each kind of connection, and whom we trust."""

import ssl
import struct
from pathlib import Path

import pytest

from mailwarden.core.problem import Problem
from mailwarden.services.transport_security.anchors import anchor_context
from mailwarden.services.transport_security.https_fetcher import policy_context
from mailwarden.system.crypto.ciphers import DEFAULT_CIPHERS, list_ciphers, parse_ciphers
from mailwarden.system.crypto.settings import (
    AuthoritySettings,
    CertificateFiles,
    TlsProtocol,
    TlsVersion,
    parse_authority,
)
from mailwarden.system.crypto.tls import CertificateError, client_context, server_context
from mailwarden.system.crypto.tls_layer import TlsLayer
from tests.certificates import CertificateAuthority
from tests.unit.system.crypto.test_tls import shake_hands


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def files(authority: CertificateAuthority) -> CertificateFiles:
    return authority.issue("mx.partner.example")


OLD = TlsProtocol(minimum_version=TlsVersion.TLS_1_0, maximum_version=TlsVersion.TLS_1_1)
ONLY_1_2 = TlsProtocol(maximum_version=TlsVersion.TLS_1_2)
ONLY_1_3 = TlsProtocol(minimum_version=TlsVersion.TLS_1_3)


@pytest.mark.parametrize(
    ("protocol", "version"),
    [(TlsProtocol(), "TLSv1.3"), (ONLY_1_2, "TLSv1.2"), (ONLY_1_3, "TLSv1.3"), (OLD, "TLSv1.1")],
)
@pytest.mark.parametrize("side", ["server", "client"])
def test_versions_are_as_set(
    files: CertificateFiles, protocol: TlsProtocol, version: str, side: str
) -> None:
    anything = TlsProtocol(minimum_version=TlsVersion.TLS_1_0)
    server = server_context(
        files, verify_client=False, protocol=protocol if side == "server" else anything
    )
    client = client_context("", verify=False, protocol=protocol if side == "client" else anything)
    ends = shake_hands(server, client)
    assert ends[0].version() == version


def test_old_versions_are_not_spoken_where_certificates_count(
    files: CertificateFiles, authority: CertificateAuthority
) -> None:
    server = server_context(files, verify_client=False, protocol=OLD)
    with pytest.raises(ssl.SSLError):
        shake_hands(server, client_context(authority.file, verify=True, protocol=OLD))


def test_ciphers_are_as_set(files: CertificateFiles) -> None:
    protocol = TlsProtocol(
        maximum_version=TlsVersion.TLS_1_2, ciphers="ECDHE-ECDSA-AES256-GCM-SHA384"
    )
    client, _ = shake_hands(
        server_context(files, verify_client=False, protocol=protocol),
        client_context("", verify=False),
    )
    cipher = client.cipher()
    assert cipher is not None
    assert cipher[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    other = TlsProtocol(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        shake_hands(
            server_context(files, verify_client=False, protocol=protocol),
            client_context("", verify=False, protocol=other),
        )


def test_anchors_are_asked_with_the_same_protocol(
    files: CertificateFiles, authority: CertificateAuthority
) -> None:
    anchor = ssl.PEM_cert_to_DER_cert(Path(authority.file).read_text(encoding="ascii"))
    client, _ = shake_hands(
        server_context(files, verify_client=False), anchor_context([anchor], ONLY_1_2)
    )
    assert client.version() == "TLSv1.2"


def test_what_a_list_comes_to() -> None:
    suites = list_ciphers("ECDHE+AESGCM:!aRSA")
    assert [suite.name for suite in suites if suite.protocol == "TLSv1.2"] == [
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ]
    assert ("ecdhe", "ecdsa", "aes-256-gcm", 256) in [tuple(suite)[2:] for suite in suites]
    assert {suite.name for suite in suites} >= {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"}
    assert parse_ciphers(DEFAULT_CIPHERS) == DEFAULT_CIPHERS
    assert not [suite for suite in list_ciphers("HIGH:!aNULL") if "psk" in suite.key_exchange]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is no list of ciphers"),
        ("ECDHE;ls", "is no list of ciphers"),
        ("AESGCM:@SECLEVEL=0", "is no list of ciphers"),
        ("AESGCM:@WHATEVER", "is no list of ciphers"),
        ("NOSUCH", "allows no cipher"),
        ("SSLv2", "allows no cipher"),
        ("ALL:@STRENGTH", "goes without any certificate; add `:!aNULL`"),
        ("PSK+AES:!eNULL:!RSAPSK", "allows no cipher for TLS 1.2"),
        ("aNULL:!PSK:!SRP", "goes without any certificate; add `:!aNULL`"),
        ("eNULL:!aNULL:!PSK", "does not encrypt; add `:!eNULL`"),
        ("A" * 1001, "at most 1000 characters"),
        ("ECDHE\0", "is no list of ciphers"),
        ("\u00e9", "is no list of ciphers"),
    ],
)
def test_lists_that_are_refused(text: str, part: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_ciphers(text)
    assert part in str(caught.value)


def test_versions_the_wrong_way_round() -> None:
    wrong = TlsProtocol(
        minimum_version=TlsVersion.TLS_1_3, maximum_version=TlsVersion.TLS_1_2
    ).problems()
    assert list(wrong) == [Problem("minimum_version", "is newer than TLSv1.2")]
    assert list(TlsProtocol().problems()) == []


def test_what_fips_mode_refuses() -> None:
    strict = TlsProtocol(ciphers="ECDHE+AESGCM:DHE+AESGCM:!aNULL:!DSS:!PSK:!SRP")
    assert list(strict.fips_problems()) == []
    paths = [problem.path for problem in OLD.fips_problems()]
    assert paths == ["minimum_version", "ciphers"]
    (problem,) = TlsProtocol(ciphers="ECDHE+CHACHA20:AES256-GCM-SHA384").fips_problems()
    assert "ECDHE-RSA-CHACHA20-POLY1305, AES256-GCM-SHA384: not allowed" in problem.message


def legacy_hello() -> bytes:
    """Return a TLS 1.2 ClientHello that knows nothing of RFC 5746."""
    suites = struct.pack("!HH", 2, 0xC02B)  # ECDHE-ECDSA-AES128-GCM-SHA256, without the SCSV
    groups = struct.pack("!HHHH", 10, 4, 2, 23)
    signatures = struct.pack("!HHHH", 13, 4, 2, 0x0403)
    extensions = groups + signatures
    body = b"\x03\x03" + bytes(32) + b"\0" + suites + b"\x01\0"
    body += struct.pack("!H", len(extensions)) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake


def test_def_07_a_client_without_rfc_5746_can_connect(files: CertificateFiles) -> None:
    layer = TlsLayer(server_context(files, verify_client=False), server_side=True)
    _, answer = layer.feed(legacy_hello())
    assert (answer[0], answer[5]) == (0x16, 2)  # a handshake record with the ServerHello
    assert b"\xff\x01\x00\x01\x00" not in answer  # and no renegotiation_info, so none can follow


def test_def_07_only_secure_renegotiation_is_known(files: CertificateFiles) -> None:
    for context in (
        server_context(files, verify_client=False),
        client_context("", verify=False),
        client_context("", verify=True),
    ):
        assert context.options & ssl.OP_NO_RENEGOTIATION
        assert not context.options & 0x4  # SSL_OP_LEGACY_SERVER_CONNECT
        assert not context.options & 0x40000  # SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION


@pytest.mark.parametrize("make", ["client", "policy"])
def test_custom_authorities_are_trusted(
    authority: CertificateAuthority, files: CertificateFiles, tmp_path: Path, make: str
) -> None:
    pem = Path(authority.file).read_text(encoding="ascii")
    stranger = CertificateAuthority(tmp_path, "stranger")
    other = Path(stranger.file).read_text(encoding="ascii")
    server = server_context(files, verify_client=False)

    def client(*pems: str, system: bool = True) -> ssl.SSLContext:
        settings = AuthoritySettings(system=system, custom=tuple(map(parse_authority, pems)))
        if make == "policy":
            return policy_context("", settings)
        return client_context("", verify=True, authorities=settings)

    shake_hands(server, client(other, pem))
    shake_hands(server, client(pem, system=False))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client(other))
    assert len(client(pem).get_ca_certs()) > 1  # those of the system as well
    assert len(client(pem, system=False).get_ca_certs()) == 1


def test_an_authority_is_kept_as_one_line(authority: CertificateAuthority) -> None:
    pem = Path(authority.file).read_text(encoding="ascii")
    line = parse_authority(pem)
    assert parse_authority(line) == line
    assert parse_authority(f"\n {line} \n") == line
    assert "BEGIN" not in line
    assert "\n" not in line


@pytest.mark.parametrize("text", ["", "AAAA", "MIIB", "\u00e9", "-----BEGIN CERTIFICATE-----"])
def test_what_is_no_authority(text: str) -> None:
    with pytest.raises(ValueError, match="is no certificate"):
        parse_authority(text)


def test_an_authority_has_a_size(authority: CertificateAuthority) -> None:
    with pytest.raises(ValueError, match="at most 16384 bytes"):
        parse_authority("A" * 100_000)


def test_a_certificate_that_openssl_cannot_read_is_named(authority: CertificateAuthority) -> None:
    line = parse_authority(Path(authority.file).read_text(encoding="ascii"))
    settings = AuthoritySettings(system=False, custom=(line, line[:-40]))
    with pytest.raises(CertificateError, match="cannot read") as caught:
        client_context("", verify=True, authorities=settings)
    assert caught.value.setting == "custom[1]"


def test_somebody_has_to_be_trusted() -> None:
    assert [p.path for p in AuthoritySettings(system=False).problems()] == ["system"]
    assert list(AuthoritySettings().problems()) == []
