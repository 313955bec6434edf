"""XML-39: what `saveconfig` wrote and `loadconfig` reads on the same node changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.config.reader import ConfigError
from mailwarden.control.operations.versions import MODEL
from mailwarden.stores.configuration.record import Author, Source
from tests.property.config_values import configurations
from tests.unit.control.commands.counter import Counter, run_line


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    folder: Path = tmp_path_factory.mktemp("counter")
    counter = Counter(folder)
    yield counter
    counter.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=configurations())
def test_xml_39_what_was_saved_changes_nothing(counter: Counter, tree: dict[str, Any]) -> None:
    versions = counter.administration.versions
    last = versions.last()
    assert last is not None
    candidate = Candidate.of(last).load(tree, MODEL)
    assume(candidate.is_changed(MODEL))
    try:
        counter.administration.build(candidate.tree)
    except ConfigError:
        assume(False)
    author = Author("ann", "", Source.CLI)
    versions.store.finish(versions.prepare(candidate, author, "any").prepared)
    desk = counter.desk()
    assert run_line(desk, "saveconfig any.xml secrets plain").status == 0
    sitting = run_line(desk, "loadconfig any.xml")
    assert (sitting.errors, sitting.status) == ("", 0)
    assert run_line(desk, "showchanges").shown == "There are no changes.\n"
