"""Asks the running gateway in an administrator's name.

Every request says who asks, for the log. Where a worker could not be asked, that is an error: what
it has must not look as if it were not there.
"""

from collections.abc import AsyncIterator
from typing import Final

from mailwarden.control.operations.desk import Desk, RefusedOperationError
from mailwarden.control.operations.gateway import Answer, Request

NO_ANSWER: Final = "The gateway gave no answer."


async def answers(desk: Desk, request: Request) -> AsyncIterator[Answer]:
    """Yield what the gateway answers, signs of life included, which are empty.

    Raises:
        RefusedOperationError: it cannot do what was asked; the answers before it hold all the same.
        GatewayError: it does not answer.
    """
    asked = {**request, "by": desk.actor.user}
    async for answer in desk.administration.gateway.ask(asked):
        if error := answer.get("error"):
            raise RefusedOperationError(str(error))
        yield answer


async def first_of(desk: Desk, request: Request) -> Answer:
    """Return the one answer that says anything; raises as `answers`."""
    async for answer in answers(desk, request):
        if answer:
            return answer
    raise RefusedOperationError(NO_ANSWER)


async def of_workers(desk: Desk, request: Request) -> list[Answer]:
    """Return what each worker answers; raises as `answers`, also when one of them does not."""
    gathered = await first_of(desk, request)
    rows: list[Answer] = gathered.get("workers") or []
    missing = [str(row["error"]) for row in rows if "error" in row]
    missing += map(str, gathered.get("unanswered") or ())
    if missing:
        raise RefusedOperationError(f"Not all workers could be asked: {', '.join(missing)}")
    return rows
