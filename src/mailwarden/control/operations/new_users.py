"""Passwords of users who are yet to be: kept aside, as hashes, until a commit makes the users."""

from mailwarden.control.candidate.edits import find, names_of
from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.services.accounts.passwords import PasswordError
from mailwarden.services.accounts.store import AccountStoreError
from mailwarden.stores.configuration.tree import Tree


async def keep_password(desk: Desk, user: str, new: str) -> None:
    """Keep the password of a user who is new in this session.

    Nothing of it is in the candidate, and nothing of it is on disk before the commit.

    Raises:
        RefusedOperationError: something is against it.
    """
    desk.require("userconfig")
    administration = desk.administration
    policy = administration.config.administration.passwords
    try:
        desk.new_passwords[user] = await administration.passwords.make_first(user, new, policy)
    except PasswordError as error:
        raise RefusedOperationError(str(error)) from error


def forget_others(desk: Desk) -> None:
    """Keep only passwords of users who are new in what the session would commit.

    Whoever has become a user by somebody else's commit has a password from there.
    """
    new = _names(desk.candidate.tree) - _names(desk.candidate.base)
    for user in set(desk.new_passwords) - new:
        del desk.new_passwords[user]


def set_passwords(desk: Desk) -> list[str]:
    """Give users whom a commit has made their passwords; return what is worth to know about it."""
    administration = desk.administration
    notes = []
    for user in administration.config.administration.users:
        hashed = desk.new_passwords.get(user.name)
        if hashed is not None:
            notes += _set(administration, user.name, hashed)
    desk.new_passwords.clear()
    return notes


def _names(tree: Tree) -> set[str]:
    return set(names_of(find(tree, ("administration", "users"))[0]) or ())


def _set(administration: Administration, user: str, hashed: str) -> list[str]:
    policy = administration.config.administration.passwords
    try:
        administration.accounts.add(user)
        administration.passwords.set_first(user, hashed, policy)
    except AccountStoreError as error:
        return [f"{user} has no password yet, as the accounts cannot be written: {error}"]
    return []
