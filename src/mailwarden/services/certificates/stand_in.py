"""Certificates that the gateway signs itself, lest there is none where one is needed."""

from collections.abc import Mapping
from typing import Final

from mailwarden.services.certificates.acme.settings import AcmeCertificate
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.requests import Wanted, make_key, sign_self
from mailwarden.services.certificates.store import CertificateStore

SYSTEM: Final = "system"  # the certificate that does for every purpose (admin CRT-10)
STAND_IN_DAYS: Final = 30
SYSTEM_DAYS: Final = 3650

_COMMON_NAME_MAX: Final = 64


def stand_in(
    store: CertificateStore, certificates: Mapping[str, AcmeCertificate], now: float
) -> list[str]:
    """Let each certificate that is missing be signed by itself until it comes; return names.

    So listeners can use them at once.

    Raises:
        OSError: the store cannot be written.
    """
    made = []
    for name, wanted in certificates.items():
        if name not in store.names():
            _sign(store, name, wanted.domains, STAND_IN_DAYS, now)
            made.append(name)
    return made


def make_system(store: CertificateStore, hostname: str, now: float) -> None:
    """Make the certificate `system`, unless it is there; raises OSError as `stand_in`."""
    if SYSTEM not in store.names():
        _sign(store, SYSTEM, (hostname,), SYSTEM_DAYS, now)


def _sign(
    store: CertificateStore, name: str, names: tuple[str, ...], days: int, now: float
) -> None:
    about = Wanted(common_name=names[0][:_COMMON_NAME_MAX], names=names, days=days)
    store.add(name, sign_self(make_key(KeyType.P_256), about, now))
