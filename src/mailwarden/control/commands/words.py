"""What several commands say and ask in the same way."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from mailwarden.control.answers import table
from mailwarden.control.commands.draft import Settings
from mailwarden.control.config.reader import ConfigError
from mailwarden.control.dialogue.declaration import RefusedError
from mailwarden.control.operations.desk import RefusedOperationError
from mailwarden.control.operations.gateway import Answer, GatewayError, Request

Act = Callable[[Settings], Awaitable[Any]]


@contextmanager
def refused_as_told() -> Iterator[None]:
    """Refuse in the dialogue what an operation refuses."""
    try:
        yield
    except RefusedOperationError as error:
        raise RefusedError(str(error)) from error
    except (ConfigError, GatewayError) as error:
        raise RefusedError(str(error)) from error


def date_of(seconds: float) -> str:
    """Return a time as the product shows it: `Fri Sep 17 11:42:12 2010 GMT`."""
    return table.date_of(seconds)


async def first_answer(scope: Settings, request: Request) -> Answer:
    """Return the running gateway's answer to `request`.

    Raises:
        RefusedError: there is none, or it is an error.
    """
    desk = scope.draft.desk
    with refused_as_told():
        async for answer in desk.administration.gateway.ask({"by": desk.actor.user, **request}):
            if error := answer.get("error"):
                raise RefusedError(str(error))
            return answer
    raise RefusedError(NO_ANSWER)


NO_ANSWER: Final = "The gateway gave no answer."
