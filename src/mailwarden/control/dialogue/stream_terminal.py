"""A terminal made of plain streams: a script that is piped in, a program that is run remotely."""

import asyncio
from typing import Final, Protocol

from mailwarden.control.dialogue.terminal import (
    ClosedError,
    Complete,
    EndOfTextError,
    History,
    Size,
    complete_nothing,
)
from mailwarden.control.dialogue.text import LineError

_END_OF_TEXT: Final = "\x04"  # on a line by itself, as Ctrl-D on an empty one
_NO_PAGES: Final = Size(80, 0)


class Sink(Protocol):
    """Where bytes go; an asyncio.StreamWriter is one."""

    def write(self, data: bytes) -> None:
        """Take bytes; raises OSError when the other side is gone."""
        ...

    async def drain(self) -> None:
        """Wait until there is room again; raises as `write`."""
        ...


class StreamTerminal:
    """A Terminal. A line is at most as long as the limit of `reader`, in octets.

    The end of the input is final: a session then ends without a commit.
    """

    is_interactive: Final = False

    def __init__(self, reader: asyncio.StreamReader, output: Sink, errors: Sink) -> None:
        self._reader = reader
        self._output = output
        self._errors = errors

    def size(self) -> Size:
        return _NO_PAGES

    def write(self, text: str) -> None:
        _write(self._output, text)

    def write_error(self, text: str) -> None:
        _write(self._errors, text)

    async def drain(self) -> None:
        try:
            await self._output.drain()
            await self._errors.drain()
        except OSError as error:
            raise ClosedError from error

    async def read_line(
        self,
        prompt: str,
        _complete: Complete = complete_nothing,
        _history: History | None = None,
        /,
    ) -> str:
        self.write(prompt)
        await self.drain()
        try:
            line = (await self._next_line()).decode()
        except UnicodeDecodeError:
            raise LineError("The line is not UTF-8.") from None
        line = line.removesuffix("\n").removesuffix("\r")
        if line == _END_OF_TEXT:
            raise EndOfTextError
        return line

    async def read_secret(self, prompt: str) -> str:
        return await self.read_line(prompt)

    async def read_key(self) -> str:
        try:
            key = await self._reader.read(1)
        except OSError as error:
            raise ClosedError from error
        if not key:
            raise EndOfTextError(is_final=True)
        return key.decode("latin-1")

    async def wait_interrupt(self) -> None:
        await asyncio.Event().wait()  # no key is pressed here; whoever runs us cancels us

    async def _next_line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                return end.partial
            raise EndOfTextError(is_final=True) from None
        except asyncio.LimitOverrunError as overrun:
            consumed = overrun.consumed
        except OSError as error:
            raise ClosedError from error
        await self._pass_over(consumed)
        raise LineError("The line is too long.")

    async def _pass_over(self, count: int) -> None:
        """Read and forget the rest of a line, without keeping it."""
        while True:
            await self._reader.readexactly(count)
            try:
                await self._reader.readuntil(b"\n")
                return
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError as overrun:
                count = overrun.consumed
            except OSError as error:
                raise ClosedError from error


def _write(sink: Sink, text: str) -> None:
    try:
        sink.write(text.encode())
    except OSError as error:
        raise ClosedError from error
