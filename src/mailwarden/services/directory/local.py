"""Users and password hashes in a local file, for SMTP AUTH.

One user a line: `user:pbkdf2-sha256:iterations:salt:hash`, salt and hash in base64; empty lines
and lines that begin with `#` are passed over. The hash is PBKDF2-HMAC-SHA256 (RFC 8018, 5.2).
Users and passwords are compared in the normal form of RFC 8265 (NFC, case kept).
"""

import base64
import binascii
import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from mailwarden.core.access.password import normal_form, password_fault
from mailwarden.core.access.password_hash import (
    DIGEST_BYTES,
    ITERATIONS,
    ITERATIONS_MAX,
    ITERATIONS_MIN,
    SALT_BYTES,
    SALT_BYTES_MIN,
)

CREDENTIALS_SIZE_MAX: Final = 16 * 1024 * 1024
USER_BYTES_MAX: Final = 255
_SCHEME: Final = "pbkdf2-sha256"


class Entry(NamedTuple):
    """What is known of one user's password."""

    iterations: int
    salt: bytes
    hash: bytes


class Credentials:
    """All users of a file. Never changed once made."""

    __slots__ = ("_iterations_max", "entries")

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries: Final = MappingProxyType(dict(entries))
        counts = (entry.iterations for entry in entries.values())
        self._iterations_max: Final = max(counts, default=ITERATIONS)

    def __len__(self) -> int:
        return len(self.entries)

    def verify(self, user: str, password: str) -> bool:
        """Tell whether `password` is that of `user`.

        Takes a tenth of a second and more of processor time: call it in a thread. It takes the
        same for a user that does not exist, and for one whose entry is cheaper to try.
        """
        secret = normal_form(password)
        entry = self.entries.get(unicodedata.normalize("NFC", user))
        is_possible = not password_fault(secret)
        tried = entry or Entry(self._iterations_max, bytes(SALT_BYTES), bytes(DIGEST_BYTES))
        found = _hash(secret if is_possible else b"", tried.salt, tried.iterations)
        spare = self._iterations_max - tried.iterations
        if spare > 0:
            _hash(b"", tried.salt, spare)
        is_equal = hmac.compare_digest(found, tried.hash)
        return is_equal and entry is not None and is_possible


def make_entry(password: str, salt: bytes, iterations: int = ITERATIONS) -> Entry:
    """Return the entry for `password`; `salt` is fresh and random.

    Raises:
        ValueError: the password is empty, too long, or has control characters in it.
    """
    secret = normal_form(password)
    fault = password_fault(secret)
    if fault:
        raise ValueError(f"the password {fault}")
    return Entry(iterations, salt, _hash(secret, salt, iterations))


def parse_user(text: str) -> str:
    """Return the name of a user in its normal form.

    Raises:
        ValueError: it cannot be one; the message says why.
    """
    user = unicodedata.normalize("NFC", text)
    if not user or user != user.strip():
        raise ValueError("a user's name is empty or has blanks around it")
    if not user.isprintable() or ":" in user or user.startswith("#"):
        raise ValueError("a user's name has no colon, no control characters and no # in front")
    if len(normal_form(user)) > USER_BYTES_MAX:
        raise ValueError(f"a user's name is at most {USER_BYTES_MAX} bytes long")
    return user


def load_credentials(path: Path) -> Credentials:
    """Return the users in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not such a file; the message names the line.
    """
    with path.open("rb") as file:
        return parse_credentials(file.read(CREDENTIALS_SIZE_MAX + 1))


def parse_credentials(content: bytes) -> Credentials:
    """Return the users in the content of a file.

    Raises:
        ValueError: it is not such a file; the message names the line.
    """
    if len(content) > CREDENTIALS_SIZE_MAX:
        raise ValueError(f"larger than {CREDENTIALS_SIZE_MAX} bytes")
    entries: dict[str, Entry] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            user, entry = _parse_line(line.decode("utf-8").rstrip("\r"))
            if user in entries:
                raise ValueError(f"the user {user} is listed twice")
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        entries[user] = entry
    return Credentials(entries)


def encode_credentials(entries: Iterable[tuple[str, Entry]]) -> bytes:
    """Return the content of a file that holds `entries`."""
    return "".join(
        f"{user}:{_SCHEME}:{entry.iterations}:{_encode(entry.salt)}:{_encode(entry.hash)}\n"
        for user, entry in entries
    ).encode()


def _parse_line(line: str) -> tuple[str, Entry]:
    parts = line.split(":")
    if len(parts) != 5 or parts[1] != _SCHEME:
        raise ValueError(
            f"needs the form user:{_SCHEME}:iterations:salt:hash; write it with "
            "`mailwarden credentials add`"
        )
    user, _, count, salt, digest = parts
    iterations = int(count) if count.isascii() and count.isdigit() and len(count) < 9 else 0
    if not ITERATIONS_MIN <= iterations <= ITERATIONS_MAX:
        raise ValueError(f"iterations may be from {ITERATIONS_MIN} to {ITERATIONS_MAX}")
    entry = Entry(iterations, _decode(salt), _decode(digest))
    if len(entry.salt) < SALT_BYTES_MIN or len(entry.hash) != DIGEST_BYTES:
        raise ValueError(f"the salt needs {SALT_BYTES_MIN} bytes or more, the hash {DIGEST_BYTES}")
    return parse_user(user), entry


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"salt and hash are base64: {error}") from error


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _hash(secret: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", secret, salt, iterations)
