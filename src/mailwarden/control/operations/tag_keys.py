"""The keys of bounce verification of the running gateway (mailflow 7.6).

They are no part of the configuration, so that no version of it holds a secret: what is done to them
takes effect at once, and needs the right to commit.
"""

from dataclasses import dataclass
from typing import Any, Final

from mailwarden.control.operations.asking import first_of
from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.core.mail.bounce_tag import Purge

BVCONFIG: Final = "bvconfig"
COMMIT: Final = "commit"


@dataclass(frozen=True, slots=True)
class RunningKey:
    """A key, without its secret. Times are epoch seconds."""

    digit: int  # the first character of its tags
    fingerprint: str
    since: float
    replaced_at: float | None  # None is the current one
    used_at: float | None  # None is never, as far as anybody wrote it down


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys, the current one first; `done` is what was changed, in words."""

    keys: tuple[RunningKey, ...]
    done: str = ""


async def list_keys(desk: Desk) -> Keys:
    """Return the keys.

    Raises:
        RefusedOperationError: they cannot be had. Besides: GatewayError.
    """
    desk.require(BVCONFIG)
    return await _ask(desk, {"action": "list"})


async def assign_key(desk: Desk, secret: str = "") -> Keys:
    """Make a key the current one, a new one where none is given; raises as `list_keys`."""
    return await _change(desk, {"action": "new", "secret": secret})


async def purge_keys(desk: Desk, unused: Purge) -> Keys:
    """Remove keys that were not used for so long, never the current one; raises as `list_keys`."""
    return await _change(desk, {"action": "purge", "unused": unused.name})


async def clear_keys(desk: Desk) -> Keys:
    """Remove all keys; raises as `list_keys`, also while destinations ask for tags."""
    return await _change(desk, {"action": "clear"})


async def _change(desk: Desk, request: dict[str, Any]) -> Keys:
    desk.require(BVCONFIG)
    desk.require(COMMIT)
    keys = await _ask(desk, request)
    if keys.done:
        desk.record("bounce keys", keys.done)
    return keys


async def _ask(desk: Desk, request: dict[str, Any]) -> Keys:
    answer = await first_of(desk, {"command": "bounce_keys", **request})
    done = str(answer.get("done") or "")
    if problems := answer.get("problems"):
        desk.record("bounce keys", f"{done}; not in force: {'; '.join(map(str, problems))}")
        raise RefusedOperationError("\n".join(map(str, problems)))
    return Keys(tuple(RunningKey(**each) for each in answer.get("keys") or ()), done)
