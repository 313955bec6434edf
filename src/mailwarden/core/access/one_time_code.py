"""One-time passwords as a second factor (RFC 4226, RFC 6238), and recovery codes.

Six digits every 30 seconds, HMAC-SHA-1: what all authenticator apps know. The weakness of SHA-1
to collisions does not touch HMAC, and FIPS mode allows it there.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

SECRET_BYTES: Final = 20  # RFC 4226, 4, R6
STEP_SECONDS: Final = 30
DIGITS: Final = 6
WINDOW_STEPS: Final = 1  # before and after: clocks differ, and people type slowly
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10  # 16 letters; too many to guess, so that a plain hash keeps them
# After so many wrong codes in a row each further one has to wait: a code has but six digits, and
# whoever tries them here knows the password.
FREE_FAILURES: Final = 5
WAIT_SECONDS: Final = 60
WAIT_SECONDS_MAX: Final = 3600


def make_code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code for a step, the seconds since the epoch divided by 30 (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, code: str, now: float, last_step: int) -> int | None:
    """Return the step that `code` is of; None if it is wrong, too old, or was used.

    `last_step` is the step of the last code that was taken, -1 if none was: a code is good once
    (RFC 6238, 5.2), and so is none before it.
    """
    typed = "".join(code.split()).encode("utf-8", "surrogatepass")
    present = int(now // STEP_SECONDS)
    found = None
    for step in range(present - WINDOW_STEPS, present + WINDOW_STEPS + 1):
        # All are compared, so that the time taken does not tell which one it was.
        is_equal = hmac.compare_digest(make_code(secret, max(step, 0)).encode(), typed)
        if is_equal and step > last_step and found is None:
            found = step
    return found


def wait_seconds(failures: int, failed_at: float, now: float) -> float:
    """Return how long the next code has to wait after `failures` wrong ones in a row."""
    if failures < FREE_FAILURES:
        return 0.0
    doubled = min(failures - FREE_FAILURES, 10)  # beyond that the longest wait is reached
    wait = min(WAIT_SECONDS * 2.0**doubled, WAIT_SECONDS_MAX)
    # A clock that was set back must not shut anybody out for longer than the wait.
    return min(max(failed_at + wait - now, 0.0), wait)


def enrolment_uri(secret: bytes, user: str, gateway: str) -> str:
    """Return what an authenticator app reads as a QR code (Key Uri Format)."""
    issuer = "Mailwarden"
    label = quote(f"{issuer}:{user}@{gateway}", safe="@:")
    return (
        f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={issuer}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )


def secret_text(secret: bytes) -> str:
    """Return a secret as people type it into an app: base32."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def make_recovery_code(random: bytes) -> str:
    """Return a code, `xxxx-xxxx-xxxx-xxxx`, of RECOVERY_BYTES random bytes."""
    text = base64.b32encode(random).decode("ascii").lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def hash_recovery_code(code: str) -> str:
    """Return what is kept of a recovery code, however it is typed."""
    plain = "".join(c for c in code.lower() if c.isalnum())
    # What looks alike is read as what base32 has of it.
    plain = plain.replace("0", "o").replace("1", "l").replace("8", "b")
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def use_recovery_code(hashes: Sequence[str], code: str) -> tuple[str, ...] | None:
    """Return the hashes that remain when `code` is used; None if it is none of them."""
    typed = hash_recovery_code(code)
    remaining = tuple(each for each in hashes if not hmac.compare_digest(each, typed))
    return remaining if len(remaining) < len(hashes) else None
