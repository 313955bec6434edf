"""Lets somebody choose another password before anything else (ROLE-12 and expired passwords)."""

import dataclasses
from typing import Final, Protocol

from mailwarden.control.dialogue.terminal import EndOfTextError, InterruptError, Terminal
from mailwarden.control.dialogue.text import LineError, check_line, neutralise
from mailwarden.core.access.account import Change
from mailwarden.services.accounts.answers import Admitted
from mailwarden.services.accounts.passwords import PasswordError

TRIES_MAX: Final = 5
REASONS: Final = {
    Change.FIRST_START: "The password was made for the first login only.",
    Change.RESET: "An administrator has set your password.",
    Change.EXPIRED: "Your password has expired.",
}


class ChangesPasswords(Protocol):
    """How a user's own password is changed."""

    async def change_own(self, user: str, old: str, new: str) -> int:
        """Set another password; return the account's generation after that.

        Raises:
            PasswordError: the old one is wrong, or something is against the new one.
        """
        ...


async def change_first(
    terminal: Terminal, admitted: Admitted, passwords: ChangesPasswords
) -> Admitted | None:
    """Return whoever has another password now, or needs none; None if it was not to be had."""
    if admitted.change is Change.NONE:
        return admitted
    terminal.write(f"{REASONS[admitted.change]} Choose another one.\n")
    for _ in range(TRIES_MAX):
        try:
            generation = await _change(terminal, admitted.user, passwords)
        except (PasswordError, LineError) as error:
            terminal.write(f"{neutralise(str(error))}\n")
        except (InterruptError, EndOfTextError):
            break
        else:
            return dataclasses.replace(admitted, change=Change.NONE, generation=generation)
    terminal.write("The password was not changed.\n")
    return None


async def _change(terminal: Terminal, user: str, passwords: ChangesPasswords) -> int:
    old = check_line(await terminal.read_secret("Present password: "))
    new = check_line(await terminal.read_secret("New password: "))
    again = check_line(await terminal.read_secret("New password again: "))
    if new != again:
        raise LineError("The two are not the same.")
    return await passwords.change_own(user, old, new)
