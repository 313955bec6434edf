"""Committing a session's changes, looking at them, dropping them, and going back (admin 1.5)."""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from mailwarden.control.candidate.candidate import Candidate, Conflict, ConflictError
from mailwarden.control.candidate.diff import Change
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import ConfigError
from mailwarden.control.operations import new_users, own_access
from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.certificates import (
    ensure_system,
    forget_deleted,
    present_certificates,
)
from mailwarden.control.operations.committable import check_commit
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.dry_start import NETWORK, start_problems
from mailwarden.control.operations.gateway import ActivationError, GatewayError
from mailwarden.control.operations.missing_certificates import (
    Missing,
    missing_certificates,
    with_system_certificate,
)
from mailwarden.control.operations.reserved import check_reserved
from mailwarden.control.operations.versions import (
    MIGRATIONS,
    MODEL,
    NothingToCommitError,
    Proposal,
    texts_of,
)
from mailwarden.core.access.access_list import CONFIRM_SECONDS, NetworkAccess
from mailwarden.stores.configuration.errors import StoreError
from mailwarden.stores.configuration.record import Author, Version, clean_comment

CONFIRM_TOLD: Final = (
    f"Settings of the network came from a file: they are taken back in {CONFIRM_SECONDS / 60:.0f} "
    'minutes unless you run "confirmcommit".'
)
VERSIONS_LISTED: Final = 20  # COM-08
SHUT_OUT: Final = (
    "By the new access list {}. The commit cuts it, and is taken back after 5 minutes unless you "
    'run "confirmcommit" from an address that is allowed.'
)
NOT_FROM_HERE: Final = "This cannot be confirmed from here: {}."


class Done(NamedTuple):
    """A version that is in force now, and what is worth to know about it."""

    version: Version
    notes: tuple[str, ...]


class ConflictingError(RefusedOperationError):
    """Others have committed the same sections (COM-02)."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__("others have changed the same sections")
        self.conflicts = tuple(conflicts)


class MissingCertificateError(RefusedOperationError):
    """Certificates are named that are not there; `use_system_certificate` is a way out (XML-33)."""

    def __init__(self, missing: Sequence[Missing]) -> None:
        self.missing = tuple(missing)
        named = (f'{each.user} uses certificate "{each.name}"' for each in self.missing)
        super().__init__("\n".join(f"{text}, which is not present." for text in named))


class Settlement(Enum):
    """What to do about conflicts."""

    DISCARD = "discard"  # my changes of these sections
    OVERWRITE = "overwrite"


async def commit(desk: Desk, comment: str = "", *, confirm_seconds: float = 0.0) -> Done:
    """Put the session's changes in force.

    Whoever would not get in again by the changed access list has to confirm it (ACC-04).

    Raises:
        NothingToCommitError: there are none.
        ConflictingError: others have committed the same; `settle` is the way out.
        MissingCertificateError: a certificate is named that is not there.
        RefusedOperationError: it may not be, is wrong, or the gateway cannot work by it.
    """
    desk.require("commit")
    try:
        comment = clean_comment(comment)
    except ValueError as error:
        raise RefusedOperationError(str(error)) from error
    desk.follow()
    new_users.forget_others(desk)
    candidate = desk.candidate
    changes = candidate.changes(MODEL)
    if not changes:
        raise NothingToCommitError
    check_reserved(desk, changes)
    if conflicts := candidate.conflicts(MODEL):
        raise ConflictingError(conflicts)
    if missing := missing_certificates(candidate.tree, present_certificates(desk)):
        raise MissingCertificateError(missing)
    administration = desk.administration
    after = check_commit(desk, candidate)
    confirm_seconds, notes = _confirmation(desk, changes, after, confirm_seconds)
    proposal = _prepare(desk, candidate, comment, confirm_seconds)
    done = await put_in_force(administration, proposal, lambda: new_users.set_passwords(desk))
    desk.candidate = Candidate.of(administration.versions.last())
    desk.loaded = frozenset()
    forget_deleted(desk)
    return Done(done.version, (*done.notes, *notes))


def warning(desk: Desk) -> str:
    """Return what whoever commits has to hear before, as the connection is cut then (ACC-04)."""
    try:
        after = desk.administration.build(desk.candidate.tree).administration
    except ConfigError:
        return ""  # what is wrong is said by the commit
    reason = _shut_out_by(desk, after.network_access)
    return SHUT_OUT.format(reason) if reason else ""


def _shut_out_by(desk: Desk, access: NetworkAccess) -> str:
    """Return why whoever makes `access` the access list could not come again by it."""
    if access == desk.administration.config.administration.network_access:
        return ""
    return own_access.shut_out_by(desk, access)


def use_system_certificate(desk: Desk, missing: Sequence[Missing]) -> None:
    """Put the system certificate in the place of missing ones; raises RefusedOperationError."""
    ensure_system(desk)
    tree = with_system_certificate(desk.candidate.tree, missing)
    desk.candidate = desk.candidate.load(tree, MODEL)


def _confirmation(
    desk: Desk, changes: Sequence[Change], after: GatewayConfig, seconds: float
) -> tuple[float, tuple[str, ...]]:
    """Return within how many seconds the commit is to be confirmed, and what is to be told of it.

    Raises:
        RefusedOperationError: what came from a file would leave the gateway unreachable (XML-36).
    """
    access = after.administration.network_access
    notes = []
    if any(change.path[0] in desk.loaded & NETWORK for change in changes if change.path):
        if problems := [*start_problems(desk, after)]:
            raise RefusedOperationError("\n".join(f"{e.path}: {e.message}" for e in problems))
        if not seconds:
            seconds = CONFIRM_SECONDS
            notes.append(CONFIRM_TOLD)
    if _shut_out_by(desk, access):
        seconds = min(seconds or CONFIRM_SECONDS, CONFIRM_SECONDS)
    return seconds, tuple(notes)


def settle(desk: Desk, settlement: Settlement) -> None:
    """Let the session's changes agree with what others have committed."""
    desk.follow()
    last = desk.administration.versions.last()
    assert last is not None
    if settlement is Settlement.DISCARD:
        desk.candidate = desk.candidate.discard(last, MODEL)
        new_users.forget_others(desk)
    else:
        desk.candidate = desk.candidate.overwrite(last)


