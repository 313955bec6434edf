"""Left and right sides of rewriting tables: how they read, and what an address is matched with."""

import pytest

from mailwarden.core.mail.address import ADDRESS_OCTETS_MAX
from mailwarden.core.policy.address_forms import NOWHERE
from mailwarden.core.policy.rewrite_sides import (
    DOMAINS_KEPT_MAX,
    SideReader,
    SideSearch,
    apply_right,
    build_side,
    split_words,
)

LEFT = [
    ("Joe@Old.Example", "joe@old.example"),
    ("joe@.old.example", "joe@.old.example"),
    ("@old.example", "@old.example"),
    ("@.Old.example.", "@.old.example"),
    ('"joe doe"@old.example', '"joe doe"@old.example'),
    ('"joe"@.old.example', "joe@.old.example"),
    ('"Joe@x"@.old.example', '"joe@x"@.old.example'),
    ("joe@bücher.example", "joe@xn--bcher-kva.example"),
    ("MÜLLER@old.example", "müller@old.example"),
    ("joe%x!y#1@old.example", "joe%x!y#1@old.example"),
    ("joe@localhost", "joe@localhost"),
    ("joe@[192.0.2.1]", "joe@[192.0.2.1]"),
]


@pytest.mark.parametrize(("text", "side"), LEFT)
def test_left(text: str, side: str) -> None:
    assert SideReader().left(text) == side
    assert SideReader().left(side) == side


@pytest.mark.parametrize(
    "text", ["", "joe", "joe@", "@", "@.", "joe@.", "old.example", ".old.example", "@old..example",
             "@-old.example", "joe doe@old.example", "joe@a@old.example", "<joe@old.example>",
             "joe> x@old.example", "joe(x)@old.example", "joe@old.example>", '"joe@old.example',
             '"joe@old.example"', "@192.0.2.1", "joe\0@old.example", "joe\x85@old.example",
             "@" + "a." * 1000, "a" * 2000 + "@old.example"],
)  # fmt: skip
def test_wrong_left(text: str) -> None:
    with pytest.raises(ValueError) as error:
        SideReader().left(text)
    assert len(str(error.value)) < 500


ADDRESSES = [
    ("Joe@New.Example", "Joe@new.example"),
    ('"Joe"@new.example.', "Joe@new.example"),
    ('"Joe Doe"@new.example', '"Joe Doe"@new.example'),
    ("joe@bücher.example", "joe@xn--bcher-kva.example"),
    ("Müller@new.example", "Müller@new.example"),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_address(text: str, address: str) -> None:
    assert SideReader().address(text) == address
    assert SideReader().address(address) == address


@pytest.mark.parametrize(
    "text", ["", "joe", "joe@", "@new.example", "joe@.new.example", "joe@new..example",
             "Joe <joe@new.example>", "joe@[192.0.2.1]", "joe> x@new.example", '"joe@new.example"',
             "joe@" + "n" * 63 + "." + ("m" * 63 + ".") * 3, "a\u2028b@new.example",
             "a" * 65 + "@new.example", "a" * 60 + "@" + "bcd." * 50 + "example"],
)  # fmt: skip
def test_wrong_address(text: str) -> None:
    with pytest.raises(ValueError) as error:
        SideReader().address(text)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("text", "user"),
    [("Joe", "joe"), ("joe.doe", "joe.doe"), ('"Joe Doe"', '"joe doe"'), ('"joe"', "joe"),
     ('"a@b"', '"a@b"'), ("ÄÖ", "äö")],
)  # fmt: skip
def test_user(text: str, user: str) -> None:
    assert SideReader().user(text) == user
    assert SideReader().user(user) == user


@pytest.mark.parametrize("text", ["", "a b", "a@b", "a@", "<a>", '"a', '"', "a(b)", "a,b", "a\0"])
def test_wrong_user(text: str) -> None:
    with pytest.raises(ValueError):
        SideReader().user(text)


def test_a_reader_remembers_a_bounded_number_of_domains() -> None:
    reader = SideReader()
    for number in range(DOMAINS_KEPT_MAX + 10):
        assert reader.domain(f"D{number}.example") == f"d{number}.example"
    assert len(reader._domains) == DOMAINS_KEPT_MAX


SIDES = ["joe@a.example", "joe@.a.example", "@b.a.example", "@.a.example", "ann@", "@.example"]
FOUND = [
    ("joe@a.example", 0),
    ("JOE@A.Example", 0),
    ("joe@b.a.example", 1),
    ("joe@c.b.a.example", 1),
    ("bob@b.a.example", 2),
    ("bob@c.a.example", 3),
    ("bob@a.example", 5),
    ("ann@b.a.example", 2),
    ("ann@else.test", 4),
    ("ann", 4),
    ("bob@example", NOWHERE),
    ("bob@aexample", NOWHERE),
    ("bob@.a.example", NOWHERE),
    ("bob", NOWHERE),
    ("", NOWHERE),
    ("bob@else.test", NOWHERE),
    ("ann" + "n" * ADDRESS_OCTETS_MAX + "@a.example", NOWHERE),
]


@pytest.mark.parametrize(("address", "position"), FOUND)
def test_search(address: str, position: int) -> None:
    search = SideSearch()
    for place, side in enumerate(SIDES):
        search.add(side, place)
    assert search.find(address) == position


def test_search_knows_international_domains_in_both_forms() -> None:
    search = SideSearch()
    search.add(SideReader().left("@bücher.example"), 0)
    assert search.find("joe@bücher.example") == search.find("joe@xn--bcher-kva.example") == 0


@pytest.mark.parametrize(
    ("right", "new"),
    [("@new.example", "Joe@new.example"), ("ann@new.example", "ann@new.example"),
     ("@old.example", None), ("Joe@old.example", None), ("@" + "a" * 251, None)],
)  # fmt: skip
def test_right(right: str, new: str | None) -> None:
    assert apply_right("Joe@old.example", right) == new


def test_right_for_addresses_without_a_domain() -> None:
    assert apply_right("joe", "@new.example") == "joe@new.example"
    assert apply_right('"a@b"', "@new.example") == '"a@b"@new.example'


@pytest.mark.parametrize(
    ("line", "words"),
    [("a b", ["a", "b"]), ("a \t b  ", ["a", "b"]), ('"a b"@c "d', ['"a b"@c', '"d']),
     ("a b # c", ["a", "b"]), ("a b#c", ["a", "b#c"]), ("a #b c", ["a"]),
     ('"#a"@b "\\" #"@c #"', ['"#a"@b', '"\\" #"@c']), ('"\\', ['"\\'])],
)  # fmt: skip
def test_words(line: str, words: list[str]) -> None:
    assert split_words(line) == words


@pytest.mark.parametrize("side", ["#joe@a.example", "#joe@.a.example", "#joe"])
def test_sides_that_look_like_comments(side: str) -> None:
    assert split_words(f"x {build_side(side)}") == ["x", build_side(side)]
    reader = SideReader()
    assert (reader.left if "@" in side else reader.user)(build_side(side)) == side
