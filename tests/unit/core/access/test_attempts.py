"""How many wrong passwords are tried, and that nobody else is harmed by it."""

from mailwarden.core.access.attempts import (
    ACCOUNT_RATE,
    KNOWN_RATE,
    SOURCE_RATE,
    STRANGERS_RATE,
    Attempts,
    Place,
    Wait,
    source_network,
)

ATTACKER, OFFICE, HOME = "198.51.100.7", "192.0.2.1", "203.0.113.9"


def tries(attempts: Attempts, source: str, name: str, times: int, now: float = 0.0) -> int:
    """Return how many of so many wrong passwords were looked at."""
    found = [attempts.take(source, name, now, is_known=False) for _ in range(times)]
    return sum(isinstance(each, Place) for each in found)


def test_ten_thousand_failed_logins_from_one_source() -> None:
    attempts = Attempts()
    looked_at = sum(tries(attempts, ATTACKER, f"u{n}", 1, n / 100) for n in range(10_000))
    assert looked_at == SOURCE_RATE.burst + 100 / SOURCE_RATE.seconds_each // 1
    assert len(attempts) < 300
    assert isinstance(attempts.take(OFFICE, "ann", 100.0, is_known=False), Place)


def test_ten_thousand_failed_logins_for_one_user_from_everywhere() -> None:
    attempts = Attempts()
    sources = [f"198.51.{n // 250}.{n % 250}" for n in range(10_000)]
    looked_at = sum(tries(attempts, s, "ann", 1, n / 100) for n, s in enumerate(sources))
    assert looked_at == ACCOUNT_RATE.burst + 100 / ACCOUNT_RATE.seconds_each // 1
    assert isinstance(attempts.take(OFFICE, "ann", 100.0, is_known=True), Place)
    assert isinstance(attempts.take(HOME, "bob", 100.0, is_known=False), Place)


def test_ten_thousand_failed_logins_of_everybody_from_everywhere() -> None:
    attempts = Attempts()
    most = 0
    looked_at = 0
    for n in range(10_000):
        looked_at += tries(attempts, f"2001:db8:0:{n:x}::/64", f"user{n}", 1, n / 100)
        most = max(most, len(attempts))
    assert looked_at <= STRANGERS_RATE.burst + 100 / STRANGERS_RATE.seconds_each
    assert most < 300
    assert isinstance(attempts.take(OFFICE, "ann", 100.0, is_known=True), Place)


def test_known_users_have_their_own_limit() -> None:
    attempts = Attempts()
    for _ in range(KNOWN_RATE.burst):
        assert isinstance(attempts.take(OFFICE, "ann", 0.0, is_known=True), Place)
    wait = attempts.take(OFFICE, "ann", 0.0, is_known=True)
    assert wait == Wait(KNOWN_RATE.seconds_each)
    assert isinstance(attempts.take(OFFICE, "bob", 0.0, is_known=True), Place)
    assert isinstance(attempts.take(OFFICE, "ann", KNOWN_RATE.seconds_each, is_known=True), Place)


def test_who_is_right_gets_the_place_back() -> None:
    attempts = Attempts()
    for _ in range(1000):
        place = attempts.take(OFFICE, "ann", 0.0, is_known=False)
        assert isinstance(place, Place)
        attempts.give_back(place)


def test_what_is_forgotten_takes_no_room() -> None:
    attempts = Attempts()
    place = attempts.take(OFFICE, "ann", 0.0, is_known=False)
    attempts.take(OFFICE, "ann", 1000.0, is_known=True)
    assert len(attempts) == 1
    assert isinstance(place, Place)
    attempts.give_back(place)
    assert len(attempts) == 1


def test_what_counts_as_one_source() -> None:
    assert source_network("192.0.2.1") == "192.0.2.1"
    assert source_network("::ffff:192.0.2.1") == "192.0.2.1"
    assert source_network("2001:db8::1") == source_network("2001:db8::ffff") == "2001:db8::/64"
    assert source_network("2001:db8:0:1::1") == "2001:db8:0:1::/64"
    assert source_network("fe80::1%eth0") == "fe80::/64"
    assert source_network("console") == ""
