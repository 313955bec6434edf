"""Certificates in memory where OpenSSL wants files: nothing is written to a disk."""

import contextlib
import os
from collections.abc import Iterator

from mailwarden.system.crypto.settings import CertificateFiles


@contextlib.contextmanager
def certificate_in_memory(certificate: bytes, key: bytes) -> Iterator[CertificateFiles]:
    """Give a certificate with its chain and its key, both in PEM, as files while they load."""
    with contextlib.ExitStack() as opened:
        yield CertificateFiles(
            certificate=_file("certificate", certificate, opened), key=_file("key", key, opened)
        )


def _file(name: str, content: bytes, opened: contextlib.ExitStack) -> str:
    descriptor = os.memfd_create(name)
    opened.callback(os.close, descriptor)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return f"/proc/self/fd/{descriptor}"
