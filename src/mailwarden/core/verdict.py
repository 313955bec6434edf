"""The verdict record: what the stages of the work queue found out about a message (services 0.4).

Each stage writes its own part; policy, quarantine, tracking and reports read them. A part that is
None was not reached; a stage that had nothing to do says so as `skipped`, with the reason.
"""

from dataclasses import dataclass, field
from enum import Enum


class SpamClass(Enum):
    """How an anti-spam engine sorts a message."""

    POSITIVE = "positive"
    SUSPECT = "suspect"
    MARKETING = "marketing"
    NEGATIVE = "negative"
    SKIPPED = "skipped"
    ERROR = "error"


class VirusClass(Enum):
    """What an anti-virus engine may say; a message can be several of them."""

    CLEAN = "clean"
    REPAIRED = "repaired"
    ENCRYPTED = "encrypted"
    UNSCANNABLE = "unscannable"
    INFECTED = "infected"


class EncryptionMode(Enum):
    """When a message is encrypted."""

    NOW = "now"
    DEFERRED = "deferred"
    DEFERRED_IF_NO_TLS = "deferred-if-no-tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpamVerdict:
    """Result of anti-spam."""

    finding: SpamClass
    score: int | None = None  # 0..100
    engine: str = ""
    reason: str = ""
    symbols: tuple[str, ...] = ()
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ScannedPart:
    """What anti-virus says of one part of a message."""

    path: str
    name: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VirusVerdict:
    """Result of anti-virus."""

    findings: frozenset[VirusClass]
    viruses: tuple[str, ...] = ()
    parts: tuple[ScannedPart, ...] = ()
    engines: tuple[str, ...] = ()
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutbreakVerdict:
    """Result of the outbreak filters."""

    level: int  # 0..5
    rule: str = ""
    adaptive: bool = False
    hold_seconds: float = 0.0
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DlpVerdict:
    """Result of data loss prevention."""

    policy: str
    severity: str
    risk: int
    classifiers: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()
    action: str = ""


@dataclass(frozen=True, slots=True)
class SafelistVerdict:
    """Result of the end users' safelist and blocklist."""

    result: str  # safelist, blocklist or none
    entry: str = ""


@dataclass(frozen=True, slots=True)
class EncryptionVerdict:
    """That a message is to be encrypted."""

    profile: str
    mode: EncryptionMode
    subject: str = ""


@dataclass(frozen=True, slots=True)
class QuarantineFlag:
    """That a message is to enter a quarantine at the end of the pipeline."""

    quarantine: str
    reason: str


@dataclass(slots=True)
class Verdicts:
    """The record itself: filled while a message passes the work queue."""

    spam: SpamVerdict | None = None
    virus: VirusVerdict | None = None
    outbreak: OutbreakVerdict | None = None
    dlp: DlpVerdict | None = None
    safelist: SafelistVerdict | None = None
    encryption: EncryptionVerdict | None = None
    quarantines: list[QuarantineFlag] = field(default_factory=list)
