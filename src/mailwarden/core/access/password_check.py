"""Trying a password so that the time taken tells nothing of whose it was (PWD-05)."""

import hashlib
from collections.abc import Iterable

from mailwarden.core.access.password_hash import (
    SALT_BYTES,
    Cost,
    PasswordHash,
    Scheme,
    compute_digest,
)


def verify_evenly(hashed: PasswordHash | None, password: str, costs: Iterable[Cost]) -> bool:
    """Tell whether `password` is the one; None is somebody who has none, or does not exist.

    `costs` are those of all accounts and of the policy. Whoever is asked about, as much is
    computed: the iterations of the dearest PBKDF2 hash, and each kind of argon2id hash once. In
    the long run all hashes are of the policy's kind, and that is one computation. Use a thread.
    """
    is_right = hashed.verify(password) if hashed is not None else False
    done = hashed.cost if hashed is not None else None
    every = set(costs)
    for cost in every:
        if cost.scheme is not Scheme.PBKDF2 and cost != done:
            compute_digest(b"", bytes(SALT_BYTES), cost)
    done_rounds = done.rounds if done is not None and done.scheme is Scheme.PBKDF2 else 0
    dearest = max((c.rounds for c in every if c.scheme is Scheme.PBKDF2), default=0)
    if dearest > done_rounds:
        hashlib.pbkdf2_hmac("sha256", b"", bytes(SALT_BYTES), dearest - done_rounds)
    return is_right
