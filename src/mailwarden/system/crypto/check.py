"""What is wrong with certificate files, in the administrator's words."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from mailwarden.core.problem import Problem
from mailwarden.system.crypto.settings import CertificateFiles
from mailwarden.system.crypto.tls import CertificateError, load_authorities, load_certificate
from mailwarden.system.crypto.validity import read_validities

WARNING_SECONDS: Final = 30 * 86400


def check_files(files: CertificateFiles, *, verify_client: bool = False) -> Iterator[Problem]:
    """Yield what keeps `files` from being used: missing, malformed, key of another certificate.

    Dates do not matter here: a gateway whose certificate has run out still takes mail.
    """
    try:
        load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), files)
    except CertificateError as error:
        yield Problem(error.setting, str(error))
    if files.client_ca:
        try:
            load_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), files.client_ca)
        except CertificateError as error:
            yield Problem(error.setting, str(error))
    elif verify_client:
        yield Problem(
            "client_ca", "is missing, but client certificates are to be verified against it"
        )


def warn_of_dates(files: CertificateFiles, now: float) -> Iterator[Problem]:
    """Yield what is not valid at `now` (seconds since the epoch) or will not be in 30 days.

    These are warnings: nothing stops working here, but peers may refuse the certificate. Files
    that cannot be read are left to `check_files`.
    """
    for field, path in (("certificate", files.certificate), ("client_ca", files.client_ca)):
        try:
            validities = read_validities(path) if path else []
        except (OSError, ValueError):
            continue
        if not validities:
            continue
        starts_at = max(validity.starts_at for validity in validities)
        ends_at = min(validity.ends_at for validity in validities)
        if ends_at < now:
            yield Problem(field, f"{path} has run out on {_day(ends_at)}; renew it")
        elif starts_at > now:
            yield Problem(field, f"{path} is valid only from {_day(starts_at)} on")
        elif ends_at < now + WARNING_SECONDS:
            yield Problem(field, f"{path} runs out on {_day(ends_at)}; renew it before")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
