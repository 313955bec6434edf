"""A store in a folder of the test, and what is put into it."""

from pathlib import Path
from typing import Any

from mailwarden.stores.configuration.limits import StoreLimits
from mailwarden.stores.configuration.record import Author, Draft, Source
from mailwarden.stores.configuration.store import ConfigurationStore
from mailwarden.system.clock.clock import SimulatedClock

ANNA = Author("anna", "Administrator", Source.CLI, "192.0.2.1")
BERT = Author("bert", "Operator", Source.GUI, "192.0.2.2")
LARGE = [f"user{number}@corp.example ACCEPT" for number in range(100)]


class Place:
    """Opens the store of one folder, again and again."""

    def __init__(self, folder: Path, limits: StoreLimits | None = None) -> None:
        self.folder = folder
        self.clock = SimulatedClock()
        self.limits = limits
        self._open: list[ConfigurationStore] = []

    def store(self) -> ConfigurationStore:
        store = ConfigurationStore(self.folder, self.clock, self.limits)
        self._open.append(store)
        return store

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

    @property
    def database(self) -> Path:
        return self.folder / "configuration.db"

    @property
    def copies(self) -> Path:
        return self.folder / "configuration-copies"


def tree(number: int, **more: Any) -> Any:
    return {"hostname": f"mail{number}.example.com", "rat": LARGE, **more}


def draft(number: int, author: Author = ANNA, **more: Any) -> Draft:
    given = {"tree": tree(number), "comment": f"change {number}", "sections": ("hostname",)}
    return Draft(author=author, **{**given, **more})


def fill(store: ConfigurationStore, count: int) -> None:
    head = store.head()
    last = 0 if head is None else head.number
    for number in range(last + 1, last + count + 1):
        store.commit(number - 1, draft(number))
