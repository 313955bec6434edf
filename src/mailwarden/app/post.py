"""Which worker this is, and where it has its files."""

from dataclasses import dataclass
from pathlib import Path

from mailwarden.app.state_directory import StateDirectory


@dataclass(frozen=True, slots=True)
class Post:
    """A worker's place among the others; the same from its start to its end."""

    index: int
    count: int  # of workers
    base: Path  # from which the configuration's relative paths count
    state: StateDirectory  # as the gateway was started, whatever the configuration says meanwhile

    @property
    def is_leader(self) -> bool:
        """Whether it does what one worker does for all of them."""
        return self.index == 0
