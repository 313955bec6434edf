"""`userconfig`, and what becomes of users and accounts at a commit (admin 3)."""

import dataclasses

import pytest

from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.account import Change, Channel, Lock
from mailwarden.core.access.roles import Role
from mailwarden.services.accounts.answers import INCORRECT, Admitted, Reason, Refused
from mailwarden.services.accounts.second_factor import SecondFactors
from tests.unit.control.commands.counter import Counter, Sitting, run_line, sit
from tests.unit.control.commands.staff import account, come, hire, try_to_log_in, who_is_there

NEW = "correct horse battery"
USERS = ("administration", "users")
PASSWORDS = ("administration", "passwords")


def userconfig(counter: Counter, *typed: str, at_console: bool = False) -> Sitting:
    """Run the menu in a session of `admin`, leave it, and commit."""
    desk = counter.desk(address="" if at_console else "192.0.2.7")
    return sit(desk, "userconfig", *typed, "", "commit staff")


def names(counter: Counter) -> list[str]:
    return [each["name"] for each in counter.running(*USERS) or ()]


def test_role_02_a_new_user_exists_from_the_commit_on(counter: Counter) -> None:
    hire(counter)
    desk = counter.desk()
    sitting = sit(desk, "userconfig", "new", "ann", "Ann Other", "operator", NEW, NEW, "")
    assert "ann can log in once the changes are committed." in sitting.shown
    assert '2. ann - "Ann Other" (Operator), waits for a commit\n' in sitting.shown
    assert NEW not in sitting.shown
    assert counter.administration.accounts.load("ann") is None
    assert NEW not in str(desk.candidate.tree)
    assert "$" not in str(desk.candidate.tree["administration"])
    assert isinstance(try_to_log_in(counter, "ann", NEW), Refused)
    assert run_line(desk, "commit ann").status == 0
    assert counter.running(*USERS) == [
        {"name": "ann", "full_name": "Ann Other", "role": "Operator"}
    ]
    answer = try_to_log_in(counter, "ann", NEW)
    assert isinstance(answer, Admitted)
    assert (answer.role, answer.change) == (Role.OPERATOR, Change.NONE)


def test_a_session_that_is_lost_leaves_no_password(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, "userconfig", "new", "ann", "", "guest", NEW, NEW, "")
    desk.drop()
    assert desk.new_passwords == {}
    desk = counter.desk()
    sit(desk, "userconfig", "new", "ann", "", "guest", NEW, NEW, "", "clearchanges", "")
    assert desk.new_passwords == {}
    assert counter.administration.accounts.load("ann") is None


def test_what_the_gateway_refuses_keeps_the_password_for_later(counter: Counter) -> None:
    desk = counter.desk()
    sit(desk, "userconfig", "new", "ann", "", "guest", NEW, NEW, "")
    counter.gateway.refuses = ["no"]
    assert run_line(desk, "commit it").status == 1
    assert counter.administration.accounts.load("ann") is None
    counter.gateway.refuses = []
    assert run_line(desk, "commit it").status == 0
    assert isinstance(try_to_log_in(counter, "ann", NEW), Admitted)


def test_two_sessions_make_the_same_user(counter: Counter) -> None:
    mine, other = counter.desk(), counter.desk()
    sit(mine, "userconfig", "new", "ann", "", "guest", NEW, NEW, "")
    sit(other, "userconfig", "new", "ann", "", "guest", f"{NEW} 2", f"{NEW} 2", "", "commit it")
    sit(mine, "commit", "it", "2")
    assert isinstance(try_to_log_in(counter, "ann", f"{NEW} 2"), Admitted)
    assert isinstance(try_to_log_in(counter, "ann", NEW), Refused)


WRONG_NAMES = [
    ("Ann", "is no name of a user"),
    ("operator", "is reserved"),
    ("root", "is reserved"),
    ("admin", "There is a user admin already"),
    ("bob", "There is a user bob already"),
    ("carl2345678901234", "is no name of a user"),
]


