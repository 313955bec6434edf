"""Change sets that wait for their user's next login (COM-07)."""

import zlib
from typing import Final

from mailwarden.stores.configuration.database import Database
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.stores.configuration.limits import StoreLimits
from mailwarden.stores.configuration.record import Source, check_field

_LEVEL: Final = 1


class PendingSets:
    """One change set for each user and way of working; what is in it is not looked at here."""

    def __init__(self, database: Database, limits: StoreLimits) -> None:
        self._database: Final = database
        self._limits: Final = limits

    def save(self, user: str, source: Source, data: bytes, now: float) -> None:
        """Keep a change set in place of the one before.

        Raises:
            StoreError: it is too large.
        """
        check_field(user)
        if len(data) > self._limits.pending_bytes_max:
            raise StoreError(
                f"the change set is larger than {self._limits.pending_bytes_max} bytes"
            )
        packed = zlib.compress(data, _LEVEL)
        with self._database.transaction():
            self._database.run(
                "INSERT OR REPLACE INTO pending(user, source, saved, data) VALUES(?, ?, ?, ?)",
                user, source.value, now, packed,
            )  # fmt: skip
            self._database.run(
                "DELETE FROM pending WHERE (user, source) NOT IN"
                " (SELECT user, source FROM pending ORDER BY saved DESC LIMIT ?)",
                self._limits.pending_kept,
            )

    def load(self, user: str, source: Source, now: float, seconds: float) -> bytes | None:
        """Return the change set if it was saved within the last `seconds`; else forget it."""
        row = self._database.row(
            "SELECT CAST(saved AS REAL), CAST(data AS BLOB) FROM pending"
            " WHERE user = ? AND source = ?",
            user, source.value,
        )  # fmt: skip
        if row is None:
            return None
        saved, packed = row
        if now - saved > seconds:
            self.drop(user, source)
            return None
        try:
            unpacker = zlib.decompressobj()
            data = unpacker.decompress(packed, self._limits.pending_bytes_max + 1)
            if unpacker.eof:
                return data
        except zlib.error:
            pass
        self.drop(user, source)  # it is damaged and lost, and nothing else is
        return None

    def drop(self, user: str, source: Source) -> None:
        """Forget a change set."""
        with self._database.transaction():
            statement = "DELETE FROM pending WHERE user = ? AND source = ?"
            self._database.run(statement, user, source.value)
