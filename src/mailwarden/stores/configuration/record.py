"""What is recorded: versions of the configuration, and what administrators did besides."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from mailwarden.stores.configuration.errors import DamagedError
from mailwarden.stores.configuration.tree import Tree

COMMENT_LENGTH_MAX: Final = 1024  # COM-04
FIELD_LENGTH_MAX: Final = 256  # of a user, role, address or action
DETAIL_LENGTH_MAX: Final = 4096  # of an audit record
SUMMARY_LENGTH_MAX: Final = 16 * 1024  # of what a version changed; longer ones are cut
SECTIONS_MAX: Final = 10_000  # that a version names
SECTION_LENGTH_MAX: Final = 1024
ALL_SECTIONS: Final = ("",)  # of a version that changed more than it can name
CONFIRM_SECONDS_MAX: Final = 7 * 86_400.0
CUT: Final = "..."


class Source(Enum):
    """Which way a change came (COM-04)."""

    CLI = "cli"
    GUI = "gui"
    API = "api"
    FILE = "file"
    FIPS = "fips"
    CLUSTER = "cluster"
    SYSTEM = "system"  # the gateway itself, as when nobody confirmed


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something, and from where."""

    user: str
    role: str
    source: Source
    address: str = ""  # of the client; "" is this machine

    def __post_init__(self) -> None:
        for text in (self.user, self.role, self.address):
            check_field(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to become a version.

    `sections` and `summary` say what it changes; `()` and "" where nobody knows. `schema` is the
    version of the form of the tree. With `confirm_seconds` the version holds for so long only,
    unless it is confirmed. `restores` is the version whose tree this is again, or 0.
    """

    tree: Tree
    author: Author
    comment: str = ""
    sections: tuple[str, ...] = ()
    summary: str = ""
    schema: int = 1
    confirm_seconds: float = 0.0
    restores: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "comment", clean_comment(self.comment))
        summary = self.summary
        if len(summary) > SUMMARY_LENGTH_MAX:
            summary = f"{summary[: SUMMARY_LENGTH_MAX - len(CUT)]}{CUT}"
        object.__setattr__(self, "summary", _storable(summary))
        names = tuple(map(_storable, self.sections))
        if len(names) > SECTIONS_MAX or any(len(name) > SECTION_LENGTH_MAX for name in names):
            names = ALL_SECTIONS
        object.__setattr__(self, "sections", names)
        if not 0 <= self.confirm_seconds <= CONFIRM_SECONDS_MAX:
            raise ValueError(f"confirm_seconds is at most {CONFIRM_SECONDS_MAX:.0f}")


@dataclass(frozen=True, slots=True)
class Version:
    """A version as the history shows it; `Configuration` has its tree as well."""

    number: int
    parent: int  # 0 is none
    time: float  # seconds since the epoch
    author: Author
    comment: str
    sections: tuple[str, ...]  # that it changed; ALL_SECTIONS where they are too many
    summary: str
    schema: int
    tree_hash: str
    restores: int = 0
    confirm_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """A version with its tree, which is not to be changed."""

    version: Version
    tree: Tree


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Something that an administrator did, or tried to do, other than to commit."""

    number: int  # in the chain
    time: float  # seconds since the epoch
    author: Author
    action: str  # `login`, `suspend`, ...
    detail: str
    was_allowed: bool


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A version that holds only until its deadline, unless it is confirmed."""

    number: int
    fallback: int  # the version that comes back
    since: float  # seconds since the epoch
    seconds: float
    user: str

    def remaining(self, now: float) -> float:
        """Return how long it still holds; 0 is over. A clock that is set back lengthens nothing."""
        return max(0.0, min(self.seconds, self.since + self.seconds - now))


def clean_comment(text: str) -> str:
    """Return a comment on one line (COM-04).

    Raises:
        ValueError: it is too long.
    """
    comment = " ".join(text.splitlines()).strip()
    if len(comment) > COMMENT_LENGTH_MAX:
        raise ValueError(f"a comment has at most {COMMENT_LENGTH_MAX} letters")
    return _storable(comment)


def check_field(text: str) -> None:
    """Look at the name of a user, role, address or action.

    Raises:
        ValueError: it is too long.
    """
    if len(text) > FIELD_LENGTH_MAX or text != _storable(text):
        raise ValueError(f"{text[:40]!r} is longer than {FIELD_LENGTH_MAX} letters, or no text")


def cut_detail(text: str) -> str:
    """Return what an audit record says, cut where it is too long."""
    if len(text) > DETAIL_LENGTH_MAX:
        text = f"{text[: DETAIL_LENGTH_MAX - len(CUT)]}{CUT}"
    return _storable(text)


def version_body(version: Version) -> dict[str, Any]:
    """Return what the chain keeps of a version."""
    body = dataclasses.asdict(version)
    author = body.pop("author")
    return {"kind": "version", **body, **_author_body(author)}


def read_version(body: Mapping[str, Any]) -> Version:
    """Return the version that the chain kept.

    Raises:
        DamagedError: it is none.
    """
    names = [each.name for each in dataclasses.fields(Version) if each.name != "author"]
    try:
        kept = {name: body[name] for name in names}
        return Version(**{**kept, "sections": tuple(body["sections"])}, author=_read_author(body))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"is no record of a version: {error!r}") from error


def audit_body(record: AuditRecord) -> dict[str, Any]:
    """Return what the chain keeps of an audit record."""
    body = dataclasses.asdict(record)
    author = body.pop("author")
    del body["number"]
    return {"kind": "audit", **body, **_author_body(author)}


def read_audit(number: int, body: Mapping[str, Any]) -> AuditRecord:
    """Return the audit record that the chain kept.

    Raises:
        DamagedError: it is none.
    """
    try:
        action, detail, allowed = body["action"], body["detail"], body["was_allowed"]
        return AuditRecord(number, body["time"], _read_author(body), action, detail, allowed)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"is no audit record: {error!r}") from error


def _author_body(author: Mapping[str, Any]) -> dict[str, Any]:
    return {**author, "source": author["source"].value}


def _read_author(body: Mapping[str, Any]) -> Author:
    return Author(body["user"], body["role"], Source(body["source"]), body["address"])


def _storable(text: str) -> str:
    """Return `text` as UTF-8 can have it: halves of surrogate pairs become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
