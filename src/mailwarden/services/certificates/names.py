"""Names of certificates, and texts of them that are fit to be shown."""

import re
from typing import Final

NAME_LENGTH_MAX: Final = 64  # admin CRT-06
SHOWN_LENGTH_MAX: Final = 500

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,62}[A-Za-z0-9._-])?")


class CertificateRefusedError(Exception):
    """A certificate, key or request cannot be used; the message says which and why."""


def parse_certificate_name(text: str) -> str:
    """Return the name of a certificate, which is that of its folder too (admin CRT-06).

    Raises:
        ValueError: it is none.
    """
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text[:80]!r} is no name of a certificate: it takes 1 to {NAME_LENGTH_MAX} of "
            "`A-Z a-z 0-9 . _ -` and blanks, and begins with a letter or digit"
        )
    return text


def shown(text: str) -> str:
    """Return what somebody else wrote, as one line without signs that a terminal obeys."""
    plain = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:SHOWN_LENGTH_MAX])
    return plain if len(text) <= SHOWN_LENGTH_MAX else f"{plain}..."
