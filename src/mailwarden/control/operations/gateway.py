"""What operations want of the running gateway."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from mailwarden.control.operations.versions import Texts

Request = dict[str, Any]
Answer = dict[str, Any]


class GatewayError(Exception):
    """The gateway cannot do it, or does not answer; the text says why."""


class ActivationError(Exception):
    """The gateway cannot work by a configuration; `problems` say why. All is as it was."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Gateway(Protocol):
    """The supervisor, and behind it the workers."""

    def ask(self, request: Request) -> AsyncIterator[Answer]:
        """Yield the answers to `request`, as the control socket gives them.

        Raises:
            GatewayError: there is no answer.
        """
        ...

    async def activate(self, texts: Texts) -> Sequence[str]:
        """Let the gateway work by a version; return what is worth to know about it.

        Raises:
            ActivationError: it cannot.
            GatewayError: it does not answer; whether it does is not known.
        """
        ...
