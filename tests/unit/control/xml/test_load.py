"""What a file does to a tree: whole, in part, empty, absent, wrong in many places at once."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import ConfigError, parse_config
from mailwarden.control.xml.faults import Fault, XmlError
from mailwarden.control.xml.key_material import KeyPair, KeyStore
from mailwarden.control.xml.load import Effect, LoadOptions, read_head
from mailwarden.control.xml.protection import Protection, node_seal, passphrase_seal
from mailwarden.control.xml.write import SaveOptions
from tests.unit.control.xml.sample import (
    HEAD,
    PEM_CERTIFICATE,
    PEM_KEY,
    TREE,
    load,
    part,
    refused,
    save,
)

DOCS = Path(__file__).parents[4] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.yaml"))
PAGE = (DOCS / "guide" / "xml.md").read_text("utf-8")
PLAIN = SaveOptions(protection=Protection.PLAIN)
HSM = LoadOptions(key_store=KeyStore.HSM)
SEAL = node_seal(bytes(range(32)))
ENCRYPT = SaveOptions(
    protection=Protection.ENCRYPT, seal=SEAL, random_bytes=lambda count: b"n" * count
)
MASKED = "Configuration contains masked passwords and cannot be loaded"


def changes(loaded: Any) -> dict[str, tuple[int, Effect]]:
    return {section.name: (section.line, section.effect) for section in loaded.sections}


def test_x_14_what_was_saved_changes_nothing() -> None:
    loaded = load(save(TREE, PLAIN))
    assert loaded.tree == TREE
    assert loaded.changed == ()
    assert loaded.warnings == ()
    assert {effect for _, effect in changes(loaded).values()} == {Effect.UNCHANGED}
    assert list(loaded.tree) == list(TREE)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_x_14_with_real_configurations(path: Path) -> None:
    tree = yaml.safe_load(path.read_text("utf-8"))
    content = save(tree, section=GatewayConfig)
    loaded = load(content, tree, section=GatewayConfig)
    assert loaded.tree == tree
    assert loaded.changed == ()


def test_x_14_however_a_tree_spells_its_values() -> None:
    tree = {
        "hostname": "a.example",
        "is_on": False,  # as the default is
        "access": ["a.example ACCEPT", None],
        "limits": {"size": "1m", "rate": None, "wait": "2500ms"},
        "colour": True,  # what YAML makes of `on`
    }
    loaded = load(save(tree, PLAIN), tree)
    assert loaded.tree == tree
    assert loaded.changed == ()


def test_a_whole_file_on_another_node_gives_the_same_configuration() -> None:
    loaded = load(save(TREE, PLAIN), {"hostname": "other", "is_on": False, "routes": {"x": "y"}})
    assert loaded.tree == {**TREE, "servers": [{"name": "a", **TREE["servers"][0]}, {"name": "b"}]}


def test_a_whole_file_takes_back_what_its_node_did_not_have() -> None:
    small = {"hostname": "a.example"}
    loaded = load(save(small, PLAIN), TREE)
    assert loaded.tree == small
    assert "hostname" in loaded.changed
    assert changes(loaded)["servers"][1] is Effect.EMPTIED


def test_x_04_a_part() -> None:
    loaded = load(part("<hostname>mail4.example.com</hostname>"))
    assert loaded.tree == {**TREE, "hostname": "mail4.example.com"}
    assert loaded.changed == ("hostname",)
    assert changes(loaded) == {"hostname": (4, Effect.REPLACED)}


def test_x_04_with_the_real_settings() -> None:
    base = yaml.safe_load(EXAMPLES[0].read_text("utf-8"))
    loaded = load(part("<hostname>mail4.example.com</hostname>"), base, section=GatewayConfig)
    assert loaded.changed == ("hostname",)
    assert loaded.tree == {**base, "hostname": "mail4.example.com"}


def test_x_05_a_tag_that_is_cut() -> None:
    said = refused(part("<is_on>0</is_"), Fault.SYNTAX)
    assert said.startswith("a.xml:5: is no well-formed XML: ")
    assert said.endswith("<is_on> of line 4 is still open")


@pytest.mark.parametrize(
    ("text", "value"), [("0", None), ("off", None), ("1", True), (" Yes\n", True)]
)
def test_x_06_switches(text: str, value: bool | None) -> None:
    assert load(part(f"<is_on>{text}</is_on>"), {}).tree.get("is_on") is value


def test_x_08_empty_erases() -> None:
    base = yaml.safe_load(EXAMPLES[0].read_text("utf-8"))
    loaded = load(part("<listeners></listeners>"), base, section=GatewayConfig)
    assert loaded.tree["listeners"] == []
    assert [str(warning) for warning in loaded.warnings] == [
        "a.xml:4: listeners: removes all listeners"
    ]
    assert changes(loaded) == {"listeners": (4, Effect.EMPTIED)}


def test_x_08_lists_tables_and_lines() -> None:
    loaded = load(part("<servers/>\n<users></users>\n<access> </access><routes>\n</routes>"))
    assert [str(warning) for warning in loaded.warnings] == [
        "a.xml:4: servers: removes all servers",
        "a.xml:5: users: removes all users",
        "a.xml:6: access: removes all access",
        "a.xml:6: routes: removes all routes",
    ]
    assert not {"servers", "users", "routes", "access"} & set(loaded.tree)


def test_x_09_absent_changes_nothing() -> None:
    loaded = load(part("<is_on>off</is_on>"))
    assert loaded.tree == {name: value for name, value in TREE.items() if name != "is_on"}


def test_nothing_at_all_changes_nothing() -> None:
    loaded = load(part(""))
    assert (loaded.tree, loaded.sections) == (TREE, ())


def test_xml_08_a_section_is_replaced_as_a_whole() -> None:
    server = "<server><name>a</name><ports><port>1</port></ports></server>"
    loaded = load(part(f"<servers>{server}</servers>\n<limits>\n<size>9</size></limits>"))
    assert loaded.tree["servers"] == [{"name": "a", "ports": [1]}]
    assert loaded.tree["limits"] == {"size": 9}
    assert [str(warning) for warning in loaded.warnings] == [
        "a.xml:5: limits: does not name limits.wait, limits.rate, which go back to their defaults"
    ]


def test_xml_09_order_is_kept() -> None:
    inside = '<route name="b">2</route><route name="a">1</route>'
    loaded = load(part(f"<routes>{inside}</routes>"), {"routes": {"a": "1", "b": "2"}})
    assert list(loaded.tree["routes"].items()) == [("b", "2"), ("a", "1")]
    assert loaded.changed == ("routes",)


def test_what_stays_the_same_keeps_its_words() -> None:
    base = {
        "servers": [{"name": "a", "ports": ["25"]}, {"name": "b", "password": "x"}],
        "limits": {"rate": 1, "size": "2m"},
    }
    servers = "".join(
        f"<server><name>{name}</name><password>{secret}</password><ports>{ports}</ports></server>"
        for name, secret, ports in (
            ("b", "y", ""),
            ("a", "", "<port>25</port>"),
            ("c", "", ""),
        )
    )
    limits = "<limits><size>2097152</size><rate>3</rate></limits>"
    loaded = load(part(f"<servers>{servers}</servers>{limits}"), base)
    assert loaded.tree == {
        "servers": [
            {"name": "b", "password": "y"},
            {"name": "a", "ports": ["25"]},
            {"name": "c"},
        ],
        "limits": {"rate": 3, "size": "2m"},
    }


def test_a_base_that_is_wrong_does_no_harm() -> None:
    base = {"servers": "x", "users": ["y"], "limits": 3, "is_on": [], "access": 7, "routes": None}
    loaded = load(save(TREE, PLAIN), base)
    assert loaded.tree["limits"] == TREE["limits"]
    assert loaded.tree["users"] == TREE["users"]


WRONG = {
    "unknown": ("<hostnam>a</hostnam>", Fault.ELEMENT, "4: hostnam: is not an element here; did"),
    "unknown deep": (
        "<servers>\n<server>\n<nam>a</nam></server></servers>",
        Fault.ELEMENT,
        "6: servers[0].nam: is not an element here; did you mean name?",
    ),
    "twice": (
        "<hostname>a</hostname>\n<hostname>b</hostname>",
        Fault.TWICE,
        "5: hostname: stands here again; it is in line 4 already",
    ),
    "twice in a block": (
        "<limits><size>1</size>\n<size>1</size></limits>",
        Fault.TWICE,
        "5: limits.size: stands here again; it is in line 4 already",
    ),
    "name twice": (
        '<routes><route name="a">1</route>\n<route name="a">2</route></routes>',
        Fault.TWICE,
        "5: routes.a: stands here again; it is in line 4 already",
    ),
    "no name": (
        "<routes>\n<route>a</route></routes>",
        Fault.STRUCTURE,
        '5: routes: needs a name, as in <route name="...">',
    ),
    "a lone item": ("<server></server>", Fault.ELEMENT, "4: server: is not an element here; did"),
    "other item": (
        "<servers>\n<listener/></servers>",
        Fault.ELEMENT,
        "5: servers: <listener> is not an element here; <server> is",
    ),
    "text for a list": ("<servers>a</servers>", Fault.STRUCTURE, "takes elements, not the text"),
    "text for a block": ("<limits>a</limits>", Fault.STRUCTURE, "takes elements, not the text"),
    "text between": (
        "<limits><size>1</size>\n a\n <rate>1</rate></limits>",
        Fault.STRUCTURE,
        "6: limits: takes elements, not the text in <limits>",
    ),
    "text in config": ("a", Fault.STRUCTURE, "takes elements, not the text in <config>"),
    "elements for a text": (
        "<hostname>\n<b>a</b></hostname>",
        Fault.STRUCTURE,
        "5: hostname: takes text, not elements such as <b>",
    ),
    "elements for a table": ("<access><b/></access>", Fault.STRUCTURE, "takes text, not elements"),
    "unknown attribute": (
        '<hostname lang="x">a</hostname>',
        Fault.STRUCTURE,
        "4: hostname: has the attribute lang, which is not known here",
    ),
    "name where none belongs": ('<servers name="x"/>', Fault.STRUCTURE, "has the attribute name"),
    "no secret is encrypted": (
        '<hostname encrypted="on">a</hostname>',
        Fault.STRUCTURE,
        "has the attribute encrypted",
    ),
    "file and lines": (
        '<access file="/a">b REJECT</access>',
        Fault.STRUCTURE,
        "has both lines and the name of a file",
    ),
    "none and a value": (
        '<limits><wait none="on">3</wait></limits>',
        Fault.STRUCTURE,
        "4: limits.wait: has no value and one",
    ),
    "none where it cannot be": (
        '<limits><size none="on"/></limits>',
        Fault.STRUCTURE,
        "has the attribute none",
    ),
    "a cluster's file": (
        "<cluster><machine/></cluster>",
        Fault.ELEMENT,
        "4: cluster: is of a cluster, and this node is in none; load the file of a machine",
    ),
}


@pytest.mark.parametrize(("inside", "fault", "message"), WRONG.values(), ids=WRONG.keys())
def test_xml_02_what_is_not_valid(inside: str, fault: Fault, message: str) -> None:
    assert message in refused(part(inside), fault)


def test_unknown_attribute_of_the_root() -> None:
    said = refused(part("", ' colour="red"'), Fault.STRUCTURE)
    assert said == "a.xml:3: has the attribute colour, which is not known here"


def test_xml_07_a_lone_rat_is_refused() -> None:
    said = refused(part("<rat></rat>"), Fault.ELEMENT, section=GatewayConfig)
    assert "rat: is not an element here" in said


def test_all_that_is_wrong_is_told_at_once() -> None:
    inside = '<a/>\n<hostname x="">\n<b/></hostname>\n<servers><server><c/></server></servers>'
    said = refused(part(inside), Fault.ELEMENT, Fault.STRUCTURE)
    lines = [line.split(": ")[:2] for line in said.splitlines()]
    assert lines == [
        ["a.xml:4", "a"],
        ["a.xml:5", "hostname"],
        ["a.xml:6", "hostname"],
        ["a.xml:7", "servers[0].c"],
    ]


def test_so_much_is_wrong_that_not_all_is_told() -> None:
    with pytest.raises(XmlError) as caught:
        load(part("<x/>\n" * 1000))
    assert len(caught.value.problems) == 200


def test_what_a_file_says_is_shown_without_controls() -> None:
    with pytest.raises(XmlError) as caught:
        load(part('<routes><route name="&#155;31m" x="&#133;"><a/></route></routes>'))
    assert all(line.isprintable() for line in str(caught.value).splitlines())


def test_wrong_values_are_told_with_the_lines_of_the_file() -> None:
    base = yaml.safe_load(EXAMPLES[0].read_text("utf-8"))
    listener = "<name>In</name><type>public</type><interface>x</interface>\n<port>70000</port>"
    inside = f"<listeners>\n<listener>\n{listener}</listener></listeners>\n<workers>many</workers>"
    loaded = load(part(inside), base, section=GatewayConfig)
    with pytest.raises(ConfigError) as caught:
        parse_config(yaml.safe_dump(loaded.tree), "x", Path("/x"), look_at_files=False)
    found = {problem.path: loaded.line_of(problem.path) for problem in caught.value.problems}
    assert found["listeners[0].port"] == 7
    assert found["workers"] == 8
    assert loaded.line_of("listeners[0].policy.tls") == 5  # within the listener
    assert loaded.line_of("hostname") == 0
    assert loaded.line_of("") == 0


def test_pretty_printed_values() -> None:
    loaded = load(part("<hostname>\n  a.example\n</hostname><limits><size>\n 3 </size></limits>"))
    assert loaded.tree["hostname"] == "a.example"
    assert loaded.tree["limits"] == {"size": 3}


def test_values_that_are_none_stay_for_the_check_of_the_tree() -> None:
    limits = "<limits><size>3Q</size><rate>1e999</rate></limits>"
    loaded = load(part(f"<is_on>maybe</is_on><colour>pink</colour>{limits}"))
    assert loaded.tree["is_on"] == "maybe"
    assert loaded.tree["colour"] == "pink"
    assert loaded.tree["limits"] == {"size": "3Q", "rate": "1e999"}


def test_x_03_masked_secrets() -> None:
    said = refused(save(), Fault.MASKED).splitlines()
    assert len(said) == 3
    assert said[0].endswith(f": servers[0].password: {MASKED}")
    assert MASKED in refused(part('<keys><key name="k">*</key></keys>'), Fault.MASKED)


def test_asterisks_elsewhere_are_text() -> None:
    assert load(part("<hostname>*****</hostname>")).tree["hostname"] == "*****"


def test_xml_21_encrypted_for_the_same_node() -> None:
    content = save(TREE, ENCRYPT)
    options = LoadOptions(node_key=SEAL.key)
    assert load(content, {}, options).tree["keys"] == {"k": "very hidden"}
    assert load(content, TREE, options).changed == ()
    said = refused(content, Fault.SECRET, options=LoadOptions(node_key=bytes(32)))
    assert "the secrets were encrypted on another node" in said
    refused(content, Fault.SECRET)


def test_xml_21_encrypted_with_a_passphrase() -> None:
    seal = passphrase_seal("correct horse", lambda count: b"s" * count)
    content = save(TREE, replace(ENCRYPT, seal=seal))
    assert load(content, options=LoadOptions(passphrase="correct horse")).changed == ()
    said = refused(content, Fault.SECRET, options=LoadOptions(passphrase="wrong"))
    assert said.count("cannot be decrypted: another key or passphrase") == 3
    assert read_head(content, "a.xml").key == seal.name


def test_an_encrypted_secret_moved_elsewhere_does_not_open() -> None:
    text = save(TREE, ENCRYPT).decode("latin-1")
    token = text.partition('<key name="k" encrypted="on">')[2].partition("<")[0]
    moved = part(
        f'<users><user name="x"><password encrypted="on">{token}</password></user></users>',
        f' key="{SEAL.name}"',
    )
    said = refused(moved, Fault.SECRET, options=LoadOptions(node_key=SEAL.key))
    assert "4: users.x.password: cannot be decrypted" in said


def test_an_encrypted_secret_without_its_key() -> None:
    said = refused(part('<keys><key name="k" encrypted="on">AAAA</key></keys>'), Fault.SECRET)
    assert "4: keys.k: is encrypted, but <config> does not say with which key" in said


def test_a_key_that_nobody_knows() -> None:
    assert "names no kind of key" in refused(part("", ' key="x"'), Fault.SECRET)


FOREIGN_KEYS = (
    f"<certificate_list>\n<item><name>a</name><certificate>{PEM_CERTIFICATE}</certificate>"
    f"<private_key>{PEM_KEY}</private_key></item>"
    "<item><private_key encrypted='x'>MIIE</private_key></item></certificate_list>"
)


@pytest.mark.parametrize(
    ("options", "how"), [(HSM, "FIPS Backup/Restore"), (LoadOptions(), "certconfig")]
)
def test_x_02_key_material_is_ignored_and_counted(options: LoadOptions, how: str) -> None:
    content = save(TREE, PLAIN).decode("latin-1").replace("</config>", f"{FOREIGN_KEYS}</config>")
    loaded = load(content, options=options)
    assert loaded.tree == TREE
    assert loaded.pairs == ()
    what = "certificate and key data in this file was ignored (1 certificates, 2 keys)"
    assert [str(warning) for warning in loaded.warnings] == [f"Warning: {what}. Use {how}."]


def test_x_02_key_material_as_values_of_settings() -> None:
    inside = (
        f"<hostname>{PEM_KEY}</hostname><servers><server><name>a</name></server>"
        f"<private_key>{PEM_KEY}</private_key></servers>"
        f'<routes><route name="a">{PEM_CERTIFICATE}</route></routes><access>{PEM_KEY}</access>'
        f"<limits><size>1</size><key>{PEM_KEY}</key></limits>"
    )
    loaded = load(part(inside), options=HSM)
    assert loaded.tree["hostname"] == TREE["hostname"]
    assert loaded.tree["access"] == TREE["access"]
    assert "routes" not in loaded.tree
    assert "(1 certificates, 4 keys)" in str(loaded.warnings[0])


def test_xml_32_pairs_come_back_where_keys_are_in_files() -> None:
    pairs = (KeyPair("mx1", PEM_CERTIFICATE, PEM_KEY), KeyPair("ü", PEM_CERTIFICATE, "x"))
    for saving in (replace(PLAIN, pairs=pairs), replace(ENCRYPT, pairs=pairs)):
        content = save(TREE, saving)
        loaded = load(content, options=LoadOptions(node_key=SEAL.key))
        assert loaded.pairs == pairs
        assert loaded.changed == ()
        ignored = load(content, options=replace(HSM, node_key=SEAL.key))
        assert ignored.pairs == ()
        assert "(2 certificates, 2 keys)" in str(ignored.warnings[0])


BAD_PAIRS = [
    ("<x/>", Fault.STRUCTURE),
    ("<pair/>", Fault.STRUCTURE),
    ("<pair><certificate/><private_key/></pair>", Fault.STRUCTURE),
    ('<pair name="a"><certificate/></pair>', Fault.STRUCTURE),
    ('<pair name="a"><certificate/><private_key/><private_key/></pair>', Fault.STRUCTURE),
    ('<pair name="a"><certificate/><private_key>***</private_key></pair>', Fault.MASKED),
    ('<pair name="a"><certificate/><private_key/></pair>' * 2, Fault.TWICE),
]


@pytest.mark.parametrize(("inside", "fault"), BAD_PAIRS)
def test_pairs_that_are_none(inside: str, fault: Fault) -> None:
    refused(part(f"<key_material>{inside}</key_material>"), fault)


def test_head_of_a_file() -> None:
    head = read_head(save(TREE, ENCRYPT), "a.xml")
    assert (head.secrets, head.key) == ("encrypted", SEAL.name)
    assert (head.origin.model, head.origin.schema) == ("GW-VM", "7.3")
    with pytest.raises(XmlError):
        read_head(HEAD.encode(), "a.xml")


@pytest.mark.parametrize("text", re.findall(r"```xml\n(.*?)```", PAGE, re.DOTALL))
def test_the_files_of_the_guide(text: str) -> None:
    base = yaml.safe_load(EXAMPLES[0].read_text("utf-8"))
    loaded = load(text, base, section=GatewayConfig)
    assert loaded.tree["hostname"] in text


def test_the_guide_names_each_refusal_of_a_file() -> None:
    assert {fault for fault in Fault if f"`{fault.value}`" not in PAGE} == {Fault.UNWRITABLE}
