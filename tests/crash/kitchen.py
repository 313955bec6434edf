"""Processes that work on a disk until they are killed: started, listened to, ended.

The module that is run reads lines from standard input and starts one process for each. It says
`C pid` when the process begins, then what that has been told, and `X` when it has ended.
"""

import subprocess
import sys
from collections.abc import Iterator


class Kitchen:
    """Starts one process after the other, by way of one that has loaded everything already."""

    def __init__(self, module: str) -> None:
        server = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdin is not None
        assert server.stdout is not None
        self._server, self._orders, self._said = server, server.stdin, server.stdout

    def start(self, *words: object) -> int:
        """Start a process and return its pid."""
        self._orders.write(" ".join(map(str, words)) + "\n")
        self._orders.flush()
        kind, pid = self._said.readline().split()
        assert kind == "C"
        return int(pid)

    def heard(self) -> Iterator[list[str]]:
        """Yield what the process says, in words, until it has ended."""
        while (words := self._said.readline().split())[0] != "X":
            yield words

    def close(self) -> None:
        """End the one that starts them."""
        self._orders.close()
        self._server.wait()
        self._said.close()
