"""The list of updates: what is taken, and what is not."""

import datetime as dt

import pytest

from mailwarden.services.updates.manifest import (
    MANIFEST_BYTES_MAX,
    ImageFile,
    Manifest,
    ManifestError,
    Offer,
    build_manifest,
    parse_manifest,
)

FILE = ImageFile("scores.txt", "reputation/1.0/scores.txt", 31, "0" * 64)
LIST = Manifest(17, {"reputation": Offer("1.0", (FILE,))}, dt.date(2011, 2, 9))
NOON = 1_297_252_800.0  # 9 February 2011, 12:00 UTC


def test_a_list_is_read_as_it_was_written() -> None:
    assert parse_manifest(build_manifest(LIST)) == LIST


def test_an_empty_list_offers_nothing() -> None:
    assert parse_manifest(b'<updates serial="1"/>') == Manifest(1, {})


FILE_TEXT = '<file name="a" path="a/b" size="1" sha256="' + "0" * 64 + '"/>'
WRONG = [
    ("", "not XML"),
    ("<updates", "not XML"),
    ("<other/>", "misplaced <other>"),
    ("<updates/>", "has to have serial"),
    ('<updates serial="x"/>', "no serial"),
    ('<updates serial="9999999999999999"/>', "no serial"),
    ('<updates serial="999999999999999"/>', "too large"),
    ('<updates serial="1" expires="9 Feb"/>', "no day"),
    ('<updates serial="1" expires="2011-02-30"/>', "no day"),
    ('<updates serial="1" more="2"/>', "nothing else"),
    ('<updates serial="1">text</updates>', "text in the list"),
    ('<updates serial="1"><file/></updates>', "misplaced <file>"),
    ('<updates serial="1"><updates serial="2"/></updates>', "misplaced <updates>"),
    ('<updates serial="1"><component name="a" version="1"/></updates>', "no file for a"),
    ('<!DOCTYPE updates><updates serial="1"/>', "DOCTYPE"),
    ('<!DOCTYPE u [<!ENTITY a "b">]><updates serial="&a;"/>', "DOCTYPE"),
    ('<?xml version="1.0" encoding="x-none"?><updates serial="1"/>' + "\udcff", "XML"),
]
CHANGED = [
    (('name="reputation"', 'name="../x"'), "no name of a component"),
    (('version="1.0">', 'version="../1">'), "no version"),
    (('version="1.0">', f'version="{"a" * 65}">'), "no version"),
    (('name="scores.txt"', 'name="a/b"'), "no name of a file"),
    (('name="scores.txt"', 'name=".hidden"'), "no name of a file"),
    (("reputation/1.0/scores.txt", "/etc/passwd"), "no path"),
    (("reputation/1.0/scores.txt", "a/../../b"), "not a path below"),
    (("reputation/1.0/scores.txt", "a/" * 300 + "a"), "not a path below"),
    (("reputation/1.0/scores.txt", "a b"), "no path"),
    (('size="31"', 'size="-1"'), "no size"),
    (("0" * 64, "0" * 63), "no hash"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_no_list(text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        parse_manifest(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(("change", "message"), CHANGED)
def test_what_a_list_cannot_hold(change: tuple[str, str], message: str) -> None:
    content = build_manifest(LIST).decode().replace(*change)
    with pytest.raises(ManifestError, match=message):
        parse_manifest(content.encode())


def test_what_is_there_twice_or_too_often() -> None:
    one = f'<component name="a" version="1">{FILE_TEXT}</component>'
    with pytest.raises(ManifestError, match="a twice"):
        parse_manifest(f'<updates serial="1">{one}{one}</updates>'.encode())
    two = f'<component name="a" version="1">{FILE_TEXT}{FILE_TEXT}</component>'
    with pytest.raises(ManifestError, match="the file a twice"):
        parse_manifest(f'<updates serial="1">{two}</updates>'.encode())
    files = tuple(FILE._replace(name=f"f{i}") for i in range(33))
    with pytest.raises(ManifestError, match="more than 32 files"):
        parse_manifest(build_manifest(Manifest(1, {"a": Offer("1", files)})))
    many = {f"c{i}": Offer("1", (FILE,)) for i in range(201)}
    with pytest.raises(ManifestError, match="more than 200 components"):
        parse_manifest(build_manifest(Manifest(1, many)))
    with pytest.raises(ManifestError, match="larger than"):
        parse_manifest(b" " * (MANIFEST_BYTES_MAX + 1))


def test_an_older_list_is_refused() -> None:
    LIST.check_fresh(17, NOON)  # on its last day
    with pytest.raises(ManifestError, match="serial 17, 18 was seen"):
        LIST.check_fresh(18, NOON)


def test_a_list_that_is_no_longer_good_is_refused() -> None:
    with pytest.raises(ManifestError, match="until 2011-02-09 only"):
        LIST.check_fresh(0, NOON + 43_200)
