"""A terminal that tells when somebody is asked for input, and when that is over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailwarden.control.dialogue.terminal import (
    Complete,
    History,
    Size,
    Terminal,
    complete_nothing,
)


class WatchedTerminal:
    """A Terminal around another one. `tell` gets True when a read begins, False when it ends."""

    def __init__(self, terminal: Terminal, tell: Callable[[bool], None]) -> None:
        self._terminal = terminal
        self._tell = tell

    @property
    def is_interactive(self) -> bool:
        return self._terminal.is_interactive

    def size(self) -> Size:
        return self._terminal.size()

    def write(self, text: str) -> None:
        self._terminal.write(text)

    def write_error(self, text: str) -> None:
        self._terminal.write_error(text)

    async def drain(self) -> None:
        await self._terminal.drain()

    async def read_line(
        self,
        prompt: str,
        complete: Complete = complete_nothing,
        history: History | None = None,
        /,
    ) -> str:
        with self._told():
            return await self._terminal.read_line(prompt, complete, history)

    async def read_secret(self, prompt: str) -> str:
        with self._told():
            return await self._terminal.read_secret(prompt)

    async def read_key(self) -> str:
        with self._told():
            return await self._terminal.read_key()

    async def wait_interrupt(self) -> None:
        await self._terminal.wait_interrupt()

    @contextmanager
    def _told(self) -> Iterator[None]:
        self._tell(True)
        try:
            yield
        finally:
            self._tell(False)
