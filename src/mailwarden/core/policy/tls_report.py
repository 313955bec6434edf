"""What there is to report of TLS to other domains: results counted by day, and whom to tell.

RFC 8460. `tls_report_build.py` makes the reports out of it, `tls_report_state.py` keeps it over a
restart. A session counts once for each policy that was applied to it: for DANE under the TLSA base
domain, for MTA-STS and without any policy under the domain of the recipients (section 1.1).
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import unquote

from mailwarden.core.mail.address import AddressError, AddressRules, parse_mailbox, to_ascii
from mailwarden.core.mail.dsn_field import one_line

RECORD_LABELS: Final = "_smtp._tls"  # RFC 8460, 3: the record stands here, below the policy domain
RECORD_BYTES_MAX: Final = 16_384
DESTINATIONS_MAX: Final = 16  # of one record; more are not looked at
URI_CHARACTERS_MAX: Final = 1024

DAY_SECONDS: Final = 86_400
DAYS_MAX: Final = 3  # held at the same time; the oldest goes
POLICIES_PER_DOMAIN_MAX: Final = 16  # a policy that changes during the day counts anew
DETAILS_PER_POLICY_MAX: Final = 200  # different failures; more are only counted
POLICY_CHARACTERS_MAX: Final = 16_384  # of the text of a policy in a report
WEIGHT_MAX: Final = 32 * 1024 * 1024  # bytes, about, of all that is held

_ENTRY_WEIGHT: Final = 600  # of a policy or failure, besides its text

_RECORD_START: Final = re.compile(r"v=TLSRPTv1[ \t]*;")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_URI: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@$&'()*+=%-]+\Z")  # RFC 3986 without , ; and !
_HTTPS: Final = re.compile(r"https://[^/?#@]+(?:[/?#].*)?\Z", re.IGNORECASE)
_ADDRESS_RULES: Final = AddressRules(allow_partial_domain=False)


class ResultType(Enum):
    """Why a session was not as the policy wants it (RFC 8460, 4.3)."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"  # anything else; the reason code says what
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


