"""Directory harvest attack prevention."""

import os
from collections.abc import Iterator

import pytest

from mailwarden.services.throttling.rate_harvest import (
    Harvest,
    HarvestGuard,
    harvest_alert,
    harvest_warning,
)
from mailwarden.services.throttling.rate_keys import host_key
from mailwarden.services.throttling.rate_table import RateTable, make_rate_table
from mailwarden.services.throttling.rates import LocalRates, Rates

TEN = 10 * 3600.0
HOST = host_key("192.0.2.25")


@pytest.fixture(params=["local", "table"])
def rates(request: pytest.FixtureRequest) -> Iterator[Rates]:
    if request.param == "local":
        yield LocalRates()
        return
    descriptor = make_rate_table(1)
    table = RateTable(descriptor)
    yield table
    table.close()
    os.close(descriptor)


def test_row_34_the_third_bad_recipient_of_two_is_over_and_news_once(rates: Rates) -> None:
    guard = HarvestGuard(rates)
    assert [guard.count(HOST, 1, 2, TEN) for _ in range(4)] == [
        Harvest(1, is_over=False, is_news=False),
        Harvest(2, is_over=False, is_news=False),
        Harvest(3, is_over=True, is_news=True),
        Harvest(4, is_over=True, is_news=False),
    ]


def test_a_host_is_over_until_the_window_ends(rates: Rates) -> None:
    guard = HarvestGuard(rates)
    guard.count(HOST, 2, 2, TEN)
    assert not guard.is_over(HOST, 2, TEN)
    guard.count(HOST, 1, 2, TEN)
    assert guard.is_over(HOST, 2, TEN + 3599)
    assert not guard.is_over(HOST, 2, TEN + 3600)
    assert not guard.is_over(host_key("192.0.2.26"), 2, TEN)
    assert guard.count(HOST, 3, 2, TEN + 3600) == Harvest(3, is_over=True, is_news=True)


def test_a_limit_of_zero_switches_it_off(rates: Rates) -> None:
    guard = HarvestGuard(rates)
    assert guard.count(HOST, 100, 0, TEN) == Harvest(0, is_over=False, is_news=False)
    assert not guard.is_over(HOST, 0, TEN)
    assert not guard.is_over(HOST, 1, TEN)  # it was not even counted


def test_a_changed_limit_holds_at_once(rates: Rates) -> None:
    guard = HarvestGuard(rates)
    guard.count(HOST, 10, 25, TEN)
    assert guard.is_over(HOST, 9, TEN)
    assert not guard.is_over(HOST, 10, TEN)


def test_invalid_recipients_are_not_recipients(rates: Rates) -> None:
    HarvestGuard(rates).count(HOST, 10, 2, TEN)
    assert rates.take(HOST, 3, 3, TEN).allowed == 3


def test_what_is_said() -> None:
    assert harvest_warning("198.51.100.7", "", 25, "SUSPECTLIST", "In") == (
        "Dropping connection due to potential Directory Harvest Attack from "
        "host=('198.51.100.7', 'unknown'), dhap_limit=25, sender_group=SUSPECTLIST, listener=In"
    )
    alert = harvest_alert("198.51.100.7", 25, "In")
    assert "Potential Directory Harvest Attack" in alert
    assert "mail log" in alert
