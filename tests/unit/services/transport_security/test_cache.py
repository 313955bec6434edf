"""What is remembered of policies, for how long, and over a restart."""

import errno
import json
from random import Random

import pytest

from mailwarden.core.policy.mta_sts import Mode, StsPolicy, build_policy
from mailwarden.services.transport_security.cache import (
    REFRESH_RETRY_SECONDS,
    REFRESH_SECONDS,
    USED_SECONDS,
    PolicyCache,
    PolicyFile,
)
from mailwarden.system.clock.clock import SimulatedClock
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.simulated import Faults, SimulatedDisk, Stopped

WEEK = 7 * 86400
POLICY = StsPolicy(Mode.ENFORCE, WEEK, ("mx.partner.example", "*.partner.example"))
PATH = "/state/policies"


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def cache(clock: SimulatedClock) -> PolicyCache:
    return PolicyCache(clock)


def found(cache: PolicyCache, domain: str = "partner.example") -> StsPolicy | None:
    entry = cache.get(domain)
    return None if entry is None else entry.policy


def test_a_policy_is_known_until_it_expires(cache: PolicyCache, clock: SimulatedClock) -> None:
    cache.put("partner.example", POLICY, "1")
    clock.advance(WEEK - 1)
    assert found(cache) == POLICY
    clock.advance(1)
    assert found(cache) is None


def test_a_newer_one_takes_its_place(cache: PolicyCache) -> None:
    cache.put("partner.example", POLICY, "1")
    cache.put("partner.example", POLICY._replace(mode=Mode.NONE), "2")
    entry = cache.get("partner.example")
    assert entry is not None
    assert (entry.policy.mode, entry.id, len(cache)) == (Mode.NONE, "2", 1)


def test_a_policy_for_no_time_is_not_known(cache: PolicyCache) -> None:
    cache.put("partner.example", POLICY._replace(max_age_seconds=0), "1")
    assert found(cache) is None


def test_a_clock_that_is_set_back_ends_nothing(cache: PolicyCache, clock: SimulatedClock) -> None:
    cache.put("partner.example", POLICY, "1")
    clock.step(-86400)
    assert found(cache) == POLICY


def test_policies_not_needed_for_longest_go_first(clock: SimulatedClock) -> None:
    cache = PolicyCache(clock, domains_max=32)
    for number in range(32):
        clock.advance(1)
        cache.put(f"d{number}.example", POLICY, "1")
    clock.advance(1)
    assert found(cache, "d0.example")
    cache.put("new.example", POLICY, "1")
    assert found(cache, "new.example")
    assert found(cache, "d0.example")
    assert [n for n in range(32) if cache.peek(f"d{n}.example") is None] == [1, 2, 3]


def test_expired_policies_make_room_before_others(clock: SimulatedClock) -> None:
    cache = PolicyCache(clock, domains_max=20)
    for number in range(20):
        age = 10 if number % 2 else WEEK
        cache.put(f"d{number}.example", POLICY._replace(max_age_seconds=age), "1")
    clock.advance(10)
    cache.put("new.example", POLICY, "1")
    assert len(cache) == 11


def test_memory_is_limited(clock: SimulatedClock) -> None:
    cache = PolicyCache(clock, weight_max=100_000)
    large = POLICY._replace(mx=tuple(f"mx{n}.{'x' * 60}.example" for n in range(100)))
    for number in range(50):
        cache.put(f"d{number}.example", large, "1")
    assert 2 < len(cache) < 10
    for number in range(500):
        cache.put(f"s{number}.example", POLICY, "1")
    assert 50 < len(cache) < 200
    cache.put("huge.example", large._replace(mx=large.mx * 20), "1")
    assert cache.get("huge.example") is None
    assert len(cache) > 50


def test_refresh_is_due_once_a_day(cache: PolicyCache, clock: SimulatedClock) -> None:
    """RFC 8461, 3.3."""
    cache.put("partner.example", POLICY, "1")
    clock.advance(REFRESH_SECONDS - 1)
    assert cache.due() == []
    clock.advance(1)
    assert cache.due() == ["partner.example"]
    cache.note_attempt("partner.example")
    assert cache.due() == []
    clock.advance(REFRESH_RETRY_SECONDS)
    assert cache.due() == ["partner.example"]
    cache.put("partner.example", POLICY, "1")
    assert cache.due() == []


def test_a_short_life_is_refreshed_in_its_middle(cache: PolicyCache, clock: SimulatedClock) -> None:
    cache.put("partner.example", POLICY._replace(max_age_seconds=600), "1")
    clock.advance(300)
    assert cache.due() == ["partner.example"]
    clock.advance(300)
    assert cache.due() == []  # too late


def test_what_nobody_needs_is_not_refreshed(cache: PolicyCache, clock: SimulatedClock) -> None:
    cache.put("partner.example", POLICY._replace(max_age_seconds=365 * 86400), "1")
    clock.advance(USED_SECONDS)
    assert cache.due() == []
    assert found(cache)
    assert cache.due() == ["partner.example"]


def disk() -> SimulatedDisk:
    made = SimulatedDisk()
    made.make_directory("/state")
    return made


def reload(files: SimulatedDisk, clock: SimulatedClock) -> PolicyCache:
    cache = PolicyCache(clock)
    assert PolicyFile(PATH, files).load(cache) == 0
    return cache


