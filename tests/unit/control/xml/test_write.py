"""What a saved file looks like, and what cannot be saved."""

from dataclasses import replace
from typing import Any

import pytest

from mailwarden.control.xml.faults import Fault, XmlError
from mailwarden.control.xml.key_material import KeyPair, KeyStore
from mailwarden.control.xml.protection import Protection, node_seal
from mailwarden.control.xml.write import SaveOptions, write_configuration
from tests.unit.control.xml.sample import (
    NODE,
    PEM_CERTIFICATE,
    PEM_KEY,
    TIME,
    TREE,
    Sample,
    save,
)

SMALL: dict[str, Any] = {"hostname": "mail3.example.com"}
ONLY_NAMED = SaveOptions(with_defaults=False)
PLAIN = SaveOptions(protection=Protection.PLAIN)


def test_xml_01_first_lines_comment_and_attributes() -> None:
    assert save(SMALL, ONLY_NAMED).decode("ascii") == (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        '<!DOCTYPE config SYSTEM "config.dtd">\n'
        "<!--\n"
        "  Product: Mailwarden\n"
        "  Model Number: GW-VM\n"
        "  Version: 0.4.0\n"
        "  Serial Number: 4711\n"
        "  Current Time: Fri Sep 17 11:42:12 2010 GMT\n"
        "-->\n"
        '<config schema="7.3" model="GW-VM" version="0.4.0" serial="4711" fips="off"'
        ' secrets="masked">\n'
        "  <hostname>mail3.example.com</hostname>\n"
        "</config>\n"
    )


def test_fips_is_said() -> None:
    content = write_configuration(SMALL, replace(NODE, fips=True), TIME, ONLY_NAMED, Sample)
    assert b' fips="on"' in content


def test_a_name_that_would_end_the_comment_or_an_attribute() -> None:
    node = replace(NODE, model='--> <"€', serial="a\n--b-")
    content = write_configuration(SMALL, node, TIME, ONLY_NAMED, Sample)
    assert b'  Model Number: - -> <"?\n  Version: 0.4.0\n  Serial Number: a - -b-\n' in content
    assert b' model="--&gt; &lt;&quot;&#8364;"' in content


def test_xml_06_every_kind_of_setting() -> None:
    text = save(TREE, replace(PLAIN, with_defaults=False)).decode("latin-1")
    assert text.partition('"plain">\n')[2] == (
        "  <hostname>mail3.example.com</hostname>\n"
        "  <note> one\n\ttwo &amp; &lt;three&gt; é&#8364; &#133;\n</note>\n"
        "  <is_on>on</is_on>\n"
        "  <colour>on</colour>\n"
        "  <servers>\n"
        "    <server>\n"
        "      <name>a</name>\n"
        "      <password>s3cr&lt;t</password>\n"
        "      <ports>\n"
        "        <port>25</port>\n"
        "        <port>587</port>\n"
        "      </ports>\n"
        "    </server>\n"
        "    <server>\n"
        "      <name>b</name>\n"
        "      <password></password>\n"
        "      <ports></ports>\n"
        "    </server>\n"
        "  </servers>\n"
        "  <users>\n"
        '    <user name="Data 1">\n'
        "      <password>hidden</password>\n"
        "    </user>\n"
        '    <user name="bücher.example"></user>\n'
        "  </users>\n"
        "  <keys>\n"
        '    <key name="k">very hidden</key>\n'
        "  </keys>\n"
        "  <routes>\n"
        '    <route name=".dom.example">mx.example</route>\n'
        '    <route name="a&quot;&lt;&amp;&#10;&#9;&gt;"></route>\n'
        "  </routes>\n"
        "  <texts>\n"
        '    <text name="t">\n'
        '      <entry name="de">\n'
        "        <name>x</name>\n"
        "      </entry>\n"
        "    </text>\n"
        "  </texts>\n"
        "  <access># a comment\ncorp.example ACCEPT\n</access>\n"
        "  <limits>\n"
        "    <size>20M</size>\n"
        '    <wait none="on"></wait>\n'
        "    <rate>0.5</rate>\n"
        "  </limits>\n"
        "</config>\n"
    )


def test_xml_05_all_settings_are_written() -> None:
    text = save(SMALL).decode("latin-1").partition('"masked">\n')[2]
    assert text == (
        "  <hostname>mail3.example.com</hostname>\n"
        "  <note></note>\n"
        "  <is_on>off</is_on>\n"
        "  <colour>red</colour>\n"
        "  <servers></servers>\n"
        "  <users></users>\n"
        "  <keys></keys>\n"
        "  <routes></routes>\n"
        "  <texts></texts>\n"
        "  <access></access>\n"
        "  <limits>\n"
        "    <size>1k</size>\n"
        "    <wait>2.5</wait>\n"
        "  </limits>\n"
        "</config>\n"
    )