class PolicyType(Enum):
    """Which policy was applied (RFC 8460, 4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class AppliedPolicy(NamedTuple):
    """A policy, as reports show it."""

    type: PolicyType
    domain: str  # policy domain, in A-labels
    strings: tuple[str, ...] = ()  # records or lines of the policy (RFC 8460, 4.5)
    mx_hosts: tuple[str, ...] = ()  # patterns of an MTA-STS policy, or the host of DANE


class SessionFailure(NamedTuple):
    """What failed, and between whom; "" is not known. Addresses in text form."""

    result: ResultType
    sending_mta_ip: str = ""
    receiving_mx_hostname: str = ""
    receiving_ip: str = ""
    receiving_mx_helo: str = ""
    reason_code: str = ""
    additional_information: str = ""  # a URI


class PolicyResults(NamedTuple):
    """Sessions under one policy on one day."""

    policy: AppliedPolicy
    successes: int
    failures: int
    details: tuple[tuple[SessionFailure, int], ...]  # in the order of their first occurrence


class DomainResults(NamedTuple):
    """What one report is about."""

    day: int  # days since the epoch, in UTC
    domain: str
    policies: tuple[PolicyResults, ...]


class Destinations(NamedTuple):
    """Where a domain wants its reports; without any, it wants none."""

    mail: tuple[str, ...] = ()  # addresses
    https: tuple[str, ...] = ()  # URIs
    defect: str = ""  # why the record is of no use, for the log


def parse_destinations(texts: Sequence[bytes]) -> Destinations:
    """Return where reports go, from the TXT records at `_smtp._tls` (RFC 8460, 3)."""
    records = []
    for text in texts:
        record = text.decode("ascii", "replace")
        if _RECORD_START.match(record):
            records.append(record)
    if len(records) != 1:
        # Without any, the domain does not take part; that is no defect.
        return Destinations(defect=f"{len(records)} records" if records else "")
    if len(records[0]) > RECORD_BYTES_MAX:
        return Destinations(defect="the record is too long")
    uris: list[str] = []
    for field in records[0].split(";")[1:]:
        content = field.strip(" \t")
        name, equals, value = content.partition("=")
        if name == "rua" and equals:
            uris += [uri.strip(" \t") for uri in value.split(",")]
        elif content and not (equals and value and _NAME.match(name)):
            return Destinations(defect="the record is malformed")
    return _sort_out(uris[:DESTINATIONS_MAX])


def _sort_out(uris: list[str]) -> Destinations:
    mail, https = [], []
    for uri in uris:
        if len(uri) > URI_CHARACTERS_MAX or not _URI.match(uri):
            continue
        if uri[:7].lower() == "mailto:":
            mail += _addresses(uri[7:])
        elif _HTTPS.match(uri):
            https.append(uri)
    defect = "" if mail or https else "it names nowhere that reports can be sent to"
    return Destinations(tuple(dict.fromkeys(mail)), tuple(dict.fromkeys(https)), defect)


def _addresses(rest: str) -> list[str]:
    """Return the address of a mailto URI; its header fields do not matter (RFC 6068, 2)."""
    try:
        return [to_ascii(parse_mailbox(unquote(rest.partition("?")[0]), _ADDRESS_RULES))]
    except AddressError:
        return []


class _Counts:
    """Sessions under one policy, so far."""

    __slots__ = ("details", "failures", "successes")

    def __init__(self) -> None:
        self.successes = 0
        self.failures = 0
        self.details: dict[SessionFailure, int] = {}


class ReportCollector:
    """Counts sessions by day, policy domain and policy, within a limit of memory.

    What does not fit is only counted in `left_out`. Times are seconds since the epoch.
    """

    def __init__(self, *, weight_max: int = WEIGHT_MAX) -> None:
        self.left_out = 0  # sessions
        self.changes = 0  # so far: whether a save is worth it
        self._weight_max = weight_max
        self._weight = 0
        self._days: dict[int, dict[str, dict[AppliedPolicy, _Counts]]] = {}

    def add_success(self, policy: AppliedPolicy, now: float, count: int = 1) -> None:
        """Count sessions that were as the policy wants them."""
        counts = self._counts(policy, int(now // DAY_SECONDS))
        self.changes += 1
        if counts is None:
            self.left_out += count
        else:
            counts.successes += count

    def add_failure(
        self, policy: AppliedPolicy, failure: SessionFailure, now: float, count: int = 1
    ) -> None:
        """Count sessions that were not."""
        counts = self._counts(policy, int(now // DAY_SECONDS))
        self.changes += 1
        if counts is None:
            self.left_out += count
            return
        counts.failures += count
        self._add_detail(counts, _fit_failure(failure), count)

    def add_results(self, day: int, results: PolicyResults) -> None:
        """Count what was counted elsewhere: by another worker, or before a restart."""
        counts = self._counts(results.policy, day)
        if counts is None:
            self.left_out += results.successes + results.failures
            return
        counts.successes += results.successes
        counts.failures += results.failures
        for failure, count in results.details:
            self._add_detail(counts, _fit_failure(failure), count)

    def days(self) -> tuple[int, ...]:
        """Return the days that something is known of, oldest first; the last may not be over."""
        return tuple(sorted(self._days))

    def results(self, day: int) -> tuple[DomainResults, ...]:
        """Return what was counted on a day, by domain."""
        return tuple(
            DomainResults(day, domain, tuple(_results(p, c) for p, c in policies.items()))
            for domain, policies in self._days.get(day, {}).items()
        )

    def take(self, day: int) -> tuple[DomainResults, ...]:
        """Return what was counted on a day, and forget it."""
        found = self.results(day)
        self._forget(day)
        return found

    def _counts(self, policy: AppliedPolicy, day: int) -> _Counts | None:
        domains = self._days.get(day)
        if domains is None:
            if len(self._days) >= DAYS_MAX:
                oldest = min(self._days)
                if day < oldest:
                    return None
                self._forget(oldest)
            domains = self._days[day] = {}
        policies = domains.get(policy.domain)
        if policies is not None:
            counts = policies.get(policy)
            if counts is not None:
                return counts
        fitting = _fit_policy(policy)
        weight = _weigh(fitting.domain, *fitting.strings, *fitting.mx_hosts)
        if self._weight + weight > self._weight_max:
            return None
        policies = domains.setdefault(fitting.domain, {})
        if fitting not in policies:
            if len(policies) >= POLICIES_PER_DOMAIN_MAX:
                return None
            self._weight += weight
            policies[fitting] = _Counts()
        return policies[fitting]

    def _add_detail(self, counts: _Counts, failure: SessionFailure, count: int) -> None:
        known = counts.details.get(failure)
        if known is not None:
            counts.details[failure] = known + count
            return
        weight = _failure_weight(failure)
        if (
            len(counts.details) < DETAILS_PER_POLICY_MAX
            and self._weight + weight <= self._weight_max
        ):
            self._weight += weight
            counts.details[failure] = count

    def _forget(self, day: int) -> None:
        for policies in self._days.pop(day, {}).values():
            for policy, counts in policies.items():
                self._weight -= _weigh(policy.domain, *policy.strings, *policy.mx_hosts)
                self._weight -= sum(map(_failure_weight, counts.details))


def _results(policy: AppliedPolicy, counts: _Counts) -> PolicyResults:
    return PolicyResults(policy, counts.successes, counts.failures, tuple(counts.details.items()))


def _fit_policy(policy: AppliedPolicy) -> AppliedPolicy:
    """Return `policy` without what is too much for a report, or cannot stand in JSON."""
    return AppliedPolicy(
        policy.type,
        one_line(policy.domain),
        _fit_strings(policy.strings),
        _fit_strings(policy.mx_hosts),
    )


def _fit_strings(strings: tuple[str, ...]) -> tuple[str, ...]:
    kept = []
    left = POLICY_CHARACTERS_MAX
    for string in strings:
        left -= len(string) + 1
        if left < 0:
            break
        kept.append(string.encode("utf-8", "replace").decode("utf-8"))
    return tuple(kept)


def _fit_failure(failure: SessionFailure) -> SessionFailure:
    return SessionFailure(failure.result, *(one_line(text) for text in failure[1:]))


def _failure_weight(failure: SessionFailure) -> int:
    return _weigh(*failure[1:])


def _weigh(*texts: str) -> int:
    return _ENTRY_WEIGHT + sum(len(text) for text in texts)
