"""`showconfig`, `saveconfig`, `mailconfig` and `loadconfig` (admin 4, 10.3)."""

import asyncio
import email
import email.policy
import json
import stat
from collections.abc import Mapping
from typing import Any

import pytest

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.commands.catalog import CATALOG
from mailwarden.control.commands.host import AdministratorHost
from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.control.operations import commit as operations
from mailwarden.control.operations.commit import MissingCertificateError
from mailwarden.control.operations.versions import MODEL
from mailwarden.control.xml.key_material import KeyPair, KeyStore
from mailwarden.control.xml.origin import NodeFacts
from mailwarden.core.access.roles import Role
from mailwarden.stores.configuration.record import Author, Source
from tests.unit.control.commands.counter import FACTS, Counter, Sitting, run_line, sit

HEAD = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE config SYSTEM "config.dtd">\n'
MASK_QUESTION = (
    "Do you want to mask the password? Files with masked passwords cannot be loaded using "
    "loadconfig command.\n1. Mask\n2. Encrypt\n3. Plain\n[Y]> "
)
SECRET = "s3cret of the RADIUS server"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PEM_KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
RADIUS = {
    "method": "radius",
    "radius_servers": [{"host": "192.0.2.9", "secret": SECRET}],
    "all_are_administrators": True,
}


def part(inside: str, attributes: str = "") -> str:
    return f"{HEAD}<config{attributes}>{inside}</config>\n"


def put(counter: Counter, name: str, text: str) -> None:
    (counter.administration.files / name).write_text(text, encoding="iso-8859-1")


def got(counter: Counter, name: str) -> str:
    return (counter.administration.files / name).read_text(encoding="iso-8859-1")


def load(counter: Counter, text: str, *words: str, role: Role = Role.ADMINISTRATOR) -> Sitting:
    put(counter, "some.xml", text)
    return run_line(counter.desk("ann", role), " ".join(("loadconfig", *words, "some.xml")))


def commit(counter: Counter, changes: Mapping[tuple[str, ...], Any]) -> None:
    """Put settings in force."""
    versions = counter.administration.versions
    candidate = Candidate.of(versions.last())
    for path, value in changes.items():
        candidate = candidate.put(path, value, MODEL)
    proposal = versions.prepare(candidate, Author("ann", "", Source.CLI), "before")
    versions.store.finish(proposal.prepared)
    counter.administration.take(proposal.tree)


@pytest.fixture
def with_secret(counter: Counter) -> Counter:
    """A gateway that knows a secret."""
    commit(counter, {("administration", "external"): RADIUS})
    return counter


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


def test_x_02_key_material_in_a_file_is_ignored_and_counted(counter: Counter) -> None:
    counter.administration.key_store = KeyStore.HSM
    warned: list[str] = []
    counter.administration.warn = warned.append
    material = (
        f'<key_material><pair name="mx1"><certificate>{PEM}{PEM}</certificate>'
        f"<private_key>{PEM_KEY}</private_key></pair></key_material>"
    )
    before = sorted(counter.folder.rglob("*"))
    sitting = load(counter, part(f"<hostname>mail4.example.com</hostname>{material}"))
    warning = (
        "Warning: certificate and key data in this file was ignored (2 certificates, 1 keys). "
        "Use FIPS Backup/Restore."
    )
    assert warning in sitting.shown
    assert warned == [f"some.xml: {warning}"]
    added = {*counter.folder.rglob("*")} - {*before}
    assert {each.name for each in added} <= {"some.xml"}


def test_x_03_masked_secrets_are_refused(with_secret: Counter) -> None:
    assert run_line(with_secret.desk(), "saveconfig masked.xml").status == 0
    sitting = run_line(with_secret.desk(), "loadconfig masked.xml")
    assert sitting.status == 1
    assert "Configuration contains masked passwords and cannot be loaded" in sitting.errors


def test_x_04_a_part_with_one_section(counter: Counter) -> None:
    desk = counter.desk()
    put(counter, "changed.config.xml", part("<hostname>mail4.example.com</hostname>"))
    sitting = sit(desk, "loadconfig", "2", "changed.config.xml", "showchanges", "commit", "")
    assert "1. Paste via CLI\n2. Load from file\n[1]> " in sitting.shown
    assert "Enter the name of the file to import:\n[]> " in sitting.shown
    assert (
        "Sections changed: hostname.\n"
        'Values have been loaded.\nBe sure to run "commit" to make these settings active.\n'
    ) in sitting.shown
    assert "~ hostname: gw1.example.test -> mail4.example.com" in sitting.shown
    assert counter.running("hostname") == "mail4.example.com"


