"""`showconfig`, `saveconfig` and `mailconfig` (admin 4, 10.3)."""

import email
import email.policy
import json
import stat

import pytest

from mailwarden.control.operations.versions import MODEL
from mailwarden.control.xml.key_material import KeyPair, KeyStore
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit
from tests.unit.control.commands.xml_files import (
    HEAD,
    PEM,
    PEM_KEY,
    SECRET,
    commit,
    got,
    part,
    put,
)

MASK_QUESTION = (
    "Do you want to mask the password? Files with masked passwords cannot be loaded using "
    "loadconfig command.\n1. Mask\n2. Encrypt\n3. Plain\n[Y]> "
)


def test_xml_20_the_question_and_masked_secrets(with_secret: Counter) -> None:
    sitting = sit(with_secret.desk(), "showconfig", "", is_interactive=False)
    assert MASK_QUESTION in sitting.shown
    assert HEAD in sitting.shown
    assert '<config schema="7.3" model="GW-VM" version="7.3.0"' in sitting.shown
    assert "<secret>*****</secret>" in sitting.shown
    assert SECRET not in sitting.screen


@pytest.mark.parametrize("answer", ["3", "N", "plain"])
def test_xml_20_plain_secrets(with_secret: Counter, answer: str) -> None:
    assert SECRET in sit(with_secret.desk(), "showconfig", answer, is_interactive=False).shown
    assert SECRET in run_line(with_secret.desk(), f"showconfig secrets {answer}").shown


def test_xml_20_in_fips_mode_nothing_is_plain(with_secret: Counter) -> None:
    with_secret.administration.facts = NodeFacts(
        model="GW-VM", version="7.3.0", serial="1", fips=True
    )
    sitting = sit(with_secret.desk(), "showconfig", "3", "1")
    assert "3. Plain" not in sitting.shown
    assert "Choose one of 1, 2." in sitting.shown
    assert run_line(with_secret.desk(), "showconfig secrets plain").status == 1
    assert SECRET not in sitting.screen


def test_xml_21_encrypted_with_the_key_of_the_node(with_secret: Counter) -> None:
    sitting = sit(with_secret.desk(), "saveconfig", "2", "1", "saveconfig all.xml secrets encrypt")
    assert sitting.status == 0
    key = with_secret.administration.folder / "export.key"
    assert (len(key.read_bytes()), stat.S_IMODE(key.stat().st_mode)) == (32, 0o600)
    text = got(with_secret, "all.xml")
    assert 'secrets="encrypted" key="node:' in text
    assert SECRET not in text
    assert run_line(with_secret.desk(), "loadconfig all.xml").status == 0
    key.write_bytes(bytes(32))
    refused = run_line(with_secret.desk(), "loadconfig all.xml")
    assert "the secrets were encrypted on another node" in refused.errors


def test_xml_21_encrypted_with_a_passphrase(with_secret: Counter) -> None:
    saved = sit(with_secret.desk(), "saveconfig", "2", "2", "open sesame", "open sesame")
    assert saved.status == 0
    assert "open sesame" not in saved.screen
    (name,) = (each.name for each in with_secret.administration.files.iterdir())
    assert not (with_secret.administration.folder / "export.key").exists()
    sitting = sit(with_secret.desk(), "loadconfig", "2", name, "open sesame", "showchanges")
    assert "Sections changed: none." in sitting.shown
    assert "There are no changes." in sitting.shown
    wrong = run_line(with_secret.desk(), f"loadconfig {name} passphrase -", "shut sesame")
    assert wrong.status == 1
    assert "cannot be decrypted" in wrong.errors
    right = run_line(with_secret.desk(), f"loadconfig {name} passphrase -", "open sesame")
    assert right.status == 0


def test_xml_22_saveconfig(counter: Counter) -> None:
    sitting = sit(counter.desk(), "saveconfig", "")
    name = "GW-VM-0123456789AB-CDEF-20101109T074640.xml"
    assert 'File written on machine "gw1.example.test" to the location "/configuration/' in (
        sitting.shown
    )
    (path,) = counter.administration.files.iterdir()
    assert path.name.startswith(name[:24])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(HEAD.encode())
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.detail) == ("saveconfig", f"{path.name}, secrets masked")


def test_saveconfig_keeps_off_the_description(counter: Counter) -> None:
    assert run_line(counter.desk(), "saveconfig config.dtd").status == 1
    assert run_line(counter.desk(), "saveconfig ../x.xml").status == 1


def test_cli_30_json(counter: Counter) -> None:
    found = json.loads(run_line(counter.desk(), "--json showconfig").shown)
    assert found["data"]["configuration"].startswith(HEAD)
    put(counter, "some.xml", part("<hostname>mail4.example.com</hostname>"))
    found = json.loads(run_line(counter.desk(), "--json loadconfig some.xml").shown)
    assert found["data"]["changed"] == ["hostname"]


