"""Folders with a store, closed behind each test; filled ones are made once and copied."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailwarden.stores.configuration.limits import StoreLimits
from tests.unit.stores.configuration.places import BERT, Place, draft, fill

FEW = StoreLimits(versions_kept=3, records_max=40)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "store")
    made.folder.mkdir(exist_ok=True)
    yield made
    made.close()


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Place(tmp_path_factory.mktemp("filled"))
    store = place.store()
    fill(store, 2)
    store.record(BERT, "login", "")
    fill(store, 2)
    store.record(BERT, "logout", "")
    assert store.verify() is None
    place.close()
    return place.folder


@pytest.fixture
def filled(place: Place, filled_folder: Path) -> Place:
    """Four versions and two audit records; as records these are 3 and 6."""
    shutil.copytree(filled_folder, place.folder, dirs_exist_ok=True)
    return place


@pytest.fixture(scope="session")
def compacted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Place(tmp_path_factory.mktemp("compacted"), FEW)
    store = place.store()
    fill(store, 2)
    for number in range(60):
        store.record(BERT, "login", str(number))
    store.commit(2, draft(3))
    place.close()
    return place.folder


@pytest.fixture
def compacted(place: Place, compacted_folder: Path) -> Place:
    """Three versions, of which two are kept whose neighbours in the chain are gone."""
    shutil.copytree(compacted_folder, place.folder, dirs_exist_ok=True)
    place.limits = FEW
    return place
