"""Writes the report of a day to one domain: the JSON, its compressed form, and the mail around it.

RFC 8460: 4.4 the JSON, 5.1 the file name, 5.2 the compression, 5.3 the mail.
"""

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mailwarden.core.mail.address import to_ascii
from mailwarden.core.mail.date import build_date
from mailwarden.core.mail.domain import domain_to_ascii
from mailwarden.core.mail.dsn_field import address_in_header, ascii_line, boundary_token
from mailwarden.core.policy.tls_report import (
    DAY_SECONDS,
    DomainResults,
    PolicyResults,
    SessionFailure,
)

JSON_TYPE: Final = "application/tlsrpt+json"
GZIP_TYPE: Final = "application/tlsrpt+gzip"

_GZIP_WINDOW: Final = 31  # zlib's number for the largest window in gzip's form (RFC 1952)
_BASE64_LINE: Final = 57  # bytes that make a line of 76 (RFC 2045, 6.8)

# The keys of `failure-details` in the order of the fields of SessionFailure.
_FAILURE_KEYS: Final = (
    "result-type", "sending-mta-ip", "receiving-mx-hostname", "receiving-ip", "receiving-mx-helo",
    "failure-reason-code", "additional-information",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports."""

    organization: str
    contact: str  # address; its domain is the submitter (RFC 8460, 5.3)

    @property
    def domain(self) -> str:
        """Return the domain of `contact`, in A-labels."""
        return domain_to_ascii(self.contact.rpartition("@")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMail:
    """What the mail needs besides the report. `token` is random letters and digits."""

    to: str
    message_id: str  # with angle brackets
    now: float  # seconds since the epoch
    token: str


def report_id(results: DomainResults, reporter: Reporter, token: str) -> str:
    """Return what tells this report from all others, in the form `left@right`.

    `token` is letters and digits, the same whenever the same report is sent again.
    """
    return f"{results.day}.{token}@{reporter.domain}"


def build_json(results: DomainResults, reporter: Reporter, identifier: str) -> bytes:
    """Return the report (RFC 8460, 4.4), in ASCII."""
    start = results.day * DAY_SECONDS
    report = {
        "organization-name": reporter.organization,
        "date-range": {
            "start-datetime": _date_time(start),
            "end-datetime": _date_time(start + DAY_SECONDS - 1),
        },
        "contact-info": to_ascii(reporter.contact),
        "report-id": identifier,
        "policies": [_policy(policy) for policy in results.policies],
    }
    return json.dumps(report, separators=(",", ":")).encode("ascii")


def compress(report: bytes) -> bytes:
    """Return `report` as gzip has it, the same at any time (RFC 8460, 5.2)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(report) + packer.flush()


def file_name(results: DomainResults, reporter: Reporter, token: str) -> str:
    """Return the name of the compressed report (RFC 8460, 5.1)."""
    start = results.day * DAY_SECONDS
    end = start + DAY_SECONDS - 1
    return f"{reporter.domain}!{results.domain}!{start}!{end}!{token}.json.gz"


def build_mail(results: DomainResults, reporter: Reporter, mail: ReportMail) -> bytes:
    """Return the whole message (RFC 8460, 5.3): ASCII, lines that end in CRLF.

    It has to be signed (DKIM, `s=tlsrpt`), and to be sent whatever TLS does (section 3).
    """
    identifier = report_id(results, reporter, mail.token)
    contact = address_in_header(to_ascii(reporter.contact), plain=True)
    packed = compress(build_json(results, reporter, identifier))
    boundary = f"tlsrpt={boundary_token(mail.token, reporter.domain)}"
    name = file_name(results, reporter, mail.token)
    lines = [
        f"From: <{contact}>",
        f"To: <{address_in_header(to_ascii(mail.to), plain=True)}>",
        f"Subject: Report Domain: {results.domain}",
        f" Submitter: {reporter.domain}",
        f" Report-ID: <{identifier}>",
        f"Date: {build_date(mail.now)}",
        f"Message-ID: {mail.message_id}",
        f"TLS-Report-Domain: {results.domain}",
        f"TLS-Report-Submitter: {reporter.domain}",
        "Auto-Submitted: auto-generated",  # RFC 3834, 5
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type="tlsrpt";',
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        "",
        *_words(results, reporter),
        "",
        f"--{boundary}",
        f"Content-Type: {GZIP_TYPE}",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        f' filename="{name}"',
        "",
        *_base64_lines(packed),
        "",
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _words(results: DomainResults, reporter: Reporter) -> list[str]:
    day = _date_time(results.day * DAY_SECONDS)[:10]
    successes = sum(policy.successes for policy in results.policies)
    failures = sum(policy.failures for policy in results.policies)
    return [
        f"TLS report of {ascii_line(reporter.organization)}",
        f"for {results.domain} on {day} (UTC).",
        "",
        f"Sessions as the policy wants them: {successes}",
        f"Sessions that were not:            {failures}",
        "",
        "The attached file has the details (RFC 8460).",
    ]


def _policy(results: PolicyResults) -> dict[str, Any]:
    policy = results.policy
    return {
        "policy": {
            "policy-type": policy.type.value,
            "policy-string": list(policy.strings),
            "policy-domain": policy.domain,
            "mx-host": list(policy.mx_hosts),  # an array: erratum 6241
        },
        "summary": {
            "total-successful-session-count": results.successes,
            "total-failure-session-count": results.failures,
        },
        "failure-details": [_failure(failure, count) for failure, count in results.details],
    }


def _failure(failure: SessionFailure, count: int) -> dict[str, Any]:
    texts = (failure.result.value, *failure[1:])
    known: dict[str, Any] = {
        key: text for key, text in zip(_FAILURE_KEYS, texts, strict=True) if text
    }
    known["failed-session-count"] = count
    return known


def _date_time(seconds: int) -> str:
    """Return a time in the form of RFC 3339, 5.6."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64_lines(content: bytes) -> list[str]:
    return [
        base64.b64encode(content[at : at + _BASE64_LINE]).decode("ascii")
        for at in range(0, len(content), _BASE64_LINE)
    ]