def test_com_04_an_old_version_as_xml(with_secret: Counter) -> None:
    commit(with_secret, {("hostname",): "mail9.example.com"})
    sitting = run_line(with_secret.desk(), "showconfig 2")
    assert "<hostname>gw1.example.test</hostname>" in sitting.shown
    assert "<secret>*****</secret>" in sitting.shown
    assert "<secret>" not in run_line(with_secret.desk(), "showconfig 1").shown
    assert run_line(with_secret.desk(), "showconfig 9").status == 1


def test_roles_of_the_commands(with_secret: Counter) -> None:
    reader = with_secret.desk("rita", Role.READ_ONLY_OPERATOR)
    sitting = sit(reader, "showconfig", is_interactive=False)
    assert "mask the password" not in sitting.shown
    assert "<secret>*****</secret>" in sitting.shown
    assert run_line(reader, "showconfig secrets plain").status == 1
    for line in ("saveconfig", "mailconfig a@b.example", "loadconfig x.xml"):
        guest = run_line(with_secret.desk("gus", Role.GUEST), line)
        assert guest.errors == f"You do not have permission to run {line.split()[0]}\n"
    assert run_line(with_secret.desk("gus", Role.GUEST), "showconfig").status == 1


def test_x_01_keys_in_an_hsm_are_never_written(counter: Counter) -> None:
    administration = counter.administration
    commit(
        counter,
        {
            ("certificates",): {
                name: {"certificate": f"{name}.pem", "key": f"{name}.key"}
                for name in ("mx1", "mx2", "mx3")
            }
        },
    )
    administration.key_store = KeyStore.HSM
    administration.pairs = lambda: tuple(
        KeyPair(name, PEM, PEM_KEY) for name in ("mx1", "mx2", "mx3")
    )
    for protection in ("mask", "encrypt", "plain"):
        assert run_line(counter.desk(), f"saveconfig x.xml secrets {protection}").status == 0
        text = got(counter, "x.xml")
        assert "<private_key" not in text
        assert "BEGIN" not in text
        assert all(f'<certificate name="{name}">' in text for name in ("mx1", "mx2", "mx3"))


def test_xml_32_keys_in_files_are_written_with_the_other_secrets(counter: Counter) -> None:
    counter.administration.pairs = lambda: (KeyPair("mx1", PEM, PEM_KEY),)
    assert "BEGIN" not in run_line(counter.desk(), "showconfig").shown
    assert PEM_KEY.strip() in run_line(counter.desk(), "showconfig secrets plain").shown
    encrypted = run_line(counter.desk(), "showconfig secrets encrypt").shown
    assert PEM.strip() in encrypted
    assert "BEGIN PRIVATE KEY" not in encrypted


def test_x_15_mailconfig(with_secret: Counter) -> None:
    with_secret.gateway.answers["originate"] = [{"mid": 17}]
    sitting = sit(with_secret.desk(), "mailconfig", "a@b.example, c@b.example", "Y")
    assert "The configuration file has been sent to a@b.example, c@b.example." in sitting.shown
    (request,) = with_secret.gateway.asked
    assert request["to"] == ["a@b.example", "c@b.example"]
    mail = email.message_from_string(request["mail"], policy=email.policy.SMTP)
    assert mail["to"] == "a@b.example, c@b.example"
    text, attached = mail.iter_parts()
    assert "is attached" in text.get_content()
    assert attached.get_filename().startswith("GW-VM-0123456789AB-CDEF-")
    content = attached.get_payload(decode=True)
    assert content.startswith(HEAD.encode())
    assert b"<secret>*****</secret>" in content
    assert SECRET.encode() not in content
    record = with_secret.administration.versions.store.audit(1)[0]
    assert record.detail == "to a@b.example, c@b.example, secrets masked"


def test_mailconfig_that_the_gateway_does_not_take(counter: Counter) -> None:
    counter.gateway.answers["originate"] = [{"error": "the spool does not take it: full"}]
    sitting = run_line(counter.desk(), "mailconfig a@b.example")
    assert sitting.errors == "Error: the spool does not take it: full\n"
    assert run_line(counter.desk(), "mailconfig nobody").status == 1


def test_secrets_are_in_no_answer_and_no_record(with_secret: Counter) -> None:
    desk = with_secret.desk()
    other = "another s3cret"
    desk.candidate = desk.candidate.put(
        ("administration", "external", "radius_servers"),
        [{"host": "192.0.2.9", "secret": other}],
        MODEL,
    )
    shown = run_line(desk, "showchanges").screen + run_line(desk, "--json showchanges").screen
    assert run_line(desk, "commit it").status == 0
    store = with_secret.administration.versions.store
    shown += "".join(version.summary for version in store.history(10))
    shown += "".join(record.detail for record in store.audit(100))
    shown += run_line(desk, "commitdetail").screen
    assert other not in shown
    assert SECRET not in shown
