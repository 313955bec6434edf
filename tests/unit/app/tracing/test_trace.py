"""What a trace tells, and what it leaves alone; that it is true is shown end to end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mailwarden.app.tracing.report import Fate, Outcome
from mailwarden.app.tracing.trace import TraceError
from mailwarden.core.features import Feature
from mailwarden.services.engines.reputation.score import Score
from mailwarden.system.dns.fake import FakeResolver
from mailwarden.system.dns.resolver import HostName
from tests.unit.app.tracing.traced import (
    CLIENT,
    ZONE,
    configured,
    going_to,
    listener,
    requested,
    shown,
    traced,
)


async def test_the_whole_way(tmp_path: Path) -> None:
    report = await traced(configured(tmp_path), requested(listener="Out"))
    assert report.outcome is Outcome.QUEUED
    assert [section.title for section in report.sections] == [
        "Connection", "Sender", "Recipients", "Content", "Work queue",
    ]  # fmt: skip
    assert [exchange.code for exchange in report.exchanges] == [220, 250, 250, 250, 354, 250]
    assert all(exchange.microseconds > 0 for exchange in report.exchanges)
    (message,) = report.messages
    assert (message.policy, message.sender) == ("DEFAULT", "ann@partner.example")
    assert any(line.startswith("Received: from") for line in message.header)
    assert message.header[-1] == "Subject: x"
    assert "antispam" in shown(report, "not set up")
    assert report.log[0].startswith("Info: New SMTP ICID 1 interface Data1")


async def test_mx_hosts_come_in_their_order_with_all_that_delivery_would_try(
    tmp_path: Path,
) -> None:
    config = configured(
        tmp_path, destinations={"partner.example": {"tls": "preferred", "recipient_limit": 5}}
    )
    found = await going_to(config, "x@partner.example")
    assert (found.fate, found.route, found.row) == (Fate.CONNECT, "", "partner.example")
    assert [(each.preference, each.address) for each in found.hosts] == [
        (10, "192.0.2.1"), (10, "2001:db8::1"), (20, "192.0.2.2"),
    ]  # fmt: skip
    assert [way.partition(",")[0] for way in found.hosts[0].tls] == ["TLS", "in the clear"]
    assert ("recipient_limit", "5 in 60 minutes") in found.limits


@pytest.mark.parametrize(
    ("recipient", "fate", "why"),
    [
        ("x@gone.example", Fate.BOUNCE, "5.1.2 - Bad destination host 'DNS Hard Error"),
        ("x@quiet.example", Fate.BOUNCE, "5.1.10"),
        ("x@own.example", Fate.BOUNCE, "5.4.6 - Routing loop detected"),
    ],
)
async def test_fates(tmp_path: Path, recipient: str, fate: Fate, why: str) -> None:
    found = await going_to(configured(tmp_path), recipient)
    assert found.fate is fate
    assert why in found.why
    assert found.why.endswith("a bounce goes to <ann@partner.example>")


async def test_nobody_hears_of_a_bounce_that_cannot_be_delivered(tmp_path: Path) -> None:
    found = await going_to(configured(tmp_path), "x@gone.example", sender="")
    assert found.why.endswith("nobody is told: the sender is <>")


async def test_the_bounce_profile_of_the_destination(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        bounce_profiles={"Silent": {"send_bounces": False}},
        destinations={"gone.example": {"bounce_profile": "Silent"}},
    )
    found = await going_to(config, "x@gone.example")
    assert found.bounce_profile == "Silent"
    assert "send_bounces of the bounce profile Silent is off" in found.why


SCORED = """
$A
    ACCEPT
BAD:
    SBRS[-10.0:-1.0]
    REJECT
UNKNOWN:
    SBRS[none]
    TCPREFUSE
NAMED:
    .partner.example
    $A
ALL
    REJECT
"""


@pytest.mark.parametrize(
    ("given", "group", "code"),
    [
        ({"score": -5.0, "has_no_score": False}, "BAD, by sbrs[-10.0:-1.0]", 554),
        ({}, "UNKNOWN, by sbrs[none]", 0),
        ({"score": 5.0, "client_name": "mx.partner.example"}, "NAMED, by .partner.example", 220),
        ({"score": 5.0, "client_name": ""}, "none, by ALL", 554),
        ({"score": 5.0}, "NAMED, by .partner.example", 220),  # by the DNS
    ],
)
async def test_what_is_given_of_the_client_decides(
    tmp_path: Path, given: dict[str, Any], group: str, code: int
) -> None:
    """The name and the score that are given count; what is not is found out."""
    taking = listener(host_access=SCORED, reverse_dns=True, accepted_domains=["corp.example"])
    report = await traced(configured(tmp_path, listeners=[taking]), requested(**given))
    assert shown(report, "sender group").startswith(group)
    assert report.exchanges[0].code == code


async def test_scores_are_found_out_where_none_is_given(tmp_path: Path) -> None:
    lists = [{"zone": "bl.example.org", "scores": {"127.0.0.2": -6.1}}]
    config = configured(
        tmp_path,
        listeners=[listener(host_access=SCORED, reverse_dns=True, accepted_domains=["a.example"])],
        reputation={"order": ["dns_lists", "history"], "dns_lists": lists},
    )
    report = await traced(config, requested(has_no_score=False))
    assert shown(report, "sender group").startswith("BAD")
    assert shown(report, "reputation score").startswith("-6.1")
    assert any("not known here" in note for note in report.notes)


class Scores:
    """Scores of a gateway, which must not hear of a trace."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def peek(self, address: str) -> Score | None:
        return Score(-9.0, "test", address)

    async def score(self, address: str) -> Score:
        return Score(-9.0, "test", address)

    def note(self, address: str, messages: int, recipients: int, bad_recipients: int) -> None:
        self.noted.append(address)


