"""The terminal that a client runs on: taken over key by key, and given back as it was."""

import os
import termios
from collections.abc import Callable
from typing import Any, Final

from mailwarden.control.dialogue.terminal import Size

_INPUT: Final = (
    termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP | termios.INPCK | termios.PARMRK
)
_LOCAL: Final = termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN
_INPUT_FLAGS, _LOCAL_FLAGS, _CHARACTERS = 0, 3, 6  # within what tcgetattr returns


class TtyMode:
    """Switches the terminal on `descriptor`.

    Flow control and the form of lines that are shown are left as they are: these are the line's
    matter, and what others write to the terminal meanwhile is to look well too.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list[Any] | None = None

    @property
    def is_raw(self) -> bool:
        """Whether keys come one by one."""
        return self._before is not None

    def take(self) -> None:
        """Let keys come as they are, at once and without an echo; raises termios.error."""
        if self._before is None:
            self._before = termios.tcgetattr(self._descriptor)
        self.take_again()

    def take_again(self) -> None:
        """The same when somebody else has changed the terminal meanwhile, such as a shell."""
        raw = termios.tcgetattr(self._descriptor)
        raw[_INPUT_FLAGS] &= ~_INPUT
        raw[_LOCAL_FLAGS] &= ~_LOCAL
        raw[_CHARACTERS][termios.VMIN] = 1
        raw[_CHARACTERS][termios.VTIME] = 0
        termios.tcsetattr(self._descriptor, termios.TCSANOW, raw)

    def give_back(self) -> None:
        """Set what was set before; a terminal that is gone needs nothing."""
        if self._before is None:
            return
        before, self._before = self._before, None
        try:
            termios.tcsetattr(self._descriptor, termios.TCSANOW, before)
        except termios.error:
            return

    def apart(self, pause: Callable[[], None]) -> None:
        """Do something with the terminal as it was before."""
        self.give_back()
        try:
            pause()
        finally:
            self.take()


def size_of(descriptor: int) -> Size:
    """Return the size of a terminal; 0 is not known."""
    try:
        columns, lines = os.get_terminal_size(descriptor)
    except OSError:
        return Size(0, 0)
    return Size(columns, lines)


def name_of(descriptor: int) -> str:
    """Return the name of a terminal, as in `/dev/ttyS0`; "" is not known."""
    try:
        return os.ttyname(descriptor)
    except OSError:
        return ""
