"""Hashes of passwords as text, `$algo$params$salt$hash`, and how they are computed (PWD-04).

PBKDF2-HMAC-SHA-256 (RFC 8018, 5.2) is what FIPS mode allows; argon2id (RFC 9106) makes guessing
cost memory as well. Salt and hash are base64 without padding.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core.access.password import normal_form, password_fault

ITERATIONS: Final = 600_000  # for new hashes; about a seventh of a second of one processor
ITERATIONS_MIN: Final = 1000
ITERATIONS_MAX: Final = 10_000_000
MEMORY_KIB_MAX: Final = 256 * 1024
PASSES_MAX: Final = 16
LANES_MAX: Final = 8
SALT_BYTES: Final = 16
SALT_BYTES_MIN: Final = 8
SALT_BYTES_MAX: Final = 64
DIGEST_BYTES: Final = 32
TEXT_LENGTH_MAX: Final = 300

_PBKDF2_PARAMS: Final = re.compile(r"i=([1-9][0-9]{0,7})")
_ARGON2_PARAMS: Final = re.compile(r"m=([1-9][0-9]{0,6}),t=([1-9][0-9]?),p=([1-9])")


class Scheme(Enum):
    """How a hash is computed; the value is what its text begins with."""

    PBKDF2 = "pbkdf2-sha256"
    ARGON2ID = "argon2id"


@dataclass(frozen=True, slots=True)
class Cost:
    """What computing a hash takes: as much for whoever guesses as for us.

    For PBKDF2 only `rounds` counts, the iterations. For argon2id `rounds` are the passes over
    `memory_kib`, in `lanes`.
    """

    scheme: Scheme
    rounds: int
    memory_kib: int = 0
    lanes: int = 0

    def __post_init__(self) -> None:
        """Refuse what would be no hash, or take the machine down."""
        if self.scheme is Scheme.PBKDF2:
            if not ITERATIONS_MIN <= self.rounds <= ITERATIONS_MAX or self.memory_kib or self.lanes:
                raise ValueError(f"iterations may be from {ITERATIONS_MIN} to {ITERATIONS_MAX}")
        elif not (
            1 <= self.rounds <= PASSES_MAX
            and 1 <= self.lanes <= LANES_MAX
            and 8 * self.lanes <= self.memory_kib <= MEMORY_KIB_MAX  # RFC 9106, 3.1
        ):
            raise ValueError(
                f"argon2id takes m up to {MEMORY_KIB_MAX} KiB and 8 for each lane or more, t from "
                f"1 to {PASSES_MAX}, p from 1 to {LANES_MAX}"
            )

    def __str__(self) -> str:
        """Return the cost as it stands in the text of a hash."""
        if self.scheme is Scheme.PBKDF2:
            return f"${self.scheme.value}$i={self.rounds}"
        return f"${self.scheme.value}$m={self.memory_kib},t={self.rounds},p={self.lanes}"

    def is_below(self, wanted: "Cost") -> bool:
        """Whether a hash of this cost is to be made anew where `wanted` is the policy."""
        if self.scheme is not wanted.scheme:
            return True
        return self.rounds * max(1, self.memory_kib) < wanted.rounds * max(1, wanted.memory_kib)


PBKDF2: Final = Cost(Scheme.PBKDF2, ITERATIONS)
ARGON2ID: Final = Cost(Scheme.ARGON2ID, rounds=3, memory_kib=64 * 1024, lanes=1)


def policy_cost(*, is_fips: bool) -> Cost:
    """Return what new hashes cost: argon2id, but in FIPS mode PBKDF2."""
    return PBKDF2 if is_fips else ARGON2ID


def is_usable(cost: Cost, *, is_fips: bool) -> bool:
    """Whether a hash of this cost may be tried at all: FIPS mode knows no argon2id (5.8)."""
    return cost.scheme is Scheme.PBKDF2 or not is_fips


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is kept instead of a password."""

    cost: Cost
    salt: bytes
    digest: bytes

    def __post_init__(self) -> None:
        """Refuse what cannot be the hash of anything."""
        if not SALT_BYTES_MIN <= len(self.salt) <= SALT_BYTES_MAX:
            raise ValueError(f"the salt needs {SALT_BYTES_MIN} to {SALT_BYTES_MAX} bytes")
        if len(self.digest) != DIGEST_BYTES:
            raise ValueError(f"the hash needs {DIGEST_BYTES} bytes")

    def __str__(self) -> str:
        """Return the text that `parse_password_hash` reads."""
        return f"{self.cost}${_encode(self.salt)}${_encode(self.digest)}"

    def __repr__(self) -> str:
        """Return what may stand in a log or a traceback: nothing that could be tried."""
        return f"<hash {self.cost}>"

    def verify(self, password: str) -> bool:
        """Tell whether `password` is the one. Takes a tenth of a second and more: use a thread."""
        secret = normal_form(password)
        is_possible = not password_fault(secret)
        found = compute_digest(secret if is_possible else b"", self.salt, self.cost)
        return hmac.compare_digest(found, self.digest) and is_possible


def make_password_hash(password: str, salt: bytes, cost: Cost) -> PasswordHash:
    """Return the hash of `password`; `salt` is fresh and random. Use a thread.

    Raises:
        ValueError: the password is empty, too long, or has control characters in it.
    """
    secret = normal_form(password)
    if fault := password_fault(secret):
        raise ValueError(f"the password {fault}")
    return PasswordHash(cost, salt, compute_digest(secret, salt, cost))


def compute_digest(secret: bytes, salt: bytes, cost: Cost) -> bytes:
    """Return the hash of `secret`, a password in its normal form. Use a thread."""
    if cost.scheme is Scheme.PBKDF2:
        return hashlib.pbkdf2_hmac("sha256", secret, salt, cost.rounds)
    # Not loaded in FIPS mode, nor by workers.
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415  see above

    return Argon2id(
        salt=salt,
        length=DIGEST_BYTES,
        iterations=cost.rounds,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    ).derive(secret)


def parse_password_hash(text: str) -> PasswordHash:
    """Return the hash that `text` is.

    Raises:
        ValueError: it is none; the message says why, and repeats nothing of it.
    """
    parts = text.split("$") if len(text) <= TEXT_LENGTH_MAX else []
    if len(parts) != 5 or parts[0]:
        raise ValueError("a password's hash has the form $algo$params$salt$hash")
    return PasswordHash(_parse_cost(parts[1], parts[2]), _decode(parts[3]), _decode(parts[4]))


def _parse_cost(scheme: str, params: str) -> Cost:
    if scheme == Scheme.PBKDF2.value and (match := _PBKDF2_PARAMS.fullmatch(params)):
        return Cost(Scheme.PBKDF2, int(match[1]))
    if scheme == Scheme.ARGON2ID.value and (match := _ARGON2_PARAMS.fullmatch(params)):
        return Cost(Scheme.ARGON2ID, int(match[2]), int(match[1]), int(match[3]))
    raise ValueError(
        "a password's hash begins with $pbkdf2-sha256$i=600000$ or $argon2id$m=65536,t=3,p=1$"
    )


def _decode(text: str) -> bytes:
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("salt and hash are base64 without padding") from error
    if _encode(found) != text:  # the last letter may have bits that say nothing
        raise ValueError("salt and hash are base64 without padding")
    return found


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")