async def test_the_reputation_of_the_gateway_is_asked_and_hears_nothing(tmp_path: Path) -> None:
    scores = Scores()
    report = await traced(configured(tmp_path), requested(has_no_score=False), reputation=scores)
    assert shown(report, "reputation score").startswith("-9.0")
    assert report.outcome is Outcome.QUEUED
    assert scores.noted == []


class Hanging(FakeResolver):
    """Never says who anybody is."""

    async def resolve_host_name(self, address: str) -> HostName:
        await asyncio.Event().wait()
        return await super().resolve_host_name(address)


async def test_it_ends_in_time(tmp_path: Path) -> None:
    config = configured(
        tmp_path, listeners=[listener(reverse_dns=True, accepted_domains=["corp.example"])]
    )
    report = await traced(config, requested(), Hanging(ZONE), timeout_seconds=0.05)
    assert report.outcome is Outcome.UNFINISHED
    assert report.verdict == "not finished within 0.05 seconds"
    assert report.messages == ()


async def test_lookups_are_told(tmp_path: Path) -> None:
    config = configured(tmp_path)
    report = await traced(
        config, requested(listener="Out", recipients=("x@partner.example", "y@gone.example"))
    )
    told = {lookup.question: lookup.answer for lookup in report.lookups}
    assert told["MX partner.example"] == "10 mx1.partner.example, 20 mx2.partner.example"
    assert told["MX gone.example"] == "gone.example (MX): NXDomain"


async def test_a_server_behind_is_not_asked_unless_that_is_wanted(tmp_path: Path) -> None:
    profiles = {"Behind": {"servers": ["127.0.0.1:1"]}}
    taking = listener(accepted_domains=["corp.example"], call_ahead="Behind")
    config = configured(tmp_path, listeners=[taking], call_ahead_profiles=profiles)
    report = await traced(config, requested())
    assert "not asked in this trace" in shown(report, "RCPT")
    assert report.outcome is Outcome.QUEUED
    report = await traced(config, requested(asks_call_ahead=True))
    assert "not asked in this trace" not in shown(report, "RCPT")
    assert "SMTP call-ahead Behind: <bob@corp.example>" in shown(report, "RCPT")


async def test_a_trusted_proxy_speaks_for_itself(tmp_path: Path) -> None:
    taking = listener(accepted_domains=["corp.example"], proxy_protocol_from=[CLIENT])
    report = await traced(configured(tmp_path, listeners=[taking]), requested())
    assert report.outcome is Outcome.QUEUED


async def test_tls_that_is_not_offered(tmp_path: Path) -> None:
    report = await traced(configured(tmp_path), requested(is_encrypted=True))
    assert (report.outcome, report.messages) == (Outcome.REFUSED, ())
    assert report.verdict == "the message is refused: STARTTLS is not offered"


async def test_auth_that_is_not_offered(tmp_path: Path) -> None:
    report = await traced(configured(tmp_path), requested(user="ann"))
    assert report.verdict == "the message is refused: AUTH is not offered"


async def test_a_message_with_both_line_ends_comes_as_it_is(tmp_path: Path) -> None:
    taking = listener(accepted_domains=["corp.example"], bare_cr_lf="reject")
    config = configured(tmp_path, listeners=[taking])
    refused = await traced(config, requested(content=b"Subject: x\r\n\r\na\nb\r\n"))
    assert refused.exchanges[-1].code == 554
    assert (await traced(config, requested(content=b"Subject: x\n\na\nb\n"))).messages


async def test_dots_are_doubled_and_taken_off(tmp_path: Path) -> None:
    content = b"Subject: x\r\n\r\n.\r\n..\r\nQUIT\r\n"
    report = await traced(configured(tmp_path), requested(content=content))
    plain = await traced(configured(tmp_path), requested(content=b"Subject: x\r\n\r\n"))
    assert len(report.exchanges) == len(plain.exchanges)
    # What a dot hid on the wire counts with it: that is how the spool keeps it.
    assert report.messages[0].size - plain.messages[0].size >= len(b".\r\n..\r\nQUIT\r\n")


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"listener": "Nowhere"}, "there is no listener 'Nowhere'; there are In, Out"),
        ({"recipients": ()}, "there is no recipient"),
        ({"recipients": ("x",) * 1001}, "more than 1000 recipients"),
        ({"recipients": ("a@b\r\nRCPT TO:<c@d>",)}, "has a line end in it"),
        ({"sender": "a" * 1001}, "too long"),
        ({"client_address": "localhost"}, "is no IP address"),
        ({"score": 11.0}, "from -10 to 10"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, Any], part: str
) -> None:
    with pytest.raises(TraceError, match="^.*" + part.replace("(", r"\(")):
        await traced(configured(tmp_path), requested(**changes))


async def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        certificates={"own": {"certificate": "/no/cert.pem", "key": "/no/key.pem"}},
        listeners=[listener(certificate="own", accepted_domains=["corp.example"])],
    )
    with pytest.raises(TraceError, match="the certificate own: "):
        await traced(config, requested())


async def test_s_13_a_trace_does_without_what_is_switched_off(tmp_path: Path) -> None:
    table = "BAD:\n    SBRS[-10.0:-3.0]\n    REJECT\nALL\n    ACCEPT\n"
    taking = listener(accepted_domains=["corp.example"], host_access=table)
    config = configured(tmp_path, listeners=[taking])
    request = requested(score=-9.0, has_no_score=False)
    assert (await traced(config, request)).outcome is Outcome.REFUSED
    report = await traced(config, request, dormant=frozenset({Feature.REPUTATION}))
    assert report.outcome is Outcome.QUEUED
    assert "Features that are switched off: Reputation." in report.notes