def test_xml_24_pasted_text_ends_with_ctrl_d(counter: Counter) -> None:
    desk = counter.desk()
    text = part("<hostname>mail4.example.com</hostname>").splitlines()
    sitting = sit(desk, "loadconfig", "", *text, Key.CTRL_D, "showchanges", "exit", "y")
    assert "~ hostname: gw1.example.test -> mail4.example.com" in sitting.shown


def test_xml_24_a_batch_line_takes_it_as_input(counter: Counter) -> None:
    desk = counter.desk()
    text = part("<hostname>mail4.example.com</hostname>").splitlines()
    assert run_line(desk, "loadconfig text -", *text).status == 0
    assert desk.candidate.tree["hostname"] == "mail4.example.com"


def test_x_05_a_cut_tag_loads_nothing(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "sethostname a.example.com")
    before = desk.candidate.tree
    put(counter, "some.xml", f"{HEAD}<config>\n<hostname>0</host")
    sitting = run_line(desk, "loadconfig some.xml")
    assert sitting.status == 1
    assert sitting.errors.startswith("Error: some.xml:4: is no well-formed XML: ")
    assert desk.candidate.tree is before


@pytest.mark.parametrize("words", [(), ("--convert", "--skip-hardware")])
def test_x_05_x_06_an_element_of_the_old_product(counter: Counter, words: tuple[str, ...]) -> None:
    commit(counter, {("alerts",): {"autosupport_address": "a@b.example", "from_address": "c@d.ex"}})
    cut = load(counter, part("<autosupport_enabled>0</autosu"), *words)
    assert "is no well-formed XML" in cut.errors
    put(counter, "some.xml", part("<autosupport_enabled>0</autosupport_enabled>"))
    desk = counter.desk()
    assert run_line(desk, " ".join(("loadconfig", *words, "some.xml"))).status == 0
    assert run_line(desk, "showchanges").shown == (
        "- alerts.autosupport_address: was a@b.example\n"
    )


def test_x_06_on_needs_an_address(counter: Counter) -> None:
    sitting = load(counter, part("<autosupport_enabled>1</autosupport_enabled>"))
    assert "there is no address for it yet" in sitting.shown
    assert "Sections changed: none." in sitting.shown
    for wrong in ("maybe", "", "<b>1</b>"):
        text = part(f"<autosupport_enabled>{wrong}</autosupport_enabled>")
        assert "autosupport_enabled: takes 0 or 1" in load(counter, text).errors
    twice = part("<autosupport_enabled>1</autosupport_enabled>" * 2)
    assert "stands here again" in load(counter, twice).errors


@pytest.mark.parametrize(
    "text",
    [
        part("<hostname>a.example</hostname>").replace("ISO-8859-1", "UTF-8"),
        "\xef\xbb\xbf" + part("<hostname>a.example</hostname>"),
    ],
)
def test_x_07_only_one_encoding_is_read(counter: Counter, text: str) -> None:
    sitting = load(counter, text)
    assert sitting.status == 1
    assert "the encoding must be ISO-8859-1" in sitting.errors


def test_x_08_an_empty_section_erases_the_list(counter: Counter) -> None:
    desk = counter.desk()
    put(counter, "some.xml", part("<listeners></listeners>"))
    sitting = run_line(desk, "loadconfig some.xml")
    assert "removes all listeners" in sitting.shown
    assert run_line(desk, "commit none").status == 0
    assert counter.running("listeners") == []


def test_x_09_an_absent_section_stays(counter: Counter) -> None:
    desk = counter.desk()
    before = counter.running("listeners")
    put(counter, "some.xml", part("<hostname>mail4.example.com</hostname>"))
    run_line(desk, "loadconfig some.xml")
    run_line(desk, "commit it")
    assert counter.running("listeners") == before != []


FOREIGN = part(
    "<hostname>c660.example.com</hostname><interfaces>"
    '<interface name="Loopback"><address>192.0.2.1</address></interface></interfaces>',
    ' schema="7.3" model="C660"',
)


def test_x_10_another_model_is_refused(counter: Counter) -> None:
    desk = counter.desk()
    put(counter, "some.xml", FOREIGN)
    sitting = sit(desk, "loadconfig", "2", "some.xml", is_interactive=False)
    assert sitting.status == 1
    assert (
        'this configuration was saved on model "C660"; this node is "GW-VM". Nothing was loaded.\n'
        "Hardware-dependent sections: ethernet_settings, interfaces, nic_pairs, vlans, raid, "
        "concurrency_limits.\n"
        "To load everything except these sections use: loadconfig --skip-hardware <file>"
    ) in sitting.screen
    batch = run_line(desk, "loadconfig some.xml")
    assert (batch.status, batch.errors.count("Error:")) == (1, 1)
    assert desk.pending_changes() == 0


