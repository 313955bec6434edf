"""The recipient access table agrees with a walk over it, and its text with the table."""

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.policy.address_forms import AddressSearch
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.rat import Rat, RatAction, RatEntry, RatIndex, rat_reply
from mailwarden.core.policy.rat_text import (
    build_rat,
    build_rat_entry,
    parse_rat,
    parse_rat_entry,
)
from tests.property.address_values import ADDRESSES, BARE_FORMS, TEXTS, matches, replies


def entries(forms: st.SearchStrategy[str]) -> st.SearchStrategy[RatEntry]:
    accepted = st.none() | replies(is_acceptance=True)
    rejected = st.none() | replies(is_acceptance=False)
    flags = [st.booleans()] * 3
    return st.builds(RatEntry, forms, st.just(RatAction.ACCEPT), accepted, *flags) | st.builds(
        RatEntry, forms, st.just(RatAction.REJECT), rejected, *flags
    )


RATS = st.builds(
    Rat, st.lists(entries(BARE_FORMS), max_size=10).map(tuple), entries(st.just("ALL"))
)


@given(RATS, ADDRESSES)
def test_the_entry_found_is_that_of_a_walk(rat: Rat, recipient: str) -> None:
    walk = (entry for entry in rat.entries if matches(entry.form, recipient))
    entry = RatIndex(rat).find(recipient)
    wanted = next(walk, rat.default)
    if wanted is rat.default and recipient.lower() == "postmaster":
        assert entry.action is RatAction.ACCEPT
    else:
        assert entry is wanted
    assert (rat_reply(entry, recipient).code < 300) == (entry.action is RatAction.ACCEPT)


@given(RATS)
def test_a_table_reads_back_as_itself(rat: Rat) -> None:
    text = build_rat(rat)
    imported = parse_rat(text)
    assert (imported.table, imported.problems) == (rat, ())
    assert build_rat(imported.table) == text


@given(RATS)
def test_a_warning_names_an_entry_that_never_decides(rat: Rat) -> None:
    """For each hidden entry and each address that it names, an earlier one decides."""
    search = AddressSearch(entry.form for entry in rat.entries)
    for note in parse_rat(build_rat(rat)).warnings:
        hidden = int(note.path.removeprefix("line ")) - 1
        form = rat.entries[hidden].form
        for address in (form, f"ann@{form}", f"ann@a{form}", f"{form}a.b", form.removesuffix("@")):
            if matches(form, address):
                assert search.find_first(address) < hidden


@given(TEXTS)
def test_any_text_is_a_table_or_has_problems(text: str) -> None:
    imported = parse_rat(text)
    assert isinstance(imported, Imported)
    lines = text.count("\n") + 1
    for note in imported.problems + imported.warnings:
        assert 1 <= int(note.path.removeprefix("line ")) <= lines
        assert note.message
    again = parse_rat(build_rat(imported.table))
    assert (again.table, again.problems) == (imported.table, ())


@given(TEXTS)
def test_any_line_is_an_entry_or_is_refused(text: str) -> None:
    try:
        entry = parse_rat_entry(text)
    except ValueError:
        return
    assert parse_rat_entry(build_rat_entry(entry)) == entry