@pytest.mark.parametrize(("name", "message"), WRONG_NAMES)
def test_role_01_names_that_cannot_be(counter: Counter, name: str, message: str) -> None:
    hire(counter, ("bob", Role.GUEST))
    assert message in userconfig(counter, "new", name, "zoe", "", "1", NEW, NEW).shown
    assert names(counter) == ["bob", "zoe"]


def test_role_01_accounts_of_the_system(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    users = "mailwarden.control.commands.users.system_accounts"
    monkeypatch.setattr(users, lambda: frozenset({"ftpd"}))
    sitting = userconfig(counter, "new", "ftpd", "zoe", "", "1", NEW, NEW)
    assert "The system has an account ftpd" in sitting.shown


def test_pwd_03_the_policy_holds_for_the_first_password(counter: Counter) -> None:
    sitting = userconfig(counter, "new", "ann", "", "guest", "short", "short", NEW, NEW)
    assert "The password needs 8 letters or more." in sitting.shown
    assert isinstance(try_to_log_in(counter, "ann", NEW), Admitted)


def test_a_name_is_free_again_after_the_commit_only(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST))
    sitting = userconfig(counter, "delete", "ann", "y", "new", "ann", "bob", "", "1", NEW, NEW)
    assert "There is a user ann until your changes are committed" in sitting.shown
    assert names(counter) == ["bob"]
    assert counter.administration.accounts.load("ann") is None


def test_role_07_another_role_ends_sessions(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST))
    ann, admin = come(counter, "ann"), come(counter)
    sitting = sit(admin, "userconfig", "edit", "ann", "Ann", "operator", "", "", "commit it")
    assert "[Y]" not in sitting.shown
    assert counter.running(*USERS) == [{"name": "ann", "full_name": "Ann", "role": "Operator"}]
    assert ann.session not in who_is_there(counter)
    assert isinstance(try_to_log_in(counter, "ann"), Admitted)


def test_edit_sets_another_password_at_once(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST))
    desk = come(counter)
    sitting = sit(desk, "userconfig", "edit", "ann", "", "", "y", "short", "short", NEW, NEW, "")
    assert "The password needs 8 letters or more." in sitting.shown
    assert "The password of ann is changed." in sitting.shown
    assert desk.pending_changes() == 0
    assert isinstance(try_to_log_in(counter, "ann", NEW), Admitted)


def test_edit_sets_the_password_of_a_user_who_is_yet_to_be(counter: Counter) -> None:
    userconfig(
        counter, "new", "ann", "", "guest", "first one there", "first one there",
        "edit", "ann", "", "", "y", NEW, NEW,
    )  # fmt: skip
    assert isinstance(try_to_log_in(counter, "ann", NEW), Admitted)


def test_the_password_of_admin_is_for_admin_alone(counter: Counter) -> None:
    hire(counter, ("ada", Role.ADMINISTRATOR))
    sitting = sit(counter.desk("ada"), "userconfig", "edit", "admin", "Head", "", "commit it")
    assert "another password" not in sitting.shown
    assert "role" not in sitting.shown.partition("Choose the user.")[2].partition("Users:")[0]
    assert counter.administration.config.administration.sign_in.user("admin").full_name == "Head"  # type: ignore[union-attr]
    sitting = userconfig(counter, "edit", "admin", "", "y", NEW, NEW)
    assert isinstance(try_to_log_in(counter, "admin", NEW), Admitted)


def test_users_are_deleted_with_their_accounts(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST), ("bob", Role.GUEST))
    session = come(counter, "ann").session
    assert "Are you sure you want to delete ann? [N]> " in userconfig(counter, "delete", "ann",
                                                                      "n").shown  # fmt: skip
    sitting = userconfig(counter, "delete", "admin", "ann", "y")
    assert "'admin' is not in the list" in sitting.shown
    assert names(counter) == ["bob"]
    assert counter.administration.accounts.load("ann") is None
    assert session not in who_is_there(counter)


