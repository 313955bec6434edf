"""What tests of commands begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.control.commands.counter import Counter
from tests.unit.control.commands.xml_files import RADIUS, commit


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    """A gateway with the demonstration's configuration, version 1."""
    counter = Counter(tmp_path)
    yield counter
    counter.close()


@pytest.fixture
def with_secret(counter: Counter) -> Counter:
    """A gateway that knows a secret."""
    commit(counter, {("administration", "external"): RADIUS})
    return counter
