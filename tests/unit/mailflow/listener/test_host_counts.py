"""What a client may send within the hour, under the policy that it came under."""

from dataclasses import replace

import pytest

from mailwarden.core.policy.hat_policy import PUBLIC_DEFAULTS, EffectivePolicy
from mailwarden.core.policy.hat_variables import HatVariables
from mailwarden.core.policy.host_forms import HostFacts
from mailwarden.mailflow.listener.host_counts import (
    Counting,
    HostCounts,
    Room,
    counting_of,
    full_reply,
    group_key,
    harvest_reply,
)
from mailwarden.mailflow.listener.settings import MailFlowPolicy
from mailwarden.services.throttling.rate_keys import host_key, owner_key
from mailwarden.services.throttling.rates import LocalRates

TEN = 10 * 3600.0
ANN, BOB = "ann@partner.example", "bob@partner.example"
VARIABLES = HatVariables("SUSPECTLIST", "None", "None", "192.0.2.25", "ALL")


def counts_of(
    rates: LocalRates,
    address: str = "192.0.2.25",
    counting: Counting = Counting.BOTH,
    **parameters: int | bool,
) -> HostCounts:
    policy = replace(PUBLIC_DEFAULTS, **parameters)
    return HostCounts(rates, policy, HostFacts(address), counting)


def test_row_32_a_limit_counts_what_all_connections_of_a_host_sent() -> None:
    rates = LocalRates()
    for _ in range(3):
        assert counts_of(rates, max_rcpts_per_hour=3).take(ANN, TEN) is Room.FREE
    assert counts_of(rates, max_rcpts_per_hour=3).take(ANN, TEN) is Room.HOST_FULL
    assert counts_of(rates, max_rcpts_per_hour=4).take(ANN, TEN) is Room.FREE
    assert counts_of(rates, "192.0.2.26", max_rcpts_per_hour=3).take(ANN, TEN) is Room.FREE
    assert counts_of(rates, max_rcpts_per_hour=3).take(ANN, TEN + 3600) is Room.FREE


def test_row_33_significant_bits_count_a_network_as_one() -> None:
    rates = LocalRates()
    grouped = {"max_rcpts_per_hour": 1, "significant_bits": 24}
    assert counts_of(rates, "192.0.2.25", **grouped).take(ANN, TEN) is Room.FREE
    assert counts_of(rates, "192.0.2.26", **grouped).take(ANN, TEN) is Room.HOST_FULL
    assert counts_of(rates, "192.0.3.26", **grouped).take(ANN, TEN) is Room.FREE


@pytest.mark.parametrize(
    ("parameters", "organisation", "expected"),
    [
        ({}, "", host_key("192.0.2.25")),
        ({"use_sb": True}, "1234", owner_key("1234")),
        ({"use_sb": False}, "1234", host_key("192.0.2.25")),
        ({"use_sb": False, "dhap_limit": 0, "significant_bits": 16}, "", host_key("192.0.0.0", 16)),
        ({"use_sb": True, "dhap_limit": 0, "significant_bits": 16}, "", host_key("192.0.2.25")),
        ({"use_sb": True, "dhap_limit": 9, "significant_bits": 16}, "", host_key("192.0.0.0", 16)),
    ],
)
def test_who_is_counted_together(
    parameters: dict[str, int], organisation: str, expected: bytes
) -> None:
    facts = HostFacts("192.0.2.25", organisation=organisation)
    assert group_key(replace(PUBLIC_DEFAULTS, **parameters), facts) == expected


def test_a_sender_is_counted_over_all_hosts_and_a_refusal_costs_the_host_nothing() -> None:
    rates = LocalRates()
    limits = {"max_rcpts_per_hour": 10, "max_rcpts_per_hour_sender": 2}
    assert counts_of(rates, "192.0.2.1", **limits).take(ANN, TEN) is Room.FREE
    assert counts_of(rates, "192.0.2.2", **limits).take("ANN@Partner.Example", TEN) is Room.FREE
    third = counts_of(rates, "192.0.2.3", **limits)
    assert third.take(ANN, TEN) is Room.SENDER_FULL
    assert rates.peek(host_key("192.0.2.3"), TEN) == 0
    assert third.take(BOB, TEN) is Room.FREE
    assert [third.take("", TEN) for _ in range(3)] == [Room.FREE] * 3  # everybody's bounces
    assert third.accepted == 4


