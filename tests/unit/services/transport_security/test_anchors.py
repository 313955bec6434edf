"""Handshakes in memory with servers whose trust anchor DNS names."""

import ssl
from pathlib import Path

import pytest

from mailwarden.core.policy.tls_report import ResultType
from mailwarden.services.transport_security.anchors import anchor_context, describe_failure
from mailwarden.system.crypto.peer_names import is_for
from mailwarden.system.crypto.settings import CertificateFiles
from mailwarden.system.crypto.tls import server_context
from tests.certificates import CertificateAuthority
from tests.unit.system.crypto.test_tls import shake_hands


def der(path: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def files(authority: CertificateAuthority) -> CertificateFiles:
    return authority.issue("mx.partner.example")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """An authority of the same name with another key."""
    return CertificateAuthority(tmp_path_factory.mktemp("other"))


def test_a_chain_up_to_the_anchor(
    authority: CertificateAuthority, other: CertificateAuthority, files: CertificateFiles
) -> None:
    context = anchor_context([der(other.file), der(authority.file)])
    client, _ = shake_hands(server_context(files, verify_client=False), context)
    certificate = client.getpeercert()
    assert certificate is not None
    assert is_for(certificate, ["mx.partner.example"])
    assert not is_for(certificate, ["partner.example"])


def test_the_anchor_need_not_be_a_root(files: CertificateFiles) -> None:
    context = anchor_context([der(files.certificate)])
    shake_hands(server_context(files, verify_client=False), context)


def test_a_signature_of_somebody_else(other: CertificateAuthority, files: CertificateFiles) -> None:
    """The digest of an anchor matches what a forger puts into his chain; this does not."""
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(server_context(files, verify_client=False), anchor_context([der(other.file)]))
    result, reason = describe_failure(caught.value)
    assert result is ResultType.CERTIFICATE_NOT_TRUSTED
    assert reason


def test_a_certificate_that_has_expired(authority: CertificateAuthority) -> None:
    old = authority.issue("old.partner.example", days=-1)
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(server_context(old, verify_client=False), anchor_context([der(authority.file)]))
    assert describe_failure(caught.value)[0] is ResultType.CERTIFICATE_EXPIRED


def test_a_certificate_for_somebody_else(authority: CertificateAuthority, tmp_path: Path) -> None:
    strange = authority.issue("strange.example")
    context = anchor_context([der(authority.file)])
    context.check_hostname = True
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(server_context(strange, verify_client=False), context)
    assert describe_failure(caught.value)[0] is ResultType.CERTIFICATE_HOST_MISMATCH


def test_other_failures_of_tls() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    assert describe_failure(error)[0] is ResultType.VALIDATION_FAILURE
    assert "wrong version number" in describe_failure(error)[1]


@pytest.mark.parametrize("anchors", [[], [b"nonsense"]])
def test_anchors_of_no_use(anchors: list[bytes]) -> None:
    with pytest.raises(ValueError):
        anchor_context(anchors)
