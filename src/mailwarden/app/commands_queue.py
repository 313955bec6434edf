"""What a worker does to many messages at once when an administrator asks; see `Operator`."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Final

from mailwarden.mailflow.delivery.operator import DIVIDING_MAX, Deed, Handled
from mailwarden.mailflow.delivery.selection import Selection, read_selection

if TYPE_CHECKING:  # the gateway is handed in; importing it would pull the whole mail path
    from mailwarden.app.wiring import Gateway

PROGRESS_SECONDS: Final = 0.5  # between two words on how far it has come
NAME_LENGTH_MAX: Final = 100  # of an administrator

Answer = dict[str, Any]
_DEEDS: Final = {
    "queue_count": Deed.COUNT,
    "queue_delete": Deed.DELETE,
    "queue_bounce": Deed.BOUNCE,
    "queue_reset": Deed.RESET,
    "queue_count_all": Deed.COUNT_ALL,
}
OPERATIONS: Final = frozenset({*_DEEDS, "queue_restore"})


class QueueCommands:
    """Runs one operation a slice at a time, with mail in between."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    async def answers(self, request: Answer) -> AsyncIterator[Answer]:
        """Yield how far it has come, now and then, and at the end, with `done`, what was done.

        Raises:
            ValueError: the request makes no sense.
        """
        handled = Handled()
        told_at = time.monotonic()
        for handled in self._begin(request):
            await self._wait_divided(DIVIDING_MAX)
            if time.monotonic() - told_at >= PROGRESS_SECONDS:
                told_at = time.monotonic()
                yield _told(handled, is_done=False)
            else:
                await asyncio.sleep(0)
        await self._wait_divided(0)
        yield _told(handled, is_done=True)

    def _begin(self, request: Answer) -> Iterator[Handled]:
        selection = selection_of(request)
        by = str(request.get("by") or "unknown")[:NAME_LENGTH_MAX]
        operator = self._gateway.delivery.operator
        if request["command"] == "queue_restore":
            return operator.restore(selection, by)
        return operator.run(_DEEDS[request["command"]], selection, by)

    async def _wait_divided(self, limit: int) -> None:
        await self._gateway.delivery.operator.wait_divided(limit)


def selection_of(request: Answer) -> Selection:
    """Return the selection in `request`.

    Raises:
        ValueError: it makes no sense.
    """
    tree = request.get("selection") or {}
    if not isinstance(tree, dict):
        raise ValueError("selection is no object")
    return read_selection(tree, time.time())


def _told(handled: Handled, *, is_done: bool) -> Answer:
    return {
        "done": is_done,
        "looked_at": handled.looked_at,
        "messages": handled.messages,
        "recipients": handled.recipients,
        "unreadable": handled.unreadable,
    }
