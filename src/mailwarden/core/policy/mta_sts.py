"""What a domain asks of those who send to it with MTA-STS: its record and its policy (RFC 8461)."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.core.policy.tls_report import AppliedPolicy, PolicyType

RECORD_LABEL: Final = "_mta-sts"  # RFC 8461, 3.1: the record stands here, below the domain
HOST_LABEL: Final = "mta-sts"  # RFC 8461, 3.2: and the host of the policy
POLICY_PATH: Final = "/.well-known/mta-sts.txt"
RECORD_BYTES_MAX: Final = 4096
POLICY_BYTES_MAX: Final = 64 * 1024  # RFC 8461, 3.3
MAX_AGE_SECONDS_MAX: Final = 31_557_600  # RFC 8461, 3.2
MX_PATTERNS_MAX: Final = 512
PATTERN_CHARACTERS_MAX: Final = 255
REPORT_LINES_MAX: Final = 100  # of a policy that a TLS report shows
REPORT_LINE_CHARACTERS_MAX: Final = 300

_RECORD_START: Final = re.compile(rb"v=STSv1[ \t]*;")
_ID: Final = re.compile(rb"[A-Za-z0-9]{1,32}\Z")
_NAME: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_EXTENSION: Final = re.compile(rb"[!-:<>-~]+\Z")  # RFC 8461, 3.1: no `=`, no `;`, no blank
_MAX_AGE: Final = re.compile(rb"[0-9]{1,10}\Z")
_LABEL: Final = rb"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_PATTERN: Final = re.compile(rb"(?:\*\.)?(?:%b\.)*%b\Z" % (_LABEL, _LABEL))


class PolicyError(ValueError):
    """A policy that cannot be used; the message says why."""


class Mode(Enum):
    """What follows when a host does not meet the policy (RFC 8461, 5)."""

    ENFORCE = "enforce"  # no mail to that host
    TESTING = "testing"  # mail all the same, and a report
    NONE = "none"  # as without a policy


class StsRecord(NamedTuple):
    """What the TXT records say; without an `id`, that there is no policy."""

    id: str  # changes with the policy
    defect: str = ""  # why records are of no use, for the log


class StsPolicy(NamedTuple):
    """A policy."""

    mode: Mode
    max_age_seconds: int
    mx: tuple[str, ...]  # names, or `*.` and a name; lower case, A-labels


def parse_record(texts: Sequence[bytes]) -> StsRecord:
    """Return what the TXT records at `_mta-sts` say (RFC 8461, 3.1)."""
    records = [text for text in texts if _RECORD_START.match(text)]
    if len(records) != 1:
        return StsRecord("", f"{len(records)} records" if records else "")
    if len(records[0]) > RECORD_BYTES_MAX:
        return StsRecord("", "the record is too long")
    fields = [field.strip(b" \t") for field in records[0].split(b";")]
    if not fields[-1]:
        fields.pop()  # a delimiter at the end is allowed
    found = b""
    for field in fields[1:]:
        name, equals, value = field.partition(b"=")
        if name == b"id" and _ID.match(value):
            found = found or value  # RFC 8461, 3.2: of several the first counts
        elif name == b"id" or not (equals and _NAME.match(name) and _EXTENSION.match(value)):
            return StsRecord("", "the record is malformed")
    return StsRecord(found.decode("ascii"), "" if found else "the record has no id")


def parse_policy(body: bytes) -> StsPolicy:
    """Return the policy that a file is (RFC 8461, 3.2).

    Raises:
        PolicyError: it is none.
    """
    if len(body) > POLICY_BYTES_MAX:
        raise PolicyError(f"it has more than {POLICY_BYTES_MAX} bytes")
    values: dict[bytes, bytes] = {}
    patterns: dict[str, None] = {}
    for number, line in enumerate(body.split(b"\n"), start=1):
        content = line.removesuffix(b"\r").rstrip(b" \t")
        if not content:
            continue
        name, colon, rest = content.partition(b":")
        if not colon or not _NAME.match(name):
            raise PolicyError(f"line {number} is not a key and a value")
        value = rest.lstrip(b" \t")
        if name == b"mx":
            patterns[_parse_pattern(value, number)] = None
            if len(patterns) > MX_PATTERNS_MAX:
                raise PolicyError(f"it has more than {MX_PATTERNS_MAX} mx lines")
        else:
            values.setdefault(name, value)  # of several the first counts
    return _make_policy(values, tuple(patterns))


def _parse_pattern(value: bytes, number: int) -> str:
    # A final dot is not in the grammar, but does not make the host another one.
    pattern = value.removesuffix(b".")
    if len(pattern) > PATTERN_CHARACTERS_MAX or not _PATTERN.match(pattern):
        raise PolicyError(f"line {number} has no host name or pattern")
    return pattern.decode("ascii").lower()


def _make_policy(values: dict[bytes, bytes], patterns: tuple[str, ...]) -> StsPolicy:
    if values.get(b"version") != b"STSv1":
        raise PolicyError("its version is not STSv1")
    try:
        mode = Mode(values.get(b"mode", b"").decode("ascii", "replace"))
    except ValueError:
        raise PolicyError("its mode is not enforce, testing or none") from None
    age = values.get(b"max_age", b"")
    if not _MAX_AGE.match(age):
        raise PolicyError("its max_age is not a number of seconds")
    if not patterns and mode is not Mode.NONE:
        raise PolicyError("it names no mx")
    # More than the maximum is against the RFC. A policy that is kept for less harms nobody, one
    # that is thrown away would let mail go unprotected.
    return StsPolicy(mode, min(int(age), MAX_AGE_SECONDS_MAX), patterns)


def build_policy(policy: StsPolicy) -> str:
    """Return the text that reads back as `policy`; its lines end in LF."""
    return "".join(f"{line}\n" for line in policy_lines(policy))


def policy_lines(policy: StsPolicy) -> tuple[str, ...]:
    """Return the lines of a policy, as TLS reports show them (RFC 8460, 4.5)."""
    return (
        "version: STSv1",
        f"mode: {policy.mode.value}",
        *(f"mx: {pattern}" for pattern in policy.mx),
        f"max_age: {policy.max_age_seconds}",
    )


def broken_policy_lines(body: bytes) -> tuple[str, ...]:
    """Return the lines of a file that is no policy, for a TLS report, errors included."""
    text = body[:POLICY_BYTES_MAX].decode("ascii", "replace").replace("\ufffd", "?")
    lines = (line.rstrip()[:REPORT_LINE_CHARACTERS_MAX] for line in text.split("\n"))
    return tuple(line for line in lines if line)[:REPORT_LINES_MAX]


def applied_policy(domain: str, policy: StsPolicy) -> AppliedPolicy:
    """Return the policy of `domain` (A-labels) for a TLS report."""
    return AppliedPolicy(PolicyType.STS, domain, policy_lines(policy), policy.mx)


def matches_mx(policy: StsPolicy, host: str) -> bool:
    """Whether the policy allows an MX host, in lower case and A-labels (RFC 8461, 4.1)."""
    name = host.removesuffix(".")
    if name in policy.mx:
        return True
    # `*` stands for exactly one label, the first.
    _, dot, rest = name.partition(".")
    return bool(dot and rest) and f"*.{rest}" in policy.mx
