"""Changes in the text of a Host Access Table: only what is meant changes, and all else stays."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.policy import hat_edit
from mailwarden.core.policy.hat import AnonymousEntry, HostAccessTable, ListedHost, SenderGroup
from mailwarden.core.policy.hat_edit import HatEditError
from mailwarden.core.policy.hat_parameters import PARAMETERS, ParameterValue
from mailwarden.core.policy.hat_places import find_places
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.hat_text import build_hat, parse_hat
from tests.property.hat_values import COMMENTS, POLICY_NAMES, groups, policies, tables, values

ADDED = "NEWLIST"


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts of tables as people write them: with blank lines, and blanks at the ends of lines."""
    lines = build_hat(draw(tables())).split("\n")
    for at in draw(st.lists(st.integers(0, len(lines) - 1), max_size=4)):
        lines[at] += draw(st.sampled_from(["  ", "\t", "\n", "\n\n"]))
    return "\n".join(lines)


def bare(table: HostAccessTable) -> HostAccessTable:
    """Return a table without lines of comment, which no change is about."""

    def host(listed: ListedHost) -> ListedHost:
        return listed._replace(remarks=())

    def entry(each: SenderGroup | AnonymousEntry) -> SenderGroup | AnonymousEntry:
        if isinstance(each, AnonymousEntry):
            return replace(each, host=host(each.host))
        return replace(each, hosts=tuple(map(host, each.hosts)), remarks=())

    return HostAccessTable(
        tuple(replace(each, remarks=()) for each in table.policies),
        tuple(map(entry, table.entries)),
        replace(table.last, remarks=()),
    )


def read(text: str) -> HostAccessTable:
    found = parse_hat(text)
    assert found.problems == ()
    return bare(found.table)


def names(table: HostAccessTable) -> list[str]:
    return [
        each.name if isinstance(each, SenderGroup) else each.host.form.text
        for each in table.entries
    ]


def unique_names(table: HostAccessTable) -> list[str]:
    """Return what can be reached: of hosts that stand there twice, it is the first."""
    return list(dict.fromkeys(name.casefold() for name in names(table)))


def kept_lines(before: str, after: str) -> bool:
    """Tell whether `after` has the lines of `before` in their order, and perhaps others."""
    rest = iter(after.split("\n"))
    return all(line in rest for line in before.split("\n"))


@given(texts())
def test_everything_is_found_where_it_stands(text: str) -> None:
    places, table = find_places(text), read(text)
    assert [each.name for each in places.policies] == [each.name for each in table.policies]
    assert [each.name for each in places.entries] == names(table)
    for place, entry in zip(places.entries, table.entries, strict=True):
        access = place.access.access
        assert (access, place.access.comment) == (entry.access, entry.comment)
        hosts = entry.hosts if isinstance(entry, SenderGroup) else ()
        assert [each.form for each in place.hosts] == [each.form for each in hosts]
    ends = [0, *(each.end for each in (*places.policies, *places.entries))]
    starts = [each.start for each in (*places.policies, *places.entries)]
    assert all(end <= start for end, start in zip(ends, starts, strict=False))


@given(texts(), groups(ADDED))
def test_an_entry_is_added_and_taken_away(text: str, group: SenderGroup) -> None:
    added = hat_edit.add_entry(text, group)
    before, after = read(text), read(added)
    assert after.entries[:-1] == before.entries
    assert after.entries[-1] == bare(HostAccessTable((), (group,), before.last)).entries[0]
    assert kept_lines(text, added)
    # A comment right above ALL is now right above the group, or is the group's own.
    assert read(hat_edit.remove_entry(added, ADDED)) == before


@given(texts(), policies(ADDED))
def test_a_policy_is_added_and_taken_away(text: str, policy: HatPolicy) -> None:
    added = hat_edit.add_policy(text, policy)
    before, after = read(text), read(added)
    assert after.policies == (*before.policies, replace(policy, remarks=()))
    assert after.entries == before.entries
    assert kept_lines(text, added)
    assert read(hat_edit.remove_policy(added, ADDED)) == before


@given(texts(), st.data())
def test_an_entry_is_moved(text: str, data: st.DataObject) -> None:
    table = read(text)
    there = names(table)
    if len(unique_names(table)) != len(there) or not there:
        return
    at = data.draw(st.integers(0, len(there) - 1))
    to = data.draw(st.integers(0, len(there)))
    target = "ALL" if to == len(there) else there[to]
    entries = list(table.entries)
    moved = entries.pop(at)
    entries.insert(to - 1 if at < to else to, moved)
    after = hat_edit.move_entry(text, there[at], target)
    assert read(after) == replace(table, entries=tuple(entries))
    assert sorted(after.split("\n")) == sorted(text.split("\n"))


@given(texts(), st.data(), COMMENTS)
def test_the_rule_of_an_entry_is_changed(text: str, data: st.DataObject, comment: str) -> None:
    table = read(text)
    there = names(table)
    if not there or len(unique_names(table)) != len(there):
        return
    at = data.draw(st.integers(0, len(there) - 1))
    access: str | Rule = data.draw(st.sampled_from(POLICY_NAMES) | st.just(Rule.RELAY))
    after = hat_edit.set_access(text, there[at], access, comment, {})
    if parse_hat(after).problems:  # the code of a refusal does not fit a greeting
        assert "smtp_banner_code" in after
        return
    entry = read(after).entries[at]
    assert entry.comment == comment
    assert (entry.access if isinstance(access, str) else rule(entry.access)) == access
    others = [each for place, each in enumerate(table.entries) if place != at]
    assert [each for place, each in enumerate(read(after).entries) if place != at] == others
    if isinstance(access, Rule) and isinstance(table.entries[at].access, HatPolicy):
        assert isinstance(entry.access, HatPolicy)
        assert entry.access.parameters == table.entries[at].access.parameters  # type: ignore[union-attr]  # it is one


