"""The custom list of authorities (admin CRT-08)."""

import pytest

from mailwarden.services.certificates.authorities import (
    describe_authorities,
    export_authorities,
    import_authorities,
)
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from mailwarden.system.crypto.settings import AuthoritySettings, parse_authority
from mailwarden.system.crypto.tls import client_context
from tests.unit.services.certificates.authority import NOW, Authority


def test_crt_08_authorities_are_taken_and_others_passed_over() -> None:
    good, old = Authority("Good"), Authority("Old", days=-1)
    leaf = sign_self(make_key(KeyType.P_256), Wanted(common_name="mx.example"), NOW)
    content = b"text\n" + good.pem + old.pem + leaf.certificate_pem + good.pem
    content += b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    done = import_authorities(content, (), NOW)
    assert done.added == ("CN=Good",)
    assert done.passed_over == (
        "CN=Old: has run out",
        "CN=mx.example: is not an authority (its CA flag is not set)",
        "CN=Good: is in the list already",
        "number 5: malformed",
    )
    assert done.custom == (parse_authority(good.pem.decode()),)
    settings = AuthoritySettings(system=False, custom=done.custom)
    assert len(client_context("", verify=True, authorities=settings).get_ca_certs()) == 1


def test_crt_08_the_list_is_exported_as_it_is_imported() -> None:
    first, second = Authority("First"), Authority("Second")
    custom = import_authorities(first.pem + second.pem, (), NOW).custom
    exported = export_authorities(custom)
    assert exported == b"# CN=First\n" + first.pem + b"# CN=Second\n" + second.pem
    assert import_authorities(exported, (), NOW).custom == custom
    assert import_authorities(first.pem, custom, NOW).custom == custom
    assert [facts.subject for facts in describe_authorities(custom)] == ["CN=First", "CN=Second"]


def test_what_is_no_list() -> None:
    for content, part in ((b"", "no certificate"), (b"x" * 2_000_000, "larger")):
        with pytest.raises(CertificateRefusedError, match=part):
            import_authorities(content, (), NOW)
    with pytest.raises(CertificateRefusedError, match="malformed"):
        export_authorities(["AAAA"])