def test_what_is_counted_out_again_leaves_no_trace() -> None:
    rates = LocalRates()
    counts = counts_of(rates, max_rcpts_per_hour=1, max_rcpts_per_hour_sender=1)
    assert counts.take(ANN, TEN) is Room.FREE
    counts.undo()
    assert counts.accepted == 0
    assert counts.take(ANN, TEN) is Room.FREE
    counts.pass_by()  # who is not counted is not counted out either
    counts.undo()
    assert counts.take(ANN, TEN) is Room.HOST_FULL
    counts.undo()
    assert counts.accepted == 1
    assert rates.peek(host_key("192.0.2.25"), TEN) == 1


@pytest.mark.parametrize("counting", Counting)
def test_nothing_is_counted_that_nobody_limits(counting: Counting) -> None:
    rates = LocalRates()
    counts = counts_of(rates, counting=counting)
    assert counts.take(ANN, TEN) is Room.FREE
    counts.undo()
    assert counts.take(ANN, TEN) is Room.FREE
    hosts = rates.peek(host_key("192.0.2.25"), TEN)
    assert hosts == (counting in (Counting.HOSTS, Counting.BOTH))


def test_one_limit_anywhere_makes_all_be_counted() -> None:
    free = PUBLIC_DEFAULTS
    assert counting_of([]) is Counting.NOTHING
    assert counting_of([free, free]) is Counting.NOTHING
    assert counting_of([free, replace(free, max_rcpts_per_hour=9)]) is Counting.HOSTS
    assert counting_of([replace(free, max_rcpts_per_hour_sender=9)]) is Counting.SENDERS
    both = [replace(free, max_rcpts_per_hour_sender=9), replace(free, max_rcpts_per_hour=9)]
    assert counting_of(both) is Counting.BOTH


def test_row_34_the_third_invalid_recipient_of_two_is_a_harvest() -> None:
    rates = LocalRates()
    counts = counts_of(rates, dhap_limit=2)
    harvests = [counts.count_invalid(TEN) for _ in range(3)]
    assert [harvest.is_over for harvest in harvests] == [False, False, True]
    assert counts_of(rates, dhap_limit=2).is_harvesting(TEN)
    assert not counts_of(rates, dhap_limit=3).is_harvesting(TEN)
    assert not counts_of(rates, dhap_limit=0).is_harvesting(TEN)
    assert not counts_of(rates, dhap_limit=2).is_harvesting(TEN + 3600)
    assert (counts.accepted, counts.invalid) == (0, 3)


def test_replies_have_the_words_of_the_policy() -> None:
    policy = EffectivePolicy(
        max_rcpts_per_hour_text="Slow down $RemoteIP", dhap_code=421, dhap_text="Go, $Group\nNow"
    )
    full = full_reply(Room.HOST_FULL, policy, VARIABLES)
    assert full.encode() == b"452 Slow down 192.0.2.25\r\n"
    assert full.encode(enhanced=True) == b"452 4.7.0 Slow down 192.0.2.25\r\n"
    assert full_reply(Room.SENDER_FULL, policy, VARIABLES).encode() == (
        b"452 Too many recipients received from this sender this hour\r\n"
    )
    assert harvest_reply(policy, VARIABLES).encode() == b"421-Go, SUSPECTLIST\r\n421 Now\r\n"


def test_a_limit_of_no_recipient_at_all_is_a_mistake() -> None:
    policy = MailFlowPolicy(max_rcpts_per_hour=0, max_rcpts_per_hour_sender=0)
    assert [problem.path for problem in policy.problems()] == [
        "max_rcpts_per_hour",
        "max_rcpts_per_hour_sender",
    ]
    assert list(MailFlowPolicy(max_rcpts_per_hour=1).problems()) == []
