"""How often people hear of the same (SYS-32)."""

from itertools import count, pairwise

import pytest

from mailwarden.services.alerts.alert import Alert, make_alert
from mailwarden.services.alerts.repeats import DISTINCT_MAX, Notice, Repeats, next_offset

EPOCH = 1_289_297_702.0


def alert(key: str = "k", text: str = "Something is wrong") -> Alert:
    return make_alert("Critical", "System", text, key)


def mails(initial: float, longest: float, seconds: int, every: float = 0.5) -> list[float]:
    """Return when mails go during a storm of one alert, looked at four times a second."""
    repeats = Repeats(initial, longest)
    times: list[float] = []
    for now in (tick / 4 for tick in range(seconds * 4 + 1)):
        times += [now] * len(repeats.due(now))
        if now % every == 0 and repeats.take(alert(), now, EPOCH + now) is not None:
            times.append(now)
    return times


def test_s_07_alert_storm() -> None:
    assert mails(5, 60, 240) == [0, 5, 15, 35, 60, 120, 180, 240]


def test_sys_32_without_reaching_the_longest_wait() -> None:
    assert mails(5, 3600, 320) == [0, 5, 15, 35, 75, 155, 315]


def test_sys_32_zero_sends_each_at_once() -> None:
    assert mails(0, 60, 4, every=1) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("initial", "longest", "times"),
    [
        (60, 60, [60, 120, 180]),
        (40, 60, [40, 60, 120]),
        (300, 3600, [300, 900, 2100, 3600, 7200]),
        (100, 60, [60, 120, 180]),
        (5, 0, [5, 15, 35]),
    ],
)
def test_times(initial: float, longest: float, times: list[float]) -> None:
    found = [0.0]
    for _ in times:
        found.append(next_offset(found[-1], initial, longest))
    assert found[1:] == times


def test_repeats_are_counted_between_mails() -> None:
    repeats = Repeats(5, 60)
    assert repeats.take(alert(text="one"), 0, EPOCH) == Notice(alert(text="one"))
    assert repeats.take(alert(text="two"), 1, EPOCH + 1) is None
    assert repeats.take(alert(text="three"), 3, EPOCH + 3) is None
    assert repeats.next_due() == 5
    assert repeats.due(4.9) == []
    assert repeats.due(5) == [Notice(alert(text="three"), 2, EPOCH + 1, EPOCH + 3)]
    assert repeats.next_due() is None
    assert repeats.due(15) == []


def test_after_a_quiet_wait_the_next_goes_at_once() -> None:
    repeats = Repeats(5, 60)
    repeats.take(alert(), 0, EPOCH)
    repeats.due(5)
    assert repeats.take(alert(), 8, EPOCH) is not None
    assert repeats.take(alert(), 9, EPOCH) is None
    assert repeats.next_due() == 18  # ten seconds after the last, as from 5 to 15


def test_what_comes_now_and_then_comes_no_oftener_than_the_longest_wait() -> None:
    times = mails(5, 60, 600, every=6)
    assert times[:4] == [0, 6, 16, 36]
    assert [later - time for time, later in pairwise(times[4:])] == [60] * 8


def test_what_was_quiet_for_the_longest_wait_is_forgotten() -> None:
    repeats = Repeats(5, 60)
    repeats.take(alert(), 0, EPOCH)
    repeats.due(59)
    assert len(repeats.watched) == 1
    repeats.due(60)
    assert repeats.watched == []
    assert repeats.take(alert(), 61, EPOCH) is not None
    assert repeats.take(alert(), 62, EPOCH) is None
    assert repeats.next_due() == 66  # the times begin anew


def test_different_alerts_wait_for_themselves() -> None:
    repeats = Repeats(5, 60)
    assert repeats.take(alert("a"), 0, EPOCH) is not None
    assert repeats.take(alert("b"), 0, EPOCH) is not None
    assert repeats.take(make_alert("Warning", "System", "x", "a"), 0, EPOCH) is not None
    assert repeats.take(make_alert("Critical", "Updater", "x", "a"), 0, EPOCH) is not None
    assert repeats.take(alert("a"), 1, EPOCH) is None


def test_other_texts_without_end_count_as_one() -> None:
    repeats = Repeats(5, 60)
    told = [repeats.take(alert(f"k{n}", f"text {n}"), 0, EPOCH) for n in range(1000)]
    assert sum(notice is not None for notice in told) == DISTINCT_MAX + 1
    assert len(repeats.watched) == DISTINCT_MAX + 1
    (notice,) = repeats.due(5)
    assert notice.is_mixed
    assert notice.repeats == 1000 - DISTINCT_MAX - 1
    assert notice.alert.text == "text 999"
    assert repeats.take(make_alert("Warning", "System", "x"), 6, EPOCH) is not None
    for now in count(6):
        repeats.due(now)
        if not repeats.watched:
            break
    assert repeats.take(alert("new"), now, EPOCH) is not None


def test_other_settings_hold_at_once() -> None:
    repeats = Repeats(300, 3600)
    repeats.take(alert(), 0, EPOCH)
    repeats.take(alert(), 1, EPOCH)
    repeats.apply(0, 3600)
    assert repeats.next_due() == 0
    assert [notice.repeats for notice in repeats.due(2)] == [1]
    assert repeats.watched == []
    assert repeats.take(alert(), 3, EPOCH) == repeats.take(alert(), 3, EPOCH) == Notice(alert())


def test_long_sleep_is_one_mail() -> None:
    repeats = Repeats(1, 1)
    repeats.take(alert(), 0, EPOCH)
    repeats.take(alert(), 0.5, EPOCH)
    assert len(repeats.due(10**9)) == 1
    repeats.take(alert(), 10**9, EPOCH)
    assert repeats.due(10**9) == []
