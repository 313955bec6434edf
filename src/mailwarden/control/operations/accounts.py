"""What administrators do to accounts at once: passwords, locks, and one-time codes (admin 3)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.core.access.account import Account, Channel, lock, state_words, unlock, unlock_fault
from mailwarden.core.access.password_policy import PasswordPolicy
from mailwarden.core.access.roles import ADMIN
from mailwarden.core.access.users import User, removal_fault
from mailwarden.core.alerts import INFORMATION, SYSTEM
from mailwarden.services.accounts.passwords import PasswordError
from mailwarden.services.accounts.second_factor import Enrolment
from mailwarden.services.accounts.store import AccountStoreError

NOT_LOCAL = "Another server knows you; what it knows of you cannot be changed here."
OWN_PASSWORD = "passwd"  # noqa: S105  the name of a command
OTHERS_PASSWORD = "passwd user"  # noqa: S105  the same, with a name
SECOND_FACTOR = "secondfactor"
USERS = "userconfig"


class AccountState(NamedTuple):
    """What is shown of an account; `words` say all of it."""

    words: str
    is_locked: bool
    has_password: bool
    has_codes: bool


async def change_own_password(desk: Desk, old: str, new: str) -> None:
    """Give the administrator another password; this session goes on, all others end (ROLE-07).

    `old` is not looked at where the operating system vouches for the administrator.

    Raises:
        RefusedOperationError: the old one is wrong, or something is against the new one.
    """
    desk.require(OWN_PASSWORD)
    user, administration = _own(desk), desk.administration
    was_locked = _is_locked(administration, user)
    passwords, policy = administration.passwords, _policy(desk)
    try:
        with _told(user):
            if desk.actor.is_trusted:
                account = await passwords.set_for(user, new, policy, by_user=True)
            else:
                account = await passwords.change_own(user, old, new, policy)
    except PasswordError as error:
        desk.record(OWN_PASSWORD, f"{user}: {error}", was_allowed=False)
        if not was_locked and _is_locked(administration, user):
            tell_locked(administration, user)
        raise RefusedOperationError(str(error)) from error
    administration.presence.renew(desk.session, account.generation)
    desk.record(OWN_PASSWORD, user)


async def set_password(desk: Desk, user: str, new: str, *, command: str = OTHERS_PASSWORD) -> None:
    """Give a user another password at once; all sessions of that user end.

    `command` is by which right: that of `passwd` with a name, or that of `userconfig`.

    Raises:
        RefusedOperationError: something is against it, or there is no account.
    """
    desk.require(command)
    _check_admin(desk, user)
    try:
        with _told(user):
            account = await desk.administration.passwords.set_for(user, new, _policy(desk))
    except PasswordError as error:
        raise RefusedOperationError(str(error)) from error
    if desk.actor.is_local and user == desk.actor.user:
        desk.administration.presence.renew(desk.session, account.generation)
    desk.record(command.partition(" ")[0], f"password of {user}")


def states(desk: Desk) -> dict[str, AccountState]:
    """Return what is to be said of the accounts, by user; raises RefusedOperationError."""
    desk.require(USERS)
    with _told(""):
        found = desk.administration.accounts.load_all()
    return {account.name: _state(desk, account) for account in found}


def _state(desk: Desk, account: Account) -> AccountState:
    words = state_words(account, _policy(desk), desk.administration.clock.time())
    if not account.password and not account.is_locked:
        words = "no password"
    factor = account.second_factor
    has_codes = factor is not None and factor.is_confirmed
    return AccountState(words, account.is_locked, bool(account.password), has_codes)


def lock_account(desk: Desk, user: str) -> None:
    """Lock an account at once; its sessions end.

    Raises:
        RefusedOperationError: it is the administrator's own, or nobody would be left (ROLE-08).
    """
    desk.require(USERS)
    administration = desk.administration
    if desk.actor.is_local and user == desk.actor.user:
        raise RefusedOperationError("Your own account cannot be locked by yourself.")
    users = administration.config.administration.users
    with _told(user):
        check_removal(administration, users, users, also_locked=user)
        now = administration.clock.time()
        administration.accounts.change(user, lambda each: lock(each, desk.actor.user, now))
    desk.record("lock", user)


def unlock_account(desk: Desk, user: str) -> None:
    """Unlock an account at once; its failed logins are forgotten.

    Raises:
        RefusedOperationError: that is possible at the console only (CLI-04).
    """
    desk.require(USERS)
    channel = Channel.CONSOLE if desk.actor.is_at_console else Channel.SSH

    def change(account: Account) -> Account:
        if fault := unlock_fault(account, channel):
            raise RefusedOperationError(f"{fault}.")
        return unlock(account)

    _change(desk, user, change)
    desk.record("unlock", user)


def remove_codes(desk: Desk, user: str) -> None:
    """Take a user's one-time codes away at once; that user's sessions end."""
    desk.require(USERS)
    _check_admin(desk, user)
    with _told(user):
        desk.administration.second_factors.remove(user)
    desk.record("one-time codes removed", user)


def has_own_codes(desk: Desk) -> bool:
    """Tell whether the administrator is asked for one-time codes."""
    desk.require(SECOND_FACTOR)
    user = _own(desk)
    with _told(user):
        account = desk.administration.accounts.load(user)
    factor = account.second_factor if account is not None else None
    return factor is not None and factor.is_confirmed


def begin_own_codes(desk: Desk) -> Enrolment:
    """Return what an app needs to make codes; they count once `confirm_own_codes` has seen one."""
    desk.require(SECOND_FACTOR)
    user = _own(desk)
    try:
        with _told(user):
            hostname = desk.administration.config.hostname
            return desk.administration.second_factors.begin(user, hostname)
    except ValueError as error:
        raise RefusedOperationError(_sentence(error)) from error


def confirm_own_codes(desk: Desk, code: str) -> tuple[str, ...]:
    """Let one-time codes be asked for from now on; return recovery codes, to be shown once."""
    desk.require(SECOND_FACTOR)
    user = _own(desk)
    try:
        with _told(user):
            codes = desk.administration.second_factors.confirm(user, code)
    except ValueError as error:
        raise RefusedOperationError(_sentence(error)) from error
    desk.record("one-time codes", user)
    return codes


def remove_own_codes(desk: Desk, code: str) -> None:
    """Ask the administrator for no codes any more; this session goes on, all others end.

    `code` is one of them: whoever comes to an open terminal has none.
    """
    desk.require(SECOND_FACTOR)
    user = _own(desk)
    try:
        with _told(user):
            account = desk.administration.second_factors.remove_own(user, code)
    except ValueError as error:
        desk.record("one-time codes removed", f"{user}: {error}", was_allowed=False)
        raise RefusedOperationError(_sentence(error)) from error
    desk.administration.presence.renew(desk.session, account.generation)
    desk.record("one-time codes removed", user)


def check_removal(
    administration: Administration,
    before: tuple[User, ...],
    after: tuple[User, ...],
    also_locked: str = "",
) -> None:
    """Look whether somebody is left who could administer the gateway (ROLE-08).

    Raises:
        RefusedOperationError: nobody is.
    """
    locked = {each.name for each in administration.accounts.load_all() if each.is_locked}
    if fault := removal_fault(before, after, locked | ({also_locked} if also_locked else set())):
        raise RefusedOperationError(f"{fault}.")


def tell_locked(administration: Administration, user: str) -> None:
    """Send the alert that failed logins have locked an account (PWD-01)."""
    text = f"The account of {user} is locked after failed logins."
    administration.alerts.alert(INFORMATION, SYSTEM, text, f"account locked: {user}")


def _sentence(error: ValueError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def _check_admin(desk: Desk, user: str) -> None:
    """Keep Administrators from becoming `admin`, who has rights that they have not."""
    if user == ADMIN and not desk.actor.rights.is_admin:
        desk.record("refused", f"account of {ADMIN}", was_allowed=False)
        raise RefusedOperationError(f"That is for {ADMIN} alone.")


def _own(desk: Desk) -> str:
    if not desk.actor.is_local:
        raise RefusedOperationError(NOT_LOCAL)
    return desk.actor.user


def _policy(desk: Desk) -> PasswordPolicy:
    return desk.administration.config.administration.passwords


def _is_locked(administration: Administration, user: str) -> bool:
    account = administration.accounts.load(user)
    return account is not None and account.is_locked


def _change(desk: Desk, user: str, change: Callable[[Account], Account]) -> None:
    with _told(user):
        desk.administration.accounts.change(user, change)


@contextmanager
def _told(user: str) -> Iterator[None]:
    """Say what is wrong with the accounts in words for administrators."""
    try:
        yield
    except KeyError as error:
        raise RefusedOperationError(
            f"{user} has no account yet; commit your changes first."
        ) from error
    except AccountStoreError as error:
        raise RefusedOperationError(f"The accounts cannot be used: {error}") from error
