"""TLS reports from the sessions of all workers to the mailbox and the web server of a domain."""

import email
import json
import zlib
from contextlib import ExitStack
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.dns_server import serving
from tests.end_to_end.gateway import Gateway, running, wait_until
from tests.end_to_end.sink import Sink
from tests.end_to_end.test_transport_security import SECURE, Street, command, send
from tests.end_to_end.web import Web


class Reporting:
    """A gateway that reports about three domains to a mailbox, and about one to a web server."""

    def __init__(self, directory: Path, stack: ExitStack, **config: Any) -> None:
        street = Street(directory, stack)
        good = street.issue(street.known, "mx.good.example")
        self.good = street.domain("good.example", good, policy="enforce", is_signed=False)
        self.bad = street.domain("bad.example", good, tlsa="3 1 1 " + "ab" * 32)
        files = street.issue(street.known, "mx.silent.example")
        self.silent = street.domain("silent.example", files, policy="enforce", is_signed=False)
        self.mailbox = stack.enter_context(Sink())
        # The mailbox is at a host whose own records are wrong: reports go all the same.
        street.routes["reports.example"] = f"reports.example:{self.mailbox.port}"
        street.zone["reports.example"] = {"MX": ["10 mx.reports.example"], **SECURE}
        street.zone["mx.reports.example"] = {"A": ["127.0.0.1"], **SECURE}
        wrong = {"TLSA": ["3 1 1 " + "cd" * 32], **SECURE}
        street.zone[f"_{self.mailbox.port}._tcp.mx.reports.example"] = wrong
        street.policy_hosts.append("web.example")
        street.zone["web.example"] = {"A": ["127.0.0.1"]}
        server = stack.enter_context(serving(street.zone))
        self.web: Web = street.web()
        uris = f"mailto:tls@reports.example,https://web.example:{self.web.port}/v1/tls"
        street.zone["_smtp._tls.good.example"] = {"TXT": [f"v=TLSRPTv1; rua={uris}"], "TTL": ["0"]}
        # RFC 8460, 1.1: the policy domain of DANE is the host.
        street.zone["_smtp._tls.mx.bad.example"] = {
            "TXT": ["v=TLSRPTv1; rua=mailto:dane@reports.example"]
        }
        (directory / "gateway").mkdir()
        settings = {"enabled": True, "organization": "Corp", "contact": "tls@corp.example"}
        made = street.config(directory / "gateway", server.address, self.web, tls_reports=settings)
        made.update(config)
        self.gateway: Gateway = stack.enter_context(running(directory / "gateway", **made))


@pytest.fixture
def stack() -> Any:
    with ExitStack() as stack:
        yield stack


def parse(content: bytes) -> tuple[Message, dict[str, Any]]:
    message = email.message_from_bytes(content)
    _, attached = message.get_payload()
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    return message, unpack(attached.get_payload(decode=True))


def unpack(packed: bytes) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(zlib.decompress(packed, 31))
    return report


def rows(gateway: Gateway) -> dict[str, dict[str, Any]]:
    lines = command(gateway, "tls-reports", "--json").splitlines()
    return {row["domain"]: row for row in map(json.loads, lines)}


