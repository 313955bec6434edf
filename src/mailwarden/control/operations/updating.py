"""Updates of engines and rules: seen, wanted at once, and gone back from (admin 8.1)."""

from collections.abc import Collection
from typing import Final

from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.services.updates.component import ComponentStatus
from mailwarden.services.updates.updates import UpdatesError

COMMAND: Final = "updatenow"


def component_status(desk: Desk, command: str = COMMAND) -> list[ComponentStatus]:
    """Return what is known of each component (UPD-01), for `command`."""
    desk.require(command)
    return desk.administration.updates.status()


def update_now(
    desk: Desk, components: Collection[str] = (), *, is_forced: bool = False
) -> list[str]:
    """Begin an attempt for each component, or for those that are named; return their names.

    One that `is_forced` kills the one under way, and takes what is offered in any case (UPD-04).

    Raises:
        RefusedOperationError: there is no such component, or nobody to ask.
    """
    desk.require(COMMAND)
    try:
        begun = desk.administration.updates.update(components, is_forced=is_forced)
    except UpdatesError as error:
        raise RefusedOperationError(str(error)) from error
    desk.record(COMMAND, f"{'force ' if is_forced else ''}{', '.join(begun)}")
    return begun


async def roll_back(desk: Desk, component: str) -> str:
    """Use the version before the present one again; return which one that is (UPD-02).

    Raises:
        RefusedOperationError: there is none, or the disk does not let us.
    """
    desk.require(COMMAND)
    try:
        version = await desk.administration.updates.roll_back(component, desk.actor.user)
    except UpdatesError as error:
        raise RefusedOperationError(str(error)) from error
    except OSError as error:
        raise RefusedOperationError(f"{component}: {error.strerror or error}") from error
    desk.record(f"{COMMAND} rollback", f"{component} to {version}")
    return version
