"""Choosing another password before anything else."""

import dataclasses

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key, ScriptedTerminal
from mailwarden.control.remote.password_change import TRIES_MAX, change_first
from mailwarden.core.access.account import Change
from mailwarden.services.accounts.passwords import PasswordError
from tests.unit.control.remote.test_sessions import somebody

ANN = somebody("ann")


class Passwords:
    """Takes any new password but a short one."""

    def __init__(self) -> None:
        self.present = "old one"

    async def change_own(self, user: str, old: str, new: str) -> int:
        assert user == "ann"
        if old != self.present:
            raise PasswordError(["is not the present one"])
        if len(new) < 8:
            raise PasswordError(["is too short"])
        self.present = new
        return 7


async def test_whoever_needs_none_is_not_asked() -> None:
    terminal = ScriptedTerminal([])
    assert await change_first(terminal, ANN, Passwords()) is ANN
    assert terminal.screen == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Change.FIRST_START, "for the first login only"),
        (Change.RESET, "administrator has set"),
        (Change.EXPIRED, "has expired"),
    ],
)
async def test_a_new_one(change: Change, reason: str) -> None:
    typed = ["wrong", "new long one", "new long one", "old one", "short", "short"]
    typed += ["old one", "new long one", "another", "old one", "new long one", "new long one"]
    terminal, passwords = ScriptedTerminal(typed), Passwords()
    admitted = await change_first(terminal, dataclasses.replace(ANN, change=change), passwords)
    assert admitted == dataclasses.replace(ANN, change=Change.NONE, generation=7)
    assert passwords.present == "new long one"
    for text in (reason, "is not the present one.", "is too short.", "The two are not the same."):
        assert text in terminal.screen
    assert "long one" not in terminal.screen


@pytest.mark.parametrize("key", [Key.CTRL_C, Key.CTRL_D])
async def test_leaving_it_is_no_login(key: Key) -> None:
    must = dataclasses.replace(ANN, change=Change.RESET)
    terminal = ScriptedTerminal(["old one", key])
    assert await change_first(terminal, must, Passwords()) is None
    assert terminal.screen.endswith("The password was not changed.\n")


async def test_the_tries_are_limited() -> None:
    must = dataclasses.replace(ANN, change=Change.RESET)
    terminal = ScriptedTerminal(["x", "y", "y"] * (TRIES_MAX + 1))
    assert await change_first(terminal, must, Passwords()) is None
    assert terminal.rest == 3
