"""Names and records of users, and the rules between them."""

import pytest

from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.roles import ADMIN, Role
from mailwarden.core.access.users import (
    ADMIN_USER,
    User,
    parse_external_name,
    parse_full_name,
    parse_user_name,
    removal_fault,
    role_of,
    users_problems,
)

ADA = User(name="ada", role="Administrator")
ABE = User(name="abe", role="Administrator")
OLGA = User(name="olga", role="Operator")


@pytest.mark.parametrize("name", ["a", "ann", "a-b_c9", "abcdefghijklmnop", " ann ", "ann\n"])
def test_role_01_names(name: str) -> None:
    assert parse_user_name(name) == name.strip()


@pytest.mark.parametrize(
    "name", ["", "Ann", "9a", "-a", "_a", "a.b", "a b", "é", "abcdefghijklmnopq", "a" * 10**6]
)
def test_role_01_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="lower case letters") as caught:
        parse_user_name(name)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["operator", "root", "nobody", "mailwarden"])
def test_role_01_reserved_words(name: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        parse_user_name(name)


def test_role_01_accounts_of_the_system() -> None:
    users = [User(name="backupd", role="Guest"), ADMIN_USER]
    system = {"backupd", ADMIN}
    assert [str(p.path) for p in users_problems(users, {}, system)] == ["users[0].name"]
    assert list(users_problems(users, {}, system, known={"backupd"})) == []


def test_nobody_is_there_twice() -> None:
    problems = list(users_problems([ADA, OLGA, ADA], {}))
    assert [(p.path, p.message) for p in problems] == [
        ("users[2].name", "the user ada is there twice")
    ]


def test_no_custom_role_hides_a_built_in_one() -> None:
    custom = {"operator": CustomRole(name="operator")}
    assert "built-in" in next(iter(users_problems([], custom))).message


@pytest.mark.parametrize("name", ["ann", "ann@corp.example", "CORP\\ann", "Änne"])
def test_names_from_outside(name: str) -> None:
    assert parse_external_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a\0", "\x1b[2J", "a" * 65, ADMIN])
def test_ext_04_names_that_are_not_asked_about(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|local"):
        parse_external_name(name)


@pytest.mark.parametrize("name", ["a\x07", "x" * 101, "a\u202eb"])
def test_full_names(name: str) -> None:
    with pytest.raises(ValueError, match="full name"):
        parse_full_name(name)


def test_admin_is_always_an_administrator() -> None:
    demoted = User(name=ADMIN, role="Guest")
    assert [p.path for p in demoted.problems()] == ["role"]
    assert role_of(demoted, {}) is Role.ADMINISTRATOR
    assert role_of(User(name="u", role="Deleted"), {}) is None


REMOVALS = [  # before, after, locked, may be
    ([ADA], [], set(), True),
    ([ADA], [], {ADMIN}, False),
    ([ADA, ABE], [ABE], {ADMIN}, True),
    ([ADA, ABE], [ABE], {ADMIN, "abe"}, False),
    ([ADA], [User(name="ada", role="Operator")], {ADMIN}, False),
    ([ADA], [ADA], {ADMIN, "ada"}, False),
    ([OLGA], [], {ADMIN}, True),
    ([ADA], [ADA, OLGA], {ADMIN, "olga"}, True),
]


@pytest.mark.parametrize(("before", "after", "locked", "may_be"), REMOVALS)
def test_role_08_the_last_administrator(
    before: list[User], after: list[User], locked: set[str], may_be: bool
) -> None:
    assert (removal_fault(before, after, locked) == "") is may_be
