"""Hostile and broken files give a named problem with its line, and nothing outside is read."""

import pickle

import pytest

from mailwarden.control.xml import document
from mailwarden.control.xml.document import Document, parse_document
from mailwarden.control.xml.faults import Fault, Problems, XmlError
from tests.unit.control.xml.sample import HEAD

LAUGHS = "".join(f'<!ENTITY l{n} "' + f"&l{n - 1};" * 10 + '">' for n in range(1, 10))
LONG = "x" * 50_000
SHORTS = "<a></a>" * 50_000
MANY = " ".join(f"a{n}=''" for n in range(17))
DECLARED = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'


def parsed(text: str | bytes) -> Document:
    problems = Problems("a.xml")
    content = text.encode("latin-1") if isinstance(text, str) else text
    found = parse_document(content, problems)
    problems.raise_if_any()
    assert found is not None
    return found


def subset(inside: str, body: str = "<config></config>") -> str:
    return f'{DECLARED}<!DOCTYPE config SYSTEM "config.dtd" [{inside}]>\n{body}'


REFUSED = {
    "billion laughs": (subset(f'<!ENTITY l0 "ha">{LAUGHS}', "<config>&l9;</config>"), "ENTITY", 2),
    "quadratic blow-up": (
        subset(f'<!ENTITY a "{LONG}">', "<config>" + "&a;" * 50_000 + "</config>"),
        "ENTITY",
        2,
    ),
    "x_13 external entity": (
        subset('<!ENTITY x SYSTEM "file:///etc/passwd">', "<config>&x;</config>"),
        "ENTITY",
        2,
    ),
    "parameter entity": (subset('<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;'), "ENTITY", 2),
    "attribute declaration": (subset('<!ATTLIST config a CDATA "x">'), "ENTITY", 2),
    "empty subset": (subset(""), "ENTITY", 2),
    "unknown entity": (f"{HEAD}<config>\n<a>&x;</a></config>", "ENTITY", 4),
    "unknown entity in an attribute": (f"{HEAD}<config><a b='>' c='&x;'/></config>", "ENTITY", 3),
    "unknown entity in a long file": (
        f"{HEAD}<config>{SHORTS}\n<a b='&lt;&#65;&x;'/></config>",
        "ENTITY",
        4,
    ),
    "external DTD": (
        f'{DECLARED}<!DOCTYPE config SYSTEM "http://127.0.0.1/config.dtd">\n<config/>',
        "DOCTYPE",
        2,
    ),
    "public DTD": (
        f'{DECLARED}<!DOCTYPE config PUBLIC "-//X//Y" "config.dtd">\n<config/>',
        "DOCTYPE",
        2,
    ),
    "no DTD": (f"{DECLARED}<config></config>", "DOCTYPE", 2),
    "other root": (f"{HEAD}<html></html>", "DOCTYPE", 3),
    "deep": (f"{HEAD}<config>\n{'<a>' * 64}", "DEPTH", 4),
    "many attributes": (
        f"{HEAD}<config {MANY}></config>",
        "COUNT",
        3,
    ),
    "huge attribute": (f"{HEAD}<config a='{'x' * 40_000}'></config>", "COUNT", 3),
    "huge tag": (f"{HEAD}<config a='{'x' * 2_000_000}'></config>", "COUNT", 3),
    "endless comment": (f"{HEAD}<!--{'x' * 2_000_000}", "COUNT", 3),
    "long name": (f"{HEAD}<config><{'x' * 201}/></config>", "COUNT", 3),
    "instruction": (f"{HEAD}<config><?php x?></config>", "STRUCTURE", 3),
    "style sheet": (f"{HEAD}<?xml-stylesheet href='x'?><config></config>", "STRUCTURE", 3),
    "truncated": (f"{HEAD}<config>\n<a>", "SYNTAX", 4),
    "cut within a tag": (f"{HEAD}<config>\n<a", "SYNTAX", 4),
    "junk behind the end": (f"{HEAD}<config></config>\n<a/>", "SYNTAX", 4),
    "text behind the end": (f"{HEAD}<config></config>\nx", "SYNTAX", 4),
    "crossed tags": (f"{HEAD}<config>\n<a></b></config>", "SYNTAX", 4),
    "attribute twice": (f"{HEAD}<config a='' a=''></config>", "SYNTAX", 3),
    "naked ampersand": (f"{HEAD}<config>\n<a>b & c</a></config>", "SYNTAX", 4),
    "NUL": (f"{HEAD}<config>\n<a>\0</a></config>", "SYNTAX", 4),
    "number of no sign": (f"{HEAD}<config><a>&#0;</a></config>", "SYNTAX", 3),
    "half of a pair": (f"{HEAD}<config><a>&#xD800;</a></config>", "SYNTAX", 3),
    "nothing": ("", "SYNTAX", 1),
    "blank in front": (f" {HEAD}<config></config>", "SYNTAX", 1),
    "XML 1.1": (HEAD.replace("1.0", "1.1") + "<config></config>", "SYNTAX", 1),
    "x_07 UTF-8": (HEAD.replace("ISO-8859-1", "UTF-8") + "<config></config>", "ENCODING", 1),
    "other Latin": (HEAD.replace("8859-1", "8859-15") + "<config></config>", "ENCODING", 1),
    "no encoding": (
        HEAD.replace(' encoding="ISO-8859-1"', "") + "<config></config>",
        "ENCODING",
        1,
    ),
    "no declaration": ('<!DOCTYPE config SYSTEM "config.dtd">\n<config></config>', "ENCODING", 1),
    "UTF-8 with its mark": (b"\xef\xbb\xbf" + HEAD.encode() + b"<config></config>", "ENCODING", 1),
    "UTF-16": (f"{HEAD}<config></config>".encode("utf-16"), "ENCODING", 1),
    "UTF-16 without a mark": (f"{HEAD}<config></config>".encode("utf-16-le"), "ENCODING", 1),
    "UTF-32": (f"{HEAD}<config></config>".encode("utf-32-be"), "ENCODING", 1),
}