@pytest.mark.parametrize(
    "line", ["loadconfig --skip-hardware some.xml", "loadconfig some.xml --skip-hardware"]
)
def test_x_11_all_but_the_hardware(counter: Counter, line: str) -> None:
    desk = counter.desk()
    put(counter, "some.xml", FOREIGN)
    sitting = run_line(desk, line)
    assert "Skipped, as they belong to the hardware: interfaces." in sitting.shown
    assert run_line(desk, "commit it").status == 0
    assert counter.running("hostname") == "c660.example.com"
    assert counter.running("interfaces", "Loopback", "address") == "127.0.0.1"


HOSTILE = [
    '<!DOCTYPE config [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<config><hostname>&x;</hostname>',
    '<!DOCTYPE config [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<config><hostname>&b;</hostname>',
    '<!DOCTYPE config SYSTEM "config.dtd">\n<config><hostname>&x;</hostname>',
    f'<!DOCTYPE config SYSTEM "config.dtd">\n<config>{"<a>" * 100}{"</a>" * 100}',
]


@pytest.mark.parametrize("inside", HOSTILE)
def test_x_13_entities_are_refused_and_logged(counter: Counter, inside: str) -> None:
    warned: list[str] = []
    counter.administration.warn = warned.append
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{inside}</config>'
    sitting = load(counter, text)
    assert sitting.status == 1
    assert "root:" not in sitting.screen
    assert len(warned) == 1
    assert warned[0].startswith("User ann tried to load the configuration some.xml, which is ")
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.was_allowed) == ("loadconfig", False)
    assert record.detail.startswith("some.xml refused: ")


def test_x_14_what_is_shown_and_loaded_is_no_change(with_secret: Counter) -> None:
    desk = with_secret.desk()
    text = run_line(desk, "showconfig secrets plain").shown
    assert run_line(desk, "loadconfig text -", *text.splitlines()).status == 0
    assert run_line(desk, "showchanges").shown == "There are no changes.\n"


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


NAMES_MX9 = part("<delivery><certificate>mx9</certificate></delivery>")


@pytest.mark.parametrize(("answer", "expected"), [("", "system"), ("n", None)])
def test_x_16_a_certificate_that_is_not_there(
    counter: Counter, answer: str, expected: str | None
) -> None:
    commit(counter, {("certificates",): {"mx1": {"certificate": "a.pem", "key": "a.key"}}})
    desk = counter.desk()
    put(counter, "some.xml", NAMES_MX9)
    sitting = sit(desk, "loadconfig some.xml", "commit", "why", answer, "exit", "y")
    assert (
        '`delivery.certificate` uses certificate "mx9", which is not present. Use the system '
        "certificate instead? [Y]> "
    ) in sitting.shown
    assert counter.running("delivery", "certificate") == expected
    assert ("still pending" in sitting.screen) is (expected is None)


def test_x_16_a_listener_is_named(counter: Counter) -> None:
    text = run_line(counter.desk(), "showconfig secrets mask").shown
    section = text[text.index("  <listeners>") : text.index("</listeners>")]
    section = section.replace("<certificate></certificate>", "<certificate>mx9</certificate>", 1)
    desk = counter.desk()
    put(counter, "some.xml", part(f"{section}</listeners>"))
    assert run_line(desk, "loadconfig some.xml").status == 0
    with pytest.raises(MissingCertificateError) as caught:
        asyncio.run(operations.commit(desk, "it"))
    assert str(caught.value) == 'Listener "Public" uses certificate "mx9", which is not present.'
    sitting = run_line(desk, "commit it")  # nobody is there to be asked
    assert 'Listener "Public" uses certificate system now.' in sitting.shown
    assert counter.running("listeners", "Public", "certificate") == "system"


def test_xml_24_other_changes_of_the_same_sections_are_discarded(counter: Counter) -> None:
    desk = counter.desk()
    run_line(desk, "sethostname a.example.com")
    desk.candidate = desk.candidate.put(("delivery", "max_connections"), 17, MODEL)
    put(counter, "some.xml", part("<hostname>gw1.example.test</hostname>"))
    sitting = run_line(desk, "loadconfig some.xml")
    assert "your other pending changes of these sections are discarded: hostname." in sitting.shown
    assert "Sections changed: none." in sitting.shown
    assert [change.path for change in desk.candidate.changes(MODEL)] == [("delivery",)]


def test_values_that_are_wrong_are_told_with_their_lines(counter: Counter) -> None:
    inside = (
        "\n<delivery>\n<max_connections>-7</max_connections>\n</delivery>\n<workers>x</workers>"
    )
    sitting = load(counter, part(inside))
    assert sitting.status == 1
    assert "some.xml:5: delivery.max_connections: " in sitting.errors
    assert "some.xml:7: workers: " in sitting.errors


