"""Paths: their text, there and back, and what is none."""

import pytest

from mailwarden.control.candidate.paths import (
    STEPS_MAX,
    TEXT_LENGTH_MAX,
    PathError,
    format_path,
    parse_path,
)

PATHS = [
    ("", ()),
    ("hostname", ("hostname",)),
    ("listeners[In].policy.tls", ("listeners", "In", "policy", "tls")),
    ("listeners.In", ("listeners", "In")),
    ("smtp_routes[.dom.example]", ("smtp_routes", ".dom.example")),
    ("interfaces[ Data 1 ].address", ("interfaces", "Data 1", "address")),
    ("dns[0]", ("dns", "0")),
    ('a["x]y"].b', ("a", "x]y", "b")),
    ('a[""]', ("a", "")),
    (r'a["\u001b\""]', ("a", '\x1b"')),
    ("[with blank]", ("with blank",)),
    ("bücher[Bücher]", None),
    ("a.", None),
    (".a", None),
    ("a..b", None),
    ("a[b", None),
    ("a]", None),
    ("a[]", None),
    ("a[b]c", None),
    ('a["b]', None),
    ('a["b"', None),
    (r'a["\x"]', None),
    (r'a["\ud800"]', None),
    ("a[b[c]]", None),
    ("a b", None),
    ("a[\x00]", None),
    ("a" + ".b" * STEPS_MAX, None),
    ("a" * (TEXT_LENGTH_MAX + 1), None),
]


@pytest.mark.parametrize(("text", "path"), PATHS)
def test_paths(text: str, path: tuple[str, ...] | None) -> None:
    if path is None:
        with pytest.raises(PathError):
            parse_path(text)
        return
    assert parse_path(text) == path
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("listeners", "In", "policy"), "listeners.In.policy"),
        (("listeners", "In 2"), "listeners[In 2]"),
        (("dns", "0"), "dns[0]"),
        (("a", " b"), 'a[" b"]'),
        (("a", "\x1b[2J"), r'a["\u001b[2J"]'),
        (("Bücher",), "[Bücher]"),
    ],
)
def test_the_text_of_a_path(path: tuple[str, ...], text: str) -> None:
    assert format_path(path) == text
