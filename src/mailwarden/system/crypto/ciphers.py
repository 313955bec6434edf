"""Lists of TLS ciphers as OpenSSL writes them (ciphers(1)), and what they come to on this machine.

They say which suites TLS 1.2 and older may use. The three suites of TLS 1.3 are always there and
have nothing to choose from that is weak.
"""

import re
from typing import Final, NamedTuple

DEFAULT_CIPHERS: Final = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES"
    ":!aNULL:!eNULL:!aDSS:!PSK:!SRP:!AESCCM"
)
CIPHERS_LENGTH_MAX: Final = 1000

# Level 0 would let certificates in that anybody can forge, also where they are verified.
_WELL_FORMED: Final = re.compile(r"(?:[A-Za-z0-9_+\-!:, .=]|@STRENGTH|@SECLEVEL=[1-5])+")
# These need a secret that mail servers do not share: OpenSSL never chooses them here.
_SHARED_SECRET: Final = re.compile(r"(?:auth|kx)-.*(?:psk|srp)")
# Of TLS 1.2 in FIPS mode (admin 5.8); all that end in one of these digests are AES-GCM or CBC.
_FIPS: Final = re.compile(r"(?:ECDHE-(?:RSA|ECDSA)|DHE-RSA)-AES(?:128|256)-(?:GCM-)?SHA(?:256|384)")


class CipherSuite(NamedTuple):
    """A suite that a list allows."""

    name: str  # of OpenSSL
    protocol: str  # the oldest version that has it: `TLSv1.2`
    key_exchange: str  # `ecdhe`; `any` in TLS 1.3, as the next
    authentication: str  # `rsa`
    encryption: str  # `aes-256-gcm`
    bits: int  # of the key


def parse_ciphers(text: str) -> str:
    """Return a list of ciphers as it was written.

    Raises:
        ValueError: OpenSSL does not understand it, or it allows what protects nothing.
    """
    if len(text) > CIPHERS_LENGTH_MAX:
        raise ValueError(f"a list of ciphers has at most {CIPHERS_LENGTH_MAX} characters")
    list_ciphers(text)
    return text


def list_ciphers(text: str) -> tuple[CipherSuite, ...]:
    """Return the suites that a list comes to, best first, those of TLS 1.3 included.

    Raises:
        ValueError: as `parse_ciphers`.
    """
    if not _WELL_FORMED.fullmatch(text[: CIPHERS_LENGTH_MAX + 1]):
        raise ValueError(
            f"{text[:80]!r} is no list of ciphers; one reads as `ECDHE+AESGCM:DHE+AESGCM:!aNULL`"
        )
    import ssl  # noqa: PLC0415  20 ms, only for lists other than the default

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.set_ciphers(text)
    except ssl.SSLError as error:
        raise ValueError(f"{text[:80]!r} allows no cipher that OpenSSL has") from error
    suites = []
    for found in context.get_ciphers():
        name = found["name"]
        if _SHARED_SECRET.match(found["auth"]) or _SHARED_SECRET.match(found["kea"]):
            continue
        if found["auth"] == "auth-null":
            raise ValueError(f"{name} goes without any certificate; add `:!aNULL`")
        if found["symmetric"] is None:
            raise ValueError(f"{name} does not encrypt; add `:!eNULL`")
        suites.append(
            CipherSuite(
                name,
                found["protocol"],
                found["kea"].removeprefix("kx-"),
                found["auth"].removeprefix("auth-"),
                found["symmetric"],
                found["strength_bits"],
            )
        )
    if all(suite.protocol == "TLSv1.3" for suite in suites):
        raise ValueError(f"{text[:80]!r} allows no cipher for TLS 1.2")
    return tuple(suites)


def is_for_fips(suite: CipherSuite) -> bool:
    """Tell whether FIPS mode allows a suite; those of TLS 1.3 are not steered by lists."""
    return suite.protocol == "TLSv1.3" or _FIPS.fullmatch(suite.name) is not None
