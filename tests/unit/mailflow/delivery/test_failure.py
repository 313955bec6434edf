"""Reasons by phase, and how responses show."""

import pytest

from mailwarden.core.smtp.client_replies import PeerReply
from mailwarden.core.smtp.client_rules import Refusal
from mailwarden.core.smtp.client_transaction import Step
from mailwarden.mailflow.delivery.failure import (
    Failure,
    host_failure,
    is_too_many_recipients,
    local_failure,
    network_failure,
    refusal_failure,
    reply_failure,
)

PHASES = [
    (Step.MAIL, 451, "x", "4.1.0 - Unknown address error"),
    (Step.RCPT, 550, "no such user", "5.1.0 - Unknown address error"),
    (Step.RCPT, 552, "too many", "4.1.0 - Unknown address error"),
    (Step.MAIL, 552, "too large", "5.1.0 - Unknown address error"),
    (Step.DATA, 451, "x", "4.3.0 - Other mail system problem"),
    (Step.FINAL, 554, "x", "5.3.0 - Other mail system problem"),
    (Step.FINAL, 452, "4.3.1 full", "4.3.1 - Mail system full"),
    (Step.RCPT, 452, "#4.3.1 queue full", "4.3.1 - Mail system full"),
    (Step.RCPT, 452, "4.2.2 mailbox full", "4.1.0 - Unknown address error"),
]


@pytest.mark.parametrize(("step", "code", "text", "reason"), PHASES)
def test_reasons_by_phase(step: Step, code: int, text: str, reason: str) -> None:
    failure = reply_failure(step, PeerReply(code, (text,)), "192.0.2.1", 7)
    assert failure.reason == reason
    assert failure.is_permanent is reason.startswith("5")
    assert (failure.code, failure.lines, failure.remote, failure.dcid) == (
        str(code), (text,), "192.0.2.1", 7,
    )  # fmt: skip


def test_responses() -> None:
    assert Failure("5.1.0 - x", "550", ("a", "b")).response == "550-'a b'"
    assert Failure("5.1.0 - x", "000", ("a",)).response == "'a'"
    assert Failure("5.1.0 - x").response == ""
    assert Failure("5.1.0 - x").text == "5.1.0 - x"
    assert Failure("5.1.0 - x", "550", ("a",)).text == "5.1.0 - x 550-'a'"


def test_for_good() -> None:
    assert network_failure("EOF").for_good().reason == "5.4.0 - Other network problem"


def test_failures_without_a_reply() -> None:
    assert network_failure("timeout", "192.0.2.1", 3) == Failure(
        "4.4.0 - Other network problem", "000", ("timeout",), "192.0.2.1", 3
    )
    assert local_failure("x").reason == "4.3.0 - Other mail system problem"
    assert local_failure("x", full=True).reason == "4.3.1 - Mail system full"
    refused = refusal_failure(Refusal("5.3.4 - big", "why"), "192.0.2.1", 3)
    assert refused == Failure("5.3.4 - big", "000", ("why",), "192.0.2.1", 3)


def test_a_host_that_does_not_want_us_is_never_final() -> None:
    assert not host_failure(PeerReply(554, ("go away",)), "192.0.2.1", 3).is_permanent


def test_too_many_recipients() -> None:
    assert is_too_many_recipients(PeerReply(452, ("#4.5.3 Too many recipients",)))
    assert is_too_many_recipients(PeerReply(552, ("5.5.3 Too many",)))
    assert not is_too_many_recipients(PeerReply(452, ("4.3.1 full",)))
    assert not is_too_many_recipients(PeerReply(550, ("4.5.3 odd",)))
