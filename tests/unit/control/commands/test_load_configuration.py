"""`loadconfig` (admin 4, 10.3)."""

import asyncio

import pytest

from mailwarden.control.commands.catalog import CATALOG
from mailwarden.control.commands.host import AdministratorHost
from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.dialogue.session import Session
from mailwarden.control.operations import commit as operations
from mailwarden.control.operations.certificates import key_pairs
from mailwarden.control.operations.commit import MissingCertificateError
from mailwarden.control.operations.versions import MODEL
from mailwarden.control.xml.key_material import KeyStore
from mailwarden.core.access.roles import Role
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from tests.unit.control.commands.counter import FACTS, Counter, run_line, sit
from tests.unit.control.commands.xml_files import (
    FOREIGN,
    HEAD,
    PEM,
    PEM_KEY,
    commit,
    got,
    load,
    part,
    put,
)


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


def kept_pair(counter: Counter, name: str) -> tuple[str, str]:
    """Keep a new certificate, name it in the configuration, and return its fingerprint."""
    store = counter.administration.certificates
    about = Wanted(common_name=f"{name}.example", names=(f"{name}.example",))
    pair = store.make_new(name, KeyType.P_256, about, counter.clock.time()).pair
    commit(counter, {("certificates", name): {}})
    return pair.certificate_pem.decode("ascii"), pair.key_pem.decode("ascii")


def test_xml_32_kept_certificates_go_and_come_with_their_keys(counter: Counter) -> None:
    administration = counter.administration
    administration.pairs = lambda: key_pairs(administration.certificates, administration.config)
    certificate, key = kept_pair(counter, "mx1")
    assert run_line(counter.desk(), "saveconfig all.xml secrets encrypt").status == 0
    text = got(counter, "all.xml")
    assert (certificate.strip() in text, key.strip() in text) == (True, False)
    same = run_line(counter.desk(), "loadconfig all.xml")
    assert (same.status, "Sections changed: none." in same.shown) == (0, True)
    # Another one under the same name is used once what was loaded is committed.
    store, clock = administration.certificates, counter.clock
    about = Wanted(common_name="mx1.example", names=("mx1.example",))
    other = sign_self(make_key(KeyType.P_256), about, clock.time())
    fingerprint = store.keep_beside("mx1", other)
    commit(counter, {("certificates", "mx1"): {"fingerprint": fingerprint}})
    desk = counter.desk()
    sitting = run_line(desk, "loadconfig all.xml")
    assert (sitting.errors, sitting.status) == ("", 0)
    assert run_line(desk, "commit the old one").status == 0
    config = administration.config.certificates["mx1"]
    assert store.load("mx1", config.fingerprint).pair.certificate_pem.decode() == certificate


def test_xml_32_on_another_node(counter: Counter) -> None:
    administration = counter.administration
    administration.pairs = lambda: key_pairs(administration.certificates, administration.config)
    certificate, key = kept_pair(counter, "mx1")
    run_line(counter.desk(), "saveconfig all.xml secrets plain")
    administration.certificates.remove("mx1", lambda _: ())
    commit(counter, {("certificates",): {}})
    desk = counter.desk()
    sitting = run_line(desk, "loadconfig all.xml")
    assert "The certificate mx1 came with its key" in sitting.shown
    assert run_line(desk, "commit it").status == 0
    pair = administration.certificates.load("mx1").pair
    assert (pair.certificate_pem.decode(), pair.key_pem.decode()) == (certificate, key)
    assert key.splitlines()[1] not in sitting.screen


def test_xml_32_a_pair_that_is_none(counter: Counter) -> None:
    material = (
        f'<key_material><pair name="mx1"><certificate>{PEM}</certificate>'
        f"<private_key>{PEM_KEY}</private_key></pair></key_material>"
    )
    sitting = load(counter, part(f"<hostname>a.example.com</hostname>{material}"))
    assert sitting.errors.startswith("Error: key_material.mx1: ")
    assert counter.administration.certificates.names() == []
