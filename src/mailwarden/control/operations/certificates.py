"""Certificates and keys that the gateway keeps: ways in, out, and what is known of them.

Keys go into the store at once. What uses them is the configuration: a new certificate is an entry
of it that is pending, and one that takes the place of another is kept beside it and named by its
fingerprint in the pending entry. So nothing in use changes before the commit.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple, TypeVar

from mailwarden.control.config.certificates import certificate_users
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.exchange import read_import, write_export
from mailwarden.control.operations.missing_certificates import standing_in
from mailwarden.control.xml.key_material import KeyPair
from mailwarden.services.certificates.facts import CertificateFacts, facts_of
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.names import CertificateRefusedError
from mailwarden.services.certificates.opener import Form, open_material
from mailwarden.services.certificates.opening import CONTENT_BYTES_MAX
from mailwarden.services.certificates.pair import Pair, make_pair
from mailwarden.services.certificates.requests import Wanted, make_key, make_request, sign_self
from mailwarden.services.certificates.stand_in import SYSTEM, make_system
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.stores.configuration.tree import Tree

COMMAND: Final = "certconfig"
AUDITED: Final = "certificate"

Entry = Mapping[str, Any]  # of `certificates` in a tree
T = TypeVar("T")


class New(NamedTuple):
    """A pair that is to be kept, and what an authority is asked with."""

    pair: Pair
    request: bytes = b""


class Listed(NamedTuple):
    """A certificate, as it is pending or kept. Without facts, `trouble` says why."""

    name: str
    is_kept: bool  # else it is in files of the administrator
    is_configured: bool
    users: tuple[str, ...]
    facts: CertificateFacts | None
    chain: tuple[CertificateFacts, ...] = ()
    request: str = ""  # PEM
    trouble: str = ""


async def open_pkcs12(desk: Desk, file: str, password: str) -> New:
    """Return what is in a PKCS#12 file of the administrators' folder.

    Raises:
        RefusedOperationError: it cannot be used.
    """
    desk.require(COMMAND)
    content = read_import(desk, file, bytes_max=CONTENT_BYTES_MAX)
    return New(await _opened(lambda: make_pair(open_material(Form.PKCS12, content, password))))


async def open_pem(desk: Desk, content: str, password: str = "") -> New:
    """Return certificate, key and intermediates, pasted in any order; raises as the above."""
    desk.require(COMMAND)
    encoded = content.encode("utf-8", "surrogateescape")
    return New(await _opened(lambda: make_pair(open_material(Form.PEM, encoded, password))))


async def make_new(desk: Desk, kind: KeyType, wanted: Wanted) -> New:
    """Return a new key, with a certificate that it signs itself and a request for a better one.

    Raises:
        RefusedOperationError: no certificate can say that.
    """
    desk.require(COMMAND)
    problems = [f"{each.path} {each.message}" for each in wanted.problems()]
    if problems:
        raise RefusedOperationError("\n".join(problems))
    now = desk.administration.clock.time()

    def make() -> New:
        key = make_key(kind)
        return New(sign_self(key, wanted, now), make_request(key, wanted))

    return await _opened(make)


async def join_signed(desk: Desk, name: str, entry: Entry, content: str) -> New:
    """Return the key of `name` with the certificate that an authority made for it.

    Raises:
        RefusedOperationError: it is not for that key, or cannot be used.
    """
    desk.require(COMMAND)
    return await _joined(_store(desk).join_signed, name, entry, content)


async def join_intermediates(desk: Desk, name: str, entry: Entry, content: str) -> New:
    """Return the certificate `name` with other intermediates; raises as the above."""
    desk.require(COMMAND)
    return await _joined(_store(desk).join_intermediates, name, entry, content)


def keep(desk: Desk, name: str, entry: Entry | None, new: New, how: str) -> dict[str, Any]:
    """Put `new` into the store under `name`; return what its entry of the configuration is to be.

    `entry` is what it is now, and `how` says for the audit log where it came from. What is in the
    store under that name stays there.

    Raises:
        RefusedOperationError: it cannot be kept.
    """
    desk.require(COMMAND)
    with _refused(name):
        kept = {} if entry is None else {k: entry[k] for k in ("client_ca",) if k in entry}
        store = _store(desk)
        in_force = desk.administration.config.certificates.get(name)
        is_there = name in store.names()
        if not is_there:
            store.add(name, new.pair, new.request)
        if is_there or in_force is not None:  # then there has to be something to commit
            in_use = {"" if in_force is None else in_force.fingerprint}
            in_use.add(str((entry or {}).get("fingerprint", "")))
            kept["fingerprint"] = store.keep_beside(name, new.pair, in_use)
        fingerprint = facts_of(new.pair.certificate).fingerprint
        desk.record(AUDITED, f"{name}: {how}, SHA-256 {fingerprint}")
        return kept


def export_pkcs12(desk: Desk, name: str, entry: Entry, file: str, password: str) -> None:
    """Write a certificate with its key to a file, under a password.

    Raises:
        RefusedOperationError: it cannot be.
    """
    desk.require(COMMAND)
    with _refused(name):
        pair = _store(desk).load(name, str(entry.get("fingerprint", ""))).pair
        content = pair.to_pkcs12(name, password)
    write_export(desk, file, content)
    desk.record(AUDITED, f"{name}: exported with its key to {file}")


def delete(desk: Desk, name: str) -> bool:
    """Delete the keys of a certificate that the pending configuration does not name any more.

    Where the one in force names it, that is put off until the session commits; return whether they
    are gone.

    Raises:
        RefusedOperationError: the store cannot be written.
    """
    desk.require(COMMAND)
    if name in desk.administration.config.certificates:
        desk.to_forget.add(name)
        return False
    with _refused(name):
        _forget(desk, name)
    return True


def forget_deleted(desk: Desk) -> None:
    """Delete the keys that wait for the session's commit, which has been made.

    While the commit waits for its confirmation, none goes: the version before may come back.
    """
    administration = desk.administration
    names, desk.to_forget = desk.to_forget, set()
    if administration.versions.store.awaiting() is not None:
        return
    for name in names - set(administration.config.certificates):
        with _refused(name):
            _forget(desk, name)


def present_certificates(desk: Desk) -> set[str]:
    """Return the names of certificates that the session's changes may use.

    Those that an authority is still to give out count; and that of the system, which can be made.

    Raises:
        RefusedOperationError: the store cannot be read, or the system's is to be made and cannot.
    """
    table = desk.candidate.tree.get("acme")
    ordered = table.get("certificates") if isinstance(table, dict) else None
    if SYSTEM in entries_of(desk.candidate.tree):
        ensure_system(desk)
    with _refused(""):
        return {*_store(desk).names(), *(ordered if isinstance(ordered, dict) else ()), SYSTEM}


def ensure_system(desk: Desk) -> None:
    """Make the system certificate, unless it is there.

    Raises:
        RefusedOperationError: the store cannot be written.
    """
    administration = desk.administration
    with _refused(SYSTEM):
        make_system(_store(desk), administration.config.hostname, administration.clock.time())


def key_pairs(store: CertificateStore, config: GatewayConfig) -> tuple[KeyPair, ...]:
    """Return the certificates of a configuration that the gateway keeps, to be saved with it."""
    pairs = []
    for name, files in config.certificates.items():
        if files.is_kept:
            with suppress(KeyError, CertificateRefusedError):
                pair = store.load(name, files.fingerprint).pair
                texts = (each.decode("ascii") for each in (pair.certificate_pem, pair.key_pem))
                pairs.append(KeyPair(name, *texts))
    return tuple(pairs)


def list_all(desk: Desk, tree: Tree) -> list[Listed]:
    """Return the certificates of a tree, such as that of the session, and all that are kept."""
    store, users, entries = _store(desk), users_in(desk, tree), entries_of(tree)
    listed = []
    for name in sorted({*entries, *store.names()}):
        entry = entries.get(name, {})
        configured, used = name in entries, tuple(users.get(name, ()))
        if entry.get("certificate"):
            listed.append(Listed(name, False, configured, used, None, trouble="in files of yours"))
            continue
        try:
            held = store.load(name, str(entry.get("fingerprint", "")))
        except KeyError:
            listed.append(Listed(name, True, configured, used, None, trouble="not present"))
        except (CertificateRefusedError, OSError) as error:
            listed.append(Listed(name, True, configured, used, None, trouble=str(error)))
        else:
            chain = tuple(facts_of(each) for each in held.pair.chain)
            facts, request = facts_of(held.pair.certificate), held.request.decode("ascii")
            listed.append(Listed(name, True, configured, used, facts, chain, request))
    return listed


def entries_of(tree: Tree) -> Mapping[str, Entry]:
    """Return the certificates that are configured in a tree."""
    table = tree.get("certificates")
    return (
        {n: e if isinstance(e, dict) else {} for n, e in table.items()}
        if isinstance(table, dict)
        else {}
    )


def users_in(desk: Desk, tree: Tree) -> dict[str, list[str]]:
    """Return who uses each certificate of a tree, in words."""
    config = desk.administration.build(standing_in(tree))
    users = certificate_users(config)
    for name in config.acme.certificates:
        users.setdefault(name, []).append("ACME")
    return users


def _store(desk: Desk) -> CertificateStore:
    return desk.administration.certificates


def _forget(desk: Desk, name: str) -> None:
    if name in _store(desk).names():
        _store(desk).remove(name, lambda _: ())
        desk.record(AUDITED, f"{name}: deleted with its key")


async def _joined(
    join: Callable[[str, bytes, str], Pair], name: str, entry: Entry, content: str
) -> New:
    encoded = content.encode("utf-8", "surrogateescape")
    fingerprint = str(entry.get("fingerprint", ""))
    with _refused(name):
        return New(await asyncio.to_thread(join, name, encoded, fingerprint))


async def _opened(work: Callable[[], T]) -> T:
    """Do what takes seconds; nobody else waits for it."""
    with _refused(""):
        return await asyncio.to_thread(work)


@contextmanager
def _refused(name: str) -> Iterator[None]:
    try:
        yield
    except KeyError:
        raise RefusedOperationError(f"there is no certificate {name}") from None
    except (CertificateRefusedError, ValueError) as error:
        raise RefusedOperationError(str(error)) from error
    except OSError as error:
        text = f"the store of certificates cannot be used: {error.strerror or error}"
        raise RefusedOperationError(text) from error
