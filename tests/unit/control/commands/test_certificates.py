"""`certconfig`: keys at once, what uses them with the commit (admin 1.7, CRT-01 to CRT-09)."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from mailwarden.control.operations.certificates import key_pairs
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import Role
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.pair import Pair
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from mailwarden.system.crypto.settings import parse_authority
from tests.unit.control.commands.counter import Counter, Sitting, run_line, sit
from tests.unit.services.certificates.authority import NOW, Authority

NEW = 'certconfig CERTIFICATE NEW {} mx1.corp.example key_type "ECDSA P-256"'
USE = ("listeners", "Public", "certificate")


@pytest.fixture
def counter(counter: Counter) -> Counter:
    counter.clock.now = NOW
    return counter


def pair_for(name: str = "mx1.corp.example") -> Pair:
    return sign_self(make_key(KeyType.P_256), Wanted(common_name=name), NOW)


def put_file(counter: Counter, name: str, content: bytes) -> None:
    (counter.administration.files / name).write_bytes(content)


def use(counter: Counter, desk: Any, name: str) -> None:
    """Let the listener use a certificate, pending."""
    desk.candidate = desk.candidate.put(USE, name, MODEL)


def printed(desk: Any) -> list[dict[str, Any]]:
    data = json.loads(run_line(desk, "--json certconfig CERTIFICATE PRINT").shown)
    found: list[dict[str, Any]] = data["data"]
    return found


def test_crt_01_a_new_key_is_kept_and_its_use_is_pending(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "certconfig", "certificate", "new", "mx1", "mx1.corp.example", "Corp", "", "", "",
        "de", "", "mx1.corp.example, mx.corp.example", "ECDSA P-256", "", "", "", "commit", "",
    )  # fmt: skip
    assert "-----BEGIN CERTIFICATE REQUEST-----" in sitting.shown
    assert 'The certificate mx1 is kept. Be sure to run "commit"' in sitting.shown
    assert counter.running("certificates", "mx1") == {}
    (listed,) = printed(desk)
    assert listed["facts"]["names"] == ["mx1.corp.example", "mx.corp.example"]
    assert listed["facts"]["subject"] == "CN=mx1.corp.example,O=Corp,C=DE"
    assert "BEGIN CERTIFICATE REQUEST" in listed["request"]
    refused = run_line(desk, NEW.format("mx1"))
    assert (refused.status, "There is a certificate mx1 already" in refused.errors) == (1, True)


def test_crt_01_what_an_authority_signs_is_in_force_with_the_commit(counter: Counter) -> None:
    desk = counter.desk()
    store = counter.administration.certificates
    sit(desk, NEW.format("mx1"), "commit x")
    before = store.load("mx1")
    middle = Authority("Middle", Authority("Root"))
    signed = (middle.sign(before.request) + middle.pem).decode().splitlines()
    sitting = run_line(desk, "certconfig CERTIFICATE EDIT mx1 signed -", *signed, ".")
    assert sitting.status == 0, sitting.errors
    assert counter.running("certificates", "mx1") == {}
    assert store.load("mx1").pair == before.pair
    run_line(desk, "commit x")
    fingerprint = counter.running("certificates", "mx1")["fingerprint"]
    assert store.load("mx1", fingerprint).pair.certificate.issuer == middle.certificate.subject
    sit(desk, "rollbackconfig", "2", "commit x")
    assert counter.running("certificates", "mx1") == {}
    other = run_line(
        desk, "certconfig CERTIFICATE EDIT mx1 signed -", *middle.pem.decode().splitlines(), "."
    )
    assert "belongs to none of the certificates: CN=Middle" in other.errors


def test_intermediates_come_later(counter: Counter) -> None:
    desk = counter.desk()
    middle = Authority("Middle", Authority("Root"))
    run_line(desk, NEW.format("mx1"))
    request = counter.administration.certificates.load("mx1").request
    for what, pem in (("signed", middle.sign(request)), ("intermediates", middle.pem)):
        done = run_line(
            desk, f"certconfig CERTIFICATE EDIT mx1 {what} -", *pem.decode().splitlines(), "."
        )
        assert done.status == 0, done.errors
    (listed,) = printed(desk)
    assert [each["subject"] for each in listed["chain"]] == ["CN=Middle"]


def test_crt_01_a_pkcs12_file_comes_in_and_goes_out(counter: Counter) -> None:
    desk, pair = counter.desk(), pair_for()
    put_file(counter, "mx.p12", pair.to_pkcs12("x", "a password"))
    wrong = run_line(desk, "certconfig CERTIFICATE IMPORT mx1 mx.p12 -", "another one")
    assert "the password is wrong" in wrong.errors
    done = run_line(desk, "certconfig CERTIFICATE IMPORT mx1 mx.p12 -", "a password")
    assert done.status == 0, done.errors
    assert not (counter.administration.files / "mx.p12").exists()  # CRT-04
    assert counter.administration.certificates.load("mx1").pair == pair
    gone = run_line(desk, "certconfig CERTIFICATE IMPORT mx2 mx.p12 -", "a password")
    assert "No such file" in gone.errors
    short = run_line(desk, "certconfig CERTIFICATE EXPORT mx1 out.p12 -", "short")
    assert "8 letters at least" in short.errors
    out = sit(desk, "certconfig certificate export mx1 out.p12 -", "long enough", "long enough")
    assert "are in /configuration/out.p12" in out.shown
    content = (counter.administration.files / "out.p12").read_bytes()
    assert load_pkcs12(content, b"long enough").cert is not None


def test_crt_01_pem_is_pasted_and_takes_the_place_of_another(counter: Counter) -> None:
    desk, old, new = counter.desk(), pair_for(), pair_for("mx2.corp.example")
    lines = [pem.decode().splitlines() for pem in (old.certificate_pem, old.key_pem)]
    sitting = sit(
        desk, "certconfig", "certificate", "paste", "mx1", *lines[0], ".", *lines[1], ".", ".",
        "", "", "commit", "",
    )  # fmt: skip
    assert "The certificate mx1 is kept." in sitting.shown
    locked = new.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open")
    )
    certificate, key = (pem.decode().splitlines() for pem in (new.certificate_pem, locked))
    paste = "certconfig CERTIFICATE PASTE mx1 - -"
    asked = (*certificate, ".", *key, ".")
    refused = run_line(desk, f"--json {paste} key_password -", *asked, "open")
    assert "this needs the word force" in refused.shown
    done = run_line(desk, f"{paste} key_password - force", *asked, "open")
    assert done.status == 0, done.errors
    fingerprint = desk.candidate.tree["certificates"]["mx1"]["fingerprint"]
    store = counter.administration.certificates
    assert store.load("mx1", fingerprint).pair == new
    assert store.load("mx1").pair == old


def test_what_cannot_be_pasted(counter: Counter) -> None:
    desk, one, other = counter.desk(), pair_for("a.example"), pair_for("b.example")
    lines = [pem.decode().splitlines() for pem in (one.certificate_pem, other.key_pem)]
    done = run_line(desk, "certconfig CERTIFICATE PASTE mx1 - -", *lines[0], ".", *lines[1], ".")
    assert "belongs to none of the certificates: CN=a.example" in done.errors
    assert counter.administration.certificates.names() == []
    assert desk.pending_changes() == 0


def test_crt_07_what_is_used_is_not_deleted(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, NEW.format("mx1"))
    use(counter, desk, "mx1")
    run_line(desk, "commit x")
    refused = run_line(desk, "certconfig CERTIFICATE DELETE mx1 force")
    assert 'The certificate mx1 is used by Listener "Public".' in refused.errors
    use(counter, desk, "")
    done = run_line(desk, "certconfig certificate delete mx1 force")
    assert "Its key is deleted with the commit." in done.shown
    assert counter.administration.certificates.names() == ["mx1"]
    run_line(desk, "commit x")
    assert counter.administration.certificates.names() == []


def test_what_is_cleared_is_not_deleted(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, NEW.format("mx1"), "commit x")
    delete = "certconfig certificate delete mx1 force"
    sit(desk, delete, "clearchanges", "y", "sethostname a.example.com", "commit x")
    assert counter.administration.certificates.names() == ["mx1"]
    sit(desk, "certconfig certificate delete mx1 force", "commitconfirmed 5 x")
    assert counter.administration.certificates.names() == ["mx1"]  # it may come back
    sit(desk, "confirmcommit")
    (listed,) = printed(desk)
    assert not listed["is_configured"]
    done = run_line(desk, "certconfig CERTIFICATE DELETE mx1 force")
    assert done.shown == "The certificate mx1 and its key are deleted.\n"
    assert counter.administration.certificates.names() == []


def test_x_16_a_certificate_that_is_absent(counter: Counter) -> None:
    desk = counter.desk()
    tree = {**desk.candidate.tree, "certificates": {"mx9": {}}}
    desk.candidate = desk.candidate.load(tree, MODEL)
    use(counter, desk, "mx9")
    question = (
        'Listener "Public" uses certificate "mx9", which is not present. '
        "Use the system certificate instead? [Y]> "
    )
    sitting = sit(desk, "commit why", "n")
    assert question in sitting.screen
    assert "Nothing was committed; your changes are still pending." in sitting.screen


def test_xml_33_the_system_certificate_takes_its_place(counter: Counter) -> None:
    for name in ("mx9", "mx8"):
        desk = counter.desk()
        table = {**desk.candidate.tree.get("certificates", {}), name: {"fingerprint": "0" * 32}}
        desk.candidate = desk.candidate.load({**desk.candidate.tree, "certificates": table}, MODEL)
        use(counter, desk, name)
        sitting = sit(desk, f"commit {name}", "")
        assert 'Listener "Public" uses certificate system now.' in sitting.shown
        assert counter.running(*USE) == "system"
        assert counter.running("certificates") == {"system": {}}
    (listed,) = printed(counter.desk())
    assert listed["users"] == ['Listener "Public"']
    assert listed["facts"]["names"] == ["gw1.example.test"]


def test_crt_08_authorities(counter: Counter) -> None:
    desk = counter.desk()
    root = Authority("Root")
    put_file(counter, "roots.pem", root.pem + pair_for().certificate_pem + root.pem)
    done = run_line(desk, "certconfig CERTAUTHORITY CUSTOM IMPORT roots.pem")
    assert done.shown == (
        "Added: CN=Root\n"
        "Passed over: CN=mx1.corp.example: is not an authority (its CA flag is not set)\n"
        "Passed over: CN=Root: is in the list already\n"
    )
    run_line(desk, "certconfig CERTAUTHORITY SYSTEM no")
    held = {"system": False, "custom": [parse_authority(root.pem.decode())]}
    assert desk.candidate.tree["authorities"] == held
    run_line(desk, "certconfig CERTAUTHORITY CUSTOM EXPORT out.pem")
    assert (counter.administration.files / "out.pem").read_bytes() == b"# CN=Root\n" + root.pem
    refused = run_line(desk, "certconfig CERTAUTHORITY CUSTOM CLEAR force")
    assert "nobody would be trusted" in refused.errors
    run_line(desk, "certconfig CERTAUTHORITY SYSTEM yes")
    assert run_line(desk, "certconfig CERTAUTHORITY CUSTOM CLEAR force").status == 0
    put_file(counter, "empty.pem", b"nothing")
    empty = run_line(desk, "certconfig CERTAUTHORITY CUSTOM IMPORT empty.pem")
    assert "no certificate in PEM form" in empty.errors


def test_what_acme_renews_is_left_to_it(counter: Counter) -> None:
    desk = counter.desk()
    acme = {
        "directory": "https://acme.example/dir", "terms_agreed": True,
        "certificates": {"mx1": {"domains": ["mx1.corp.example"]}},
    }  # fmt: skip
    run_line(desk, NEW.format("mx1"))
    desk.candidate = desk.candidate.put(("acme",), acme, MODEL)
    put_file(counter, "mx.p12", pair_for().to_pkcs12("x", "a password"))
    done = run_line(desk, "certconfig CERTIFICATE IMPORT mx1 mx.p12 - force", "a password")
    assert "The certificate mx1 is renewed by ACME" in done.errors
    assert "is used by ACME" in run_line(desk, "certconfig CERTIFICATE DELETE mx1 force").errors


def test_every_key_that_comes_or_goes_is_in_the_audit_log(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, NEW.format("mx1"), "certconfig certificate delete mx1 force")
    store = counter.administration.versions.store
    entries = [each for each in store.audit(20) if each.action == "certificate"]
    assert len(entries) == 2


def test_role_10_who_may_not(counter: Counter) -> None:
    refused: Sitting = run_line(counter.desk("gus", Role.GUEST), "certconfig CERTIFICATE PRINT")
    assert "You do not have permission to run certconfig" in refused.errors


def test_xml_32_keys_are_saved_and_loaded(counter: Counter) -> None:
    administration = counter.administration
    store = administration.certificates
    administration.pairs = lambda: key_pairs(store, administration.config)
    desk = counter.desk()
    run_line(desk, NEW.format("mx1"))
    use(counter, desk, "mx1")
    run_line(desk, "commit x")
    for protection in ("mask", "encrypt", "plain"):
        saved = run_line(desk, f"saveconfig {protection}.xml secrets {protection}")
        assert saved.status == 0, saved.errors
    files = administration.files
    assert "BEGIN" not in (files / "mask.xml").read_text()
    assert "BEGIN PRIVATE KEY" not in (files / "encrypt.xml").read_text()
    again = run_line(desk, "loadconfig plain.xml")
    assert (again.status, desk.pending_changes()) == (0, 0), again.shown
    pair = store.load("mx1").pair
    store.remove("mx1", lambda name: ())
    loaded = run_line(desk, "loadconfig encrypt.xml")
    assert loaded.status == 0, loaded.errors
    assert store.load("mx1").pair == pair
    run_line(desk, "commit x")
    fingerprint = counter.running("certificates", "mx1").get("fingerprint", "")
    assert store.load("mx1", fingerprint).pair == pair
    text = (files / "plain.xml").read_text()
    (files / "bad.xml").write_text(
        text.replace("-----BEGIN PRIVATE KEY-----\nM", "-----BEGIN PRIVATE KEY-----\nA")
    )
    bad = run_line(desk, "loadconfig bad.xml")
    assert "key_material.mx1: the private key cannot be read" in bad.errors