def rule(access: str | HatPolicy) -> Rule | None:
    return access.rule if isinstance(access, HatPolicy) else None


@st.composite
def changes(draw: st.DrawFn) -> dict[str, ParameterValue | None]:
    chosen = draw(st.lists(st.sampled_from(PARAMETERS), max_size=4, unique=True))
    return {
        each.key: draw(st.none() | values(each))
        for each in chosen
        if each.key != "smtp_banner_code"
    }


@given(texts(), st.sampled_from(POLICY_NAMES), changes())
def test_parameters_of_a_policy_are_changed(
    text: str, name: str, wanted: dict[str, ParameterValue | None]
) -> None:
    table = read(text)
    policy = table.policies_by_name()[name]
    after = hat_edit.set_policy(text, name, policy.rule, wanted)
    changed = read(after)
    expected = {**dict(policy.parameters), **wanted}
    assert dict(changed.policies_by_name()[name].parameters) == {
        key: value for key, value in expected.items() if value is not None
    }
    assert changed.entries == table.entries
    kept = [key for key, _ in policy.parameters if key not in wanted]
    found = [key for key, _ in changed.policies_by_name()[name].parameters if key in kept]
    assert found == kept  # in their order


@given(texts(), st.sampled_from(POLICY_NAMES))
def test_a_policy_is_renamed_wherever_it_is_used(text: str, name: str) -> None:
    table = read(text)
    after, users = hat_edit.rename_policy(text, name, ADDED)
    changed = read(after)
    accesses = [each.access for each in (*table.entries, table.last)]
    renamed = [ADDED if each == name else each for each in accesses]
    assert [each.access for each in (*changed.entries, changed.last)] == renamed
    assert len(users) == accesses.count(name)
    back, _ = hat_edit.rename_policy(after, ADDED, name)
    assert [line.split() for line in back.split("\n")] == [
        line.split() for line in text.split("\n")
    ]


@given(texts(), st.data())
def test_hosts_of_a_group_come_and_go(text: str, data: st.DataObject) -> None:
    table = read(text)
    all_groups = [each for each in table.entries if isinstance(each, SenderGroup)]
    if not all_groups:
        return
    group = data.draw(st.sampled_from(all_groups))
    host = parse_hat("X:\n  192.0.2.77 (new)\n  ACCEPT\nALL\n  ACCEPT\n").table.entries[0]
    assert isinstance(host, SenderGroup)
    added = hat_edit.add_hosts(text, group.name, host.hosts)
    assert group_in(read(added), group.name).hosts == (*group.hosts, *host.hosts)
    assert kept_lines(text, added)
    assert hat_edit.remove_hosts(added, group.name, ["192.0.2.77"]) == text
    if len(group.hosts) < 2:
        return
    order = list(group.hosts)
    order.insert(0, order.pop())
    moved = hat_edit.move_host(text, group.name, order[0].form.text, group.hosts[0].form.text)
    assert list(group_in(read(moved), group.name).hosts) == order


@given(texts(), st.data())
def test_a_group_is_renamed(text: str, data: st.DataObject) -> None:
    table = read(text)
    there = [each.name for each in table.entries if isinstance(each, SenderGroup)]
    if not there:
        return
    name = data.draw(st.sampled_from(there))
    after = hat_edit.rename_group(text, name, ADDED)
    assert group_in(read(after), ADDED) == replace(group_in(table, name), name=ADDED)
    differing = [
        pair for pair in zip(text.split("\n"), after.split("\n"), strict=True) if len(set(pair)) > 1
    ]
    assert len(differing) == 1


@given(texts())
def test_all_entries_go(text: str) -> None:
    cleared = hat_edit.clear_entries(text)
    table = read(text)
    assert read(cleared) == replace(table, entries=())
    assert kept_lines(cleared, text)


@given(st.text(), st.sampled_from(["add", "remove", "move", "access", "rename", "hosts", "clear"]))
def test_any_text_is_changed_or_refused(text: str, what: str) -> None:
    edits = {
        "add": lambda: hat_edit.add_policy(text, HatPolicy(Rule.ACCEPT, name="P")),
        "remove": lambda: hat_edit.remove_entry(text, "WHITELIST"),
        "move": lambda: hat_edit.move_entry(text, "a", "ALL"),
        "access": lambda: hat_edit.set_access(text, "ALL", Rule.ACCEPT, "", {"tls": None}),
        "rename": lambda: hat_edit.rename_policy(text, "P", "Q")[0],
        "hosts": lambda: hat_edit.remove_hosts(text, "WHITELIST", ["a"]),
        "clear": lambda: hat_edit.clear_entries(text),
    }
    with suppress(HatEditError):
        assert isinstance(edits[what](), str)


def group_in(table: HostAccessTable, name: str) -> SenderGroup:
    found: Sequence[SenderGroup] = [
        each for each in table.entries if isinstance(each, SenderGroup) and each.name == name
    ]
    return found[0]
