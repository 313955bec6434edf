"""The DTD that we publish takes what we write, and knows every setting."""

import io
from functools import cache
from typing import Any

import pytest
import yaml
from lxml import etree

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.shape import Form, Kind, fields_of
from mailwarden.control.xml.dtd import build_dtd
from mailwarden.control.xml.key_material import KeyPair
from mailwarden.control.xml.names import item_name
from mailwarden.control.xml.protection import Protection, node_seal
from mailwarden.control.xml.spelling import keeps_none
from mailwarden.control.xml.write import SaveOptions, write_configuration
from tests.unit.control.xml.sample import NODE, PEM_CERTIFICATE, PEM_KEY, TIME, TREE, Sample, save
from tests.unit.control.xml.test_load import EXAMPLES

ENCRYPT = SaveOptions(
    protection=Protection.ENCRYPT,
    seal=node_seal(bytes(32)),
    random_bytes=lambda count: bytes(count),
    pairs=(KeyPair("mx1", PEM_CERTIFICATE, PEM_KEY),),
)


@cache
def dtd(section: type = GatewayConfig) -> etree.DTD:
    declaration, _, text = build_dtd(section).partition("\n")
    assert declaration == '<?xml version="1.0" encoding="ISO-8859-1"?>'
    return etree.DTD(io.StringIO(text))  # from text, the encoding is not for lxml to know


def parsed(content: bytes) -> Any:
    parser = etree.XMLParser(load_dtd=False, no_network=True, resolve_entities=False)
    return etree.fromstring(content, parser)


def assert_valid(content: bytes, section: type = GatewayConfig) -> None:
    known = dtd(section)
    assert known.validate(parsed(content)), known.error_log


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_real_configurations_are_valid(path: Any) -> None:
    tree = yaml.safe_load(path.read_text("utf-8"))
    assert_valid(write_configuration(tree, NODE, TIME, SaveOptions()))


@pytest.mark.parametrize("options", [SaveOptions(), ENCRYPT], ids=["masked", "encrypted"])
def test_every_kind_of_setting_is_valid(options: SaveOptions) -> None:
    assert_valid(save(TREE, options), Sample)
    assert_valid(save({"access": {"file": "/a"}}, options), Sample)


@pytest.mark.parametrize(
    "inside",
    ["<x/>", "<hostname><b/></hostname>", "<servers>a</servers>", '<servers name="a"/>', "a"],
)
def test_what_is_wrong_is_not_valid(inside: str) -> None:
    assert not dtd(Sample).validate(parsed(f"<config>{inside}</config>".encode()))


def test_lines_are_short_and_ascii() -> None:
    text = build_dtd()
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert text.endswith("\n")


def kinds(section: type) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for name, field in fields_of(section).items():
        kind = found[f"{section.__name__}.{name}"] = field.kind
        while kind.of is not None:
            kind = kind.of
        if kind.section is not None:
            found |= kinds(kind.section)
    return found


SETTINGS = kinds(GatewayConfig)


@cache
def declared_names() -> set[str]:
    return {element.name for element in dtd().iterelements()}


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_is_an_element(path: str) -> None:
    name = path.rpartition(".")[2]
    declared = declared_names()
    assert name in declared
    assert name == name.lower()
    assert name.replace("_", "").isalnum()
    if SETTINGS[path].form in (Form.LIST, Form.TABLE):
        assert item_name(name) in declared


def test_no_setting_is_called_as_what_is_not_one() -> None:
    assert not {"key_material", "cluster", "private_key"} & set(fields_of(GatewayConfig))


def test_where_no_value_says_something() -> None:
    assert [name for name, field in fields_of(Sample).items() if keeps_none(field)] == []
    limits = fields_of(Sample)["limits"].kind.fields
    assert [name for name, field in limits.items() if keeps_none(field)] == ["wait"]
