"""What the administrator sets of the spool."""

from dataclasses import dataclass

from mailwarden.core.setting import Unit, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings:
    """Sizes and limits of the spool, for each worker unless said."""

    segment_size_bytes: int = setting(
        64 * 1024 * 1024,
        "A segment file is closed and a new one begun at this size.",
        minimum=64 * 1024,
        maximum=2 * 1024**3,
        unit=Unit.BYTES,
    )
    hot_size_max_bytes: int = setting(
        64 * 1024 * 1024,
        "Content kept in memory between receipt and first delivery attempt.",
        minimum=0,
        unit=Unit.BYTES,
    )
    inline_size_max_bytes: int = setting(
        1024 * 1024,
        "Larger content is written to a file of its own while it is received.",
        minimum=4096,
        maximum=64 * 1024 * 1024,
        unit=Unit.BYTES,
    )
    free_size_min_bytes: int = setting(
        256 * 1024 * 1024,
        "When the file system has less than this free, mail is refused with 452; the rest is "
        "kept for recording deliveries.",
        minimum=1024 * 1024,
        unit=Unit.BYTES,
    )
    size_max_bytes: int = setting(
        0,
        "Mail is refused with `452 #4.3.1 queue full` when the spool of all workers holds this "
        "much; 0 is no limit but the disk.",
        minimum=0,
        unit=Unit.BYTES,
    )
    dead_size_max_bytes: int = setting(
        256 * 1024 * 1024,
        "When finished messages take more than this and more than the live ones, the live "
        "messages of the emptiest segments are moved together.",
        minimum=1024 * 1024,
        unit=Unit.BYTES,
    )
    sync_interval_seconds: float = setting(
        0.2,
        "Delivery results are synced this often; a power cut may undo what is younger.",
        minimum=0.01,
        maximum=60,
        unit=Unit.SECONDS,
    )
