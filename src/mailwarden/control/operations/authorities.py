"""The list of authorities that the administrator adds to those of the system (admin CRT-08)."""

from collections.abc import Sequence

from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.exchange import read_import, write_export
from mailwarden.services.certificates.authorities import (
    AuthorityImport,
    export_authorities,
    import_authorities,
)
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.system.crypto.validity import FILE_BYTES_MAX


def import_list(desk: Desk, file: str, custom: Sequence[str]) -> AuthorityImport:
    """Return `custom` with the authorities of a file in PEM.

    Raises:
        RefusedOperationError: nothing in it can be used.
    """
    desk.require("certconfig")
    content = read_import(desk, file, bytes_max=FILE_BYTES_MAX)
    try:
        return import_authorities(content, custom, desk.administration.clock.time())
    except CertificateRefusedError as error:
        raise RefusedOperationError(f"{file}: {error}") from error


def export_list(desk: Desk, file: str, custom: Sequence[str]) -> None:
    """Write `custom` to a file in PEM.

    Raises:
        RefusedOperationError: it cannot be written.
    """
    desk.require("certconfig")
    try:
        content = export_authorities(custom)
    except CertificateRefusedError as error:
        raise RefusedOperationError(str(error)) from error
    write_export(desk, file, content)
