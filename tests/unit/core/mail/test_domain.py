"""Domains: their one form, their A-labels, patterns."""

import pytest

from mailwarden.core.mail.address_scanner import AddressError
from mailwarden.core.mail.domain import (
    DOMAIN_OCTETS_MAX,
    domain_to_ascii,
    matches_domain,
    normalize_domain,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Corp.Example", "corp.example"),
        ("corp.example.", "corp.example"),
        ("localhost", "localhost"),
        ("a_b.example", "a_b.example"),
        ("BÜCHER.example", "bücher.example"),
        ("bu\u0308cher.example", "bücher.example"),
        ("straße.example", "straße.example"),
        ("ΣΑΣ.example", "σασ.example"),
        ("σας.example", "σας.example"),
        ("\u2126.example", "ω.example"),
    ],
)
def test_normalize(text: str, expected: str) -> None:
    assert normalize_domain(text) == expected
    assert normalize_domain(expected) == expected


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", ".a", "-a.b", "a-.b", "a b", " a", "a\t", "a/b", "a\0.b"],
)
def test_what_is_no_domain(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        normalize_domain(text)
    assert caught.value.part == text


@pytest.mark.parametrize(
    "text",
    ["ü..b", "ü-.b", "ü\u00a0.b", "ü\x85.b", "\uff42.example", "a\uff0eb", "a\u3002b", "ü/.b"],
)
def test_what_is_no_international_domain(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        normalize_domain(text)
    assert caught.value.part == text


def test_to_ascii() -> None:
    assert domain_to_ascii("bücher.example") == "xn--bcher-kva.example"
    assert domain_to_ascii("_x.bücher.example") == "_x.xn--bcher-kva.example"
    assert domain_to_ascii("corp.example") == "corp.example"


@pytest.mark.parametrize("domain", ["b\udcfc.example", "☃.example", "ü" * 70 + ".example"])
def test_what_has_no_ascii_form(domain: str) -> None:
    with pytest.raises(AddressError, match="not a valid international domain"):
        domain_to_ascii(domain)


def test_an_ascii_form_may_be_too_long() -> None:
    domain = ".".join(["ü" * 30] * 4 + ["a" * 63, "b" * 63])
    with pytest.raises(AddressError, match="domain too long"):
        domain_to_ascii(domain)
    assert len(domain) < DOMAIN_OCTETS_MAX


@pytest.mark.parametrize(
    ("domain", "pattern", "expected"),
    [
        ("dom.example", "dom.example", True),
        ("sub.dom.example", "dom.example", False),
        ("sub.dom.example", ".dom.example", True),
        ("a.sub.dom.example", ".dom.example", True),
        ("dom.example", ".dom.example", False),
        ("xdom.example", ".dom.example", False),
        (".dom.example", ".dom.example", False),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("a.bücher.example", ".xn--bcher-kva.example", True),
        ("b\udcfc.example", ".example", False),
        ("", "dom.example", False),
        ("", ".dom.example", False),
    ],
)
def test_patterns(domain: str, pattern: str, *, expected: bool) -> None:
    assert matches_domain(domain, pattern) is expected