@pytest.mark.parametrize(("text", "fault", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_a_name_and_a_line(text: str | bytes, fault: str, line: int) -> None:
    with pytest.raises(XmlError) as caught:
        parsed(text)
    assert caught.value.faults == {Fault[fault]}
    assert caught.value.problems[0].line == line
    assert str(caught.value).startswith(f"a.xml:{line}: ")
    assert str(caught.value).isprintable()


def test_size(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{HEAD}<config></config>"
    monkeypatch.setattr(document, "SIZE_BYTES_MAX", len(text))
    assert parsed(text).root.name == "config"
    with pytest.raises(XmlError) as caught:
        parsed(f"{text}\n")
    assert caught.value.faults == {Fault.SIZE}
    assert str(caught.value) == f"a.xml:1: is larger than {len(text)} bytes"


def test_number_of_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "ELEMENTS_MAX", 3)
    assert len(parsed(f"{HEAD}<config><a/><a/></config>").root.children) == 2
    with pytest.raises(XmlError, match="more than 3 elements"):
        parsed(f"{HEAD}<config><a/><a/><a/></config>")


def test_depth_that_is_just_right() -> None:
    text = f"{HEAD}<config>{'<a>' * 63}{'</a>' * 63}</config>"
    assert parsed(text).root.children[0].children[0].name == "a"


def test_what_is_open_is_told() -> None:
    with pytest.raises(XmlError, match="<b> of line 5 is still open"):
        parsed(f"{HEAD}<config>\n<a></a>\n<b>\n</config>")


def test_what_can_be_passed_over_is_told_together() -> None:
    with pytest.raises(XmlError) as caught:
        parsed('<!DOCTYPE other SYSTEM "x">\n<config><?a?>\n<?b?></config>')
    assert [problem.line for problem in caught.value.problems] == [1, 1, 2, 3]
    assert caught.value.faults == {Fault.DOCTYPE, Fault.ENCODING, Fault.STRUCTURE}


def test_elements_with_lines_text_and_attributes() -> None:
    text = f"{HEAD}<!-- one --><!-- two -->\n<config a='1'>\n <b>x&#x20AC;\xe9<![CDATA[<&>]]></b>\n"
    found = parsed(f"{text}<c> <!-- no --> <d/> y </c></config>\n<!-- three -->")
    assert (found.comment, found.root.attributes, found.root.line) == (" one ", {"a": "1"}, 4)
    first, second = found.root.children
    assert (first.name, first.line, first.text) == ("b", 5, "x€é<&>")
    assert (second.line, second.stray_line, second.text) == (6, 6, "")
    assert found.root.stray_line == 0


def test_encoding_is_read_in_any_case() -> None:
    assert parsed(f"{HEAD.replace('ISO', 'iso')}<config></config>").root.children == []


def test_a_c1_control_is_what_it_is_in_latin_1() -> None:
    assert parsed(HEAD.encode() + b"<config>\x85\x93</config>").root.text == "\x85\x93"


def test_problems_travel_between_processes() -> None:
    with pytest.raises(XmlError) as caught:
        parsed("x")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problems == caught.value.problems
