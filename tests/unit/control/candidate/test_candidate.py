"""Candidates of several sessions: what each sees, and when they are in conflict."""

from typing import Any

import pytest

from mailwarden.control.candidate.candidate import Candidate, Conflict, ConflictError
from mailwarden.control.candidate.edits import EditError
from mailwarden.control.candidate.paths import parse_path
from mailwarden.control.candidate.references import InUseError
from mailwarden.stores.configuration.errors import DamagedError
from mailwarden.stores.configuration.record import Author, Configuration, Source, Version
from tests.unit.control.candidate.values import GATEWAY, gateway


class History:
    """Commits, as the store would keep them."""

    def __init__(self) -> None:
        self.versions: list[Configuration] = []
        self.commit(Candidate(0, {}, gateway()), "admin")

    @property
    def last(self) -> Configuration:
        return self.versions[-1]

    def begin(self) -> Candidate:
        return Candidate.of(self.last)

    def follow(self, candidate: Candidate) -> Candidate:
        since = [each.version for each in self.versions if each.version.number > candidate.number]
        return candidate.follow(self.last, since, GATEWAY)

    def commit(self, candidate: Candidate, user: str) -> Candidate:
        number = len(self.versions) + 1
        sections = tuple(map(str, candidate.sections(GATEWAY)))
        author = Author(user, "Administrator", Source.CLI)
        version = Version(number, number - 1, float(number), author, "", sections, "", 1, "")
        self.versions.append(Configuration(version, candidate.tree))
        return Candidate.of(self.last)


def put(candidate: Candidate, path: str, value: Any) -> Candidate:
    return candidate.put(parse_path(path), value, GATEWAY)


def value_of(candidate: Candidate, path: str) -> Any:
    value: Any = candidate.tree
    for step in parse_path(path):
        value = (
            next(m for m in value if m["name"] == step) if isinstance(value, list) else value[step]
        )
    return value


def test_c_05_what_is_pending_is_seen_by_nobody_else() -> None:
    history = History()
    one, other = history.begin(), history.begin()
    one = put(one, "hostname", "mail9.example.com")
    assert one.is_changed(GATEWAY)
    assert not other.is_changed(GATEWAY)
    assert history.last.tree["hostname"] == "mail3.example.com"
    assert history.follow(other).tree is history.last.tree


def test_c_07_c_09_nothing_pending() -> None:
    candidate = History().begin()
    assert not candidate.is_changed(GATEWAY)
    assert candidate.changes(GATEWAY) == ()
    changed = put(candidate, "hostname", "x.example")
    assert changed.clear() == candidate
    assert not put(changed, "hostname", "mail3.example.com").is_changed(GATEWAY)


def test_an_order_and_a_type_are_changes_too() -> None:
    candidate = History().begin()
    assert candidate.move(parse_path("interfaces.Inside"), 0).is_changed(GATEWAY)
    assert put(candidate, "workers", 1).put(("workers",), True, GATEWAY).is_changed(GATEWAY)


def test_c_10_whoever_keeps_a_candidate_can_go_back() -> None:
    first = put(History().begin(), "hostname", "x.example")
    second = put(first, "delivery.interface", "")
    assert first.sections(GATEWAY) != second.sections(GATEWAY)
    assert [str(each) for each in first.sections(GATEWAY)] == ["hostname"]


def test_c_17_the_same_section_in_two_sessions() -> None:
    history = History()
    a, b = history.begin(), history.begin()
    a = put(a, "listeners[In].policy.tls", "required")
    b = put(put(b, "listeners[In].port", 26), "user", "mail")
    history.commit(a, "anna")
    b = history.follow(b)
    conflict = Conflict("listeners.In", 2, "anna", 2.0)
    assert b.conflicts(GATEWAY) == (conflict,)
    with pytest.raises(ConflictError) as caught:
        b.check(GATEWAY)
    assert caught.value.conflicts == (conflict,)
    # 3. Cancel: all is as it was, and is told again.
    assert history.follow(b).conflicts(GATEWAY) == (conflict,)
    # 1. Discard my changes: of the sections in conflict.
    discarded = b.discard(history.last, GATEWAY)
    assert discarded.conflicts(GATEWAY) == ()
    assert value_of(discarded, "listeners[In].policy.tls") == "required"
    assert "port" not in value_of(discarded, "listeners[In]")
    assert discarded.tree["user"] == "mail"
    # 2. Overwrite: the section is mine as a whole.
    mine = b.overwrite(history.last)
    mine.check(GATEWAY)
    assert value_of(mine, "listeners[In].policy.tls") == "preferred"
    assert value_of(mine, "listeners[In].port") == 26
    assert [str(each) for each in mine.sections(GATEWAY)] == ["user", "listeners.In"]