def lock(counter: Counter, user: str) -> None:
    assert counter.administration.accounts.load(user) is not None
    counter.administration.accounts.change(
        user, lambda each: dataclasses.replace(each, lock=Lock.ADMINISTRATOR)
    )


@pytest.mark.parametrize(
    "typed",
    [("delete", "ada", "y"), ("edit", "ada", "", "guest", "n"), ("status", "ada", "2", "y")],
)
def test_role_08_somebody_has_to_be_left(counter: Counter, typed: tuple[str, ...]) -> None:
    hire(counter, ("ada", Role.ADMINISTRATOR), ("ann", Role.OPERATOR))
    lock(counter, "admin")
    sitting = userconfig(counter, *typed)
    assert "admin is locked: the last Administrator can be neither" in sitting.shown
    assert names(counter) == ["ada", "ann"]
    assert not account(counter, "ada").is_locked


def test_role_08_holds_at_the_commit_as_well(counter: Counter) -> None:
    hire(counter, ("ada", Role.ADMINISTRATOR))
    desk = counter.desk()
    sit(desk, "userconfig", "delete", "ada", "y", "")
    lock(counter, "admin")
    assert "admin is locked" in run_line(desk, "commit it").errors
    assert names(counter) == ["ada"]


def test_pwd_02_a_lock_by_hand(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    ann, admin = come(counter, "ann"), come(counter)
    sitting = sit(admin, "userconfig", "status", "ann", "lock the account", "y", "")
    assert "ann: active. What is to be done at once?" in sitting.shown
    assert "Are you sure you want to lock ann? [N]> " in sitting.shown
    assert "(Operator), locked by admin\n" in sitting.shown
    assert admin.pending_changes() == 0
    assert ann.session not in who_is_there(counter)
    assert not isinstance(try_to_log_in(counter, "ann"), Admitted)
    assert "ann is unlocked." in userconfig(counter, "status", "ann", "unlock the account").shown
    assert isinstance(try_to_log_in(counter, "ann"), Admitted)
    records = counter.administration.versions.store.audit(2)
    assert [(each.action, each.detail) for each in records] == [("unlock", "ann"), ("lock", "ann")]


def test_nobody_locks_the_own_account(counter: Counter) -> None:
    hire(counter)
    sitting = userconfig(counter, "status", "1", "2", "y")
    assert "Your own account cannot be locked by yourself." in sitting.shown
    assert not account(counter, "admin").is_locked


def test_c_29_failed_logins_lock_and_unlocking_helps(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    userconfig(counter, "policy", "y", "", *[""] * 20)
    assert counter.running(*PASSWORDS, "lock_after_failures") == 5
    for _ in range(5):
        assert isinstance(try_to_log_in(counter, "ann", "wrong"), Refused)
    for channel in (Channel.SSH, Channel.GUI, Channel.CONSOLE):
        answer = try_to_log_in(counter, "ann", channel=channel)
        assert isinstance(answer, Refused)
        assert (answer.reason, answer.message) == (Reason.LOCKED_BY_FAILURES, INCORRECT)
    sitting = userconfig(counter, "status", "ann", "2")
    assert "ann: locked after 5 failed logins. What is" in sitting.shown
    assert isinstance(try_to_log_in(counter, "ann", channel=Channel.GUI), Admitted)


def test_c_30_admin_is_unlocked_at_the_console_only(counter: Counter) -> None:
    hire(counter, ("ada", Role.ADMINISTRATOR))
    sit(counter.desk("ada"), "userconfig", "status", "admin", "2", "y", "")
    assert isinstance(try_to_log_in(counter, "admin"), Refused)
    sitting = sit(counter.desk("ada"), "userconfig", "status", "admin", "2", "")
    assert "admin can be unlocked at the serial console only." in sitting.shown
    assert isinstance(try_to_log_in(counter, "admin", channel=Channel.CONSOLE), Admitted)
    assert isinstance(try_to_log_in(counter, "admin"), Refused)
    sitting = userconfig(counter, "status", "admin", "2", at_console=True)
    assert "admin is unlocked." in sitting.shown
    assert isinstance(try_to_log_in(counter, "admin"), Admitted)


def test_c_31_what_a_locked_user_hears(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    userconfig(counter, "policy", "", "See the help desk", *[""] * 20)
    userconfig(counter, "status", "ann", "2", "y")
    right, wrong = try_to_log_in(counter, "ann"), try_to_log_in(counter, "ann", "wrong")
    assert isinstance(right, Refused)
    assert isinstance(wrong, Refused)
    assert (right.message, wrong.message) == ("See the help desk", INCORRECT)


def test_codes_are_taken_away_from_whoever_has_lost_the_device(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR), ("ada", Role.ADMINISTRATOR))
    clock = counter.clock
    for name in ("ann", "admin"):
        factors = SecondFactors(counter.administration.accounts, clock, random=bytes)
        factors.begin(name, "gw")
        counter.administration.accounts.change(
            name,
            lambda each: dataclasses.replace(
                each,
                second_factor=dataclasses.replace(each.second_factor, is_confirmed=True),  # type: ignore[type-var]
            ),
        )
    sitting = sit(counter.desk("ada"), "userconfig", "status", "ann", "3", "y", "")
    assert "ann: active, with one-time codes." in sitting.shown
    assert account(counter, "ann").second_factor is None
    sitting = sit(counter.desk("ada"), "userconfig", "status", "admin", "3", "y", "")
    assert "That is for admin alone." in sitting.shown
    assert account(counter, "admin").second_factor is not None


def test_the_whole_policy(counter: Counter) -> None:
    sitting = userconfig(
        counter, "policy", "y", "3", "Call 1234", "y", "y", "", "7", "10", "y", "y", "n", "y", "",
        "n",
    )  # fmt: skip
    assert "After how many days? [90]> " in sitting.shown
    assert counter.running(*PASSWORDS) == {
        "lock_after_failures": 3,
        "locked_message": "Call 1234",
        "change_after_reset": True,
        "expires_days": 90,
        "reminder_days": 7,
        "length_min": 10,
        "upper_and_lower": True,
        "digit": True,
        "special": False,
        "reuse_banned": 3,
        "user_name_banned": False,
    }
    userconfig(counter, "policy", "n", "none", "", "n", "", "", "", "", "n", "")
    held = counter.running(*PASSWORDS)
    assert (held["lock_after_failures"], held["locked_message"]) == (0, "")
    assert (held["expires_days"], held["reuse_banned"], held["length_min"]) == (0, 0, 10)


def test_role_04_custom_roles(counter: Counter) -> None:
    hire(counter)
    sitting = userconfig(
        counter, "role", "new", "operator", "Policies", "2", "In, Out", *[""] * 7, "edit",
        "policies", "1", "", "", "", "", "y", *[""] * 3, "edit", "policies", "1", "none", "", "",
        "", "y", *[""] * 3, "print", "", "new", "cy", "", "Policies", NEW, NEW,
    )  # fmt: skip
    assert "there is a role operator already" in sitting.shown.lower()
    assert "assigned_policies: need a privilege" in sitting.shown
    assert "Policies*: nobody" in sitting.shown
    (role,) = counter.running("administration", "roles")
    assert (role["name"], role["mail_policies"], role["tracking"]) == ("Policies", "none", True)
    answer = try_to_log_in(counter, "cy", NEW)
    assert isinstance(answer, Refused)
    assert answer.message == "Your role (Policies*) has no access to the command line."
    assert isinstance(try_to_log_in(counter, "cy", NEW, Channel.GUI), Admitted)
    sitting = userconfig(counter, "role", "delete", "1", "y", "")
    assert "delete the role Policies? cy can then log out only. [N]> " in sitting.shown
    assert "(Unassigned)" in sitting.shown
    answer = try_to_log_in(counter, "cy", NEW, Channel.GUI)
    assert isinstance(answer, Admitted)
    assert answer.role is None


def test_ext_03_radius_servers(counter: Counter) -> None:
    sitting = userconfig(
        counter, "external", "setup", "radius", "", "", "new", "radius1.example", "", "", "CHAP",
        "s3cret", "s3cret", "roles", "new", "mail-admins", "administrator", "", "setup", "radius",
        "5m", "", "new", "192.0.2.9", "1645", "3", "", "s4cret", "s4cret", "move", "2", "1",
        "edit", "1", "", "1646", "", "", "y", "s5cret", "s5cret", "print", "",
    )  # fmt: skip
    assert "is empty: there is nobody to ask" in sitting.shown
    assert "s3cret" not in sitting.shown
    assert "1. 192.0.2.9:1646\n2. radius1.example:1812\nCLASS mail-admins: Administrator\n" in (
        sitting.shown
    )
    held = counter.running("administration", "external")
    assert (held["method"], held["cache_seconds"]) == ("radius", 300)
    assert held["radius_classes"] == {"mail-admins": "Administrator"}
    first, second = held["radius_servers"]
    assert (first["host"], first["port"], first["secret"]) == ("192.0.2.9", 1646, "s5cret")
    assert (second["method"], second["secret"]) == ("CHAP", "s3cret")
    sitting = userconfig(counter, "external", "delete", "1", "y", "delete", "1", "y", "")
    assert "is empty: there is nobody to ask" in sitting.shown
    assert len(counter.running("administration", "external", "radius_servers")) == 1
    sitting = userconfig(counter, "external", "roles", "delete", "1", "", "")
    assert "is empty: nobody would have a role" in sitting.shown
    userconfig(counter, "external", "setup", "off", "roles", "delete", "1", "", "")
    assert counter.running("administration", "external", "method") == "off"
    assert counter.running("administration", "external", "radius_classes") == {}


def test_ext_07_fips_mode_has_no_radius(counter: Counter) -> None:
    administration = counter.administration
    administration.facts = dataclasses.replace(administration.facts, fips=True)
    sitting = userconfig(
        counter, "external", "new", "192.0.2.9", "", "", "", "s3cret", "s3cret", "setup", "radius",
        "", "y", "",
    )  # fmt: skip
    assert "administration.external.method: radius is refused in FIPS mode" in sitting.errors


def test_userconfig_is_a_dialogue(counter: Counter) -> None:
    assert "is a dialogue" in run_line(counter.desk(), "userconfig new ann").errors


def test_many_users_are_cut_short(counter: Counter) -> None:
    hire(counter, *((f"u{number}", Role.GUEST) for number in range(250)))
    sitting = sit(counter.desk(), "userconfig", *" " * 20, "")
    assert "and 51 users more" in sitting.shown


STAGED = [
    (USERS, [{"name": "eve", "role": "Administrator"}]),
    (PASSWORDS, {"length_min": 6}),
    (("administration", "banner"), "Come in"),
    (("management", "ssh"), {"login_attempts": 3}),
]


@pytest.mark.parametrize(("path", "value"), STAGED)
def test_role_10_files_are_no_way_around(
    counter: Counter, path: tuple[str, ...], value: object
) -> None:
    desk = counter.desk("olga", Role.OPERATOR)
    desk.candidate = desk.candidate.put(path, value, MODEL)  # type: ignore[arg-type]  # as a file
    assert run_line(desk, "commit it").errors == (
        f"Error: Your role (Operator) is not allowed to change `{path[0]}`.\n"
    )
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.author.user, record.was_allowed) == ("olga", False)
    assert counter.administration.versions.store.head().number == 1  # type: ignore[union-attr]


def test_role_10_the_keys_of_admin_are_for_admin_alone(counter: Counter) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8vsHkUkFbWHFzS3SIVgFXHDGVVQUJcjK7BZ0uqtgAA"
    member = {"name": "admin", "role": "Administrator", "ssh_keys": [key]}
    for user, status in (("ada", 1), ("admin", 0)):
        desk = counter.desk(user)
        desk.candidate = desk.candidate.put(USERS, [member], MODEL)  # type: ignore[list-item]
        assert run_line(desk, "commit it").status == status
