"""The client of the console: passes octets between a terminal, or pipes, and the socket.

It knows nothing of commands. Nothing is read from standard input before the server wants it: what
is typed ahead, or belongs to the rest of a script, is left for whom it is meant.
"""

import errno
import os
import select
import selectors
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NamedTuple

from mailwarden.control.remote.console_frames import (
    Frame,
    FrameDecoder,
    FrameError,
    Hello,
    Kind,
    encode_frame,
    encode_hello,
    encode_size,
    parse_status,
)
from mailwarden.control.remote.tty_mode import TtyMode, size_of

CHUNK_BYTES: Final = 16 * 1024
SIGNALLED: Final = 128  # and the number of the signal, as shells report it
_SUSPEND: Final = b"\x1a"  # Ctrl-Z
_INTERRUPT: Final = b"\x03"  # Ctrl-C


class BrokenOffError(Exception):
    """The gateway went away, or speaks another language."""


class Streams(NamedTuple):
    """Descriptors of the client."""

    input: int = 0
    output: int = 1
    errors: int = 2


STREAMS: Final = Streams()


class _SignalledError(Exception):
    """A signal ends the client."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def run_client(
    connection: socket.socket, hello: Hello, *, may_suspend: bool, streams: Streams = STREAMS
) -> int:
    """Return the exit status of a session on `connection`, which is closed then.

    Runs in the main thread, as it handles signals.

    Raises:
        BrokenOffError: there was no proper end. UnicodeEncodeError: `hello` cannot be sent.
        OSError: standard output cannot be written; BrokenPipeError: nobody reads it any more.
    """
    with connection, _wakened() as wakened:
        client = _Client(connection, hello, streams, wakened, may_suspend=may_suspend)
        try:
            with _signals(client):
                return client.run()
        except _SignalledError as end:
            return SIGNALLED + end.number


class _Client:
    def __init__(
        self, connection: socket.socket, hello: Hello, streams: Streams, wakened: socket.socket,
        *, may_suspend: bool,
    ) -> None:  # fmt: skip
        self.tty: Final = TtyMode(streams.input)
        self.must_interrupt = False  # these three are set by signals
        self.must_resize = False
        self.must_retake = False
        self._wakened = wakened
        self._connection = connection
        self._streams = streams
        self._is_terminal = hello.is_terminal
        self._may_suspend = may_suspend
        self._decoder = FrameDecoder()
        self._outgoing = bytearray(encode_hello(hello))
        self._status: int | None = None
        self._wants_input = False
        self._selector = selectors.PollSelector()  # takes files as well, unlike epoll

    def run(self) -> int:
        """Pass octets on up to the end of the session."""
        self._connection.setblocking(False)
        while self._status is None:
            self._look_after_signals()
            self._watch()
            for key, events in self._selector.select():
                if key.fileobj is self._wakened:
                    self._wakened.recv(CHUNK_BYTES)
                elif key.fileobj is self._connection:
                    self._serve_socket(events)
                elif self._wants_input and not self._outgoing:
                    self._read_input()
        return self._status

    def _watch(self) -> None:
        """Say what to wait for. Input waits while there is still something to be sent."""
        events = selectors.EVENT_READ
        if self._outgoing:
            events |= selectors.EVENT_WRITE
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._selector.register(self._connection, events)
        if self._wants_input and not self._outgoing:
            self._selector.register(self._streams.input, selectors.EVENT_READ)

    def _look_after_signals(self) -> None:
        # Each is forgotten before it is looked after: it may be set again meanwhile.
        must_interrupt, self.must_interrupt = self.must_interrupt, False
        must_retake, self.must_retake = self.must_retake, False
        must_resize, self.must_resize = self.must_resize, False
        if must_interrupt:  # Ctrl-C came as a signal: a break on a serial line does
            self._outgoing += encode_frame(Kind.INPUT, _INTERRUPT)
        if must_retake and self.tty.is_raw:
            self.tty.take_again()
        if (must_retake or must_resize) and self._is_terminal:
            self._outgoing += encode_size(size_of(self._streams.output))

    def _serve_socket(self, events: int) -> None:
        data: bytes | None = None
        try:
            if events & selectors.EVENT_WRITE:
                del self._outgoing[: self._connection.send(self._outgoing)]
            if events & selectors.EVENT_READ:
                data = self._connection.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except ConnectionError as error:
            raise BrokenOffError from error
        if data is not None:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        if not data:
            raise BrokenOffError
        try:
            for frame in self._decoder.feed(data):
                self._take(frame)
        except FrameError as error:
            raise BrokenOffError(str(error)) from error

    def _take(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.OUTPUT:
                _write(self._streams.output, self._as_shown(frame.payload))
            case Kind.ERRORS:
                _write(self._streams.errors, frame.payload)
            case Kind.WANT:
                self._wants_input = True
                if self._is_terminal:
                    self.tty.take()
            case Kind.EXIT:
                self._status = parse_status(frame.payload)
            case _:
                raise FrameError(f"{frame.kind.name} is not for us")

    def _as_shown(self, data: bytes) -> bytes:
        """Return output with line ends as our terminal takes them: it makes CR LF of LF itself."""
        return data.replace(b"\r\n", b"\n") if self._is_terminal else data

    def _read_input(self) -> None:
        try:
            data = os.read(self._streams.input, CHUNK_BYTES)
        except OSError:  # EIO: the terminal is gone
            data = b""
        if not data:
            if self._is_terminal:
                raise _SignalledError(signal.SIGHUP)
            self._wants_input = False
            self._outgoing += encode_frame(Kind.END)
        elif self._may_suspend and self.tty.is_raw and _SUSPEND in data:
            self._suspend(data)
        else:
            self._outgoing += encode_frame(Kind.INPUT, data)

    def _suspend(self, data: bytes) -> None:
        """Stop until the shell lets us go on, with the terminal as the shell had it."""
        typed = data.replace(_SUSPEND, b"")
        if typed:
            self._outgoing += encode_frame(Kind.INPUT, typed)
        self.tty.apart(lambda: os.killpg(os.getpgrp(), signal.SIGTSTP))
        self.must_resize = True


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; waits for whoever reads slowly."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody else has made our terminal so
            select.select([], [descriptor], [])
        except OSError as error:
            if error.errno == errno.EIO:  # the terminal is gone
                raise _SignalledError(signal.SIGHUP) from error
            raise


@contextmanager
def _wakened() -> Iterator[socket.socket]:
    """Give a socket that can be read when a signal has come."""
    wakened, waker = socket.socketpair()
    with wakened, waker:
        wakened.setblocking(False)
        waker.setblocking(False)
        before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        try:
            yield wakened
        finally:
            signal.set_wakeup_fd(before)


@contextmanager
def _signals(client: _Client) -> Iterator[None]:
    """Handle signals meanwhile, and give the terminal back whatever happens."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise _SignalledError(number)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        if not client.tty.is_raw:
            raise _SignalledError(number)
        client.must_interrupt = True

    def resize(_number: int, _frame: FrameType | None) -> None:
        client.must_resize = True

    def go_on(_number: int, _frame: FrameType | None) -> None:
        client.must_retake = True

    handlers = {
        signal.SIGTERM: end,
        signal.SIGHUP: end,
        signal.SIGQUIT: end,
        signal.SIGINT: interrupt,
        signal.SIGWINCH: resize,
        signal.SIGCONT: go_on,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number in handlers:
            signal.signal(number, signal.SIG_IGN)  # nothing stops what comes next
        client.tty.give_back()
        for number, handler in before.items():
            signal.signal(number, handler)
