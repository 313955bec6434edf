"""Locks and limits hold in whatever order things happen."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailwarden.core.access.account import (
    Account,
    Channel,
    Lock,
    admits,
    count_failure,
    lock,
    set_password,
    signed_in,
    unlock,
)
from mailwarden.core.access.attempts import (
    ACCOUNT_RATE,
    KNOWN_RATE,
    SOURCE_RATE,
    STRANGERS_RATE,
    Attempts,
    Place,
    Rate,
)
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.permissions import Area, Level, Permission, Verb, permissions_from
from mailwarden.core.access.roles import Role, most_restrictive

NOW = 1_289_297_702.0


class Locks(RuleBasedStateMachine):
    """An account, beside a plain count of what should come of it."""

    @initialize(limit=st.integers(0, 6), name=st.sampled_from(["ann", "admin"]))
    def begin(self, limit: int, name: str) -> None:
        self.policy = PasswordPolicy(lock_after_failures=limit)
        self.account = Account(name=name)
        self.failures = 0
        self.lock = Lock.NONE

    @rule()
    def fail(self) -> None:
        self.account = count_failure(self.account, self.policy, NOW)
        self.failures += 1
        limit = self.policy.lock_after_failures
        if self.lock is Lock.NONE and limit and self.failures >= limit:
            self.lock = Lock.FAILURES

    @rule(channel=st.sampled_from(Channel))
    def give_the_right_password(self, channel: Channel) -> None:
        is_open = self.lock is Lock.NONE
        may_pass = is_open or (self.account.name == "admin" and channel is Channel.CONSOLE)
        assert admits(self.account, channel) is may_pass
        if may_pass:
            self.account = signed_in(self.account, "192.0.2.1", "192.0.2.1", NOW)
            self.failures = 0

    @rule()
    def lock_by_hand(self) -> None:
        self.account = lock(self.account, "bob", NOW)
        self.lock = Lock.ADMINISTRATOR

    @rule()
    def unlock_by_hand(self) -> None:
        self.account = unlock(self.account)
        self.lock, self.failures = Lock.NONE, 0

    @rule(limit=st.integers(0, 6))
    def change_the_policy(self, limit: int) -> None:
        self.policy = PasswordPolicy(lock_after_failures=limit)

    @rule(by_user=st.booleans())
    def set_a_password(self, by_user: bool) -> None:
        before = self.account.generation
        self.account = set_password(self.account, "", self.policy, NOW, by_user=by_user)
        assert self.account.generation == before + 1

    @invariant()
    def is_as_counted(self) -> None:
        assert self.account.failures == self.failures
        assert self.account.lock is self.lock


class Limits(RuleBasedStateMachine):
    """Attempts of many on many, beside the times of all that were let through and were wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = Attempts()
        self.now = 0.0
        self.held: list[tuple[Place, dict[tuple[Rate, str], int]]] = []
        self.wrong: dict[tuple[Rate, str], list[float]] = {}

    def keys(self, source: int, name: int, is_known: bool) -> list[tuple[Rate, str]]:
        if is_known:
            return [(KNOWN_RATE, f"{source} {name}")]
        return [
            (SOURCE_RATE, f"source {source}"),
            (ACCOUNT_RATE, f"name {name}"),
            (STRANGERS_RATE, ""),
        ]

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        source=st.integers(0, 9),
        name=st.integers(0, 4),
        is_known=st.booleans(),
        times=st.integers(1, 15),
    )
    def try_wrong_passwords(self, source: int, name: int, is_known: bool, times: int) -> None:
        for _ in range(times):
            found = self.attempts.take(f"192.0.2.{source}", f"u{name}", self.now, is_known=is_known)
            if isinstance(found, Place):
                for key in self.keys(source, name, is_known):
                    self.wrong.setdefault(key, []).append(self.now)

    @rule(source=st.integers(0, 9), name=st.integers(0, 4))
    def try_the_right_password(self, source: int, name: int) -> None:
        before = len(self.attempts)
        found = self.attempts.take(f"192.0.2.{source}", f"u{name}", self.now, is_known=True)
        if isinstance(found, Place):
            self.attempts.give_back(found)
        assert len(self.attempts) <= before + 1

    @precondition(lambda self: self.wrong)
    @invariant()
    def no_more_were_tried_than_the_rates_allow(self) -> None:
        for (rate, _), times in self.wrong.items():
            for place, begin in enumerate(times):
                span = times[-1] - begin
                assert len(times) - place <= rate.burst + span / rate.seconds_each + 1e-6

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.attempts) <= 300


@given(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=200))
def test_a_known_user_is_never_kept_out_by_others(source: int, others: list[int]) -> None:
    attempts = Attempts()
    for other in others:
        if other != source:
            attempts.take(f"192.0.2.{other}", "ann", 0.0, is_known=False)
            attempts.take(f"192.0.2.{other}", "ann", 0.0, is_known=True)
        else:
            attempts.take(f"192.0.2.{other}", "bob", 0.0, is_known=False)
    assert isinstance(attempts.take(f"192.0.2.{source}", "ann", 0.0, is_known=True), Place)


@given(st.lists(st.sampled_from(Role), min_size=1))
def test_of_several_roles_none_is_more_restrictive(roles: list[Role]) -> None:
    found = most_restrictive(roles)
    assert found in roles
    assert isinstance(found, Role)
    assert all(list(Role).index(found) <= list(Role).index(role) for role in roles)


@given(st.sampled_from(Area), st.sampled_from(Verb))
def test_each_role_has_all_that_the_one_below_has(area: Area, verb: Verb) -> None:
    has = [Permission(area, verb) in set(permissions_from(level)) for level in Level]
    assert has == sorted(has)


TestLocks = Locks.TestCase
TestLimits = Limits.TestCase
