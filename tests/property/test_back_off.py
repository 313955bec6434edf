"""Back-off stays within its bounds whatever peers answer, and is over some time."""

import math

from hypothesis import given
from hypothesis import strategies as st

from mailwarden.core.policy.back_off import BackOff, SlowDown, read_reply
from mailwarden.core.policy.mail_providers import (
    COMMON_SIGNS,
    KEY_LENGTH_MAX,
    PROVIDERS,
    Limit,
    roll_up,
)

DAY = 86_400.0
WORDS = [sign.shown for sign in COMMON_SIGNS]
WORDS += [sign.shown for provider in PROVIDERS for sign in provider.signs]
SIGNS = st.builds(
    SlowDown, st.sampled_from(["", "Gmail"]), st.sampled_from(Limit), st.just("x"), st.booleans()
)
STEPS = st.lists(
    st.tuples(
        st.floats(0, 2000),
        st.none() | SIGNS,
        st.integers(0, 1000),
        st.integers(0, 1000),
        st.floats(0, 1e6),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 1000), st.integers(1, 1000))
def test_limits_stay_within_bounds_and_recover(
    steps: list[tuple[float, SlowDown | None, int, int, float]], connections: int, messages: int
) -> None:
    state, now = BackOff("a.example"), 0.0
    for wait, sign, opened, sent, per_minute in steps:
        now += wait
        before = state.allowance(now, connections, messages)
        if sign is None:
            state.delivered()
        else:
            is_less = state.slow_down(
                sign, now, connections=opened, messages=sent, per_minute=per_minute
            )
            after = state.allowance(now, connections, messages)
            assert all(new <= old for new, old in zip(after, before, strict=True))
            assert is_less or after == before
        found = state.allowance(now, connections, messages)
        assert 1 <= found.connections <= connections
        assert 1 <= found.messages <= messages
        assert found.per_minute >= 1
        line = state.explain(now)
        assert line.isprintable()
        assert len(line) < 500
    state.delivered()
    assert state.is_over(now + DAY, connections, messages)
    assert state.allowance(now + DAY, connections, messages) == (connections, messages, math.inf)
    assert state.explain(now + DAY) == ""


@given(
    st.integers(0, 999),
    st.lists(
        st.text() | st.sampled_from(WORDS) | st.sampled_from(["4.7.0 ", "#4.2.2"]), max_size=5
    ),
    st.sampled_from(["", "x.example"]) | st.sampled_from([p.name for p in PROVIDERS]),
)
def test_any_reply_can_be_read(code: int, lines: list[str], key: str) -> None:
    asked = read_reply(code, lines, key)
    if asked is not None:
        assert 400 <= code <= 599
        assert asked.sign.isprintable()
        assert asked.provider in ("", *(provider.name for provider in PROVIDERS))


@given(st.lists(st.text() | st.sampled_from(["a.google.com", "b.google.com", "mx.example"])))
def test_any_hosts_have_a_key(hosts: list[str]) -> None:
    key = roll_up(hosts)
    assert len(key) <= KEY_LENGTH_MAX
    assert roll_up(sorted(hosts)) == key
    assert roll_up([*hosts, *hosts]) == key
