"""What is said after the login."""

import dataclasses

from mailwarden.control.remote.greeting import greeting
from mailwarden.control.remote.session_host import Product
from mailwarden.control.remote.sessions import OthersChanges
from tests.unit.control.remote.test_sessions import somebody

PRODUCT = Product("Mailwarden", "1.2.3", "564DAABB-1")
ABOUT = ["Mailwarden", "Version: 1.2.3", "Serial number: 564DAABB-1"]


def lines(*changes: OthersChanges, **values: object) -> list[str]:
    admitted = dataclasses.replace(somebody("ann"), **values)  # type: ignore[arg-type]  # by name
    return list(greeting(admitted, PRODUCT, changes))


def test_the_first_login_has_none_before() -> None:
    assert lines() == ABOUT


def test_cli_07_the_login_before() -> None:
    assert lines(last_at=1_284_723_732.0, last_from="192.0.2.10") == [
        "Last login: Fri Sep 17 11:42:12 2010 GMT from 192.0.2.10",
        *ABOUT,
    ]


def test_cli_07_changes_of_others() -> None:
    assert lines(OthersChanges("bob", 2), OthersChanges("ann", 1))[3:] == [
        "2 uncommitted configuration changes exist in another session by bob",
        "1 uncommitted configuration change exists in another session by ann",
    ]


def test_a_password_that_expires() -> None:
    assert [lines(days_left=days)[3] for days in (0, 1, 5)] == [
        "Your password expires today. Change it with `passwd`.",
        "Your password expires tomorrow. Change it with `passwd`.",
        "Your password expires in 5 days. Change it with `passwd`.",
    ]