def test_policies_outlive_a_restart(cache: PolicyCache, clock: SimulatedClock) -> None:
    files = disk()
    cache.put("partner.example", POLICY, "1")
    cache.put("gone.example", POLICY._replace(max_age_seconds=10), "1")
    clock.advance(100)
    assert PolicyFile(PATH, files).save(cache)
    again = reload(files, clock)
    entry = again.get("partner.example")
    assert entry is not None
    assert (entry.policy, entry.id) == (POLICY, "1")
    assert entry.fetched_at == int(clock.time() - 100)
    assert len(again) == 1
    clock.advance(WEEK)
    assert len(reload(files, clock)) == 0


def test_nothing_is_written_when_nothing_has_changed(cache: PolicyCache) -> None:
    files = disk()
    file = PolicyFile(PATH, files)
    assert file.load(cache) == 0
    assert file.save(cache)
    assert files.names("/state") == []
    cache.put("partner.example", POLICY, "1")
    assert file.save(cache)
    operations = files.operations
    assert file.save(cache)
    assert files.operations == operations
    file.close()


def test_workers_share_what_they_know(clock: SimulatedClock) -> None:
    files = disk()
    first, second = PolicyCache(clock), PolicyCache(clock)
    one, two = PolicyFile(PATH, files), PolicyFile(PATH, files)
    first.put("a.example", POLICY, "1")
    second.put("b.example", POLICY, "1")
    assert one.save(first)
    assert two.save(second)
    assert found(second, "a.example")
    assert found(first, "b.example") is None
    assert one.save(first)
    assert found(first, "b.example")
    clock.advance(10)
    second.put("a.example", POLICY._replace(mode=Mode.NONE), "2")
    assert two.save(second)
    assert one.load(first) == 0
    assert found(first, "a.example") == POLICY._replace(mode=Mode.NONE)
    assert len(reload(files, clock)) == 2


def test_only_one_writes_at_a_time(cache: PolicyCache) -> None:
    files = disk()
    cache.put("partner.example", POLICY, "1")
    fd = files.open(f"{PATH}.lock", write=True, create=True)
    assert files.lock(fd)
    file = PolicyFile(PATH, files)
    assert not file.save(cache)
    files.unlock(fd)
    assert file.save(cache)


@pytest.mark.parametrize(
    ("operation", "path"), [("write", ".new"), ("sync", ".new"), ("rename", "policies")]
)
def test_a_full_disk_leaves_the_old_file(
    cache: PolicyCache, clock: SimulatedClock, operation: str, path: str
) -> None:
    files = disk()
    file = PolicyFile(PATH, files)
    cache.put("partner.example", POLICY, "1")
    assert file.save(cache)
    cache.put("other.example", POLICY, "1")
    files.faults = Faults(errors=[(operation, path, errno.ENOSPC)])
    with pytest.raises(OSError):
        file.save(cache)
    files.faults = Faults()
    assert len(reload(files, clock)) == 1
    assert file.save(cache)
    assert len(reload(files, clock)) == 2


@pytest.mark.parametrize("stop_after", [True, False])
def test_a_crash_at_any_step_leaves_the_old_file_or_the_new_one(
    clock: SimulatedClock, stop_after: bool
) -> None:
    for step in range(20):
        files = disk()
        cache = PolicyCache(clock)
        cache.put("old.example", POLICY, "1")
        assert PolicyFile(PATH, files).save(cache)
        files.sync_directory("/")
        cache.put("new.example", POLICY, "1")
        files.faults = Faults(stop_at=files.operations + step, stop_after=stop_after)
        try:
            PolicyFile(PATH, files).save(cache)
        except Stopped:
            files.power_cut(Random(step))
            assert len(reload(files, clock)) in (1, 2)
            again = PolicyFile(PATH, files)
            again.load(cache)
            assert again.save(cache)
        else:
            break
    assert step > 4
    assert len(reload(files, clock)) == 2


def test_a_real_file(cache: PolicyCache, clock: SimulatedClock, tmp_path: object) -> None:
    cache.put("partner.example", POLICY, "1")
    file = PolicyFile(f"{tmp_path}/policies", SystemFiles())
    assert file.save(cache)
    file.close()
    again = PolicyCache(clock)
    other = PolicyFile(f"{tmp_path}/policies", SystemFiles())
    assert other.load(again) == 0
    assert other.load(again) == 0
    assert found(again) == POLICY
    other.close()


GOOD = ["partner.example", "1", 1_289_297_000, 1_289_297_000, build_policy(POLICY)]


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"\xff\0",
        b"[" * 100_000,
        b"[]",
        *(
            json.dumps([*GOOD[:place], value, *GOOD[place + 1 :]]).encode()
            for place, value in [
                (0, 1), (1, None), (2, -1), (2, "1"), (2, True), (2, 1.5), (3, None), (4, 1),
                (4, "version: STSv2"), (4, "\u00e9"),
            ]
        ),
    ],
)  # fmt: skip
def test_a_damaged_line_costs_no_more_than_itself(cache: PolicyCache, line: bytes) -> None:
    assert cache.absorb(line + b"\n" + json.dumps(GOOD).encode() + b"\n") == 1
    assert found(cache) == POLICY


def test_a_file_from_the_future_is_as_new_as_now(cache: PolicyCache, clock: SimulatedClock) -> None:
    future = int(clock.time()) + 10 * WEEK
    assert cache.absorb(json.dumps([*GOOD[:2], future, future, GOOD[4]]).encode()) == 0
    clock.advance(WEEK)
    assert found(cache) is None
