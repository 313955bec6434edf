"""What the administrator sets of certificates and of TLS."""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.core.problem import Problem
from mailwarden.core.setting import setting
from mailwarden.system.crypto.ciphers import (
    DEFAULT_CIPHERS,
    is_for_fips,
    list_ciphers,
    parse_ciphers,
)
from mailwarden.system.crypto.validity import parse_validity

AUTHORITIES_MAX: Final = 500  # the list of a system has 150
AUTHORITY_BYTES_MAX: Final = 16 * 1024  # of one certificate in DER
_PEM_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_PEM_END: Final = "-----END CERTIFICATE-----"
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{32}")


def parse_fingerprint(text: str) -> str:
    """Return what tells the certificates that are kept under one name from one another.

    Raises:
        ValueError: it is none.
    """
    if not _FINGERPRINT.fullmatch(text):
        raise ValueError("takes 32 digits of `0-9 a-f`")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """A certificate with its chain, and its private key: in PEM files, or kept by the gateway."""

    certificate: str = setting(
        "",
        "File of the certificate and its intermediates; empty, as `key`, is that the gateway keeps "
        "it under this name, see `certconfig`.",
        is_path=True,
    )
    key: str = setting("", "File of the private key.", is_path=True)
    fingerprint: str = setting(
        "",
        "Which of those that the gateway keeps under this name; `certconfig` sets it where one has "
        "taken the place of another.",
        parse=parse_fingerprint,
    )
    client_ca: str = setting(
        "", "File of the authorities that client certificates are verified against.", is_path=True
    )

    @property
    def is_kept(self) -> bool:
        """Whether the gateway keeps it itself."""
        return not self.certificate and not self.key

    def problems(self) -> Iterator[Problem]:
        """Yield halves."""
        if bool(self.certificate) is not bool(self.key):
            missing = "key" if self.certificate else "certificate"
            yield Problem(missing, "is missing; without both, the gateway keeps the certificate")
        elif self.fingerprint and self.certificate:
            yield Problem("fingerprint", "is of certificates that are in no files of yours")


class TlsVersion(Enum):
    """A version of TLS; older ones than 1.2 are for peers that have no other (RFC 8996)."""

    TLS_1_0 = "TLSv1.0"
    TLS_1_1 = "TLSv1.1"
    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"

    @property
    def rank(self) -> int:
        """Its place, the oldest first."""
        return list(TlsVersion).index(self)

    @property
    def is_deprecated(self) -> bool:
        """Whether its signatures are of the weak kind (RFC 8996)."""
        return self.rank < TlsVersion.TLS_1_2.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProtocol:
    """Versions and ciphers for one kind of connection."""

    minimum_version: TlsVersion = setting(
        TlsVersion.TLS_1_2,
        "Oldest version. Older ones than TLSv1.2 are insecure, and are only spoken where no "
        "certificate of the other side is verified.",
    )
    maximum_version: TlsVersion = setting(TlsVersion.TLS_1_3, "Newest version.")
    ciphers: str = setting(
        DEFAULT_CIPHERS,
        "Ciphers of TLS 1.2 and older, as `openssl ciphers` takes them; TLS 1.3 has its own.",
        examples=("ECDHE+AESGCM:DHE+AESGCM:!aNULL",),
        parse=parse_ciphers,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield versions that exclude one another."""
        if self.minimum_version.rank > self.maximum_version.rank:
            yield Problem("minimum_version", f"is newer than {self.maximum_version.value}")

    def fips_problems(self) -> Iterator[Problem]:
        """Yield what FIPS mode does not allow (admin 5.8)."""
        if self.minimum_version.is_deprecated:
            yield Problem("minimum_version", "has to be TLSv1.2 at least in FIPS mode")
        refused = [suite.name for suite in list_ciphers(self.ciphers) if not is_for_fips(suite)]
        if refused:
            yield Problem("ciphers", f"{', '.join(refused)}: not allowed in FIPS mode")


DEFAULT_PROTOCOL: Final = TlsProtocol()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """How TLS is spoken, for each kind of connection."""

    gui: TlsProtocol = setting(TlsProtocol, "With the browsers of administrators.")
    inbound: TlsProtocol = setting(TlsProtocol, "With hosts that send us mail.")
    outbound: TlsProtocol = setting(TlsProtocol, "With hosts that we send mail to.")


def parse_authority(text: str) -> str:
    """Return a certificate, written as base64 or PEM, as base64 of its DER in one line.

    Without the lines around it, as those mark what configuration files leave out (admin XML-31).

    Raises:
        ValueError: it is no certificate, or more than one.
    """
    body = "".join(text.split("\n")).strip()
    if body.startswith(_PEM_BEGIN) and body.endswith(_PEM_END):
        body = body.removeprefix(_PEM_BEGIN).removesuffix(_PEM_END)
    if len(body) > AUTHORITY_BYTES_MAX * 2:
        raise ValueError(f"a certificate has at most {AUTHORITY_BYTES_MAX} bytes")
    try:
        der = b64decode("".join(body.split()), validate=True)
        parse_validity(der)
    except (binascii.Error, ValueError, IndexError, OverflowError) as error:
        raise ValueError("is no certificate, in PEM or as base64") from error
    return b64encode(der).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySettings:
    """Whom the certificates of other servers have to lead to where they are verified."""

    system: bool = setting(True, "Trust the authorities that the system knows.")
    custom: tuple[str, ...] = setting(
        (),
        "More authorities: a certificate each, in PEM or as base64 of its DER.",
        parse=parse_authority,
        entries_max=AUTHORITIES_MAX,
    )

    def problems(self) -> Iterator[Problem]:
        """Yield lists that leave nobody to trust."""
        if not self.system and not self.custom:
            yield Problem("system", "is off and `custom` is empty: nobody would be trusted")


SYSTEM_AUTHORITIES: Final = AuthoritySettings()
