"""Sections: which there are, and which overlap."""

import pytest

from mailwarden.control.candidate.paths import parse_path
from mailwarden.control.candidate.sections import (
    EVERYTHING,
    MEMBERS_MAX,
    Section,
    Sections,
    gathered,
    parse_section,
    section_of,
)
from tests.unit.control.candidate.values import GATEWAY

SECTIONS = [
    ("hostname", "hostname"),
    ("listeners[In].policy.tls", "listeners.In"),
    ("listeners[In]", "listeners.In"),
    ("listeners", "listeners"),
    ("interfaces.Outside.address", "interfaces.Outside"),
    ("smtp_routes[.dom.example]", "smtp_routes[.dom.example]"),
    ("delivery.dane.enabled", "delivery"),
    ("mail_policies.incoming[Sales].recipients", "mail_policies.incoming.Sales"),
    ("mail_policies.incoming", "mail_policies"),
    ("bounce_templates.Kind.de", "bounce_templates.Kind"),
    ("unknown.value.deep", "unknown"),
    ("delivery.unknown.deep", "delivery"),
    ("", ""),
]


@pytest.mark.parametrize(("path", "section"), SECTIONS)
def test_sections(path: str, section: str) -> None:
    assert str(section_of(parse_path(path), GATEWAY)) == section


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("hostname", "hostname", True),
        ("hostname", "user", False),
        ("listeners.In", "listeners.Out", False),
        ("listeners.In", "listeners", True),
        ("listeners (order)", "listeners (order)", True),
        ("listeners (order)", "listeners.In", False),
        ("listeners (order)", "listeners", True),
        ("listeners (order)", "interfaces (order)", False),
        ("mail_policies.incoming (order)", "mail_policies", True),
        ("", "hostname", True),
        ("", "listeners (order)", True),
        ("not [a path", "hostname", True),
    ],
)
def test_overlap(one: str, other: str, overlap: bool) -> None:
    first, second = parse_section(one), parse_section(other)
    assert Sections([first]).overlaps(second) == overlap
    assert Sections([second]).overlaps(first) == overlap
    assert parse_section(str(first)) == first


def test_many_members_are_the_whole_list() -> None:
    few = [Section(("smtp_routes", str(number))) for number in range(MEMBERS_MAX)]
    assert gathered([*few, *few]) == tuple(few)
    many = [*few, Section(("smtp_routes", "x")), Section(("hostname",))]
    assert gathered(many) == (Section(("smtp_routes",)), Section(("hostname",)))
    assert EVERYTHING.path == ()
