"""A terminal for one command line of a shell: questions are asked, but there are no pages."""

from collections.abc import Callable

from mailwarden.control.dialogue.stream_terminal import Sink
from mailwarden.control.dialogue.terminal import ClosedError, Size
from mailwarden.control.remote.key_terminal import KeyTerminal


class LineTerminal(KeyTerminal):
    """A Terminal. Errors go to a stream of their own, which may be a file: so no CR in them."""

    def __init__(
        self, output: Sink, errors: Sink, size: Size, hold: Callable[[bool], None]
    ) -> None:
        super().__init__(output, size, hold)
        self._errors = errors

    def size(self) -> Size:
        return super().size()._replace(lines=0)

    def write_error(self, text: str) -> None:
        try:
            self._errors.write(text.encode("utf-8", "replace"))
        except OSError as error:
            raise ClosedError from error
