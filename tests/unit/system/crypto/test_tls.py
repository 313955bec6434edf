"""Handshakes in memory: what the contexts allow, and whom they trust."""

import ssl
from pathlib import Path

import pytest

from mailwarden.system.crypto.peer_names import is_for
from mailwarden.system.crypto.settings import CertificateFiles
from mailwarden.system.crypto.tls import CertificateError, client_context, server_context
from tests.certificates import CertificateAuthority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def files(authority: CertificateAuthority) -> CertificateFiles:
    return authority.issue("mx.partner.example", "*.int.partner.example")


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[ssl.SSLObject, ...]:
    """Return both ends, client first; raises what either end does."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="mx.partner.example"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not waiting
    for end in ends:  # in TLS 1.3 the server finds out about the client after the handshake
        with pytest.raises(ssl.SSLWantReadError):
            end.read(1)
    return ends


@pytest.mark.parametrize("rsa", [True, False])
def test_a_verified_connection(authority: CertificateAuthority, rsa: bool) -> None:
    files = authority.issue("mx.rsa.example" if rsa else "mx.ec.example", rsa=rsa)
    server = server_context(files, verify_client=False)
    client, _ = shake_hands(server, client_context(authority.file, verify=True))
    assert client.version() == "TLSv1.3"
    certificate = client.getpeercert()
    assert certificate is not None
    assert is_for(certificate, ["mx.rsa.example" if rsa else "mx.ec.example"])
    assert not is_for(certificate, ["mx.partner.example"])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_with_forward_secrecy(
    files: CertificateFiles, version: ssl.TLSVersion
) -> None:
    client_side = client_context("", verify=False)
    client_side.maximum_version = version
    client, server = shake_hands(server_context(files, verify_client=False), client_side)
    cipher = server.cipher()
    assert cipher is not None
    assert cipher[0].startswith(("ECDHE-", "TLS_"))
    assert client.compression() is None


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(files: CertificateFiles, version: ssl.TLSVersion) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = version
    with pytest.raises(ssl.SSLError):
        shake_hands(server_context(files, verify_client=False), old)


def test_no_cipher_is_without_secrecy_or_authentication(files: CertificateFiles) -> None:
    for context in (
        server_context(files, verify_client=False),
        client_context("", verify=False),
        client_context("", verify=True),
    ):
        names = [cipher["name"] for cipher in context.get_ciphers()]
        assert all(name.startswith(("TLS_", "ECDHE-", "DHE-RSA-")) for name in names)
        assert not [name for name in names if "NULL" in name or "RC4" in name or "3DES" in name]


def test_options(files: CertificateFiles) -> None:
    context = server_context(files, verify_client=False)
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.num_tickets == 0
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_certificate_of_a_stranger_is_refused(files: CertificateFiles, tmp_path: Path) -> None:
    stranger = CertificateAuthority(tmp_path, "stranger")
    server = server_context(files, verify_client=False)
    for ca_file in (stranger.file, ""):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(server, client_context(ca_file, verify=True))
    shake_hands(server, client_context(stranger.file, verify=False))


def test_clients_have_to_show_their_certificate(
    authority: CertificateAuthority, files: CertificateFiles, tmp_path: Path
) -> None:
    server = server_context(files, verify_client=True)
    known = authority.issue("client.partner.example")
    stranger = CertificateAuthority(tmp_path, "stranger").issue("stranger.example")
    client_side = client_context(authority.file, verify=True)
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake_hands(server, client_side)
    client_side.load_cert_chain(stranger.certificate, stranger.key)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, client_side)
    client_side.load_cert_chain(known.certificate, known.key)
    _, served = shake_hands(server, client_side)
    certificate = served.getpeercert()
    assert certificate is not None
    assert is_for(certificate, ["client.partner.example"])


def test_clients_are_verified_against_somebody(files: CertificateFiles) -> None:
    alone = CertificateFiles(certificate=files.certificate, key=files.key)
    with pytest.raises(CertificateError, match="client_ca") as caught:
        server_context(alone, verify_client=True)
    assert caught.value.setting == "client_ca"


def test_an_encrypted_key_does_not_ask_at_the_terminal(
    authority: CertificateAuthority, files: CertificateFiles
) -> None:
    with pytest.raises(CertificateError, match="is encrypted; remove its passphrase"):
        server_context(authority.encrypt_key(files), verify_client=False)


@pytest.mark.parametrize(
    ("entries", "names", "result"),
    [
        (["mx.a.example"], ["mx.a.example"], True),
        (["mx.a.example"], ["MX.A.Example."], True),
        (["mx.a.example"], ["other.example", "mx.a.example"], True),
        (["mx.a.example"], ["a.example"], False),
        (["mx.a.example"], [], False),
        (["*.a.example"], ["mx.a.example"], True),
        (["*.a.example"], ["a.example"], False),
        (["*.a.example"], ["x.mx.a.example"], False),
        (["m*.a.example"], ["mx.a.example"], False),
        (["*.*.example"], ["mx.a.example"], False),
        (["*.example"], ["a.example"], False),
        (["*"], ["localhost"], False),
        (["mailhost"], ["mailhost"], True),
        (["xn--mller-kva.example"], ["m\u00fcller.example"], True),
        (["bad name", ""], ["bad name", ""], False),
        (["192.0.2.1"], ["192.0.2.1"], False),  # an address stands in an entry of its own
    ],
)
def test_whom_a_certificate_is_for(entries: list[str], names: list[str], result: bool) -> None:
    certificate = {"subjectAltName": tuple(("DNS", entry) for entry in entries)}
    assert is_for(certificate, names) is result


def test_the_common_name_counts_only_without_alternatives() -> None:
    subject = ((("organizationName", "x"),), (("commonName", "mx.a.example"),))
    assert is_for({"subject": subject}, ["mx.a.example"])
    other = {"subject": subject, "subjectAltName": (("DNS", "b.example"),)}
    assert not is_for(other, ["mx.a.example"])
    assert not is_for({}, ["mx.a.example"])


def test_addresses_in_certificates(authority: CertificateAuthority) -> None:
    certificate = {"subjectAltName": (("IP Address", "2001:DB8:0:0:0:0:0:1"),)}
    assert is_for(certificate, ["[2001:db8::1]"])
    files = authority.issue("IP:192.0.2.1")
    client, _ = shake_hands(
        server_context(files, verify_client=False), client_context(authority.file, verify=True)
    )
    certificate = client.getpeercert() or {}
    assert is_for(certificate, ["192.0.2.1"])
    assert not is_for(certificate, ["192.0.2.2"])
