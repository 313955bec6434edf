"""Which replies ask to slow down, and how limits shrink and recover."""

import math

import pytest

from mailwarden.core.policy.back_off import (
    MESSAGES_START,
    PER_MINUTE_MAX,
    RAISE_SECONDS,
    SETTLE_SECONDS,
    UNSURE_MAX,
    Allowance,
    BackOff,
    SlowDown,
    read_reply,
)
from mailwarden.core.policy.mail_providers import Limit

C, M, R = Limit.CONNECTIONS, Limit.MESSAGES, Limit.RATE

ASKED = [
    (421, "4.7.28 [192.0.2.1 15] Gmail has detected an unusual rate of mail", "Gmail", "Gmail", R),
    (421, "4.7.28 Our system has detected an unusual rate", "", "", R),
    (421, "4.7.28 This is too much", "", "Gmail", R),
    (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "Yahoo", "Yahoo", R),
    (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "", "Yahoo", R),
    (421, "Max message per connection reached, closing", "Yahoo", "Yahoo", M),
    (451, "4.7.650 The mail server [192.0.2.1] has been rate limited", "Outlook.com",
     "Outlook.com", R),
    (421, "4.7.652 The mail server has exceeded the maximum number of connections", "Outlook.com",
     "Outlook.com", C),
    (421, "4.7.653 The server has exceeded the maximum number of messages per connection", "", "",
     M),
    (421, "4.3.2 The maximum number of concurrent connections has exceeded a limit",
     "Microsoft 365", "Microsoft 365", C),
    (451, "4.7.500 Server busy. Please try again later", "Microsoft 365", "Microsoft 365", R),
    (421, "mwinf5c04 ME Trop de connexions, veuillez verifier", "Orange", "Orange", C),
    (421, "Too many sessions opened from 192.0.2.1", "Comcast", "Comcast", C),
    (550, "Connection frequency limited", "Tencent QQ", "Tencent QQ", R),
    (421, "HL:ICC 163 smtp", "NetEase", "NetEase", C),
    (421, "4.3.2 Connection rate limit exceeded.", "", "", R),
    (421, "4.3.2 Too many open connections.", "", "", C),
    (421, "#4.4.5 Too many connections to this host", "mx.a.example", "", C),
    (421, "#4.x.2 Too many messages for this session", "", "", M),
    (452, "Too many recipients received this hour", "", "", R),
    (554, "IP=192.0.2.1 - Too many connections, try later", "GMX and WEB.DE", "GMX and WEB.DE", C),
    (450, "4.7.1 Error: too much mail from 192.0.2.1", "", "", R),
    (421, "Please SLOW DOWN", "", "", R),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "key", "provider", "limit"), ASKED)
def test_replies_that_name_a_limit(
    code: int, text: str, key: str, provider: str, limit: Limit
) -> None:
    asked = read_reply(code, [text], key)
    assert asked is not None
    assert (asked.provider, asked.limit, asked.is_sure) == (provider, limit, True)
    assert asked.sign in text.lower()


UNSURE = [
    (421, "4.7.0 Try again later, closing connection", "Gmail"),
    (450, "4.2.1 The user you are trying to contact is receiving mail too quickly", "Gmail"),
    (450, "4.2.1 The recipient has exceeded message rate limit. Try again later.", "Yandex"),
    (451, "Temporarily deferred", ""),
    (451, "4.7.1 Service unavailable", ""),
    (421, "4.3.2 Service shutting down", ""),
    (452, "#4.3.1 server resources low - try again later", ""),
    (451, "4.4.5 congestion", ""),
    (421, "Service refuse. Veuillez essayer plus tard", "Orange"),
]


@pytest.mark.parametrize(("code", "text", "key"), UNSURE)
def test_replies_that_have_to_come_again(code: int, text: str, key: str) -> None:
    asked = read_reply(code, [text], key)
    assert asked is not None
    assert (asked.provider, asked.limit, asked.is_sure) == (key, R, False)


