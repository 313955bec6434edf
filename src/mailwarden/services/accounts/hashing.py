"""Computes hashes of passwords beside the event loop, users who are known apart from strangers."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mailwarden.core.access.password_check import verify_evenly
from mailwarden.core.access.password_hash import (
    SALT_BYTES,
    Cost,
    PasswordHash,
    is_usable,
    make_password_hash,
    parse_password_hash,
    policy_cost,
)

_T = TypeVar("_T")


class Hasher:
    """Makes and tries hashes.

    There are two threads and no more: strangers wait for strangers, known users for known users,
    and the mail goes on beside them.
    """

    def __init__(
        self,
        *,
        is_fips: bool = False,
        cost: Cost | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.is_fips = is_fips
        self.cost = cost or policy_cost(is_fips=is_fips)
        self._random = random
        self._known = ThreadPoolExecutor(1, "passwords")
        self._strangers = ThreadPoolExecutor(1, "strangers")

    def close(self) -> None:
        """Let the threads end once they have done what is under way."""
        self._known.shutdown(cancel_futures=True)
        self._strangers.shutdown(cancel_futures=True)

    async def make(self, password: str) -> str:
        """Return the hash of a password, by the policy.

        Raises:
            ValueError: it can be no password.
        """
        salt = self._random(SALT_BYTES)
        return await self._run(lambda: str(make_password_hash(password, salt, self.cost)))

    async def verify(
        self, hashed: str, password: str, costs: Iterable[Cost], *, is_known: bool
    ) -> bool:
        """Tell whether `password` is that of `hashed`; "" is nobody's.

        Takes the same for every `hashed` whose cost is among `costs`.
        """
        usable = {cost for cost in costs if is_usable(cost, is_fips=self.is_fips)} | {self.cost}
        tried = self.read(hashed)
        return await self._run(lambda: verify_evenly(tried, password, usable), is_known=is_known)

    async def is_any(self, hashes: Sequence[str], password: str) -> bool:
        """Tell whether `password` is one of several, without hiding which."""
        tried = [each for each in map(self.read, hashes) if each is not None]
        return await self._run(lambda: any(each.verify(password) for each in tried))

    def read(self, hashed: str) -> PasswordHash | None:
        """Return a hash that may be tried; None for none, and for one that FIPS mode forbids."""
        if not hashed:
            return None
        found = parse_password_hash(hashed)
        return found if is_usable(found.cost, is_fips=self.is_fips) else None

    def is_outdated(self, hashed: str) -> bool:
        """Whether a password is to be hashed anew, as the policy asks for more (PWD-04)."""
        found = self.read(hashed)
        return found is not None and found.cost.is_below(self.cost)

    async def _run(self, work: Callable[[], _T], *, is_known: bool = True) -> _T:
        executor = self._known if is_known else self._strangers
        return await asyncio.get_running_loop().run_in_executor(executor, work)
