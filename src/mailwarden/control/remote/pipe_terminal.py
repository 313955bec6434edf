"""A terminal that is fed: a script that is piped in, and what reads the results of it."""

import asyncio
from collections.abc import Callable
from typing import Final

from mailwarden.control.dialogue.stream_terminal import Sink, StreamTerminal
from mailwarden.control.dialogue.terminal import ClosedError, Size
from mailwarden.control.dialogue.text import LINE_LENGTH_MAX

LINE_BYTES_MAX: Final = 4 * LINE_LENGTH_MAX  # of UTF-8


class PipeTerminal(StreamTerminal):
    """A Terminal. `hold` is called with True when no more should be fed, with False to go on."""

    def __init__(self, output: Sink, errors: Sink, hold: Callable[[bool], None]) -> None:
        self._input = asyncio.StreamReader(LINE_BYTES_MAX)
        self._input.set_transport(_Source(hold))
        self._is_at_end = False
        self._is_closed = False
        self._called = asyncio.Event()  # away from what goes on
        super().__init__(self._input, output, errors)

    def feed(self, data: bytes) -> None:
        """Take input; behind its end there is none."""
        if not self._is_at_end:
            self._input.feed_data(data)

    def end(self) -> None:
        """Note that the input is at its end."""
        if not self._is_at_end:
            self._is_at_end = True
            self._input.feed_eof()

    def close(self) -> None:
        """Note that the other side is gone."""
        self._is_closed = True
        self._called.set()
        self._input.set_exception(ConnectionResetError())

    def interrupt(self) -> None:
        """Take it that Ctrl-C was pressed."""
        self._called.set()

    def resize(self, size: Size) -> None:
        """There is no screen."""

    async def wait_interrupt(self) -> None:
        if not self._is_closed:
            self._called.clear()  # an interrupt counts only while something goes on
            await self._called.wait()
        if self._is_closed:
            raise ClosedError


class _Source(asyncio.ReadTransport):
    """Lets the reader say that it has enough for now."""

    def __init__(self, hold: Callable[[bool], None]) -> None:
        super().__init__()
        self._hold = hold

    def pause_reading(self) -> None:
        self._hold(True)

    def resume_reading(self) -> None:
        self._hold(False)
