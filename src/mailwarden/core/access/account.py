"""What is kept of a local user besides the configuration, and the rules of locks and passwords.

A value that never changes: each rule returns a new one. Nothing of it comes back with an older
configuration: who was locked stays locked, and an old password stays old.
"""

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core.access.one_time_code import FREE_FAILURES, wait_seconds
from mailwarden.core.access.password_policy import REUSE_MAX, PasswordPolicy
from mailwarden.core.access.roles import ADMIN

DAY_SECONDS: Final = 86_400
FAILURES_MAX: Final = 1_000_000  # counted; more say nothing more
SOURCES_MAX: Final = 8  # networks that a user is known to come from
SOURCE_AGE_MAX_SECONDS: Final = 90 * DAY_SECONDS


class Channel(Enum):
    """By which way somebody comes; the values are those of the log."""

    SSH = "ssh"
    GUI = "gui"
    API = "api"
    CONSOLE = "console"


class Lock(Enum):
    """Whether an account is locked, and by what."""

    NONE = "none"
    FAILURES = "failures"
    ADMINISTRATOR = "administrator"


class Change(Enum):
    """Why a password has to be changed before anything else."""

    NONE = "none"
    FIRST_START = "first start"  # it is the one-time password of a fresh node (ROLE-12)
    RESET = "reset"  # an administrator set it
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """One-time codes of a user. Until a first code was given, it is not asked for."""

    secret: bytes = dataclasses.field(repr=False)
    is_confirmed: bool = False
    last_step: int = -1  # the last code taken; see `matching_step`
    failures: int = 0  # wrong codes in a row, each behind a right password
    failed_at: float = 0.0
    recovery: tuple[str, ...] = dataclasses.field(default=(), repr=False)  # hashes of codes


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """A network from which the user has signed in with the right password."""

    network: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A local user's password and counters. Times are seconds since the epoch.

    `generation` goes up with each change that ends the user's sessions (ROLE-07).
    """

    name: str
    password: str = dataclasses.field(default="", repr=False)  # its hash; "" admits nobody
    password_at: float = 0.0
    change: Change = Change.NONE  # EXPIRED is never kept: it follows from `password_at`
    history: tuple[str, ...] = dataclasses.field(default=(), repr=False)  # earlier, newest first
    failures: int = 0  # wrong passwords in a row
    failed_at: float = 0.0
    lock: Lock = Lock.NONE
    locked_at: float = 0.0
    locked_by: str = ""  # the administrator
    signed_in_at: float = 0.0
    signed_in_from: str = ""
    second_factor: SecondFactor | None = None
    sources: tuple[KnownSource, ...] = ()
    generation: int = 0

    @property
    def is_locked(self) -> bool:
        """Whether nobody signs in, but `admin` at the console."""
        return self.lock is not Lock.NONE


def count_failure(account: Account, policy: PasswordPolicy, now: float) -> Account:
    """Count a wrong password, by whichever way it came (PWD-01); lock where that is the policy.

    An account whose lock is new has `lock` FAILURES where it was NONE: that is worth an alert.
    """
    failures = min(account.failures + 1, FAILURES_MAX)
    counted = dataclasses.replace(account, failures=failures, failed_at=now)
    if not policy.lock_after_failures or failures < policy.lock_after_failures or counted.is_locked:
        return counted
    return dataclasses.replace(counted, lock=Lock.FAILURES, locked_at=now)


def admits(account: Account, channel: Channel) -> bool:
    """Whether the right password gets in; no lock keeps `admin` from the console (CLI-04)."""
    return not account.is_locked or (account.name == ADMIN and channel is Channel.CONSOLE)


def locked_message(account: Account, policy: PasswordPolicy) -> str:
    """Return what is said to whoever has the right password of a locked account (3.2).

    Who was locked by failures hears nothing that a stranger would not hear.
    """
    return policy.locked_message if account.lock is Lock.ADMINISTRATOR else ""


def signed_in(account: Account, network: str, address: str, now: float) -> Account:
    """Return the account after its user has signed in: failures begin at 0 again.

    `network` is the source as `source_network` has it; it counts as known from now on.
    """
    recent = [
        source
        for source in account.sources
        if source.network != network and abs(now - source.at) < SOURCE_AGE_MAX_SECONDS
    ]
    sources = (KnownSource(network=network, at=now), *recent)[:SOURCES_MAX]
    return dataclasses.replace(
        account, failures=0, signed_in_at=now, signed_in_from=address, sources=sources
    )


def is_known_source(account: Account, network: str, now: float) -> bool:
    """Whether the user has signed in from `network` before, and not too long ago."""
    return any(
        source.network == network and abs(now - source.at) < SOURCE_AGE_MAX_SECONDS
        for source in account.sources
    )


def lock(account: Account, administrator: str, now: float) -> Account:
    """Lock an account by hand; its sessions end."""
    return dataclasses.replace(
        account,
        lock=Lock.ADMINISTRATOR,
        locked_at=now,
        locked_by=administrator,
        generation=account.generation + 1,
    )


def unlock(account: Account) -> Account:
    """Take the lock away; failures begin at 0 again. See `unlock_fault` first."""
    return dataclasses.replace(
        account, lock=Lock.NONE, locked_at=0.0, locked_by="", failures=0, failed_at=0.0
    )


def unlock_fault(account: Account, channel: Channel) -> str:
    """Return why the account cannot be unlocked from where the administrator is; "" if it can."""
    if account.name == ADMIN and channel is not Channel.CONSOLE:
        return f"{ADMIN} can be unlocked at the serial console only"
    return ""


def set_password(
    account: Account, hashed: str, policy: PasswordPolicy, now: float, *, by_user: bool
) -> Account:
    """Return the account with another password; sessions end.

    `hashed` is the hash of a password that `password_problems` and the history had nothing against.
    Set by an administrator it has to be changed at the next login, if the policy says so.
    """
    change = Change.RESET if policy.change_after_reset and not by_user else Change.NONE
    earlier = (account.password, *account.history) if account.password else account.history
    return dataclasses.replace(
        account,
        password=hashed,
        password_at=now,
        change=change,
        # The present one counts as the last of those that are banned.
        history=earlier[: max(0, min(policy.reuse_banned, REUSE_MAX) - 1)],
        generation=account.generation + 1,
    )


def set_first_password(account: Account, hashed: str, now: float) -> Account:
    """Return the account of a fresh node; the password is good for changing it (ROLE-12)."""
    return dataclasses.replace(
        account,
        password=hashed,
        password_at=now,
        change=Change.FIRST_START,
        generation=account.generation + 1,
    )


def rehashed(account: Account, hashed: str) -> Account:
    """Return the account with another hash of the same password: nothing else changes (PWD-04)."""
    return dataclasses.replace(account, password=hashed)


def banned_hashes(account: Account, policy: PasswordPolicy) -> tuple[str, ...]:
    """Return the hashes of passwords that the next one may not be.

    Where the password has to be changed, the present one is banned whatever the policy.
    """
    if not account.password:
        return ()
    count = policy.reuse_banned
    if account.change is not Change.NONE or policy.expires_days:
        count = max(count, 1)
    return (account.password, *account.history)[:count]


def change_needed(account: Account, policy: PasswordPolicy, now: float) -> Change:
    """Return why the password has to be changed now that its user has signed in."""
    if account.change is not Change.NONE:
        return account.change
    if policy.expires_days and now >= account.password_at + policy.expires_days * DAY_SECONDS:
        return Change.EXPIRED
    return Change.NONE


def days_to_expiry(account: Account, policy: PasswordPolicy, now: float) -> int | None:
    """Return for how many days the password is still good, if the user is to be reminded."""
    if not policy.expires_days or not policy.reminder_days:
        return None
    left = account.password_at + policy.expires_days * DAY_SECONDS - now
    if not 0 < left <= policy.reminder_days * DAY_SECONDS:
        return None
    return int(left // DAY_SECONDS)


def code_wait_seconds(factor: SecondFactor, now: float) -> float:
    """Return how long the next one-time code has to wait."""
    return wait_seconds(factor.failures, factor.failed_at, now)


def count_wrong_code(account: Account, now: float) -> Account:
    """Count a wrong one-time code."""
    factor = account.second_factor
    assert factor is not None
    failures = min(factor.failures + 1, FREE_FAILURES + 100)
    factor = dataclasses.replace(factor, failures=failures, failed_at=now)
    return dataclasses.replace(account, second_factor=factor)


def take_code(account: Account, step: int, recovery: tuple[str, ...] | None = None) -> Account:
    """Return the account after the code of `step` was right, or a recovery code.

    `recovery` are the hashes of the codes that remain, where one of them was used.
    """
    factor = account.second_factor
    assert factor is not None
    factor = dataclasses.replace(
        factor,
        is_confirmed=True,
        last_step=max(step, factor.last_step),
        failures=0,
        recovery=factor.recovery if recovery is None else recovery,
    )
    return dataclasses.replace(account, second_factor=factor)


def end_sessions(account: Account) -> Account:
    """Return the account after something changed that its sessions must not outlive (ROLE-07)."""
    return dataclasses.replace(account, generation=account.generation + 1)


def state_words(account: Account, policy: PasswordPolicy, now: float) -> str:
    """Return the state of an account as the list of users shows it (ROLE-02)."""
    match account.lock:
        case Lock.ADMINISTRATOR:
            return f"locked by {account.locked_by}"
        case Lock.FAILURES:
            return f"locked after {account.failures} failed logins"
        case Lock.NONE:
            is_expired = change_needed(account, policy, now) is Change.EXPIRED
            return "password expired" if is_expired else "active"
