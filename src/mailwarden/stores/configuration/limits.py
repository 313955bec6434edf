"""How much the store keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """Bounds; the last version, and one that it may fall back to, are kept in any case."""

    versions_kept: int = 500  # with their trees; of older ones the record stays
    trees_bytes_max: int = 512 * 1024 * 1024  # of all trees, as they are kept
    records_max: int = 200_000  # in the chain
    copies_kept: int = 5  # of the last versions, as files of their own
    pending_kept: int = 100  # of change sets that wait for their users
    pending_bytes_max: int = 64 * 1024 * 1024  # of each of them
    busy_seconds: float = 10.0  # that another process may take for a transaction
