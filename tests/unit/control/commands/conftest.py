"""What tests of commands begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.control.commands.counter import Counter


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    """A gateway with the demonstration's configuration, version 1."""
    counter = Counter(tmp_path)
    yield counter
    counter.close()
