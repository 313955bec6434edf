"""`passwd` and `secondfactor` (admin 1.6.2, 3.2)."""

import dataclasses

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.control.operations.actor import Actor
from mailwarden.control.operations.desk import Desk
from mailwarden.core.access.account import Change
from mailwarden.core.access.one_time_code import STEP_SECONDS, make_code
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.roles import Role
from mailwarden.services.accounts.answers import Admitted, CodeWanted
from tests.unit.control.commands.counter import Counter, run_line, sit
from tests.unit.control.commands.staff import account, come, hire, try_to_log_in, who_is_there

NEW = "correct horse battery"


def as_policy(counter: Counter, **settings: object) -> None:
    administration = counter.administration
    policy = PasswordPolicy(**settings)  # type: ignore[arg-type]
    held = dataclasses.replace(administration.config.administration, passwords=policy)
    administration.config = dataclasses.replace(administration.config, administration=held)
    administration.on_change()


def test_role_07_the_session_that_changes_its_password_goes_on(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST))
    other, own, admin = come(counter, "ann"), come(counter, "ann"), come(counter)
    sitting = sit(own, "passwd", "ann secret", NEW, NEW)
    assert "Password changed. Your other sessions end within a minute.\n" in sitting.shown
    assert NEW not in sitting.shown
    assert who_is_there(counter) == [own.session, admin.session]
    assert other.session not in who_is_there(counter)
    assert isinstance(try_to_log_in(counter, "ann", NEW), Admitted)
    assert not isinstance(try_to_log_in(counter, "ann"), Admitted)
    record = counter.administration.versions.store.audit(1)[0]
    assert (record.author.user, record.action, record.detail) == ("ann", "passwd", "ann")


def test_a_guest_is_not_asked_whose_password_it_is(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST))
    assert "name of the user" not in sit(come(counter, "ann"), "password", Key.CTRL_C).shown


def test_a_wrong_old_password_is_told_and_counted(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    sitting = sit(come(counter, "ann"), "passwd", "wrong", NEW, NEW)
    assert sitting.errors == "The password is not the present one.\n"
    assert account(counter, "ann").failures == 1
    record = counter.administration.versions.store.audit(1)[0]
    assert not record.was_allowed
    assert "wrong" not in record.detail


def test_pwd_01_wrong_old_passwords_lock_with_an_alert(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    as_policy(counter, lock_after_failures=2)
    desk = come(counter, "ann")
    for _ in range(3):
        sit(desk, "passwd", "wrong", NEW, NEW)
    assert [each[:2] for each in counter.alerts.told] == [("Information", "System")]
    assert "ann is locked" in counter.alerts.told[0].text
    # Whoever is at work is not cut off by it.
    assert who_is_there(counter) == [desk.session]


def test_the_policy_holds_for_the_new_one(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    as_policy(counter, digit=True)
    sitting = sit(come(counter, "ann"), "passwd", "ann secret", "ironport", "ironport")
    assert "needs a digit" in sitting.errors
    assert "everybody knows" in sitting.errors
    assert isinstance(try_to_log_in(counter, "ann"), Admitted)


def test_admin_gives_a_user_another_password(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    as_policy(counter, change_after_reset=True)
    ann, admin = come(counter, "ann"), come(counter)
    sitting = sit(admin, "passwd", "anne", "ann", NEW, NEW)
    assert "'anne' is not the name of a user" in sitting.shown
    assert "All sessions of ann end within a minute." in sitting.shown
    assert "Old password" not in sitting.shown
    assert who_is_there(counter) == [admin.session]
    assert ann.session != admin.session
    answer = try_to_log_in(counter, "ann", NEW)
    assert isinstance(answer, Admitted)
    assert answer.change is Change.RESET


def test_admin_changes_the_own_one_by_an_empty_line(counter: Counter) -> None:
    hire(counter)
    desk = come(counter)
    sitting = sit(desk, "passwd", "", "admin secret", NEW, NEW)
    assert "[admin]> " in sitting.shown
    assert "Old password" in sitting.shown
    assert who_is_there(counter) == [desk.session]


def test_whom_the_system_trusts_needs_no_old_password(counter: Counter) -> None:
    trusted = dataclasses.replace(counter.desk(address="").actor, is_trusted=True)
    sitting = sit(Desk(trusted, counter.administration), "passwd", "", NEW, NEW)
    assert "Old password" not in sitting.shown
    assert isinstance(try_to_log_in(counter, "admin", NEW), Admitted)


def test_who_is_known_elsewhere_has_no_password_here(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    actor: Actor = dataclasses.replace(counter.desk("ann", Role.OPERATOR).actor, is_local=False)
    desk = Desk(actor, counter.administration)
    assert "Another server knows you" in sit(desk, "passwd", "ann secret", NEW, NEW).errors
    assert "Another server knows you" in run_line(desk, "secondfactor status").errors
    assert "Another server knows you" in run_line(desk, "secondfactor enrol").errors
    assert isinstance(try_to_log_in(counter, "ann"), Admitted)


def test_passwd_is_a_dialogue(counter: Counter) -> None:
    hire(counter)
    assert "is a dialogue" in run_line(come(counter), "passwd ann").errors


def secret_of(counter: Counter, user: str) -> bytes:
    factor = account(counter, user).second_factor
    assert factor is not None
    return factor.secret


def test_one_time_codes_come_and_go(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST))
    desk, other = come(counter, "ann"), come(counter, "ann")
    assert run_line(desk, "--json secondfactor status").shown == (
        '{"data": {"enrolled": false}, "messages": []}\n'
    )
    # The code of a key that is not known beforehand: begun once, so that the key can be looked at.
    sitting = sit(desk, "secondfactor", "enrol", "000000")
    assert "otpauth://totp/" in sitting.shown
    assert "The code is wrong" in sitting.shown
    assert isinstance(try_to_log_in(counter, "ann"), Admitted)
    step = int(counter.clock.time() // STEP_SECONDS)
    code = make_code(secret_of(counter, "ann"), step)
    recovery = counter.administration.second_factors.confirm("ann", code)
    assert isinstance(try_to_log_in(counter, "ann"), CodeWanted)
    assert run_line(desk, "secondfactor enrol").errors == (
        "Error: ENROL is not possible at present\n"
    )
    assert run_line(desk, "secondfactor remove code 123").errors == "Error: The code is wrong.\n"
    sitting = run_line(desk, f"secondfactor remove code {recovery[3]}")
    assert "You are asked for no code any more." in sitting.shown
    assert who_is_there(counter) == [desk.session]
    assert other.session != desk.session
    assert isinstance(try_to_log_in(counter, "ann"), Admitted)


def test_the_right_code_shows_recovery_codes(counter: Counter) -> None:
    hire(counter, ("ann", Role.GUEST))
    desk = come(counter, "ann")
    counter.administration.second_factors._random = bytes  # all keys are zero
    code = make_code(bytes(20), int(counter.clock.time() // STEP_SECONDS))
    sitting = sit(desk, "secondfactor", "enrol", code, "", "secondfactor", "status", "")
    assert sitting.shown.count("  aaaa-aaaa-aaaa-aaaa\n") == 10
    assert "You are asked for a code beside your password.\n" in sitting.shown
    records = counter.administration.versions.store.audit(1)
    assert (records[0].action, records[0].detail) == ("one-time codes", "ann")
    assert who_is_there(counter) == [desk.session]
