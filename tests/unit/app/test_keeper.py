"""The configuration file beside versions that others commit."""

from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.keeper import Applied, By, Keeper
from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.operations.versions import MODEL, Versions
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.stores.configuration.record import Author, Source
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SimulatedClock

OLGA = Author("olga", "Operator", Source.CLI, "192.0.2.7")
FILE = "hostname: gw1.example.test\nworkers: 2\n"


class Gateway:
    """A folder with a file, a store, and whoever commits beside it."""

    def __init__(self, folder: Path) -> None:
        self.base = folder
        self.folder = folder / "management"
        self.clock = SimulatedClock()
        self.keeper = Keeper(self.folder, None, self.clock)

    def begin(self, text: str | None, **tables: str) -> Applied:
        applied = self.keeper.begin(text, self.base, self.named(tables))
        self.keeper.finish(applied)
        return applied

    def reload(self, text: str, **tables: str) -> Applied:
        applied = self.keeper.apply(text, self.base, self.named(tables), By())
        self.keeper.finish(applied)
        return applied

    def named(self, tables: dict[str, str]) -> dict[str, str]:
        return {str(self.base / name): text for name, text in tables.items()}

    def commit(self, confirm_seconds: float = 0.0, **values: Any) -> None:
        """Let Olga set settings of the first column."""
        store = ConfigurationStore(self.folder, self.clock)
        versions = Versions(store)
        candidate = Candidate.of(versions.last())
        for name, value in values.items():
            candidate = candidate.put((name,), value, MODEL)
        proposal = versions.prepare(candidate, OLGA, confirm_seconds=confirm_seconds)
        store.finish(proposal.prepared)
        store.close()

    def tree(self) -> dict[str, Any]:
        store = ConfigurationStore(self.folder, self.clock)
        last = Versions(store).last()
        store.close()
        assert last is not None
        return last.tree


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


def test_the_first_start_makes_the_first_version(gateway: Gateway) -> None:
    applied = gateway.begin(FILE)
    assert applied.texts.number == 1
    assert gateway.tree() == {"hostname": "gw1.example.test", "workers": 2}
    assert gateway.folder.stat().st_mode & 0o777 == 0o700


def test_a_start_with_the_same_file_changes_nothing(gateway: Gateway) -> None:
    gateway.begin(FILE)
    assert gateway.begin(f"# a comment\n{FILE}").texts.number == 1


def test_what_others_committed_outlives_a_start_and_a_reload(gateway: Gateway) -> None:
    gateway.begin(FILE)
    gateway.commit(hostname="gw9.example.test")
    assert gateway.begin(FILE).texts.number == 2
    applied = gateway.reload(FILE.replace("2", "3"))
    assert applied.texts.number == 3
    assert gateway.tree() == {"hostname": "gw9.example.test", "workers": 3}


def test_what_both_changed_is_not_applied(gateway: Gateway) -> None:
    gateway.begin(FILE)
    gateway.commit(hostname="gw9.example.test")
    applied = gateway.reload(FILE.replace("gw1", "gw2"))
    assert "hostname (version 2, olga)" in applied.why
    assert applied.proposal is None
    assert gateway.tree()["hostname"] == "gw9.example.test"
    assert gateway.begin(FILE.replace("gw1", "gw2")).why  # nor at a start
    assert gateway.reload(FILE.replace("gw1", "gw9")).why == ""  # both say the same now


def test_an_application_that_was_cut_short_is_no_conflict(gateway: Gateway) -> None:
    gateway.begin(FILE)
    changed = FILE.replace("2", "3")
    applied = gateway.keeper.apply(changed, gateway.base, {}, By())
    store = ConfigurationStore(gateway.folder, gateway.clock)
    assert applied.proposal is not None
    store.finish(applied.proposal.prepared)  # and killed before it was noted
    store.close()
    assert gateway.reload(changed).why == ""
    assert gateway.reload(changed.replace("3", "4")).why == ""
    assert gateway.tree()["workers"] == 4


def test_what_was_only_prepared_is_forgotten_by_a_start(gateway: Gateway) -> None:
    gateway.begin(FILE)
    gateway.keeper.apply(FILE.replace("2", "3"), gateway.base, {}, By())
    assert gateway.begin(FILE).texts.number == 1
    assert gateway.tree()["workers"] == 2


def test_a_commit_that_nobody_confirmed_falls_back_at_a_start(gateway: Gateway) -> None:
    gateway.begin(FILE)
    gateway.commit(confirm_seconds=300, hostname="gw9.example.test")
    gateway.clock.advance(299)
    assert gateway.begin(FILE).texts.number == 2
    gateway.clock.advance(1)
    assert gateway.begin(FILE).texts.number == 3
    assert gateway.tree()["hostname"] == "gw1.example.test"


def test_a_file_that_is_wrong_leaves_the_last_version(gateway: Gateway) -> None:
    with pytest.raises(StoreError, match="no version"):
        gateway.begin(None)
    gateway.begin(FILE)
    assert gateway.begin(None).texts.number == 1


def test_tables_are_kept_with_their_texts(gateway: Gateway) -> None:
    text = f"{FILE}delivery: {{alt_sources: {{file: sources}}}}\n"
    lines = "example.com Alt\n" * 200
    applied = gateway.begin(text, sources=lines)
    assert gateway.tree()["delivery"] == {"alt_sources": lines}
    assert applied.texts.tables == {"/delivery.alt_sources": lines}
    assert "file: /delivery.alt_sources" in applied.texts.text


def test_a_damaged_store_says_what_helps(gateway: Gateway) -> None:
    gateway.begin(FILE)
    (gateway.folder / "configuration.db").write_bytes(b"x" * 10_000)
    with pytest.raises(StoreError, match="version 1 can be restored from its copy"):
        gateway.begin(FILE)
