"""Secrets in a configuration file: masked, encrypted or plain (admin XML-20, XML-21).

Encrypted is AES-256-GCM, under a key of this node or one derived from a passphrase. Each value is
bound to its setting: moved to another, where it might be shown, it does not decrypt.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

MASK: Final = "*****"
KEY_BYTES: Final = 32
ITERATIONS: Final = 600_000  # of PBKDF2-HMAC-SHA-256
ITERATIONS_MAX: Final = 4_000_000  # that a file may ask for; some seconds
PASSPHRASE_LENGTH_MAX: Final = 1024

_NONCE_BYTES: Final = 12  # NIST SP 800-38D, 8.2.2: random, so at most 2^32 values under one key
_SALT_BYTES: Final = 16
_FINGERPRINT_LABEL: Final = b"mailwarden configuration export key\0"
_NODE_KEY: Final = re.compile(r"node:([0-9a-f]{16})\Z")
_PASSPHRASE: Final = re.compile(r"pbkdf2-sha256:([0-9]{1,8}):([A-Za-z0-9+/]{22}==)\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")

RandomBytes = Callable[[int], bytes]


class Protection(Enum):
    """How secrets are written. The values are those of the question and of the file."""

    MASK = "masked"
    ENCRYPT = "encrypted"
    PLAIN = "plain"


def choices(*, fips: bool) -> tuple[Protection, ...]:
    """Return what may be chosen, in the order of the question; in FIPS mode nothing is plain."""
    both = (Protection.MASK, Protection.ENCRYPT)
    return both if fips else (*both, Protection.PLAIN)


def parse_choice(answer: str, *, fips: bool) -> Protection:
    """Return what `1`, `2` or `3` chooses; `Y` is the first and `N` the third, "" the default.

    Raises:
        ValueError: it is none of what may be chosen.
    """
    numbers = {"": 0, "y": 0, "yes": 0, "n": 2, "no": 2, "1": 0, "2": 1, "3": 2}
    allowed = choices(fips=fips)
    index = numbers.get(answer.strip().lower(), -1)
    if not 0 <= index < len(allowed):
        numbered = ", ".join(map(str, range(1, len(allowed) + 1)))
        raise ValueError(f"choose one of {numbered}")
    return allowed[index]


def is_masked(text: str) -> bool:
    """Tell whether a secret is only asterisks."""
    return bool(text) and not text.strip("*")


@dataclass(frozen=True, slots=True)
class Seal:
    """A key, and how the file names it: `node:<fingerprint>` or `pbkdf2-sha256:<n>:<salt>`."""

    key: bytes
    name: str

    def encrypt(self, text: str, path: str, random_bytes: RandomBytes) -> str:
        """Return what stands in the file for the secret of the setting `path`."""
        from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415  10 ms, rarely needed
            AESGCM,
        )

        nonce = random_bytes(_NONCE_BYTES)
        sealed = AESGCM(self.key).encrypt(nonce, text.encode(), path.encode())
        return base64.b64encode(nonce + sealed).decode("ascii")

    def decrypt(self, token: str, path: str) -> str:
        """Return the secret of the setting `path`.

        Raises:
            ValueError: it was encrypted with another key or for another setting, or was changed.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  10 ms, rarely needed
        from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415  the same
            AESGCM,
        )

        try:
            content = _decode(token)
            opened = AESGCM(self.key).decrypt(
                content[:_NONCE_BYTES], content[_NONCE_BYTES:], path.encode()
            )
            return opened.decode()
        except (InvalidTag, ValueError) as error:
            what = "cannot be decrypted: another key or passphrase, or the text was changed"
            raise ValueError(what) from error


def node_seal(key: bytes) -> Seal:
    """Return the seal of a node's export key, which has 32 bytes."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"an export key has {KEY_BYTES} bytes")
    fingerprint = hashlib.sha256(_FINGERPRINT_LABEL + key).hexdigest()[:16]
    return Seal(key, f"node:{fingerprint}")


def passphrase_seal(passphrase: str, random_bytes: RandomBytes) -> Seal:
    """Return a seal under a new salt. Takes some tenths of a second, on purpose.

    Raises:
        ValueError: the passphrase is empty or too long.
    """
    salt = base64.b64encode(random_bytes(_SALT_BYTES)).decode("ascii")
    return _derived(passphrase, ITERATIONS, salt)


def seal_for(name: str, *, node_key: bytes | None, passphrase: str | None) -> Seal:
    """Return the seal that a file names.

    Raises:
        ValueError: the key is not here, or there is no such kind of key.
    """
    if match := _NODE_KEY.match(name):
        if node_key is None or node_seal(node_key).name != name:
            raise ValueError(
                f"the secrets were encrypted on another node (key {match[1]}); save the file with "
                "a passphrase there"
            )
        return node_seal(node_key)
    match = _PASSPHRASE.match(name)
    if match is None:
        raise ValueError("names no kind of key that is known here")
    iterations = int(match[1])
    if not ITERATIONS <= iterations <= ITERATIONS_MAX:
        raise ValueError(f"asks for other than {ITERATIONS} to {ITERATIONS_MAX} iterations")
    if passphrase is None:
        raise ValueError("the secrets are encrypted with a passphrase, which is needed")
    return _derived(passphrase, iterations, match[2])


def needs_passphrase(name: str) -> bool:
    """Tell whether the key that a file names is one of a passphrase."""
    return _PASSPHRASE.match(name) is not None


def _derived(passphrase: str, iterations: int, salt: str) -> Seal:
    if not 0 < len(passphrase) <= PASSPHRASE_LENGTH_MAX:
        raise ValueError(f"a passphrase has 1 to {PASSPHRASE_LENGTH_MAX} letters")
    key = hashlib.pbkdf2_hmac(
        "sha256", passphrase.encode(), base64.b64decode(salt), iterations, KEY_BYTES
    )
    return Seal(key, f"pbkdf2-sha256:{iterations}:{salt}")


def _decode(token: str) -> bytes:
    text = "".join(token.split())
    if not _TOKEN.match(text):
        raise ValueError("is no base64")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("is no base64") from error
