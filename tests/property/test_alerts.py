"""Alerts whatever they are made of and whenever they come."""

import email
import email.policy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.services.alerts.alert import KEY_LENGTH_MAX, TEXT_LENGTH_MAX, Alert, make_alert
from mailwarden.services.alerts.message import build_mail, write_notice
from mailwarden.services.alerts.outbox import Outbox
from mailwarden.services.alerts.repeats import DISTINCT_MAX, Notice, Repeats
from mailwarden.services.alerts.state import SavedState, StateError, decode_state, encode_state
from mailwarden.services.alerts.wire import build_packet, parse_packet

TEXTS = st.text(st.characters(), max_size=300) | st.sampled_from(
    ["\r\nBcc: x@y", "=?utf-8?q?=0A?=", "\n\n", "x" * 10_000, "\ud800"]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
PACKETS = JSON | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("severity", "class", "text", "key"), JSON)
)
ALERTS = st.builds(
    make_alert,
    st.sampled_from(["Critical", "Warning", "Information"]),
    st.sampled_from(["System", "Updater"]),
    TEXTS,
    st.sampled_from("abc") | TEXTS,
)


@given(PACKETS)
def test_packets_are_alerts_or_nothing(packet: object) -> None:
    alert = parse_packet(packet)
    if alert is not None:
        assert 0 < len(alert.text) <= TEXT_LENGTH_MAX
        assert 0 < len(alert.key) <= KEY_LENGTH_MAX
        assert "\n" not in alert.key
        assert parse_packet(build_packet(alert)) == alert


@given(ALERTS, st.integers(0, 5), st.booleans(), TEXTS)
def test_mail_has_our_fields_and_no_others(
    alert: Alert, repeats: int, mixed: bool, host: str
) -> None:
    notice = Notice(alert, repeats, 0.0, 1e9, mixed)
    content = build_mail(write_notice(notice, host, ["ops@corp.example"], "0bad", 1e9), "", host)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert len(message.keys()) == 9
    assert content.isascii()
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(map(len, content.split(b"\r\n"))) <= 998


@given(
    st.lists(st.tuples(ALERTS, st.floats(0, 100))),
    st.floats(0, 300),
    st.floats(0, 4000),
)
def test_every_alert_is_told_once(
    raised: list[tuple[Alert, float]], initial: float, longest: float
) -> None:
    repeats = Repeats(initial, longest)
    now = told = 0.0
    for alert, wait in raised:
        now += wait
        told += sum(notice.repeats for notice in repeats.due(now))
        told += repeats.take(alert, now, 1e9 + now) is not None
        assert len(repeats.watched) <= 6 * (DISTINCT_MAX + 1)
    while (due := repeats.next_due()) is not None:
        now = max(now, due)
        told += sum(notice.repeats for notice in repeats.due(now))
    assert told == len(raised)


@given(st.lists(ALERTS, max_size=20), st.floats(-1e9, 1e9), st.floats(0, 1e6))
def test_state_reads_back(alerts: list[Alert], away: float, now: float) -> None:
    repeats, outbox = Repeats(300, 3600), Outbox()
    for alert in alerts:
        notice = repeats.take(alert, now, 1e9)
        if notice is not None:
            outbox.add(write_notice(notice, "gw", ["ops@corp.example"], "0bad", 1e9), now)
    state = SavedState(repeats.watched, outbox.letters)
    read = decode_state(encode_state(state, now, 1e9), 0.0, 1e9 + away)
    assert [watched.notice for watched in read.watched] == [w.notice for w in repeats.watched]
    assert [letter.mail for letter in read.letters] == [letter.mail for letter in outbox.letters]


@given(st.binary(max_size=300) | JSON.map(lambda value: repr(value).encode("utf-8", "replace")))
def test_any_bytes_are_a_state_or_an_error(data: bytes) -> None:
    try:
        decode_state(data, 0.0, 1e9)
    except StateError:
        return
