"""What survives a restart."""

import pytest

from mailwarden.services.alerts.alert import Severity, make_alert
from mailwarden.services.alerts.finder import Endpoint, Kept
from mailwarden.services.alerts.message import Mail
from mailwarden.services.alerts.outbox import Letter
from mailwarden.services.alerts.recent import KEPT_MAX, RecentAlert, RecentAlerts
from mailwarden.services.alerts.repeats import Notice, Watched
from mailwarden.services.alerts.state import (
    FILE_BYTES_MAX,
    SavedState,
    StateError,
    decode_state,
    encode_state,
    load_bytes,
    save_state,
)
from mailwarden.system.files.simulated import SimulatedDisk

TIME = 1_289_297_702.0
ALERT = make_alert("Warning", "Anti-Spam", "Grüße\nzwei", "k")
MAIL = Mail("<1@x>", Severity.CRITICAL, "s", "a\n\nb", ("a@b.example", "c@d.example"), TIME)
STATE = SavedState(
    [Watched(Notice(ALERT, 3, TIME - 9, TIME - 1, is_mixed=True), 100.0, 15.0, 109.0)],
    [Letter(MAIL, "a@b.example", 500.0, 130.0, 2), Letter(MAIL, "c@d.example", 500.0, 110.0)],
    [RecentAlert(ALERT, TIME - 9, TIME, 4)],
    {"b.example": Kept("", (Endpoint("192.0.2.1", 25),), 50.0)},
    TIME - 1000,
)


def read(now: float, time: float) -> SavedState:
    return decode_state(encode_state(STATE, 110.0, TIME), now, time)


def test_reads_back() -> None:
    state = read(110.0, TIME)
    assert state.watched == STATE.watched
    assert [(x.mail, x.address, x.expires, x.due, x.attempts) for x in state.letters] == [
        (MAIL, "a@b.example", 500.0, 130.0, 2),
        (MAIL, "c@d.example", 500.0, 110.0, 0),
    ]
    assert state.letters[0].mail is state.letters[1].mail
    assert (state.recent, state.kept, state.report_at) == (
        STATE.recent, STATE.kept, STATE.report_at,
    )  # fmt: skip


@pytest.mark.parametrize(("clock", "away"), [(100.0, 100.0), (-10_000.0, 0.0), (1e9, 7 * 86_400.0)])
def test_time_that_passed_counts(clock: float, away: float) -> None:
    state = read(5.0, TIME + clock)  # of another boot: the monotonic clock began anew
    assert state.watched[0].origin == 5.0 - away - 10.0
    assert state.letters[0].due == 5.0 - away + 20.0
    assert state.kept["b.example"].asked_at == 5.0 - away - 60.0


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"\xff", b"[" * 10**6, b'{"saved":1e999}', b'{"saved": "x"}',
     encode_state(STATE, 110.0, TIME)[:-5]],
)  # fmt: skip
def test_damaged(data: bytes) -> None:
    with pytest.raises(StateError):
        decode_state(data, 0.0, TIME)


def test_file() -> None:
    files = SimulatedDisk()
    files.make_directory("/state")
    assert load_bytes(files, "/state/x") is None
    save_state(files, "/state/x", b"one")
    save_state(files, "/state/x", b"two" * 100_000)
    assert load_bytes(files, "/state/x") == b"two" * 100_000


def test_file_that_is_far_too_large() -> None:
    class Large(SimulatedDisk):
        def size(self, path: str) -> int:
            return FILE_BYTES_MAX + 1

    files = Large()
    files.make_directory("/state")
    save_state(files, "/state/x", b"one")
    with pytest.raises(StateError):
        load_bytes(files, "/state/x")


def test_sys_36_last_fifty() -> None:
    recent = RecentAlerts()
    for number in range(KEPT_MAX + 10):
        recent.add(make_alert("Critical", "System", f"text {number}"), TIME + number)
    found = recent.newest_first()
    assert len(found) == KEPT_MAX == 50
    assert (found[0].alert.text, found[-1].alert.text) == ("text 59", "text 10")


def test_sys_36_repeats_are_one() -> None:
    recent = RecentAlerts()
    recent.add(make_alert("Critical", "System", "first", "k"), TIME)
    recent.add(make_alert("Critical", "System", "other"), TIME + 1)
    recent.add(make_alert("Critical", "System", "second", "k"), TIME + 2)
    last = recent.newest_first()[0]
    assert (last.alert.text, last.first_at, last.last_at, last.repeats) == (
        "second", TIME, TIME + 2, 1,
    )  # fmt: skip
