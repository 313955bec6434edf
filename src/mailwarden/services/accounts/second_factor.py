"""Gives users one-time codes as a second factor, and takes them away."""

import dataclasses
import secrets
from collections.abc import Callable
from typing import NamedTuple

from mailwarden.core.access.account import (
    Account,
    SecondFactor,
    code_wait_seconds,
    count_wrong_code,
    end_sessions,
    take_code,
)
from mailwarden.core.access.one_time_code import (
    RECOVERY_BYTES,
    RECOVERY_CODES,
    SECRET_BYTES,
    enrolment_uri,
    hash_recovery_code,
    make_recovery_code,
    matching_step,
    secret_text,
    use_recovery_code,
)
from mailwarden.services.accounts.store import AccountStore
from mailwarden.system.clock.clock import Clock


class Enrolment(NamedTuple):
    """What a user needs to set up an app: the URI as a QR code, or the secret to type."""

    uri: str
    secret: str


class SecondFactors:
    """Enrols users for one-time codes.

    All methods raise KeyError if there is no account of that name, and AccountStoreError.
    """

    def __init__(
        self,
        store: AccountStore,
        clock: Clock,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    def begin(self, user: str, gateway: str) -> Enrolment:
        """Make a secret that counts once `confirm` has seen a code of it.

        Raises:
            ValueError: the user has a second factor; it has to be removed first.
        """
        secret = self._random(SECRET_BYTES)

        def start(account: Account) -> Account:
            if account.second_factor is not None and account.second_factor.is_confirmed:
                raise ValueError(f"{user} has one-time codes already; remove them first")
            return dataclasses.replace(account, second_factor=SecondFactor(secret=secret))

        self._store.change(user, start)
        return Enrolment(enrolment_uri(secret, user, gateway), secret_text(secret))

    def confirm(self, user: str, code: str) -> tuple[str, ...]:
        """Let the second factor count from now on; return recovery codes, to be shown once.

        Raises:
            ValueError: nothing was begun, or the code is wrong.
        """
        codes = tuple(
            make_recovery_code(self._random(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)
        )
        now = self._clock.time()

        def finish(account: Account) -> Account:
            factor = account.second_factor
            if factor is None or factor.is_confirmed:
                raise ValueError(f"{user} has not begun to set up one-time codes")
            if code_wait_seconds(factor, now) > 0:
                raise ValueError("too many wrong codes; try again later")
            step = matching_step(factor.secret, code, now, factor.last_step)
            if step is None:
                return count_wrong_code(account, now)
            return take_code(account, step, tuple(map(hash_recovery_code, codes)))

        factor = self._store.change(user, finish).second_factor
        if factor is None or not factor.is_confirmed:
            raise ValueError("the code is wrong; is the clock of the device right?")
        return codes

    def remove_own(self, user: str, code: str) -> Account:
        """Take the own second factor away, which a code or recovery code proves to be at hand.

        Raises:
            ValueError: the code is wrong, or there is nothing to take away.
        """
        now = self._clock.time()

        def finish(account: Account) -> Account:
            factor = account.second_factor
            if factor is None or not factor.is_confirmed:
                raise ValueError(f"{user} has no one-time codes")
            if code_wait_seconds(factor, now) > 0:
                raise ValueError("too many wrong codes; try again later")
            step = matching_step(factor.secret, code, now, factor.last_step)
            if step is None and use_recovery_code(factor.recovery, code) is None:
                return count_wrong_code(account, now)
            return end_sessions(dataclasses.replace(account, second_factor=None))

        account = self._store.change(user, finish)
        if account.second_factor is not None:
            raise ValueError("the code is wrong")
        return account

    def remove(self, user: str) -> None:
        """Take the second factor away; sessions that rested on it end."""
        self._store.change(
            user, lambda account: end_sessions(dataclasses.replace(account, second_factor=None))
        )
