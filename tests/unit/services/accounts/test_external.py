"""Settings of other servers, what they map to, and what is remembered of their answers."""

import pytest

from mailwarden.core.access.roles import Role
from mailwarden.services.accounts.external import (
    CACHE_ENTRIES_MAX,
    AcceptedCache,
    ExternalAnswer,
    Verdict,
    external_role,
)
from mailwarden.services.accounts.settings import (
    ExternalMethod,
    ExternalSettings,
    RadiusServer,
    parse_class,
    parse_host,
    parse_secret,
)

ACCEPTED = ExternalAnswer(Verdict.ACCEPTED)
ROWS = {"ops": "Operator", "desk": "Help Desk User", "old": "Deleted role"}


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ((), None),
        (("staff",), None),
        (("staff", "ops"), Role.OPERATOR),
        (("ops", "desk"), Role.HELP_DESK),
        (("ops", "old"), None),
    ],
)
def test_role_06_groups_and_roles(groups: tuple[str, ...], role: Role | None) -> None:
    assert external_role(groups, ROWS, "", {}) is role
    assert external_role(groups, ROWS, "Administrator", {}) is Role.ADMINISTRATOR


def test_answers_are_remembered_for_a_while() -> None:
    cache = AcceptedCache(b"k" * 32)
    cache.keep("ann", "pass", ACCEPTED, until=10.0)
    assert cache.find("ann", "pass", 9.9) == ACCEPTED
    assert cache.find("ann", "pass", 10.0) is None
    for user, password in [("ann", "other"), ("annp", "ass"), ("bob", "pass"), ("", "annpass")]:
        assert cache.find(user, password, 0.0) is None
    cache.clear()
    assert cache.find("ann", "pass", 0.0) is None


def test_not_too_many_are_remembered() -> None:
    cache = AcceptedCache(b"k" * 32)
    for number in range(CACHE_ENTRIES_MAX + 1):
        cache.keep(f"user{number}", "pass", ACCEPTED, until=10.0)
    assert cache.find("user0", "pass", 0.0) is None
    assert cache.find("user1", "pass", 0.0) == ACCEPTED
    assert cache.find(f"user{CACHE_ENTRIES_MAX}", "pass", 0.0) == ACCEPTED


SERVER = RadiusServer(host="192.0.2.1", secret="s")
SETTINGS = [
    ({}, []),
    ({"method": ExternalMethod.RADIUS}, ["radius_servers", "radius_classes"]),
    (
        {
            "method": ExternalMethod.RADIUS,
            "radius_servers": (SERVER,),
            "radius_classes": ROWS,
            "all_are_administrators": True,
        },
        ["radius_classes"],
    ),
    ({"method": ExternalMethod.RADIUS, "radius_servers": (SERVER,), "radius_classes": ROWS}, []),
]


@pytest.mark.parametrize(("values", "paths"), SETTINGS, ids=range(4))
def test_settings_that_let_nobody_in(values: dict, paths: list[str]) -> None:
    settings = ExternalSettings(**values)
    assert [problem.path for problem in settings.problems()] == paths
    is_radius = settings.method is ExternalMethod.RADIUS
    assert len(list(settings.fips_problems())) == is_radius  # EXT-07


def test_defaults_of_a_server() -> None:
    assert (SERVER.port, SERVER.timeout_seconds) == (1812, 5.0)
    assert parse_host("RADIUS.example.") == "radius.example"
    assert parse_host("2001:DB8::1") == "2001:db8::1"


@pytest.mark.parametrize("secret", ["", "x" * 49, "a\n"])
def test_secrets_that_are_none(secret: str) -> None:
    with pytest.raises(ValueError, match="shared secret"):
        parse_secret(secret)
    assert parse_secret("x" * 48)


@pytest.mark.parametrize("text", ["", "x" * 254])
def test_classes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="CLASS"):
        parse_class(text)
