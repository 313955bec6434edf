"""Files of other models, releases and products."""

from dataclasses import replace

import pytest

from mailwarden.control.config.shape import fields_of
from mailwarden.control.xml.faults import Fault
from mailwarden.control.xml.load import LoadOptions
from mailwarden.control.xml.protection import Protection
from mailwarden.control.xml.write import SaveOptions, write_configuration
from tests.unit.control.xml.sample import HEAD, NODE, TIME, TREE, Sample, load, part, refused

CONVERT = LoadOptions(convert=True)
SKIP = LoadOptions(skip_hardware=True)
OLD = (
    "<!--\n  Product: Cisco IronPort C660 Messaging Gateway(tm) Appliance\n"
    "  Model Number: C660\n  Version: 7.3.0-051\n  Serial Number: 1\n-->\n"
)
REFUSAL = """\
Error: this configuration was saved on model "C660"; this node is "GW-VM". Nothing was loaded.
Hardware-dependent sections: ethernet_settings, interfaces, nic_pairs, vlans, raid, \
concurrency_limits.
To load everything except these sections use: loadconfig --skip-hardware <file>"""


def foreign_model() -> str:
    node = replace(NODE, model="C660")
    options = SaveOptions(protection=Protection.PLAIN)
    return write_configuration(TREE, node, TIME, options, Sample).decode("latin-1")


def test_x_10_a_file_of_another_model() -> None:
    assert refused(foreign_model(), Fault.MODEL) == REFUSAL


def test_x_10_the_model_stands_in_the_comment_alone() -> None:
    text = foreign_model().replace(' model="C660"', "")
    assert refused(text, Fault.MODEL) == REFUSAL


def test_x_11_without_the_hardware() -> None:
    text = foreign_model().replace(
        "</config>", "<interfaces><x/></interfaces><raid/><interfaces/></config>"
    )
    loaded = load(text, {}, SKIP)
    assert loaded.skipped == ("interfaces", "raid")
    assert loaded.tree["hostname"] == "mail3.example.com"
    assert "interfaces" not in loaded.tree


def test_xml_35_a_file_that_names_no_model() -> None:
    text = foreign_model().replace(' model="C660"', "").replace("  Model Number: C660\n", "")
    said = refused(text, Fault.MODEL)
    assert said.startswith("Error: this configuration does not say which model it was saved on;")
    assert said.splitlines()[1:] == REFUSAL.splitlines()[1:]
    assert load(text, {}, SKIP).tree == load(foreign_model(), {}, SKIP).tree


def test_xml_35_a_part_that_names_no_model() -> None:
    assert load(part("<is_on>1</is_on>"), {}).tree == {"is_on": True}
    assert "does not say which model" in refused(part("<raid/>"), Fault.MODEL, Fault.ELEMENT)


def test_xml_35_a_part_of_another_model() -> None:
    said = refused(part("<is_on>1</is_on>", ' model="C660&#155;"'), Fault.MODEL)
    assert r'"C660\x9b"' in said


@pytest.mark.parametrize("schema", ["7.0", "7.1", "7.3", "7.3.0-051"])
def test_xml_34_our_schemas(schema: str) -> None:
    assert load(part("<is_on>1</is_on>", f' schema="{schema}"'), {}).tree == {"is_on": True}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("7.4", "the schema 7.4 is newer than 7.3, the one of this node; upgrade the node first"),
        ("8.0", "the schema 8.0 is newer than 7.3"),
        ("6.5", "the schema 6.5 is older than 7.0; use loadconfig --convert"),
        ("x", "the schema 'x' is no release such as 7.3"),
    ],
)
def test_xml_34_other_schemas(schema: str, message: str) -> None:
    assert message in refused(part("<is_on>1</is_on>", f' schema="{schema}"'), Fault.SCHEMA)


def test_xml_34_an_older_schema_is_converted_when_asked_for() -> None:
    loaded = load(part("<is_on>1</is_on>", ' schema="6.5"'), {}, CONVERT)
    assert loaded.tree == {"is_on": True}


def old(inside: str, comment: str = OLD) -> str:
    return f"{HEAD}{comment}<config>\n{inside}\n</config>\n"


def test_xml_34_another_product_is_not_read_unasked() -> None:
    said = refused(old(""), Fault.SCHEMA, Fault.MODEL)
    assert "was saved by Cisco IronPort C660 Messaging Gateway(tm) Appliance 7.3.0-051; use" in said


def test_xml_34_later_releases_of_another_product_are_not_read() -> None:
    text = old("", OLD.replace("7.3.0", "11.0.0"))
    options = LoadOptions(convert=True, skip_hardware=True)
    assert "only releases up to 7 are read" in refused(text, Fault.SCHEMA, options=options)


def test_xml_35_another_product_is_another_model() -> None:
    assert refused(old("<hostname>a</hostname>"), Fault.MODEL, options=CONVERT) == REFUSAL


def test_every_section_of_ours_can_be_missing_or_there() -> None:
    names = "".join(f"<{name}></{name}>" for name in fields_of(Sample) if name != "colour")
    assert load(part(names), TREE).tree["colour"] == "on"
    said = refused(part(f"{names}<colour>red</colour>"), Fault.MODEL)
    assert "does not say which model" in said