def test_a_table_in_a_file_and_one_of_lines() -> None:
    assert b'<access file="/etc/a &amp; b"></access>' in save({"access": {"file": "/etc/a & b"}})
    assert b"<access>a REJECT\n\n</access>" in save({"access": ["a REJECT", None]})


def test_xml_20_masked_by_default() -> None:
    text = save().decode("latin-1")
    assert text.count("*****") == 3
    assert "s3cr" not in text
    assert "hidden" not in text
    assert "<password></password>" in text  # there is nothing to mask


def test_xml_21_encrypted() -> None:
    options = SaveOptions(
        protection=Protection.ENCRYPT, seal=node_seal(bytes(32)), random_bytes=lambda n: b"n" * n
    )
    text = save(TREE, options).decode("latin-1")
    assert text.count(' encrypted="on">') == 3
    assert "s3cr" not in text
    assert "hidden" not in text
    assert f' secrets="encrypted" key="{node_seal(bytes(32)).name}">' in text
    assert "*" not in text


UNWRITABLE = [
    ({"hostname": "a\x0b"}, "hostname: the sign U+000B cannot stand in an XML file"),
    ({"routes": {"a\0": "x"}}, "the sign U+0000"),
    ({"routes": {"a": "\ud800"}}, "routes.a: the sign U+D800"),
    ({"access": "a\uffff"}, "access: the sign U+FFFF"),
    ({"access": {"file": "\x01"}}, "access: the sign U+0001"),
    ({"host": "a"}, "host: is not a setting"),
    ({"servers": [{"nam": 1}]}, "servers[0].nam: is not a setting"),
    ({"servers": {"a": 1}}, "servers: is no list"),
    ({"servers": ["a"]}, "servers[0]: is no block of settings"),
    ({"users": ["a"]}, "users: has no names with values"),
    ({"hostname": ["a"]}, "hostname: is no single value"),
    ({"routes": {"a": None}}, "routes.a: is no single value"),
    ({"limits": "a"}, "limits: is no block of settings"),
]


@pytest.mark.parametrize(("tree", "message"), UNWRITABLE)
def test_what_no_file_can_hold(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(XmlError) as caught:
        save(tree)
    assert caught.value.faults == {Fault.UNWRITABLE}
    assert message in str(caught.value)


def test_all_that_cannot_be_written_is_told_at_once() -> None:
    with pytest.raises(XmlError) as caught:
        save({"hostname": "\0", "routes": {"a": "\0"}, "x": 1})
    assert len(caught.value.problems) == 3


def test_very_much_cannot_be_written() -> None:
    with pytest.raises(XmlError) as caught:
        save({"routes": {f"a{number}": "\0" for number in range(1000)}})
    assert len(caught.value.problems) == 200


@pytest.mark.parametrize("protection", [Protection.MASK, Protection.PLAIN])
def test_x_01_nothing_of_keys_in_an_hsm(protection: Protection) -> None:
    tree = TREE | {"note": PEM_CERTIFICATE, "keys": {"k": PEM_KEY}, "access": PEM_KEY}
    pairs = (KeyPair("mx1", PEM_CERTIFICATE, PEM_KEY),)
    text = save(tree, SaveOptions(protection=protection, key_store=KeyStore.HSM, pairs=pairs))
    assert b"BEGIN" not in text
    assert b"private_key" not in text


def test_xml_32_pairs_of_files_only_where_secrets_are_not_masked() -> None:
    pairs = (KeyPair("mx1", PEM_CERTIFICATE, PEM_KEY),)
    masked = save(TREE | {"note": PEM_KEY}, SaveOptions(pairs=pairs))
    assert b"BEGIN" not in masked
    assert b"mx1" not in masked
    plain = save(TREE, replace(PLAIN, pairs=pairs)).decode("latin-1")
    assert f'  <key_material>\n    <pair name="mx1">\n      <certificate>{PEM_CERTIFICATE}' in plain
    assert f"<private_key>{PEM_KEY}</private_key>" in plain
    options = SaveOptions(
        protection=Protection.ENCRYPT,
        seal=node_seal(bytes(32)),
        random_bytes=lambda n: b"n" * n,
        pairs=pairs,
    )
    encrypted = save(TREE, options).decode("latin-1")
    assert encrypted.count("BEGIN") == 1
    assert '<private_key encrypted="on">' in encrypted


def test_x_01_our_own_certificates_are_names_of_files() -> None:
    tree = {"certificates": {"mx": {"certificate": "/etc/mx.pem", "key": "/etc/mx.key"}}}
    text = write_configuration(tree, NODE, TIME, SaveOptions()).decode("latin-1")
    assert '<certificate name="mx">\n      <certificate>/etc/mx.pem</certificate>' in text
    assert "BEGIN" not in text
