"""XML files read back as the trees they were made of; any file gives a tree or named problems."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import PROBLEMS_MAX
from mailwarden.control.config.reader import ConfigError, demo_text, parse_config
from mailwarden.control.config.shape import fields_of
from mailwarden.control.xml.document import DTD, parse_document
from mailwarden.control.xml.dtd import build_dtd
from mailwarden.control.xml.faults import Problems, XmlError
from mailwarden.control.xml.key_material import KeyStore
from mailwarden.control.xml.load import Loaded, LoadOptions, load_configuration, read_head
from mailwarden.control.xml.origin import NodeFacts, read_origin, write_comment
from mailwarden.control.xml.protection import Protection, node_seal
from mailwarden.control.xml.read import SettingsReader
from mailwarden.control.xml.spelling import settled
from mailwarden.control.xml.spf_passed import convert_spf_passed
from mailwarden.control.xml.write import SaveOptions, write_configuration
from tests.property.config_values import configurations, sections

NODE = NodeFacts(model="GW-VM", version="1", serial="2")
TIME = datetime(2010, 9, 17, tzinfo=UTC)
BASE: dict[str, Any] = yaml.safe_load(demo_text())
PLAIN = SaveOptions(protection=Protection.PLAIN)
NAMES = sorted({name for section in sections() for name in fields_of(section)})
HEAD = f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE config SYSTEM "{DTD}">\n'
PUBLISHED = etree.DTD(io.StringIO(build_dtd().partition("\n")[2]))
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def save(tree: Mapping[str, Any], options: SaveOptions = PLAIN) -> bytes:
    return write_configuration(tree, NODE, TIME, options)


def load(content: bytes, base: Mapping[str, Any], **options: Any) -> Loaded:
    return load_configuration(content, "any.xml", base, NODE, LoadOptions(**options))


def read_tree(content: bytes) -> dict[str, Any]:
    problems = Problems("any.xml")
    document = parse_document(content, problems)
    assert document is not None
    reader = SettingsReader(problems, None, KeyStore.FILES)
    tree = reader.settings(GatewayConfig, document.root, "", "")
    problems.raise_if_any()
    return tree


def built(tree: Mapping[str, Any]) -> GatewayConfig | None:
    text = yaml.safe_dump(dict(tree), allow_unicode=True)
    try:
        return parse_config(text, "any.yaml", Path("/srv/gateway"), look_at_files=False)
    except ConfigError:
        return None


@SLOW
@given(configurations())
def test_a_tree_reads_back_as_it_was(tree: dict[str, Any]) -> None:
    plain = yaml.safe_load(yaml.safe_dump(tree, allow_unicode=True))
    again = read_tree(save(plain, SaveOptions(protection=Protection.PLAIN, with_defaults=False)))
    assert again == settled(plain, GatewayConfig)
    assert settled(again, GatewayConfig) == again
    assert [list(again[name]) for name in ("interfaces", "smtp_routes")] == [
        list(plain[name]) for name in ("interfaces", "smtp_routes")
    ]


@SLOW
@given(configurations())
def test_x_14_what_was_saved_changes_nothing(tree: dict[str, Any]) -> None:
    content = save(tree)
    loaded = load(content, tree)
    assert loaded.tree == tree
    assert loaded.changed == ()
    assert loaded.warnings == ()
    assert PUBLISHED.validate(etree.fromstring(content)), PUBLISHED.error_log


@SLOW
@given(configurations())
def test_a_whole_file_gives_the_same_configuration_on_any_node(tree: dict[str, Any]) -> None:
    config = built(tree)
    assume(config is not None)
    for options in (PLAIN, SaveOptions(protection=Protection.PLAIN, with_defaults=False)):
        assert built(load(save(tree, options), {}).tree) == config
    assert built(load(save(tree), BASE).tree) == config


@SLOW
@given(configurations(), st.data())
def test_a_part_changes_its_sections_alone(tree: dict[str, Any], data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(tree)), min_size=1))
    part = {name: tree[name] for name in names}
    content = save(part, SaveOptions(protection=Protection.PLAIN, with_defaults=False))
    loaded = load(content, BASE)
    assert {section.name for section in loaded.sections} == names
    for name in set(BASE) - names:
        assert loaded.tree[name] == BASE[name]
    again = load(content, loaded.tree)
    assert (again.tree, again.changed) == (loaded.tree, ())


MARKS = [
    "<config>",
    "</config>",
    "<config ",
    ">",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&x;",
]
MARKS += ["&#65;", "&#0;", "<?x?>", "<!DOCTYPE ", "[", "<listener>", "<entry>", "<key_material>"]
MARKS += ["</pair>", "-----BEGIN", "*****"]
TAGS = [f"<{name}>" for name in NAMES] + [f"</{name}>" for name in NAMES]
PIECES = st.one_of(
    st.sampled_from(TAGS),
    st.sampled_from([*MARKS, HEAD, "-----BEGIN CERTIFICATE-----", "<pair name='a'>"]),
    st.sampled_from(
        ["<interface name='a'>", " file='x'", " none='on'>", " name='b'", " schema='7'"]
    ),
    st.sampled_from([" key='node:0123456789abcdef'", " encrypted='on'>", "<config model='x'>"]),
    st.text(st.characters(codec="latin-1"), max_size=5),
)


def check(content: bytes) -> None:
    for options in ({}, {"convert": True, "skip_hardware": True}, {"key_store": KeyStore.HSM}):
        wrong: XmlError | None = None
        try:
            loaded = load(content, BASE, **options)
        except XmlError as error:
            wrong = error
        if wrong is not None:
            check_problems(wrong, content)
            continue
        told = [*loaded.warnings, *loaded.taken, *loaded.not_taken]
        assert all(str(each).isprintable() for each in told)
        assert save(loaded.tree)


def check_problems(error: XmlError, content: bytes) -> None:
    assert 0 < len(error.problems) <= PROBLEMS_MAX
    lines = content.count(b"\n") + content.count(b"\r") + 1
    assert all(problem.line <= lines for problem in error.problems)
    assert all(line.isprintable() for line in str(error).splitlines())
    assert all(len(str(problem)) < 3000 for problem in error.problems)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    check(content)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_pieces_of_xml_in_any_order(pieces: list[str]) -> None:
    inside = "".join(pieces).encode("latin-1")
    check(inside)
    check(f"{HEAD}<config>".encode() + inside + b"</config>")


@settings(deadline=None)
@given(st.data())
def test_a_right_file_with_anything_changed(data: st.DataObject) -> None:
    text = save(BASE).decode("latin-1")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + data.draw(PIECES) + text[end:]
    check(text.encode("latin-1"))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(TEXTS, TEXTS, TEXTS)
def test_any_words_at_the_head_of_a_file(model: str, version: str, serial: str) -> None:
    node = NodeFacts(model=model, version=version, serial=serial)
    content = write_configuration(BASE, node, TIME, PLAIN)
    origin = read_head(content, "any.xml").origin
    assert origin.product == "Mailwarden"
    comment = write_comment(node, TIME)
    assert "--" not in comment[4:-4]
    assert read_origin(comment, {}).time == "Fri Sep 17 00:00:00 2010 GMT"


@given(st.text(max_size=200), st.text(max_size=20))
def test_what_is_sealed_opens_only_as_it_was(text: str, path: str) -> None:
    seal = node_seal(bytes(32))
    try:
        token = seal.encrypt(text, path, lambda count: bytes(count))
    except UnicodeEncodeError:  # half of a surrogate pair, which no file can hold
        return
    assert seal.decrypt(token, path) == text


@given(
    st.lists(
        st.sampled_from(
            ["spf-passed", "not", "(", ")", "()", " ", "\n", '"', "'", "\\", "#", "if", "and", "x"]
        ),
        max_size=40,
    ).map("".join)
)
def test_any_filter_is_converted_once(text: str) -> None:
    converted = convert_spf_passed(text)
    assert convert_spf_passed(converted.text) == type(converted)(converted.text, ())
    if not converted.changes:
        assert converted.text == text
