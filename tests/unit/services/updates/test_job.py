"""What the gateway and an attempt say to each other."""

from types import MappingProxyType

import pytest

from mailwarden.services.updates.job import (
    Job,
    JobError,
    Outcome,
    Result,
    encode_line,
    parse_job,
    parse_report,
)
from mailwarden.services.updates.settings import UpdateProxy, UpdateServer, UpdateSettings
from mailwarden.system.dns.settings import DnsSettings


def job(dns: DnsSettings) -> Job:
    server = UpdateServer(url="https://up.example/", user="gate", password="s3cret")
    settings = UpdateSettings(
        manifest_server=server, key_file="/key", http_proxy=UpdateProxy(host="proxy.example")
    )
    return Job(
        component="rules", check="x:y", staging="/staging", current="1", refused="2",
        serial_min=3, is_forced=True, settings=settings, dns=dns, address="192.0.2.1",
    )  # fmt: skip


@pytest.mark.parametrize(
    "dns",
    [
        DnsSettings(),
        DnsSettings(
            servers=("192.0.2.53",),
            domains=MappingProxyType({"corp.example": ("10.0.0.53",)}),
        ),
    ],
)
def test_a_job_arrives_as_it_was_sent(dns: DnsSettings) -> None:
    sent = job(dns)
    assert parse_job(encode_line(sent)) == sent


@pytest.mark.parametrize(
    "result",
    [
        Result(outcome=Outcome.STAGED),
        Result(outcome=Outcome.STAGED, version="../x"),
        Result(outcome=Outcome.NOTHING, version="1"),
        Result(outcome=Outcome.FAILED, serial=-1),
        Result(outcome=Outcome.FAILED, serial=1 << 50),
    ],
)
def test_a_report_that_makes_no_sense(result: Result) -> None:
    with pytest.raises(JobError, match="makes no sense"):
        parse_report(encode_line(result))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"\xff", b" " * 70_000])
def test_lines_that_are_no_message(line: bytes) -> None:
    with pytest.raises(JobError):
        parse_report(line)
    with pytest.raises(JobError):
        parse_job(line)
