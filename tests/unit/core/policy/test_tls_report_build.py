"""Reports as JSON, as a file and as mail (RFC 8460, 4.4 and 5)."""

import email
import email.policy
import gzip
import json
from datetime import datetime
from typing import Any

import jsonschema
import pytest

from mailwarden.core.policy.tls_report import (
    AppliedPolicy,
    DomainResults,
    PolicyResults,
    PolicyType,
    ResultType,
    SessionFailure,
)
from mailwarden.core.policy.tls_report_build import (
    Reporter,
    ReportMail,
    build_json,
    build_mail,
    compress,
    file_name,
    report_id,
)

DAY = 16_892  # 2016-04-01
REPORTER = Reporter(organization="Company-X", contact="tls@company-x.example")
STS = AppliedPolicy(
    PolicyType.STS,
    "company-y.example",
    ("version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"),
    ("*.mail.company-y.example",),
)
RESULTS = DomainResults(
    DAY,
    "company-y.example",
    (
        PolicyResults(
            STS,
            5326,
            103,
            (
                (
                    SessionFailure(
                        ResultType.CERTIFICATE_EXPIRED, "2001:db8::1", "mx1.mail.company-y.example"
                    ),
                    100,
                ),
                (
                    SessionFailure(
                        ResultType.VALIDATION_FAILURE,
                        "198.51.100.62",
                        "mx2.mail.company-y.example",
                        "203.0.113.58",
                        "mx2",
                        "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
                        "https://reports.company-x.example/1",
                    ),
                    3,
                ),
            ),
        ),
        PolicyResults(AppliedPolicy(PolicyType.NONE, "company-y.example"), 1, 0, ()),
    ),
)
MAIL = ReportMail(
    to="reports@company-y.example", message_id="<1@gw.company-x.example>", now=1_459_555_200.0,
    token="0a1b",
)  # fmt: skip

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
COUNT = {"type": "integer", "minimum": 0}


