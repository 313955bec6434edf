"""Rewriting tables: look-ups agree with a walk from the top, and any text is read or refused."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.policy.alias_edit import (
    NO_CONTEXT,
    add_context,
    add_entry,
    remove_entry,
    replace_entry,
)
from mailwarden.core.policy.aliases import (
    EXPANSION_MAX,
    AliasContext,
    AliasEntry,
    AliasIndex,
    AliasTable,
)
from mailwarden.core.policy.aliases_text import build_aliases, parse_aliases
from mailwarden.core.policy.domain_map import (
    DomainMap,
    DomainMapIndex,
    build_domain_map,
    parse_domain_map,
)
from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.masquerade import (
    MasqueradeIndex,
    MasqueradeTable,
    build_masquerade,
    parse_masquerade,
)

USERS = st.sampled_from(["a", "b", '"a b"', "#", "all"])
DOMAINS = st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=4).map(".".join)
FULL = st.tuples(USERS, DOMAINS).map("@".join)
WIDE = st.tuples(st.sampled_from(["@", "@."]), DOMAINS).map("".join)
BELOW = st.tuples(USERS, DOMAINS).map("@.".join)
NEW = DOMAINS.map("@{}".format)

DOMAIN_MAPS = st.lists(
    st.tuples(FULL | BELOW, FULL) | st.tuples(WIDE, FULL | NEW), max_size=10
).map(lambda entries: DomainMap(tuple(entries)))
MASQUERADES = st.lists(
    st.tuples(FULL | USERS, FULL) | st.tuples(WIDE | st.just("ALL"), NEW), max_size=10
).map(lambda entries: MasqueradeTable(tuple(entries)))
ENTRIES = st.lists(
    st.builds(
        AliasEntry,
        st.lists(USERS | FULL | WIDE | BELOW, min_size=1, max_size=3, unique=True).map(tuple),
        st.lists(USERS | FULL | FULL | st.just("/dev/null"), min_size=1, max_size=4).map(tuple),
    ),
    max_size=5,
).map(tuple)
CONTEXTS = st.builds(
    AliasContext,
    st.lists(DOMAINS | DOMAINS.map(".{}".format), min_size=1, max_size=3, unique=True).map(tuple),
    ENTRIES,
)
ALIASES = st.builds(AliasTable, ENTRIES, st.lists(CONTEXTS, max_size=3).map(tuple))

PIECES = st.one_of(
    st.sampled_from(["a", "b@x", "@x.y", "@.z", "ALL", "/dev/null", " ", "\t", ",", ":", "[", "]"]),
    st.sampled_from(["#", '"', "\\", "\n", "\n ", "ü", "\r\n", "\0", "\u2028", ".", "@"]),
)
TEXTS = st.text() | st.lists(PIECES, max_size=40).map("".join)


def matches(side: str, address: str) -> bool:
    """Whether a left side matches, by the words of the manual."""
    local, _, domain = side.rpartition("@")
    user, _, place = address.rpartition("@")
    if local and local != user:
        return False
    return place.endswith(domain) and place != domain if domain[0] == "." else place == domain


def applied(right: str, address: str) -> str | None:
    new = f"{address.rpartition('@')[0]}{right}" if right[0] == "@" else right
    return None if new == address else new


@given(DOMAIN_MAPS, FULL)
def test_domain_map_is_a_walk_for_each_kind(table: DomainMap, address: str) -> None:
    def kind(left: str) -> tuple[bool, bool]:
        return left[0] == "@", left.rpartition("@")[2][0] == "."

    expected = None
    for wanted in ((False, False), (False, True), (True, False), (True, True)):
        found = [
            right
            for left, right in table.entries
            if kind(left) == wanted and matches(left, address)
        ]
        if found:
            expected = applied(found[0], address)
            break
    assert DomainMapIndex(table).rewrite(address) == expected


@given(MASQUERADES, FULL | USERS)
def test_masquerading_is_a_walk(table: MasqueradeTable, address: str) -> None:
    def is_match(left: str) -> bool:
        return matches(left, address) if "@" in address and "@" in left else left == address

    ordered = sorted(table.entries, key=lambda entry: entry[0] == "ALL")
    expected = None
    for left, right in ordered:
        if is_match(left) or (left == "ALL" and "@" not in address):
            bare = f"{address}{right}" if right[0] == "@" else right
            expected = applied(right, address) if "@" in address else bare
            break
    assert MasqueradeIndex(table).rewrite(address) == expected


def walk(table: AliasTable, address: str) -> int | None:
    """Return the place of the first entry that matches."""
    user, at, _ = address.rpartition("@")
    for place, (entry, domains) in enumerate(table.all_entries()):
        for name in entry.names:
            if "@" in name:
                sides = [name]
            elif domains:
                sides = [f"{name}@{domain}" for domain in domains]
            elif name == (user if at else address):
                return place
            else:
                continue
            if at and any(matches(side, address) for side in sides):
                return place
    return None


@given(ALIASES, FULL | USERS)
def test_aliases_are_a_walk(table: AliasTable, address: str) -> None:
    found = AliasIndex(table).find_entry(address)
    assert found == (-1 if (place := walk(table, address)) is None else place)


@given(ALIASES, FULL | USERS)
def test_an_expansion_ends_where_nothing_else_matches(table: AliasTable, address: str) -> None:
    index = AliasIndex(table)
    expansion = index.expand(address)
    assert len(expansion.addresses) <= EXPANSION_MAX
    assert len({each.lower() for each in expansion.addresses}) == len(expansion.addresses)
    assert bool(expansion.matched) == (walk(table, address) is not None)
    assert expansion.is_dropped == (not expansion.addresses)
    if parse_aliases(build_aliases(table)).problems:
        return
    ends: dict[str, str] = {}
    for each in recursive(table, address, -1):
        ends.setdefault(each.lower(), each)
    assert expansion.addresses == tuple(ends.values())
    assert all("@" in each for each in expansion.addresses) or not expansion.matched


def recursive(table: AliasTable, address: str, origin: int) -> list[str]:
    """Return the ends of all chains, which would not come back if there were a cycle."""
    place = walk(table, address)
    if place in (None, origin):
        return [address]
    _, at, domain = address.rpartition("@")
    found = []
    for target in table.all_entries()[place][0].targets:
        if target != "/dev/null":
            name = f"{target}@{domain}" if at and "@" not in target else target
            found += recursive(table, name, place)
    return found


def check_text(
    text: str, parse: Callable[[str], Imported[object]], build: Callable[[object], str]
) -> None:
    imported = parse(text)
    for problem in (*imported.problems, *imported.warnings):
        assert problem.path.startswith("line ")
        assert 1 <= int(problem.path[5:]) <= text.count("\n") + 1
    if not imported.problems:
        again = parse(build(imported.table))
        assert again.table == imported.table
        assert again.problems == ()
        assert build(again.table) == build(imported.table)


@given(TEXTS)
def test_any_text_is_a_domain_map_or_is_refused(text: str) -> None:
    check_text(text, parse_domain_map, build_domain_map)


@given(TEXTS)
def test_any_text_is_a_masquerade_table_or_is_refused(text: str) -> None:
    check_text(text, parse_masquerade, build_masquerade)


@given(TEXTS)
def test_any_text_is_an_alias_table_or_is_refused(text: str) -> None:
    check_text(text, parse_aliases, build_aliases)


@given(DOMAIN_MAPS)
def test_domain_maps_come_back(table: DomainMap) -> None:
    imported = parse_domain_map(build_domain_map(table))
    assert (imported.table, imported.problems) == (table, ())


@given(MASQUERADES)
def test_masquerade_tables_come_back(table: MasqueradeTable) -> None:
    imported = parse_masquerade(build_masquerade(table))
    assert (imported.table, imported.problems) == (table, ())


@given(ALIASES)
def test_alias_tables_come_back(table: AliasTable) -> None:
    assert parse_aliases(build_aliases(table)).table == table


REMARKS = ["  #REMARK", "\n#REMARK", "\n\n", "\n   #REMARK: z"]


@given(ALIASES, ENTRIES.filter(bool), st.data())
def test_an_edited_alias_table_says_what_was_meant(
    table: AliasTable, news: tuple[AliasEntry, ...], data: st.DataObject
) -> None:
    lines = build_aliases(table).split("\n")
    for at in data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=4)):
        lines[at] += data.draw(
            st.sampled_from(["  #REMARK", "\n#REMARK", "\n\n", "\n   #REMARK: z"])
        )
    text, new = "\n".join(lines), news[0]
    assert parse_aliases(text).table == table
    entries = table.all_entries()
    remarks = text.count("#REMARK")

    def read(changed: str) -> list[tuple[AliasEntry, tuple[str, ...]]]:
        return parse_aliases(changed).table.all_entries()

    if entries:
        place = data.draw(st.integers(0, len(entries) - 1))
        replaced = replace_entry(text, place, new)
        assert replaced.count("#REMARK") == remarks
        assert read(replaced) == [
            *entries[:place], (new, entries[place][1]), *entries[place + 1 :]
        ]  # fmt: skip
        assert read(remove_entry(text, place)) == entries[:place] + entries[place + 1 :]
    context = data.draw(st.integers(NO_CONTEXT, len(table.contexts) - 1))
    added = parse_aliases(add_entry(text, new, context)).table
    if context == NO_CONTEXT:
        assert added == replace(table, entries=(*table.entries, new))
    else:
        old = table.contexts[context]
        assert added.contexts[context] == old._replace(entries=(*old.entries, new))
    whole = parse_aliases(add_context(text, ("c.example",), new)).table
    assert whole.contexts == (*table.contexts, AliasContext(("c.example",), (new,)))