def test_a_file_may_not_make_administrators(counter: Counter) -> None:
    user = "<user><name>olga</name><role>Administrator</role></user>"
    text = part(f"<administration><users>{user}</users></administration>")
    sitting = load(counter, text, role=Role.OPERATOR)
    assert sitting.errors == (
        "Error: Your role (Operator) is not allowed to change `administration`.\n"
    )
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.action, record.was_allowed) == ("refused", False)
    assert load(counter, text, role=Role.ADMINISTRATOR).status == 0


def test_nor_does_an_old_version(counter: Counter) -> None:
    commit(counter, {("administration", "users"): [{"name": "olga", "role": "Administrator"}]})
    commit(counter, {("administration", "users"): [{"name": "olga", "role": "Operator"}]})
    desk = counter.desk("olga", Role.OPERATOR)
    sitting = sit(desk, "rollbackconfig", "2")
    assert "Your role (Operator) is not allowed to change `administration`." in sitting.screen
    assert desk.pending_changes() == 0


def test_tables_come_from_the_folder_of_administrators(counter: Counter) -> None:
    (counter.folder / "accounts.txt").write_text("secret of the gateway\n")
    put(counter, "routes.txt", "joe@example.test: ann@example.test\n")
    text = '<inbound><aliases file="{}"></aliases></inbound>'
    desk = counter.desk()
    for name in ("../accounts.txt", str(counter.folder / "accounts.txt"), "missing.txt"):
        refused = load(counter, part(text.format(name)))
        assert refused.status == 1
        assert "secret of the gateway" not in refused.screen
    put(counter, "some.xml", part(text.format("/configuration/routes.txt")))
    sitting = run_line(desk, "loadconfig some.xml")
    assert (sitting.status, sitting.errors) == (0, "")
    assert desk.candidate.tree["inbound"]["aliases"] == "joe@example.test: ann@example.test\n"


INTERFACES = '<interfaces><interface name="Loopback"><address>{}</address></interface></interfaces>'


def test_xml_36_an_address_that_this_machine_has_not(counter: Counter) -> None:
    desk = counter.desk()
    put(counter, "some.xml", part(INTERFACES.format("192.0.2.77"), f' model="{FACTS.model}"'))
    assert run_line(desk, "loadconfig some.xml").status == 0
    sitting = run_line(desk, "commit it")
    assert sitting.errors == (
        "Error: interfaces.Loopback.address: this machine has no address 192.0.2.77\n"
    )
    assert desk.pending_changes() == 1


def test_xml_36_a_file_that_shuts_out_whoever_loads_it(counter: Counter) -> None:
    desk = counter.desk()
    access = (
        "<mode>Only Allow Specific Connections</mode><addresses><address>{}</address></addresses>"
    )
    text = f"<administration><network_access>{access}</network_access></administration>"
    put(counter, "some.xml", part(text.format("10.0.0.0/8")))
    assert run_line(desk, "loadconfig some.xml").status == 0
    sitting = run_line(desk, "commit it")
    assert "your connection from 192.0.2.7 would be refused" in sitting.shown
    waiting = counter.administration.versions.store.awaiting()
    assert waiting is not None
    assert waiting.seconds == 300


def test_xml_36_settings_of_the_network_have_to_be_confirmed(counter: Counter) -> None:
    desk = counter.desk()
    put(counter, "some.xml", part(INTERFACES.format("127.0.0.2"), f' model="{FACTS.model}"'))
    run_line(desk, "loadconfig some.xml")
    sitting = run_line(desk, "commit it")
    assert 'taken back in 5 minutes unless you run "confirmcommit".' in sitting.shown
    waiting = counter.administration.versions.store.awaiting()
    assert waiting is not None
    assert waiting.seconds == 300
    assert run_line(desk, "confirmcommit").status == 0
    run_line(desk, "sethostname a.example.com")
    assert "confirmcommit" not in run_line(desk, "commit more").shown


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


async def test_flags_are_completed(counter: Counter) -> None:
    put(counter, "some.xml", part(""))
    host = AdministratorHost(counter.desk())
    session = Session(CATALOG, host, ScriptedTerminal(()))
    line = "loadconfig --sk"
    assert session.complete(line, len(line)).line == "loadconfig --skip-hardware "
    line = "loadconfig --skip-hardware --"
    assert session.complete(line, len(line)).line == "loadconfig --skip-hardware --convert "


def test_flags_in_the_manual(counter: Counter) -> None:
    shown = run_line(counter.desk(), "help loadconfig").shown
    assert "loadconfig [--skip-hardware] [--convert] [<file>]" in shown
