"""A person at a terminal of the machine: a real pty, and a real program on it."""

import asyncio
import fcntl
import os
import signal
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any, Self

WAIT_SECONDS = 30.0
_COLUMNS, _LINES = 80, 24


def _set_size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _lead_a_session() -> None:
    """Make the pty, which is standard input, the controlling terminal; runs in the child."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Tty:
    """A program on a terminal. `screen` is all that was shown, `before` how it was set."""

    def __init__(self, *argv: str | Path, **environment: str) -> None:
        self._master, slave = os.openpty()
        self._slave = slave
        os.set_blocking(self._master, False)
        _set_size(slave, _COLUMNS, _LINES)
        self.before = self.settings()
        self.screen = ""
        self._seen = 0
        self._came = asyncio.Event()
        self._is_over = False
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, preexec_fn=_lead_a_session,
            env={**os.environ, **environment},
        )  # fmt: skip
        asyncio.get_running_loop().add_reader(self._master, self._read)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        await asyncio.to_thread(self.process.wait)
        self.hang_up()
        os.close(self._slave)

    def settings(self) -> list[Any]:
        """Return how the terminal is set."""
        return termios.tcgetattr(self._slave)

    @property
    def has_echo(self) -> bool:
        return bool(self.settings()[3] & termios.ECHO)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the size; the kernel sends SIGWINCH."""
        _set_size(self._master, columns, lines)

    def hang_up(self) -> None:
        """Cut the line; the kernel sends SIGHUP."""
        if not self._is_over:
            self._is_over = True
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)

    async def expect(self, text: str) -> None:
        """Wait until `text` is shown, behind what was waited for before."""
        async with asyncio.timeout(WAIT_SECONDS):
            while text not in self.screen[self._seen :]:
                self._came.clear()
                await self._came.wait()
        self._seen = self.screen.index(text, self._seen) + len(text)

    async def status(self) -> int:
        """Wait for the end of the program; return how it ended."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await asyncio.to_thread(self.process.wait)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            data = b""
        self.screen += data.decode("utf-8", "replace")
        self._came.set()
