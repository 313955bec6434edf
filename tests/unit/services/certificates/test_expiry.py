"""Who is told, and how often, that a certificate runs out (admin CRT-09)."""

from mailwarden.services.certificates.expiry import DAYS, ExpiryWatch, Watched, due_days

DAY = 86_400.0
END = 200 * DAY


class Alerts:
    def __init__(self) -> None:
        self.told: list[tuple[str, int, bool]] = []

    def certificate_expires(self, name: str, days: int, *, is_critical: bool) -> None:
        self.told.append((name, days, is_critical))


def days_told(watch_every: float, start: float, end: float, *, restart: bool = False) -> list[int]:
    alerts = Alerts()
    watch = ExpiryWatch(alerts)
    now = start
    while now < end:
        watch.look([Watched("mx", "AB", END)], now)
        if restart:
            watch = ExpiryWatch(alerts, watch.told)
        now += watch_every
    assert all(critical == (days <= 15) for _, days, critical in alerts.told)
    return [days for _, days, _ in alerts.told]


def test_crt_09_days_before_the_end_and_each_day_after() -> None:
    for restart in (False, True):
        told = days_told(DAY / 24, 0, END + 3 * DAY, restart=restart)
        assert told == [*DAYS, -1, -2, -3]


def test_crt_09_a_watch_that_slept_tells_once() -> None:
    assert days_told(DAY, END - 7 * DAY, END - 6.5 * DAY) == [7]
    assert days_told(10 * DAY, END - 95 * DAY, END) == [85, 55, 25, 15, 5]


def test_a_renewed_certificate_begins_anew() -> None:
    alerts = Alerts()
    watch = ExpiryWatch(alerts)
    assert watch.look([Watched("mx", "AB", END)], END - DAY / 2)
    assert not watch.look([Watched("mx", "AB", END)], END - DAY / 2)
    assert watch.look([Watched("mx", "CD", END + 100 * DAY)], END - DAY / 2)
    assert watch.told == {}
    assert [days for _, days, _ in alerts.told] == [0]


def test_long_before_nothing_is_due() -> None:
    assert due_days(END, END - 100 * DAY) is None
