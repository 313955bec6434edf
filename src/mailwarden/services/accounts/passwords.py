"""Sets passwords: by their users, by administrators, and the first one of a fresh node."""

import secrets
from collections.abc import Callable

from mailwarden.core.access.account import (
    Account,
    Change,
    banned_hashes,
    count_failure,
    set_first_password,
    set_password,
)
from mailwarden.core.access.enrolment import RANDOM_BYTES, make_one_time_password
from mailwarden.core.access.password_hash import parse_password_hash
from mailwarden.core.access.password_policy import PasswordPolicy, password_problems
from mailwarden.core.access.roles import ADMIN
from mailwarden.services.accounts.hashing import Hasher
from mailwarden.services.accounts.store import AccountStore
from mailwarden.system.clock.clock import Clock


class PasswordError(ValueError):
    """The password cannot be taken; `problems` says everything that speaks against it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"The password {'; it '.join(problems)}.")
        self.problems = problems


class Passwords:
    """Sets the passwords of local users.

    All methods raise KeyError if there is no account of that name, and AccountStoreError.
    """

    def __init__(self, store: AccountStore, hasher: Hasher, clock: Clock) -> None:
        self._store = store
        self._hasher = hasher
        self._clock = clock

    async def change_own(self, user: str, old: str, new: str, policy: PasswordPolicy) -> Account:
        """Give a user who is signed in another password; all sessions of that user end.

        A wrong old password counts as a failed login: the session may be in other hands.

        Raises:
            PasswordError: the old password is wrong, or something is against the new one.
        """
        account = self._account(user)
        costs = self._store.costs()
        if not await self._hasher.verify(account.password, old, costs, is_known=True):
            now = self._clock.time()
            self._store.change(user, lambda a: count_failure(a, policy, now))
            raise PasswordError(["is not the present one"])
        return await self._set(account, new, policy, by_user=True)

    async def set_for(
        self, user: str, new: str, policy: PasswordPolicy, *, by_user: bool = False
    ) -> Account:
        """Give a user another password without the old one; all sessions of that user end.

        `by_user`: it is the user who does so, and not an administrator.

        Raises:
            PasswordError: something is against it.
        """
        return await self._set(self._account(user), new, policy, by_user=by_user)

    async def make_first(self, user: str, new: str, policy: PasswordPolicy) -> str:
        """Return the hash of a password for a user who has no account yet; see `set_first`.

        Raises:
            PasswordError: something is against it.
        """
        is_fips = self._hasher.is_fips
        if problems := list(password_problems(policy, user, new, is_fips=is_fips)):
            raise PasswordError(problems)
        return await self._hasher.make(new)

    def set_first(self, user: str, hashed: str, policy: PasswordPolicy) -> Account:
        """Give a user whose account has just been made the password that was chosen for it."""
        now = self._clock.time()
        return self._store.change(
            user, lambda account: set_password(account, hashed, policy, now, by_user=False)
        )

    async def _set(
        self, account: Account, new: str, policy: PasswordPolicy, *, by_user: bool
    ) -> Account:
        is_fips = self._hasher.is_fips
        problems = list(password_problems(policy, account.name, new, is_fips=is_fips))
        if problems:
            raise PasswordError(problems)
        if await self._hasher.is_any(banned_hashes(account, policy), new):
            raise PasswordError(["was used before"])
        hashed, now = await self._hasher.make(new), self._clock.time()
        return self._store.change(
            account.name, lambda a: set_password(a, hashed, policy, now, by_user=by_user)
        )

    def _account(self, user: str) -> Account:
        account = self._store.load(user)
        if account is None:
            raise KeyError(user)
        return account


async def begin_first_start(
    store: AccountStore,
    hasher: Hasher,
    clock: Clock,
    provided: str = "",
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Make sure that `admin` can get in for the first time (ROLE-12); return what to print.

    That is a one-time password, to be shown on the console once and kept nowhere; "" when there
    is nothing to show. `provided` comes from a provisioning file: a password or the hash of one.
    Until `admin` has chosen a password, each start makes a new one: the last one may have been
    lost with the screen that it stood on.

    Raises:
        PasswordError: what is provided cannot be a password.
        ValueError: what is provided looks like a hash and is none.
        AccountStoreError: the accounts cannot be read or written.
    """
    account = store.add(ADMIN)
    if account.password and account.change is not Change.FIRST_START:
        return ""
    provided = provided.strip()
    printed = "" if provided else make_one_time_password(random(RANDOM_BYTES))
    if provided.startswith("$"):
        hashed = str(parse_password_hash(provided))
        if hasher.read(hashed) is None:
            raise ValueError("FIPS mode takes hashes of the form $pbkdf2-sha256$ only")
    else:
        problems = list(password_problems(PasswordPolicy(), ADMIN, provided or printed))
        if problems:
            raise PasswordError(problems)
        hashed = await hasher.make(provided or printed)
    now = clock.time()
    store.change(ADMIN, lambda a: set_first_password(a, hashed, now))
    return printed
