"""`sshconfig` (admin 3.4, ACC-06)."""

import dataclasses

import pytest

from mailwarden.control.operations.desk import Desk
from mailwarden.core.access.roles import Role
from mailwarden.core.access.ssh_key import encode_rfc4716, parse_public_key
from mailwarden.services.accounts.answers import Admitted
from tests.unit.control.commands.counter import Counter, run_line, sit
from tests.unit.control.commands.staff import hire

_BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAI"
KEY = f"ssh-ed25519 {_BLOB}J8vsHkUkFbWHFzS3SIVgFXHDGVVQUJcjK7BZ0uqtgAA ann@desk"
OTHER = f"ssh-ed25519 {_BLOB}K8vsHkUkFbWHFzS3SIVgFXHDGVVQUJcjK7BZ0uqtgAA"


def may_enter(counter: Counter, user: str, key: str) -> bool:
    answer = counter.administration.sign_in.by_key(user, parse_public_key(key), "192.0.2.7")
    return isinstance(answer, Admitted)


def test_the_own_keys(counter: Counter) -> None:
    desk = counter.desk()
    other_form = encode_rfc4716(parse_public_key(OTHER)).splitlines()
    sitting = sit(desk, "sshconfig", "new", KEY, ".", "new", *other_form, ".", "")
    assert "Keys of admin: 0." in sitting.shown
    assert "Keys of admin: 2." in sitting.shown
    sitting = sit(desk, "sshconfig", "new", KEY, ".", "no key", ".", OTHER, ".")
    assert sitting.shown.count("That key is there already.") == 2
    assert "'no' is no type of key" in sitting.shown
    assert not may_enter(counter, "admin", KEY)
    assert run_line(desk, "commit keys").status == 0
    assert may_enter(counter, "admin", KEY)
    assert may_enter(counter, "admin", OTHER)
    sitting = sit(counter.desk(), "sshconfig", "delete", "1", "y", "print", "", "commit fewer")
    assert f"1. ssh-ed25519 256 {parse_public_key(OTHER).fingerprint}\n" in sitting.shown
    assert not may_enter(counter, "admin", KEY)
    assert may_enter(counter, "admin", OTHER)
    (member,) = counter.running("administration", "users")
    assert (member["name"], member["role"]) == ("admin", "Administrator")


def test_the_keys_of_others(counter: Counter) -> None:
    hire(counter, ("ann", Role.OPERATOR))
    desk = counter.desk()
    sitting = sit(desk, "sshconfig", "user", "ann", "new", KEY, ".", "print", "", "", "commit it")
    assert "Keys of ann: 0." in sitting.shown
    assert "ann@desk\n" in sitting.shown
    assert may_enter(counter, "ann", KEY)
    assert not may_enter(counter, "admin", KEY)


def test_the_keys_of_admin_are_for_admin_alone(counter: Counter) -> None:
    hire(counter, ("ada", Role.ADMINISTRATOR))
    desk = counter.desk("ada")
    sitting = sit(desk, "sshconfig", "user", "admin", "new", KEY, ".", "", "new", KEY, ".", "")
    assert "The keys of admin are for admin alone to change." in sitting.shown
    assert run_line(desk, "commit mine").status == 0
    assert may_enter(counter, "ada", KEY)


def test_whom_another_server_knows_has_no_keys_here(counter: Counter) -> None:
    actor = dataclasses.replace(counter.desk("ext").actor, is_local=False)
    sitting = sit(Desk(actor, counter.administration), "sshconfig", "new", "")
    assert "- NEW" not in sitting.shown
    assert "- USER - " in sitting.shown


def test_fips_mode_takes_no_ed25519(counter: Counter) -> None:
    administration = counter.administration
    administration.facts = dataclasses.replace(administration.facts, fips=True)
    sitting = sit(counter.desk(), "sshconfig", "new", KEY, ".")
    assert "Keys of the type ssh-ed25519 are not taken in FIPS mode." in sitting.shown


def test_the_server_is_set_up(counter: Counter) -> None:
    desk = counter.desk()
    sitting = sit(
        desk, "sshconfig", "setup", "blowfish", "aes256-ctr, aes128-ctr", "", "", "", *[""] * 12,
        "", "commit it",
    )  # fmt: skip
    assert "is not taken; there are" in sitting.shown
    assert counter.administration.config.management.ssh.ciphers == ("aes256-ctr", "aes128-ctr")


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.READ_ONLY_OPERATOR])
def test_it_is_for_administrators(counter: Counter, role: Role) -> None:
    assert run_line(counter.desk("olga", role), "sshconfig").errors == (
        "You do not have permission to run sshconfig\n"
    )