def clear(desk: Desk) -> None:
    """Drop the session's changes (COM-06)."""
    desk.require("clearchanges")
    desk.candidate = Candidate.of(desk.administration.versions.last())
    desk.new_passwords.clear()
    desk.loaded = frozenset()
    desk.to_forget.clear()


def stage_version(desk: Desk, number: int) -> None:
    """Make an old version the session's changes (COM-08).

    Raises:
        RefusedOperationError: there is none, or it is no longer kept.
    """
    desk.require("rollbackconfig")
    versions = desk.administration.versions
    try:
        old = versions.store.read(number)
        tree = MIGRATIONS.migrate(old.tree, old.version.schema).tree
    except StoreError as error:
        raise RefusedOperationError(str(error)) from error
    candidate = Candidate.of(versions.last()).load(tree, MODEL)
    check_reserved(desk, candidate.changes(MODEL))
    desk.candidate, desk.loaded = candidate, frozenset()


async def put_in_force(
    administration: Administration,
    proposal: Proposal,
    afterwards: Callable[[], Sequence[str]] = tuple,
) -> Done:
    """Let the gateway work by a version that was prepared, and keep it.

    `afterwards` does what is to be done once it is in force; it returns what is worth to know.
    It goes on to its end when whoever waits for it is gone: a session may be ended at any moment.

    Raises:
        RefusedOperationError: the gateway cannot; the version is forgotten.
    """
    work = asyncio.ensure_future(_put_in_force(administration, proposal, afterwards))
    administration.under_way.add(work)
    work.add_done_callback(administration.under_way.discard)
    return await asyncio.shield(work)


async def _put_in_force(
    administration: Administration, proposal: Proposal, afterwards: Callable[[], Sequence[str]]
) -> Done:
    store = administration.versions.store
    is_in_force = False
    try:
        notes = await administration.gateway.activate(texts_of(proposal.number, proposal.tree))
        version = store.finish(proposal.prepared).version
        is_in_force = True
    except (ActivationError, GatewayError) as error:
        raise RefusedOperationError(f"the gateway cannot work by it: {error}") from error
    except StoreError as error:
        await _go_back(administration)
        raise RefusedOperationError(str(error)) from error
    finally:
        if not is_in_force:
            store.abandon(proposal.prepared)
    administration.take(proposal.tree)
    return Done(version, (*notes, *afterwards()))


async def _go_back(administration: Administration) -> None:
    """Let the gateway work by the version in force again, as another one cannot be kept."""
    last = administration.versions.last()
    if last is not None:
        await administration.gateway.activate(texts_of(last.version.number, last.tree))


def confirm(desk: Desk) -> int:
    """Let the last version hold for good; return its number, or 0 where none waited.

    Raises:
        RefusedOperationError: whoever asks could not come again, and must not confirm that.
    """
    desk.require("confirmcommit")
    access = desk.administration.config.administration.network_access
    if reason := own_access.shut_out_by(desk, access):
        raise RefusedOperationError(NOT_FROM_HERE.format(reason))
    store = desk.administration.versions.store
    waiting = store.awaiting()
    if waiting is None or not store.confirm(waiting.number, desk.actor.author):
        return 0
    desk.administration.on_change()  # those may go now whom the version before still had
    return waiting.number


def _prepare(desk: Desk, candidate: Candidate, comment: str, confirm_seconds: float) -> Proposal:
    author: Author = desk.actor.author
    try:
        return desk.administration.versions.prepare(
            candidate, author, comment, confirm_seconds=confirm_seconds
        )
    except ConflictError as error:
        raise ConflictingError(error.conflicts) from error
    except StoreError as error:
        raise RefusedOperationError(str(error)) from error
