"""The one-time password of a fresh node (ROLE-12)."""

from typing import Final

RANDOM_BYTES: Final = 20
# Without letters that look alike on a console, and without vowels, which make words.
_LETTERS: Final = "bcdfghjkmnpqrstvwxz23456789"
_GROUP: Final = 5


def make_one_time_password(random: bytes) -> str:
    """Return a password of RANDOM_BYTES random bytes: four groups of five, 90 bits and more."""
    letters = "".join(_LETTERS[byte * len(_LETTERS) // 256] for byte in random)
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))
