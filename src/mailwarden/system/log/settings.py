"""What the administrator sets of the logs."""

from dataclasses import dataclass
from enum import Enum

from mailwarden.core.patterns import parse_field_name
from mailwarden.core.setting import Unit, setting


class Level(Enum):
    """How much is logged: each level includes those before it (mailflow 8.1)."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"
    TRACE = "trace"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Where the mail log goes, and when a new file is begun."""

    directory: str = setting(
        "", "Folder of the logs; empty is `log` in the state directory.", is_path=True
    )
    level: Level = setting(Level.INFO, "The least important lines that are still written.")
    text: bool = setting(True, "Write `mail.log` in the classic line form.")
    json: bool = setting(False, "Write the same events as JSON lines to `mail.json`.")
    bounces: bool = setting(True, "Write `bounces.log`, one line a bounced or delayed recipient.")
    syslog: str = setting(
        "",
        "Socket of a syslog daemon on this machine that gets the lines of `mail.log` too; empty "
        "is none.",
        examples=("/dev/log",),
    )
    rotate_size_bytes: int = setting(
        100 * 1024 * 1024,
        "A new file is begun at this size; 0 is never.",
        minimum=0,
        unit=Unit.BYTES,
    )
    rotate_interval_seconds: float = setting(
        86400, "A new file is begun after this time; 0 is never.", minimum=0, unit=Unit.SECONDS
    )
    keep_files: int = setting(
        10, "Old files kept of each log; older ones are removed.", minimum=0, maximum=10_000
    )
    headers: tuple[str, ...] = setting(
        (),
        "Header fields that are shown at the end of the delivery lines.",
        examples=("X-SBRS",),
        parse=parse_field_name,
    )
