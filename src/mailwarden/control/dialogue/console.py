"""A terminal with manners: what is shown is fit for it and comes in pages, and waiting ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from mailwarden.control.dialogue.questions import Ending
from mailwarden.control.dialogue.terminal import (
    ClosedError,
    Complete,
    EndOfTextError,
    History,
    InterruptError,
    Terminal,
    complete_nothing,
)
from mailwarden.control.dialogue.text import LineError, check_line, neutralise

T = TypeVar("T")
PAGER: Final = "-Press Any Key For More-"
TEXT_LENGTH_MAX: Final = 8 * 1024 * 1024  # letters of several lines together


class IdleError(Exception):
    """Nothing was typed for too long."""


class Console:
    """What a session shows and reads. `idle_seconds` is asked before each read."""

    def __init__(self, terminal: Terminal, idle_seconds: Callable[[], float | None]) -> None:
        self._terminal = terminal
        self._idle_seconds = idle_seconds

    @property
    def is_interactive(self) -> bool:
        """Whether a person sits there."""
        return self._terminal.is_interactive

    def write(self, text: str) -> None:
        """Show `text` as it is, without pages and without an end of line."""
        self._terminal.write(neutralise(text))

    def say(self, text: str) -> None:
        """Show a line."""
        self.write(f"{text}\n")

    def complain(self, text: str) -> None:
        """Show a line on standard error."""
        self._terminal.write_error(neutralise(f"{text}\n"))

    async def drain(self) -> None:
        """Wait until what was written is on its way."""
        await self._terminal.drain()

    async def show(self, text: str) -> None:
        """Show whole lines, a page at a time where a person reads them."""
        lines = neutralise(text).removesuffix("\n").split("\n")
        columns, room = self._room()
        if not room:
            self._terminal.write("\n".join(lines) + "\n")
            await self.drain()
            return
        used = 0
        for line in lines:
            rows = max(1, -(-len(line) // columns))
            if used and used + rows > room:
                if not await self._turn_page():
                    return
                used = 0
            self._terminal.write(f"{line}\n")
            used += rows
        await self.drain()

    async def read_line(
        self, prompt: str, complete: Complete = complete_nothing, history: History | None = None
    ) -> str:
        """Return a line that is fit to be used.

        Raises:
            LineError: it is not.
            IdleError: it did not come in time. Besides: what a terminal raises.
        """
        line = self._terminal.read_line(neutralise(prompt), complete, history)
        return check_line(await self._in_time(line))

    async def read_secret(self, prompt: str) -> str:
        """Return a line that is not shown; raises as `read_line`."""
        return check_line(await self._in_time(self._terminal.read_secret(neutralise(prompt))))

    async def read_lines(self, ending: Ending) -> str:
        r"""Return several lines with `\n` behind each, without the end mark.

        All lines are read before it raises, so that none of them is taken for something else.

        Raises:
            LineError: one of them is unfit, or they are too many. Besides: as `read_line`.
        """
        lines: list[str] = []
        room = TEXT_LENGTH_MAX
        problem: LineError | None = None
        while True:
            try:
                line = await self.read_line("")
            except LineError as error:
                problem = problem or error
                continue
            except EndOfTextError:
                if ending is Ending.CTRL_D:
                    break
                raise
            if ending is Ending.DOT and line.strip() == ".":
                break
            room -= len(line) + 1
            if room < 0:
                problem = problem or LineError(f"That is longer than {TEXT_LENGTH_MAX} letters.")
            if problem is None:
                lines.append(f"{line}\n")
        if problem is not None:
            raise problem
        return "".join(lines)

    async def until_interrupt(self, work: Awaitable[T]) -> T:
        """Return what `work` gives; Ctrl-C cancels it.

        Raises:
            InterruptError: Ctrl-C was pressed.
            ClosedError: nobody is there any more. Besides: what `work` raises.
        """
        interrupts: list[Exception] = []
        results: list[T] = []
        errors: list[Exception] = []

        async def watch() -> None:
            try:
                await self._terminal.wait_interrupt()
                interrupts.append(InterruptError())
            except ClosedError as error:
                interrupts.append(error)

        async def do() -> None:
            try:
                results.append(await work)
            except Exception as error:  # noqa: BLE001  raised again below, without a group around it
                errors.append(error)

        await _until_first(do, watch)
        for error in (*interrupts, *errors):
            raise error
        return results[0]

    async def _turn_page(self) -> bool:
        """Return whether the reader wants more."""
        self._terminal.write(PAGER)
        try:
            key = await self._in_time(self._terminal.read_key())
        except (InterruptError, EndOfTextError):
            key = "q"
        self._terminal.write(f"\r{' ' * len(PAGER)}\r")
        return key.lower() != "q"

    def _room(self) -> tuple[int, int]:
        """Return columns, and the lines of a page; 0 is no pages."""
        if not self._terminal.is_interactive:
            return 1, 0
        columns, lines = self._terminal.size()
        return max(1, columns), max(1, lines - 1) if lines > 0 else 0

    async def _in_time(self, read: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._idle_seconds()):
                return await read
        except TimeoutError as error:
            raise IdleError from error


class _DoneError(Exception):
    """Ends a group of tasks."""


async def _until_first(*works: Callable[[], Awaitable[None]]) -> None:
    """Run all until the first one is done, and cancel the others."""

    async def run(work: Callable[[], Awaitable[None]]) -> None:
        await work()
        raise _DoneError

    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(run(work))
    except* _DoneError:
        pass