def test_from_session_to_report(tmp_path: Path, stack: ExitStack) -> None:
    reporting = Reporting(tmp_path, stack, workers=2)
    gateway = reporting.gateway
    for number in range(6):  # over both workers, whoever takes which
        send(gateway, "good.example", f"{number}")
    send(gateway, "bad.example")
    send(gateway, "silent.example")
    wait_until(lambda: reporting.good.count == 6 and reporting.silent.count == 1, "the mail")
    gateway.wait_log("no TLSA record describes its certificate'")
    counted = rows(gateway)
    assert counted.keys() == {"good.example", "mx.bad.example", "silent.example"}
    good = counted["good.example"]
    assert (good["policy"], good["failures"], good["state"]) == ("sts", 0, "counting")
    sessions = good["successes"]
    assert sessions >= 1
    shown = command(gateway, "tls-reports")
    assert "mx.bad.example  tlsa" in shown

    assert "reports of 3 domains are being sent" in command(gateway, "tls-reports", "--send")
    wait_until(lambda: reporting.mailbox.count == 2, f"reports:\n{gateway.log()[-5000:]}")
    wait_until(lambda: reporting.web.posted, "a report at the web server")
    wait_until(lambda: not rows(gateway), "the end of the batch")
    by_recipient = {
        to[0].decode(): (sender.decode(), content)
        for (sender, to), content in zip(
            reporting.mailbox.envelopes, reporting.mailbox.messages, strict=True
        )
    }
    assert by_recipient.keys() == {"tls@reports.example", "dane@reports.example"}
    sender, content = by_recipient["tls@reports.example"]
    assert sender == "tls@corp.example"
    message, report = parse(content)
    assert message["TLS-Report-Domain"] == "good.example"
    assert message["TLS-Report-Submitter"] == "corp.example"
    assert report["organization-name"] == "Corp"
    (policy,) = report["policies"]
    assert policy["policy"]["policy-string"][1] == "mode: enforce"
    assert policy["summary"] == {
        "total-successful-session-count": sessions,
        "total-failure-session-count": 0,
    }
    # The same report, by another way.
    ((place, media_type, body),) = reporting.web.posted
    assert (place, media_type) == ("web.example/v1/tls", "application/tlsrpt+gzip")
    assert unpack(body) == report

    _, report = parse(by_recipient["dane@reports.example"][1])
    (policy,) = report["policies"]
    assert policy["policy"]["policy-type"] == "tlsa"
    assert policy["policy"]["policy-domain"] == "mx.bad.example"
    (detail,) = policy["failure-details"]
    assert detail["result-type"] == "tlsa-invalid"
    assert detail["receiving-mx-hostname"] == "mx.bad.example"
    assert detail["receiving-ip"] == "127.0.0.1"
    # RFC 8460, 3: the sessions of reports are in no report. Once sent, nothing is sent again.
    assert rows(gateway) == {}
    assert "there is nothing to send" in command(gateway, "tls-reports", "--send")


def test_a_report_that_is_not_taken_waits_and_nothing_is_sent_twice(
    tmp_path: Path, stack: ExitStack
) -> None:
    reporting = Reporting(tmp_path, stack)
    gateway, web = reporting.gateway, reporting.web
    web.post_status = 503
    send(gateway, "good.example")
    wait_until(lambda: reporting.good.count, "the mail")
    wait_until(lambda: "good.example" in rows(gateway), "the count")
    command(gateway, "tls-reports", "--send")
    gateway.wait_log("the server answers 503")
    wait_until(lambda: reporting.mailbox.count == 1, "the report by mail")
    row = rows(gateway)["good.example"]
    assert row["state"] == "sending"
    assert "the server answers 503" in row["error"]
    first = web.posted.pop()
    gateway.kill()
    web.post_status = 204
    gateway.start()
    wait_until(lambda: web.posted, f"another attempt:\n{gateway.log()[-3000:]}")
    wait_until(lambda: not rows(gateway), "the end of the batch")
    # It is the same report: its reader knows it by its id.
    assert web.posted == [first]
    assert reporting.mailbox.count == 1


def test_counts_outlive_a_stop_and_the_loss_of_a_worker(tmp_path: Path, stack: ExitStack) -> None:
    reporting = Reporting(tmp_path, stack, workers=2)
    gateway = reporting.gateway
    for number in range(4):
        send(gateway, "silent.example", f"{number}")
    wait_until(lambda: reporting.silent.count == 4, "the mail")
    before = rows(gateway)["silent.example"]["successes"]
    gateway.stop()
    gateway.config["workers"] = 1
    gateway.start()
    row: dict[str, int] = {}
    for line in command(gateway, "tls-reports", "--json").splitlines():
        found = json.loads(line)
        row[found["state"]] = found["successes"]
    assert sum(row.values()) == before


def test_off_by_default(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert "nothing is counted" in command(gateway, "tls-reports")
        assert not any((gateway.state / "tls-reports").iterdir())
