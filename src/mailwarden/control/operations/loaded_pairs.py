"""Certificates with their keys that came in a configuration file (admin XML-32).

They go into the store at once, and are used once the entries that name them are committed.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mailwarden.control.candidate import edits
from mailwarden.control.operations import certificates
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.xml.key_material import KeyPair
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.pair import Pair
from mailwarden.stores.configuration.tree import Tree

COLLECTION = "certificates"


class Opened(NamedTuple):
    """A pair of a file that can be used."""

    name: str
    new: certificates.New


class Kept(NamedTuple):
    """The tree with the entries of what is kept now, and what is to be told."""

    tree: Tree
    remarks: tuple[str, ...]


async def open_pairs(desk: Desk, pairs: Iterable[KeyPair]) -> list[Opened]:
    """Return the pairs of a file.

    Raises:
        RefusedOperationError: one of them cannot be used; nothing is kept.
    """
    opened = []
    for pair in pairs:
        content = f"{pair.private_key.strip()}\n{pair.certificate.strip()}\n"
        try:
            opened.append(Opened(pair.name, await certificates.open_pem(desk, content)))
        except RefusedOperationError as error:
            raise RefusedOperationError(f"key_material.{pair.name}: {error}") from error
    return opened


def keep_pairs(desk: Desk, tree: Tree, opened: Iterable[Opened]) -> Kept:
    """Keep what is not in the store yet; raises RefusedOperationError where that cannot be."""
    remarks = []
    for name, new in opened:
        entry = certificates.entries_of(tree).get(name)
        if entry is not None and (entry.get("certificate") or entry.get("key")):
            remarks.append(f"The certificate {name} is in files of yours; its keys were ignored.")
            continue
        if (
            _held(desk, name, "" if entry is None else str(entry.get("fingerprint", "")))
            == new.pair
        ):
            continue
        made = certificates.keep(desk, name, entry, new, "loaded with a configuration")
        tree = edits.put(tree, (COLLECTION, name), made)
        remarks.append(f"The certificate {name} came with its key, and is used after a commit.")
    return Kept(tree, tuple(remarks))


def _held(desk: Desk, name: str, fingerprint: str) -> Pair | None:
    try:
        return desk.administration.certificates.load(name, fingerprint).pair
    except (KeyError, CertificateRefusedError, OSError):
        return None