OTHERS = [
    (450, "4.2.0 Greylisted, please try again later"),
    (451, "4.7.1 Greylisting in action, please come back later"),
    (452, "4.2.2 The mailbox is full, try again later"),
    (452, "4.2.2 Too many messages"),
    (450, "Over quota, try again later"),
    (451, "4.7.24 SPF validation error"),
    (450, "4.1.1 User unknown in local recipient table"),
    (454, "4.7.5 TLS not available"),
    (421, "Timed out waiting for a command, 64.7.28.9"),
    (421, "Service refused"),
    (421, "4.7.281 other"),
    (550, "5.7.1 try again later"),
    (550, "4.7.0 policy"),
    (550, "Too many invalid recipients"),
    (554, "Too many hops"),
    (250, "too many connections"),
    (354, "slow down"),
    (421, ""),
    (421, f"{'x' * 2000} too many connections"),
]


@pytest.mark.parametrize(("code", "text"), OTHERS)
def test_replies_about_something_else(code: int, text: str) -> None:
    assert read_reply(code, [text]) is None


def test_replies_of_several_lines() -> None:
    asked = read_reply(421, ["4.7.0 Sorry,", "4.7.0 too many", "4.7.0 connections"])
    assert asked == SlowDown("", R, "4.7.0", False)
    assert read_reply(421, []) is None
    lines = ["first", "Too many concurrent SMTP connections"]
    assert read_reply(421, lines) == SlowDown("", C, "too many concurrent", True)


CONNECTIONS = SlowDown("Gmail", C, "too many connections", True)
MESSAGES = SlowDown("", M, "messages per connection", True)
RATE = SlowDown("Yahoo", R, "[tss0", True)
UNSURE_RATE = RATE._replace(is_sure=False)
FREE = Allowance(500, 50, math.inf)


def allowed(state: BackOff, now: float) -> Allowance:
    return state.allowance(now, 500, 50)


def test_nothing_is_held_back_at_first() -> None:
    state = BackOff("a.example")
    assert allowed(state, 0.0) == FREE
    assert state.explain(0.0) == ""
    assert state.is_over(0.0, 500, 50)


def test_connections_are_halved_from_those_open() -> None:
    state = BackOff("a.example")
    assert state.slow_down(CONNECTIONS, 0.0, connections=40)
    assert allowed(state, 0.0) == FREE._replace(connections=20)
    assert not state.slow_down(CONNECTIONS, SETTLE_SECONDS - 1, connections=39)
    assert allowed(state, SETTLE_SECONDS - 1).connections == 20
    assert state.slow_down(CONNECTIONS, SETTLE_SECONDS, connections=20)
    assert allowed(state, SETTLE_SECONDS).connections == 10


def test_when_one_connection_is_too_many_the_rate_goes_down() -> None:
    state = BackOff("a.example")
    assert state.slow_down(CONNECTIONS, 0.0, connections=1, per_minute=20.0)
    assert allowed(state, 0.0) == Allowance(1, 50, 10.0)
    assert not state.slow_down(CONNECTIONS, 1.0, connections=1)
    assert state.slow_down(CONNECTIONS, 40.0, connections=1, per_minute=10.0)
    assert allowed(state, 40.0) == Allowance(1, 50, 5.0)


def test_messages_are_as_many_as_were_taken() -> None:
    state = BackOff("a.example")
    assert state.slow_down(MESSAGES, 0.0, messages=20)
    assert allowed(state, 0.0) == FREE._replace(messages=20)
    # The next step up goes too far, and so we are back where we were.
    assert allowed(state, RAISE_SECONDS).messages == 25
    assert state.slow_down(MESSAGES, RAISE_SECONDS, messages=20)
    assert allowed(state, RAISE_SECONDS).messages == 20
    other = BackOff("b.example")
    assert other.slow_down(MESSAGES, 0.0)
    assert allowed(other, 0.0).messages == MESSAGES_START
    assert other.slow_down(MESSAGES, 40.0)
    assert allowed(other, 40.0).messages == MESSAGES_START / 2


def test_rate_is_half_of_what_it_was() -> None:
    state = BackOff("a.example")
    assert state.slow_down(RATE, 0.0, per_minute=200.0)
    assert allowed(state, 0.0) == FREE._replace(per_minute=100.0)
    assert BackOff("b.example").slow_down(RATE, 0.0)
    for step in range(1, 12):
        state.slow_down(RATE, step * 31.0, per_minute=100.0)
    assert allowed(state, 11 * 31.0).per_minute == 1.0


