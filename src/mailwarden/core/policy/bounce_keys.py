"""The file of the keys of bounce verification (mailflow 7.6), as text.

```text
# digit  since                 replaced              secret
1        2026-11-24T10:15:02Z  -                     Zk3vTq1X0p9sLw8d
0        2026-05-01T08:00:00Z  2026-11-24T10:15:02Z  pQ9cJm2rB7uYx4Ke
```

The current key comes first. A secret is a text, so that it can be carried to other gateways.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

from mailwarden.core.mail.bounce_tag import KEYS_MAX, TagKey, TagKeys

SECRET_LENGTH_MIN: Final = 12
SECRET_LENGTH_MAX: Final = 64
FILE_SIZE_MAX: Final = 64 * 1024
_SECRET: Final = re.compile(r"[!-~]+\Z")
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_NEVER: Final = "-"
_HEADING: Final = (
    "# Keys of bounce verification, the current one first; `mailwarden bounce-keys` keeps them.\n"
    "# Whoever knows them can forge bounces.\n"
    "# digit  since                 replaced              secret\n"
)


def parse_keys(text: str) -> TagKeys:
    """Return the keys in a file. Of their use it says only when they began.

    Raises:
        ValueError: something is wrong; the message names the line.
    """
    keys: list[TagKey] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            key = _parse_key(words)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if key.retired_at is None and keys:
            raise ValueError(f"line {number}: the current key stands first; this one is another")
        if key.retired_at is not None and not keys:
            raise ValueError(f"line {number}: the first key is the current one, and not replaced")
        if any(other.secret == key.secret for other in keys):
            raise ValueError(f"line {number}: this key is there twice")
        keys.append(key)
        if len(keys) > KEYS_MAX:
            raise ValueError(f"line {number}: there are more than {KEYS_MAX} keys")
    return TagKeys(tuple(keys))


def build_keys(keys: TagKeys) -> str:
    """Return text that `parse_keys` reads as the same keys, but for their use."""
    lines = [
        f"{key.digit}        {show_time(key.used_at)}  {show_time(key.retired_at):<20}  "
        f"{key.secret.decode('ascii')}\n"
        for key in keys.keys
    ]
    return _HEADING + "".join(lines)


def parse_secret(text: str) -> bytes:
    """Return a secret.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    secret = text.strip()
    if not SECRET_LENGTH_MIN <= len(secret) <= SECRET_LENGTH_MAX or not _SECRET.match(secret):
        raise ValueError(
            f"a key has {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} ASCII letters, digits and "
            "signs, and no blanks"
        )
    return secret.encode("ascii")


def fingerprint(key: TagKey) -> str:
    """Return letters that tell keys apart and give none away."""
    return hashlib.sha256(b"bounce key " + key.secret).hexdigest()[:8]


def show_time(at: float | None) -> str:
    """Return a time as it stands in the file; None is never."""
    return _NEVER if at is None else datetime.fromtimestamp(at, UTC).strftime(_TIME)


def _parse_key(words: list[str]) -> TagKey:
    if len(words) != 4:
        raise ValueError("a key has four words: digit, since, replaced, secret")
    digit, since, retired, secret = words
    if len(digit) != 1 or digit not in "0123456789":
        raise ValueError("a key begins with a digit")
    return TagKey(
        parse_secret(secret),
        int(digit),
        _parse_time(since),
        None if retired == _NEVER else _parse_time(retired),
    )


def _parse_time(text: str) -> float:
    try:
        at = datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        at = -1.0
    if at < 0:  # years before 1000 do not read back
        raise ValueError("a time has the form 2026-11-24T10:15:02Z, from 1970 on")
    return at
