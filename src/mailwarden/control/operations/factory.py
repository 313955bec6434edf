"""Back to the defaults (admin XML-26)."""

from typing import Final

from mailwarden.control.candidate.candidate import Candidate
from mailwarden.control.operations.asking import first_of
from mailwarden.control.operations.commit import Done, commit
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.gateway import Answer
from mailwarden.control.operations.versions import MODEL
from mailwarden.core.access.roles import ADMIN
from mailwarden.stores.configuration.tree import Tree

# Without these the gateway would not find its queue, nor administrators the gateway.
KEPT: Final = ("hostname", "state_directory", "user", "workers", "interfaces")
KEPT_WITHIN: Final = (("logs", "directory"),)
COMMENT: Final = "resetconfig"


async def check_reset(desk: Desk) -> None:
    """Look whether the configuration may be reset.

    Raises:
        RefusedOperationError: this administrator may not, or mail still moves.
        GatewayError: the gateway does not answer.
    """
    desk.require("resetconfig")
    active = _still_active(await first_of(desk, {"command": "status"}))
    if active:
        raise RefusedOperationError(
            f"The gateway has to be offline first: {', '.join(active)} not suspended. "
            'Run "offline" or "suspend".'
        )


async def reset(desk: Desk) -> Done:
    """Put the defaults in force; raises as `check_reset` and `commit`.

    Users but `admin` go with their passwords. The queue stays, and so do feature keys and what is
    suspended.
    """
    await check_reset(desk)
    desk.candidate = Candidate.of(desk.administration.versions.last())
    desk.loaded = frozenset()
    desk.new_passwords.clear()
    before = desk.candidate
    desk.candidate = before.load(factory_tree(before.tree), MODEL)
    if not desk.candidate.is_changed(MODEL):
        desk.candidate = before
        raise RefusedOperationError("All settings have their defaults already.")
    try:
        done = await commit(desk, COMMENT)
    except RefusedOperationError:
        desk.candidate = before
        raise
    desk.record("resetconfig", f"version {done.version.number}; users but {ADMIN} are gone")
    return done


def factory_tree(tree: Tree) -> Tree:
    """Return the configuration of a fresh gateway that stands where this one does."""
    fresh: Tree = {name: tree[name] for name in KEPT if name in tree}
    fresh["listeners"] = []
    for section, name in KEPT_WITHIN:
        block = tree.get(section)
        if isinstance(block, dict) and name in block:
            fresh[section] = {name: block[name]}
    return fresh


def _still_active(status: Answer) -> list[str]:
    active = [
        f"listener {row.get('name')}"
        for row in status.get("listeners") or ()
        if row.get("state") != "suspended"
    ]
    if status.get("delivery") != "suspended":
        active.insert(0, "delivery")
    return active