def exactly(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    properties = required | {name.replace("_", "-"): value for name, value in optional.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


SCHEMA = exactly({
    "organization-name": TEXT,
    "date-range": exactly({"start-datetime": TEXT, "end-datetime": TEXT}),
    "contact-info": TEXT,
    "report-id": TEXT,
    "policies": {"type": "array", "minItems": 1, "items": exactly({
        "policy": exactly({
            "policy-type": {"enum": ["tlsa", "sts", "no-policy-found"]},
            "policy-string": TEXTS,
            "policy-domain": TEXT,
            "mx-host": TEXTS,
        }),
        "summary": exactly({
            "total-successful-session-count": COUNT,
            "total-failure-session-count": COUNT,
        }),
        "failure-details": {"type": "array", "items": exactly(
            {"result-type": {"enum": [
                "starttls-not-supported", "certificate-host-mismatch", "certificate-expired",
                "certificate-not-trusted", "validation-failure", "tlsa-invalid", "dnssec-invalid",
                "dane-required", "sts-policy-fetch-error", "sts-policy-invalid",
                "sts-webpki-invalid",
            ]}, "failed-session-count": COUNT},
            sending_mta_ip=TEXT, receiving_mx_hostname=TEXT, receiving_mx_helo=TEXT,
            receiving_ip=TEXT, additional_information=TEXT, failure_reason_code=TEXT,
        )},
    })},
})  # fmt: skip


def built(results: DomainResults = RESULTS) -> Any:
    report = json.loads(build_json(results, REPORTER, "1@company-x.example"))
    jsonschema.validate(report, SCHEMA)
    return report


def test_a_report() -> None:
    report = built()
    assert report["organization-name"] == "Company-X"
    assert report["contact-info"] == "tls@company-x.example"
    assert report["report-id"] == "1@company-x.example"
    assert report["date-range"] == {
        "start-datetime": "2016-04-01T00:00:00Z",
        "end-datetime": "2016-04-01T23:59:59Z",
    }
    first, second = report["policies"]
    assert first["policy"] == {
        "policy-type": "sts",
        "policy-string": list(STS.strings),
        "policy-domain": "company-y.example",
        "mx-host": ["*.mail.company-y.example"],
    }
    assert first["summary"] == {
        "total-successful-session-count": 5326,
        "total-failure-session-count": 103,
    }
    assert first["failure-details"] == [
        {
            "result-type": "certificate-expired",
            "sending-mta-ip": "2001:db8::1",
            "receiving-mx-hostname": "mx1.mail.company-y.example",
            "failed-session-count": 100,
        },
        {
            "result-type": "validation-failure",
            "sending-mta-ip": "198.51.100.62",
            "receiving-mx-hostname": "mx2.mail.company-y.example",
            "receiving-mx-helo": "mx2",
            "receiving-ip": "203.0.113.58",
            "failed-session-count": 3,
            "additional-information": "https://reports.company-x.example/1",
            "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
        },
    ]
    assert second["policy"]["policy-type"] == "no-policy-found"
    assert second["failure-details"] == []


@pytest.mark.parametrize("result", ResultType)
def test_every_result_has_its_name_in_the_registry(result: ResultType) -> None:
    failed = PolicyResults(STS, 0, 1, ((SessionFailure(result), 1),))
    details = built(DomainResults(DAY, "x.example", (failed,)))["policies"][0]["failure-details"]
    assert details == [{"result-type": result.value, "failed-session-count": 1}]


def test_a_report_is_ascii() -> None:
    reporter = Reporter(organization="Müller", contact="tls@müller.example")
    report = build_json(RESULTS, reporter, "1@x.example")
    assert report.isascii()
    assert json.loads(report)["organization-name"] == "Müller"
    assert json.loads(report)["contact-info"] == "tls@xn--mller-kva.example"


def test_compression() -> None:
    report = build_json(RESULTS, REPORTER, "1@company-x.example")
    assert gzip.decompress(compress(report)) == report
    assert compress(report) == compress(report)


def test_the_name_of_the_file() -> None:
    name = "company-x.example!company-y.example!1459468800!1459555199!0a1b.json.gz"
    assert file_name(RESULTS, REPORTER, "0a1b") == name


def test_the_mail() -> None:
    wire = build_mail(RESULTS, REPORTER, MAIL)
    assert wire.isascii()
    assert wire.count(b"\n") == wire.count(b"\r\n")
    assert max(map(len, wire.split(b"\r\n"))) <= 200
    message = email.message_from_bytes(wire, policy=email.policy.default)
    assert message["From"] == "tls@company-x.example"
    assert message["To"] == "reports@company-y.example"
    assert message["Message-ID"] == "<1@gw.company-x.example>"
    assert message["Date"].datetime == datetime.fromisoformat("2016-04-02T00:00:00+00:00")
    assert message["TLS-Report-Domain"] == "company-y.example"
    assert message["TLS-Report-Submitter"] == "company-x.example"
    assert message["Subject"] == (
        "Report Domain: company-y.example Submitter: company-x.example"
        " Report-ID: <16892.0a1b@company-x.example>"
    )
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    assert message.defects == []
    words, attachment = message.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert "successful" not in words.get_content()
    assert "5327" in words.get_content()
    assert "103" in words.get_content()
    assert attachment.get_content_type() == "application/tlsrpt+gzip"
    assert attachment.get_filename() == file_name(RESULTS, REPORTER, "0a1b")
    identifier = report_id(RESULTS, REPORTER, "0a1b")
    packed = attachment.get_content()
    assert gzip.decompress(packed) == build_json(RESULTS, REPORTER, identifier)


def test_nobody_can_add_to_the_header() -> None:
    results = RESULTS._replace(domain="a.example")
    reporter = Reporter(organization="X\r\nBcc: a@b.example", contact="tls@company-x.example")
    mail = ReportMail(to='a"b\r\n c@d.example', message_id="<1@x>", now=0.0, token="t")
    message = email.message_from_bytes(build_mail(results, reporter, mail))
    assert message["Bcc"] is None
    assert "\n" not in message["To"]
