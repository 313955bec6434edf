"""Problems of certificate files, each told so that it can be put right."""

import calendar
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwarden.system.crypto.check import check_files, warn_of_dates
from mailwarden.system.crypto.settings import CertificateFiles
from mailwarden.system.crypto.validity import (
    CERTIFICATES_MAX,
    parse_validities,
    parse_validity,
    read_validities,
)
from tests.certificates import CertificateAuthority

DAY = 86400


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def files(authority: CertificateAuthority) -> CertificateFiles:
    return authority.issue("mx.partner.example", days=90)


def problems(
    certificate: str, key: str, client_ca: str = "", *, verify_client: bool = False
) -> list[tuple[str, str]]:
    files = CertificateFiles(certificate=certificate, key=key, client_ca=client_ca)
    found = check_files(files, verify_client=verify_client)
    return [(problem.path, problem.message) for problem in found]


def test_good_files(files: CertificateFiles) -> None:
    assert problems(files.certificate, files.key, files.client_ca, verify_client=True) == []
    assert problems(files.certificate, files.key) == []


def test_files_that_are_missing(files: CertificateFiles) -> None:
    assert problems("/no/such/file", files.key, "/none") == [
        ("certificate", "the certificate /no/such/file cannot be read: No such file or directory"),
        ("client_ca", "the file of authorities /none cannot be read: No such file or directory"),
    ]
    assert problems(files.certificate, "/no/such/key") == [
        ("key", "the private key /no/such/key cannot be read: No such file or directory")
    ]
    assert problems(files.certificate, "/") == [
        ("key", "the private key / cannot be read: Is a directory")
    ]
    assert problems("nul\0", files.key)[0][0] == "certificate"


def test_files_that_are_something_else(files: CertificateFiles, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for certificate in (str(other), files.key, "/dev/null"):
        assert problems(certificate, files.key) == [
            ("certificate", f"the certificate {certificate} has no certificate in PEM form")
        ]
    assert problems(files.certificate, files.certificate) == [
        ("key", f"the private key {files.certificate} has no private key in PEM form")
    ]
    assert problems(files.certificate, files.key, str(other)) == [
        ("client_ca", f"the file of authorities {other} has no certificate in PEM form")
    ]


def test_a_key_of_another_certificate(
    authority: CertificateAuthority, files: CertificateFiles
) -> None:
    for other in (authority.issue("b.example"), authority.issue("c.example", rsa=True)):
        assert problems(files.certificate, other.key) == [
            ("key", f"the private key {other.key} does not belong to {files.certificate}")
        ]


def test_verifying_clients_needs_authorities(files: CertificateFiles) -> None:
    (problem,) = problems(files.certificate, files.key, verify_client=True)
    assert problem[0] == "client_ca"


def test_dates(authority: CertificateAuthority, files: CertificateFiles) -> None:
    (validity,) = read_validities(files.certificate)
    assert validity.ends_at - validity.starts_at == pytest.approx(90 * DAY, abs=1)

    def warnings(now: float) -> list[tuple[str, str]]:
        alone = CertificateFiles(certificate=files.certificate, key=files.key)
        return [(w.path, w.message.split(files.certificate)[1]) for w in warn_of_dates(alone, now)]

    assert warnings(validity.starts_at) == []
    assert warnings(validity.ends_at - 30 * DAY - 1) == []
    ((field, text),) = warnings(validity.ends_at - 29 * DAY)
    assert field == "certificate"
    assert text.startswith(" runs out on 20")
    assert warnings(validity.ends_at + 1)[0][1].startswith(" has run out on 20")
    assert warnings(validity.starts_at - 1)[0][1].startswith(" is valid only from 20")


def test_all_certificates_of_a_file_count(
    authority: CertificateAuthority, files: CertificateFiles, tmp_path: Path
) -> None:
    short = authority.issue("short.example", days=10)
    chain = tmp_path / "chain.pem"
    chain.write_text(Path(files.certificate).read_text() + Path(short.certificate).read_text())
    starts_at = read_validities(str(chain))[1].starts_at
    both = CertificateFiles(certificate=str(chain), key=files.key, client_ca=authority.file)
    assert [w.path for w in warn_of_dates(both, starts_at)] == ["certificate"]
    late = starts_at + 364 * DAY
    assert [w.path for w in warn_of_dates(both, late)] == ["certificate", "client_ca"]


def test_unreadable_files_have_no_dates() -> None:
    files = CertificateFiles(certificate="/no/such/file", key="", client_ca="/dev/null")
    assert list(warn_of_dates(files, 0)) == []


def der(starts: bytes, ends: bytes, *, version: bytes = b"\xa0\3\2\1\2") -> bytes:
    def element(tag: int, content: bytes) -> bytes:
        return bytes((tag, 0x82)) + len(content).to_bytes(2, "big") + content

    validity = element(0x30, starts + ends)
    body = version + b"\2\1\1" + element(0x30, b"") + element(0x30, b"") + validity
    return element(0x30, element(0x30, body + element(0x30, b"x")))


def test_dates_of_both_forms() -> None:
    """RFC 5280, 4.1.2.5: two digits up to 2049, four from 2050 on."""
    for version in (b"\xa0\3\2\1\2", b""):
        found = parse_validity(
            der(b"\x17\r500101000000Z", b"\x18\x0f20500101000000Z", version=version)
        )
        assert found.starts_at == calendar.timegm((1950, 1, 1, 0, 0, 0))
        assert found.ends_at == calendar.timegm((2050, 1, 1, 0, 0, 0))
    found = parse_validity(der(b"\x17\r491231235959Z", b"\x18\x0f99991231235959Z"))
    assert found.starts_at == calendar.timegm((2049, 12, 31, 23, 59, 59))


@given(st.binary(max_size=200))
def test_any_bytes_are_dates_or_refused(data: bytes) -> None:
    try:
        parse_validity(data)
    except (ValueError, IndexError):
        return


@given(st.integers(0, 300), st.integers(0, 255), st.integers(0, 300))
def test_damaged_certificates_are_dates_or_refused(place: int, value: int, cut: int) -> None:
    good = bytearray(der(b"\x17\r200101000000Z", b"\x18\x0f20500101000000Z"))
    good[place % len(good)] = value
    for data in (bytes(good), bytes(good[:cut])):
        try:
            parse_validity(data)
        except (ValueError, IndexError):
            continue


@pytest.mark.parametrize("content", [b"AAAA", b"A", b"MIIB", b"=" * 8])
def test_malformed_certificates_in_files(content: bytes) -> None:
    pem = b"-----BEGIN CERTIFICATE-----\n" + content + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match="certificate"):
        list(parse_validities(pem))


def test_endless_files(authority: CertificateAuthority) -> None:
    one = Path(authority.file).read_bytes()
    assert len(list(parse_validities(one * (CERTIFICATES_MAX + 50)))) == CERTIFICATES_MAX
