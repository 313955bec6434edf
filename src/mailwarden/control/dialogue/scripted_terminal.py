"""A terminal for tests: what is typed is known beforehand, what is shown can be looked at."""

import asyncio
from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final

from mailwarden.control.dialogue.terminal import (
    ClosedError,
    Complete,
    EndOfTextError,
    History,
    InterruptError,
    Size,
    complete_nothing,
)

SIZE: Final = Size(80, 24)


class Key(Enum):
    """What can be pressed besides a line."""

    CTRL_C = "Ctrl-C"
    CTRL_D = "Ctrl-D"
    NOTHING = "nothing"  # forever
    HANG_UP = "the connection is lost"


class ScriptedTerminal:
    """A Terminal. Lines that are typed are echoed, so that `screen` is what a person would see."""

    def __init__(
        self, typed: Sequence[str | Key], size: Size = SIZE, *, is_interactive: bool = True
    ) -> None:
        self._typed = deque(typed)
        self._size = size
        self._is_interactive = is_interactive
        self._screen: list[str] = []
        self._shown: list[str] = []
        self._errors: list[str] = []

    @property
    def is_interactive(self) -> bool:
        return self._is_interactive

    @property
    def screen(self) -> str:
        """All that was shown so far, errors and what was typed included."""
        return "".join(self._screen)

    @property
    def shown(self) -> str:
        """What of it was not typed."""
        return "".join(self._shown)

    @property
    def errors(self) -> str:
        """What of it went to standard error."""
        return "".join(self._errors)

    @property
    def rest(self) -> int:
        """How much is still to be typed."""
        return len(self._typed)

    def size(self) -> Size:
        return self._size

    def write(self, text: str) -> None:
        self._screen.append(text)
        self._shown.append(text)

    def write_error(self, text: str) -> None:
        self.write(text)
        self._errors.append(text)

    async def drain(self) -> None:
        pass

    async def read_line(
        self,
        prompt: str,
        _complete: Complete = complete_nothing,
        _history: History | None = None,
        /,
    ) -> str:
        self.write(prompt)
        line = await self._next()
        self._screen.append(f"{line}\n")
        return line

    async def read_secret(self, prompt: str) -> str:
        self.write(prompt)
        line = await self._next()
        self.write("\n")
        return line

    async def read_key(self) -> str:
        return (await self._next())[:1] or "\n"

    async def wait_interrupt(self) -> None:
        await asyncio.sleep(0)
        match self._typed[0] if self._typed else None:
            case Key.CTRL_C:
                self._typed.popleft()
            case Key.HANG_UP:
                raise ClosedError
            case _:
                await asyncio.Event().wait()

    async def _next(self) -> str:
        if not self._typed:
            raise EndOfTextError(is_final=True)
        match self._typed.popleft():
            case Key.CTRL_C:
                raise InterruptError
            case Key.CTRL_D:
                raise EndOfTextError
            case Key.HANG_UP:
                self._typed.appendleft(Key.HANG_UP)
                raise ClosedError
            case Key.NOTHING:
                await asyncio.Event().wait()
                raise AssertionError
            case str() as line:
                return line
