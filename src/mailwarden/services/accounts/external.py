"""Servers that know users besides the local ones: what is asked of them, and what it comes to."""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final, NamedTuple, Protocol

from mailwarden.core.access.custom_role import CustomRole
from mailwarden.core.access.password import normal_form
from mailwarden.core.access.roles import AnyRole, find_role, most_restrictive

CACHE_ENTRIES_MAX: Final = 1000


class Verdict(Enum):
    """What a server says of a user and a password."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"  # no server gave an answer that counts


class ExternalAnswer(NamedTuple):
    """`groups` is what the user belongs to, as rows name it; `detail` is for the log."""

    verdict: Verdict
    groups: tuple[str, ...] = ()
    detail: str = ""


class ExternalAuthentication(Protocol):
    """A way of asking other servers.

    `rejects_for_good`: whether somebody whom they reject is not tried as a local user (EXT-04).
    """

    @property
    def rejects_for_good(self) -> bool:
        """Whether a rejection is final."""
        ...

    async def ask(self, user: str, password: str, address: str) -> ExternalAnswer:
        """Return what the servers say. Takes no longer than their time-outs together."""
        ...


def external_role(
    groups: Iterable[str],
    rows: Mapping[str, str],
    role_of_all: str,
    custom: Mapping[str, CustomRole],
) -> AnyRole:
    """Return the role of somebody who was accepted; None refuses.

    Several rows may fit: the most restrictive role wins (ROLE-06), and a row whose role was
    deleted is more restrictive than all others.
    """
    if role_of_all:
        return find_role(role_of_all, custom)
    return most_restrictive(find_role(rows[group], custom) for group in groups if group in rows)


class AcceptedCache:
    """Who was accepted a short while ago, with which password (EXT-01).

    Passwords are kept as a keyed hash, whose key is known to this process alone.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._answers: OrderedDict[bytes, tuple[float, ExternalAnswer]] = OrderedDict()

    def find(self, user: str, password: str, now: float) -> ExternalAnswer | None:
        """Return the answer that still holds; None if there is none. `now` is monotonic."""
        held = self._answers.get(self._digest(user, password))
        return held[1] if held is not None and now < held[0] else None

    def keep(self, user: str, password: str, answer: ExternalAnswer, until: float) -> None:
        """Let an answer hold for a while; the oldest one goes when there are too many."""
        digest = self._digest(user, password)
        self._answers.pop(digest, None)
        self._answers[digest] = (until, answer)
        while len(self._answers) > CACHE_ENTRIES_MAX:
            self._answers.popitem(last=False)

    def clear(self) -> None:
        """Forget all: servers or roles are other ones now."""
        self._answers.clear()

    def _digest(self, user: str, password: str) -> bytes:
        name = normal_form(user)
        text = len(name).to_bytes(8, "big") + name + normal_form(password)
        return hmac.digest(self._key, text, hashlib.sha256)