def test_c_18_different_sections_in_two_sessions() -> None:
    history = History()
    a, b = history.begin(), history.begin()
    a = put(a, "listeners[In].policy.tls", "required")
    b = put(b, "listeners[Out].port", 26)
    b = b.insert(("listeners",), {"name": "New", "interface": "Inside"}, GATEWAY)
    history.commit(a, "anna")
    b = history.follow(b)
    b.check(GATEWAY)
    history.commit(b, "bert")
    assert value_of(b, "listeners[In].policy.tls") == "required"
    assert value_of(b, "listeners[Out].port") == 26
    assert [each["name"] for each in value_of(b, "listeners")] == ["In", "Out", "New"]


def test_a_section_counts_from_when_it_was_first_touched() -> None:
    history = History()
    b = put(history.begin(), "user", "mail")
    history.commit(put(history.begin(), "hostname", "a.example"), "anna")
    b = put(history.follow(b), "hostname", "b.example")
    assert b.base["hostname"] == "a.example"
    history.follow(b).check(GATEWAY)


def test_a_section_that_came_back_to_what_it_was_was_committed_all_the_same() -> None:
    history = History()
    b = put(history.begin(), "hostname", "b.example")
    a = history.commit(put(history.begin(), "hostname", "a.example"), "anna")
    history.commit(put(a, "hostname", "mail3.example.com"), "anna")
    assert [each.number for each in history.follow(b).conflicts(GATEWAY)] == [3]


def test_a_conflict_ends_when_the_section_is_as_it_was() -> None:
    history = History()
    b = put(history.begin(), "hostname", "b.example")
    history.commit(put(history.begin(), "hostname", "a.example"), "anna")
    b = history.follow(b)
    b = put(b, "hostname", "mail3.example.com")
    b.check(GATEWAY)
    b = history.follow(b)
    assert b.tree["hostname"] == "a.example"
    b = put(b, "hostname", "c.example")
    history.follow(b).check(GATEWAY)


def test_a_version_that_does_not_say_what_it_changed() -> None:
    history = History()
    b = put(history.begin(), "hostname", "b.example")
    history.commit(put(history.begin(), "hostname", "a.example"), "anna")
    silent = Version(2, 1, 2.0, history.last.version.author, "", (), "", 1, "")
    history.versions[-1] = Configuration(silent, history.last.tree)
    assert [each.user for each in history.follow(b).conflicts(GATEWAY)] == ["anna"]


def test_com_12_a_name_that_this_session_removed() -> None:
    candidate = History().begin()
    candidate = put(candidate, "listeners[In].call_ahead", "")
    candidate = candidate.remove(parse_path("call_ahead_profiles.Store"), GATEWAY)
    with pytest.raises(EditError, match="'Store' no longer: you removed it"):
        put(candidate, "listeners[In].call_ahead", "Store")
    with pytest.raises(EditError, match="you removed it"):
        candidate.insert(("listeners",), {"name": "X", "call_ahead": "Store"}, GATEWAY)
    put(candidate, "listeners[In].call_ahead", "Later")  # may come with the next change
    with pytest.raises(InUseError):
        candidate.remove(parse_path("certificates.mx1"), GATEWAY)


def test_c_32_rename_lists_what_else_is_renamed() -> None:
    candidate, uses = History().begin().rename(parse_path("certificates.mx1"), "mx2", GATEWAY)
    assert len(uses) == 3
    sections = [str(each) for each in candidate.sections(GATEWAY)]
    assert sections == [
        "listeners.In", "certificates.mx1", "certificates.mx2", "destination_controls", "delivery",
    ]  # fmt: skip


def test_com_14_what_is_entered_is_tidied() -> None:
    candidate = put(History().begin(), "hostname", " mail9.example.com ")
    assert candidate.tree["hostname"] == "mail9.example.com"
    loaded = candidate.load({"hostname": " x.example"}, GATEWAY)
    assert loaded.tree == {"hostname": "x.example"}
    moved = candidate.move(parse_path("listeners[Out]"), 0)
    assert [str(each) for each in moved.sections(GATEWAY)] == ["hostname", "listeners (order)"]


def test_com_07_a_candidate_can_be_kept() -> None:
    history = History()
    b = put(history.begin(), "hostname", "b.example")
    history.commit(put(history.begin(), "hostname", "a.example"), "anna")
    b = history.follow(b)
    assert Candidate.unpack(b.pack()) == b


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"format":2}', b'{"format":1,"number":1,"base":1,"tree":{},"found":[]}',
     b'{"format":1,"number":1,"base":{},"tree":{},"found":[{"x":1}]}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_candidate(data: bytes) -> None:
    with pytest.raises(DamagedError):
        Candidate.unpack(data)


def test_the_first_candidate_of_all() -> None:
    candidate = Candidate.of(None)
    assert (candidate.number, candidate.tree) == (0, {})
