"""What was counted for TLS reports as bytes: for a file, or on the way from worker to worker.

One line of JSON for each policy of a day, so that a damaged line costs no more than itself.
"""

import json
from collections.abc import Iterable
from typing import Final

from mailwarden.core.policy.tls_report import (
    AppliedPolicy,
    DomainResults,
    PolicyResults,
    PolicyType,
    ReportCollector,
    ResultType,
    SessionFailure,
)

STATE_BYTES_MAX: Final = 128 * 1024 * 1024
COUNT_MAX: Final = 1 << 53  # what I-JSON takes for a whole number (RFC 7493, 2.2)
DAY_MAX: Final = 2_932_896  # the last day of the year 9999

_TEXTS_OF_FAILURE: Final = len(SessionFailure._fields) - 1


def encode_results(results: Iterable[DomainResults]) -> bytes:
    """Return `results` as lines."""
    lines = [
        json.dumps(
            [
                domain.day,
                *(policy.type.value, policy.domain, policy.strings, policy.mx_hosts),
                *(part.successes, part.failures),
                [[failure.result.value, *failure[1:], count] for failure, count in part.details],
            ],
            separators=(",", ":"),
        )
        for domain in results
        for part in domain.policies
        for policy in (part.policy,)
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def absorb_results(
    collector: ReportCollector, data: bytes, *, bytes_max: int = STATE_BYTES_MAX
) -> int:
    """Count what `data` holds into `collector`; return how many lines could not be understood.

    Raises:
        ValueError: it is larger than `bytes_max`; nothing was counted.
    """
    if len(data) > bytes_max:
        raise ValueError(f"larger than {bytes_max} bytes")
    damaged = 0
    for line in data.split(b"\n"):
        if not line:
            continue
        try:
            day, results = _parse_line(line)
        except (ValueError, TypeError, RecursionError):
            damaged += 1
        else:
            collector.add_results(day, results)
    return damaged


def _parse_line(line: bytes) -> tuple[int, PolicyResults]:
    day, kind, domain, strings, mx_hosts, successes, failures, details = json.loads(line)
    policy = AppliedPolicy(PolicyType(kind), _text(domain), _texts(strings), _texts(mx_hosts))
    return _number(day, DAY_MAX), PolicyResults(
        policy,
        _number(successes, COUNT_MAX),
        _number(failures, COUNT_MAX),
        tuple(_parse_failure(detail) for detail in details),
    )


def _parse_failure(detail: object) -> tuple[SessionFailure, int]:
    if not isinstance(detail, list):
        raise TypeError("a failure is missing")
    kind, *texts, count = detail
    if len(texts) != _TEXTS_OF_FAILURE:
        raise ValueError("a failure has too few or too many fields")
    return SessionFailure(ResultType(kind), *_texts(texts)), _number(count, COUNT_MAX)


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError("a list is missing")
    return tuple(map(_text, values))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _number(value: object, maximum: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        raise ValueError("a number is missing")
    return value
