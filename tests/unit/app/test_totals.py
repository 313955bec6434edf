"""Counters over restarts of workers and of the gateway, and their rates."""

from mailwarden.app.totals import COUNTERS_MAX, Totals, _counter


def test_a_worker_that_was_restarted_counts_from_nothing() -> None:
    totals = Totals({}, 1000.0, 0.0)
    totals.take(0, 11, {"messages_in": 5})
    totals.take(0, 11, {"messages_in": 7})
    totals.take(1, 12, {"messages_in": 1, "delivered": 2})
    totals.take(0, 13, {"messages_in": 3})
    assert totals.describe(1.0)["totals"] == {"messages_in": 11, "delivered": 2}


def test_reset_and_lifetime_outlast_a_restart() -> None:
    totals = Totals({}, 1000.0, 0.0)
    totals.take(0, 11, {"messages_in": 5})
    totals.reset(1500.0)
    totals.take(0, 11, {"messages_in": 6})
    again = Totals(totals.to_keep(), 2000.0, 0.0)
    again.take(0, 99, {"messages_in": 2})
    told = again.describe(1.0)
    assert told["totals"] == {"messages_in": 2}
    assert told["counters"] == {"reset": {"messages_in": 3}, "lifetime": {"messages_in": 8}}
    assert told["reset_at"] == 1500.0


def test_rates_are_by_the_hour_over_what_has_passed() -> None:
    totals = Totals({}, 1000.0, 0.0)
    for number in range(1, 101):
        totals.take(0, 11, {"messages_in": number * 10, "idle": 3})
        totals.sample(number * 10.0)
    rates = totals.describe(1000.0)["rates"]
    assert rates == {name: {"messages_in": 3600} for name in rates}
    quiet = Totals({}, 1000.0, 0.0)
    quiet.take(0, 1, {"messages_in": 10})
    assert quiet.describe(10.0)["rates"]["1-minute"] == {"messages_in": 3600}
    quiet.sample(10.0)
    for number in range(2, 100):
        quiet.sample(number * 10.0)
    assert quiet.describe(1000.0)["rates"] == {n: {} for n in rates}


def test_what_somebody_wrote_into_the_file_does_no_harm() -> None:
    kept = {"reset": ["x"], "lifetime": {"a": -1, "b": "c", "d": 4}, "reset_at": 1e99}
    told = Totals(kept, 1000.0, 0.0).describe(1.0)
    assert told["counters"] == {"reset": {}, "lifetime": {"d": 4}}
    assert told["reset_at"] == 1000.0
    assert len(_counter({str(n): 1 for n in range(2 * COUNTERS_MAX)})) == COUNTERS_MAX
