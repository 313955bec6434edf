"""The certificates that a peer shows: with Python 3.11 they lie behind a private name."""

import dataclasses
import ssl
from pathlib import Path

from mailwarden.system.crypto.peer_chain import peer_chain
from mailwarden.system.crypto.tls import client_context, server_context
from tests.certificates import CertificateAuthority
from tests.unit.system.crypto.test_tls import shake_hands


def test_the_whole_chain_in_its_order(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    files = authority.issue("mx.partner.example")
    leaf, anchor = Path(files.certificate).read_text(), Path(authority.file).read_text()
    both = tmp_path / "both.pem"
    both.write_text(leaf + anchor)
    server = server_context(dataclasses.replace(files, certificate=str(both)), verify_client=False)
    expected = tuple(map(ssl.PEM_cert_to_DER_cert, (leaf, anchor)))
    for verify in (False, True):  # what was shown, whether or not anybody checks it
        client, _ = shake_hands(server, client_context(authority.file, verify=verify))
        assert peer_chain(client) == expected
        assert client.getpeercert(binary_form=True) == expected[0]


def test_a_certificate_alone(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    files = authority.issue("mx.partner.example")
    server = server_context(files, verify_client=False)
    # The authority is not shown, though the client knows it.
    client, _ = shake_hands(server, client_context(authority.file, verify=True))
    assert len(peer_chain(client)) == 1