def test_unsure_signs_have_to_come_in_a_row() -> None:
    state = BackOff("a.example")
    for _ in range(10):
        for _ in range(UNSURE_MAX - 1):
            assert not state.slow_down(UNSURE_RATE, 0.0, per_minute=50.0)
        assert not state.is_over(0.0, 500, 50)
        state.delivered()
    assert allowed(state, 0.0) == FREE
    results = [state.slow_down(UNSURE_RATE, 0.0, per_minute=50.0) for _ in range(UNSURE_MAX)]
    assert results == [False] * (UNSURE_MAX - 1) + [True]
    assert allowed(state, 0.0).per_minute == 25.0


def test_limits_recover_step_by_step() -> None:
    state = BackOff("a.example")
    state.slow_down(CONNECTIONS, 0.0, connections=4)
    steps = [allowed(state, RAISE_SECONDS * number).connections for number in range(8)]
    assert steps == [2, 3, 4, 5, 6, 7, 9, 12]
    assert not state.is_over(RAISE_SECONDS * 8, 500, 50)
    assert state.is_over(3600.0, 500, 50)
    assert allowed(state, 3600.0) == FREE
    assert state.explain(3600.0) == ""


def test_the_rate_is_free_again_at_last() -> None:
    state = BackOff("a.example")
    state.slow_down(RATE, 0.0, per_minute=2.0)
    assert allowed(state, 1200.0).per_minute < PER_MINUTE_MAX
    assert allowed(state, 3600.0) == FREE


def test_who_asks_often_is_asked_less_often() -> None:
    state = BackOff("a.example")
    for number in range(3):
        state.slow_down(RATE, number * 40.0, per_minute=400.0)
    last = 80.0
    assert allowed(state, last + 4 * RAISE_SECONDS - 1).per_minute == 50.0
    assert allowed(state, last + 4 * RAISE_SECONDS).per_minute == 62.5
    assert allowed(state, last + 6 * RAISE_SECONDS).per_minute == 78.125


def test_a_sign_while_settling_puts_off_the_next_step_up() -> None:
    state = BackOff("a.example")
    state.slow_down(CONNECTIONS, 0.0, connections=20)
    state.slow_down(CONNECTIONS, 25.0, connections=20)
    assert allowed(state, RAISE_SECONDS + 24).connections == 10
    assert allowed(state, RAISE_SECONDS + 25).connections == 12


def test_a_smaller_configuration_wins() -> None:
    state = BackOff("a.example")
    state.slow_down(CONNECTIONS, 0.0, connections=40)
    assert state.allowance(0.0, 5, 3) == Allowance(5, 3, math.inf)


def test_workers_that_hear_the_same_agree() -> None:
    one, other = BackOff("a.example"), BackOff("a.example")
    for number, sign in enumerate([CONNECTIONS, RATE, MESSAGES, RATE, UNSURE_RATE] * 4):
        for state in (one, other):
            state.slow_down(sign, number * 17.0, connections=30, messages=9, per_minute=80.0)
    assert allowed(one, 500.0) == allowed(other, 500.0)
    assert one.explain(500.0) == other.explain(500.0)


def test_explanation() -> None:
    state = BackOff("Gmail")
    state.slow_down(CONNECTIONS, 100.0, connections=8)
    state.slow_down(CONNECTIONS, 110.0, connections=8)
    assert state.explain(122.0) == (
        "Gmail asks to slow down: connections 4 ('too many connections' 2 times, last 12 s ago, "
        "more in 48 s)"
    )
    other = BackOff("mx1.a.example,mx2.a.example")
    other.slow_down(MESSAGES, 0.0, messages=7)
    other.slow_down(RATE, 0.0, per_minute=25.0)
    assert other.explain(1.0) == (
        "Yahoo asks to slow down for mx1.a.example,mx2.a.example: "
        "messages per connection 7 ('messages per connection' once, last 1 s ago, more in 59 s); "
        "messages per minute 12.5 ('[tss0' once, last 1 s ago, more in 59 s)"
    )
