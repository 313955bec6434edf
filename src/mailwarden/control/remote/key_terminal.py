"""A terminal at whose other end a person presses keys: over SSH, at the console of the machine.

Bytes are fed in and come out; whose they are, and how a screen tells its size, is the caller's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from mailwarden.control.dialogue.stream_terminal import Sink
from mailwarden.control.dialogue.terminal import (
    ClosedError,
    Complete,
    EndOfTextError,
    History,
    InterruptError,
    Size,
    complete_nothing,
)
from mailwarden.control.remote.keys import Key, KeyDecoder
from mailwarden.control.remote.line_editor import Ending, LineEditor

WAITING_MAX: Final = 64 * 1024  # letters and keys that wait to be read; more have to wait outside
_AT_ONCE: Final = 256  # keys; then others have their turn
_TAIL_LENGTH_MAX: Final = 4096
_COLUMNS: Final = 80  # where a screen does not say
_INTERRUPTED: Final = "^C\n"


class KeyTerminal:
    """A Terminal. `hold` is called with True when no more should be fed, with False to go on.

    What is fed nevertheless is kept as well, so `hold` may take a while to work.
    """

    is_interactive: Final = True

    def __init__(
        self, output: Sink, size: Size, hold: Callable[[bool], None] = lambda _is_full: None
    ) -> None:
        self._output = output
        self._size = size
        self._hold = hold
        self._is_held = False
        self._decoder = KeyDecoder()
        self._waiting: deque[str | Key] = deque()
        self._waiting_length = 0
        self._interrupts = 0  # among them
        self._changed = asyncio.Event()
        self._is_at_end = False
        self._is_closed = False
        self._editor: LineEditor | None = None
        self._tail = ""  # of the row that the cursor stands in

    def feed(self, data: bytes) -> None:
        """Take what the person typed."""
        for item in self._decoder.feed(data):
            self._keep(item)
        self._changed.set()

    def interrupt(self) -> None:
        """Take it that Ctrl-C was pressed (a signal or a break came)."""
        self._keep(Key.INTERRUPT)
        self._changed.set()

    def resize(self, size: Size) -> None:
        """Go on with another size of the screen."""
        self._size = size
        if self._editor is not None:
            self._editor.resize(self.size().columns)

    def end(self) -> None:
        """Note that nothing more will be typed."""
        self._is_at_end = True
        self._changed.set()

    def close(self) -> None:
        """Note that the other side is gone."""
        self._is_closed = True
        self._changed.set()

    def size(self) -> Size:
        return Size(self._size.columns if self._size.columns > 0 else _COLUMNS, self._size.lines)

    def write(self, text: str) -> None:
        if self._is_closed:
            raise ClosedError
        self._tail = (self._tail + text)[-_TAIL_LENGTH_MAX:].rpartition("\n")[2].rpartition("\r")[2]
        try:
            self._output.write(text.replace("\n", "\r\n").encode("utf-8", "replace"))
        except OSError as error:
            raise ClosedError from error

    def write_error(self, text: str) -> None:
        self.write(text)

    async def drain(self) -> None:
        if self._is_closed:
            raise ClosedError
        try:
            await self._output.drain()
        except OSError as error:
            raise ClosedError from error

    async def read_line(
        self,
        prompt: str,
        complete: Complete = complete_nothing,
        history: History | None = None,
        /,
    ) -> str:
        self.write(prompt)
        walk = history.walk() if history is not None else None
        self._editor = LineEditor(self._tail, self.size().columns, complete, walk)
        try:
            return await self._edit(self._editor)
        finally:
            self._editor = None

    async def read_secret(self, prompt: str) -> str:
        self.write(prompt)
        hidden = LineEditor("", _COLUMNS)  # never drawn
        ending = await self._type(hidden, is_shown=False)
        if ending is Ending.ENTER:
            self.write("\n")
        return self._finished(hidden, ending)

    async def read_key(self) -> str:
        await self.drain()
        while True:
            while not self._waiting and not self._decoder.take_escape():
                await self._wait()
            item = self._take() if self._waiting else Key.ESCAPE
            if isinstance(item, str):
                self._put_back(item[1:])
                return item[0]
            if item is Key.INTERRUPT:
                raise InterruptError
            if item is Key.END_OF_TEXT:
                raise EndOfTextError
            if item not in (Key.PASTE_BEGIN, Key.PASTE_END):
                return str(item.value)

    async def wait_interrupt(self) -> None:
        while not self._interrupts:
            if self._is_closed:
                raise ClosedError
            self._changed.clear()
            await self._changed.wait()
        # As a terminal of the system does: what was typed before Ctrl-C was for what it ends.
        while self._take() is not Key.INTERRUPT:
            pass
        self.write(_INTERRUPTED)

    async def _edit(self, editor: LineEditor) -> str:
        ending = await self._type(editor, is_shown=True)
        if ending is not Ending.END_OF_TEXT:
            self.write(editor.end())
        if ending is Ending.ENTER:
            self.write("\n")
        return self._finished(editor, ending)

    def _finished(self, editor: LineEditor, ending: Ending | None) -> str:
        match ending:
            case Ending.INTERRUPT:
                self.write(_INTERRUPTED)
                raise InterruptError
            case Ending.END_OF_TEXT:
                raise EndOfTextError
            case Ending.ENTER | None:
                return editor.line()

    async def _type(self, editor: LineEditor, *, is_shown: bool) -> Ending | None:
        """Take keys up to the end of the line; None if the input ended in the middle of it."""
        while True:
            ending = _take_keys(editor, (self._take() for _ in range(self._turn())))
            if ending is not None:
                return ending
            if is_shown:
                self.write(editor.draw())
            await self.drain()
            if self._is_at_end and not self._waiting and not editor.is_empty:
                return None
            await self._wait()

    def _turn(self) -> int:
        return min(len(self._waiting), _AT_ONCE)

    async def _wait(self) -> None:
        """Wait until something may be there to take."""
        if self._is_closed:
            raise ClosedError
        if self._waiting:
            await asyncio.sleep(0)
        elif self._is_at_end:
            raise EndOfTextError(is_final=True)
        else:
            self._changed.clear()
            await self._changed.wait()

    def _keep(self, item: str | Key) -> None:
        self._waiting.append(item)
        self._count(item, 1)

    def _take(self) -> str | Key:
        item = self._waiting.popleft()
        self._count(item, -1)
        return item

    def _put_back(self, text: str) -> None:
        if text:
            self._waiting.appendleft(text)
            self._count(text, 1)

    def _count(self, item: str | Key, sign: int) -> None:
        self._waiting_length += sign * (len(item) if isinstance(item, str) else 1)
        self._interrupts += sign if item is Key.INTERRUPT else 0
        is_full = self._waiting_length > WAITING_MAX
        if is_full is not self._is_held:
            self._is_held = is_full
            self._hold(is_full)


def _take_keys(editor: LineEditor, items: Iterable[str | Key]) -> Ending | None:
    for item in items:
        if isinstance(item, str):
            editor.take(item)
            continue
        ending = editor.press(item)
        if ending is not None:
            return ending
    return None
