"""Certificates and private keys in configuration files: mostly ignored (admin XML-30 to 32).

The configuration refers to certificates by name. Where keys are kept in an HSM, nothing of them is
ever written, and what a file has nevertheless is passed over and counted. With keys in files, pairs
are written beside the settings, unless secrets are masked.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailwarden.control.xml.document import Element

SECTION: Final = "key_material"  # holds a <pair name="..."> for each certificate with its key
PAIR: Final = "pair"
CERTIFICATE: Final = "certificate"
PRIVATE_KEY: Final = "private_key"  # also known where no PEM is inside
SECRET_PATH: Final = f"{SECTION}.{PAIR}.{PRIVATE_KEY}"  # what an encrypted key is bound to

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40})-----")  # RFC 7468, 2


class KeyStore(Enum):
    """Where a node keeps its private keys."""

    FILES = "files"
    HSM = "hsm"  # SoftHSM as well (XML-32)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its chain and its private key, both as PEM."""

    name: str
    certificate: str
    private_key: str


@dataclass(slots=True)
class Ignored:
    """How much key material was passed over."""

    certificates: int = 0
    keys: int = 0

    def __bool__(self) -> bool:
        return bool(self.certificates or self.keys)

    def count(self, element: Element) -> None:
        """Take everything in `element` as passed over."""
        certificates, keys = _counted(element.text)
        if not keys and element.name == PRIVATE_KEY and element.text.strip():
            keys = 1  # whatever form it has
        self.certificates += certificates
        self.keys += keys
        for child in element.children:
            self.count(child)

    def warning(self, store: KeyStore) -> str:
        """Return the text of XML-31; without an HSM there is no FIPS Backup/Restore."""
        how = "FIPS Backup/Restore" if store is KeyStore.HSM else "certconfig"
        counts = f"{self.certificates} certificates, {self.keys} keys"
        return f"Warning: certificate and key data in this file was ignored ({counts}). Use {how}."


def has_material(text: str) -> bool:
    """Tell whether a value holds a certificate or a private key."""
    return "-----BEGIN " in text and any(_counted(text))


def holds_material(element: Element) -> bool:
    """Tell whether there is a certificate or private key anywhere in `element`."""
    if has_material(element.text) or (element.name == PRIVATE_KEY and element.text.strip()):
        return True
    return any(holds_material(child) for child in element.children)


def _counted(text: str) -> tuple[int, int]:
    labels = _BLOCK.findall(text)
    keys = sum(label.endswith("PRIVATE KEY") for label in labels)
    certificates = sum(label.endswith("CERTIFICATE") for label in labels)
    return certificates, keys
