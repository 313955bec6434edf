"""Numbers that are never used twice: MID, ICID and DCID (mailflow 1.1)."""

from typing import Protocol


class Identifiers(Protocol):
    """Hands out the next number of each kind, without waiting."""

    def next_mid(self) -> int:
        """Return a message id."""
        ...

    def next_icid(self) -> int:
        """Return an injection connection id."""
        ...

    def next_dcid(self) -> int:
        """Return a delivery connection id."""
        ...
