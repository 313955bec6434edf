#!/usr/bin/env python3
"""Records sessions of the administrators' command line for the documentation.

Each is typed into a real SSH client that has logged in to a gateway of its own, as the
demonstration is. Writes SVG files to docs/images.

.venv/bin/python tools/record_sessions.py
"""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from draw_terminal import draw_screen

from mailwarden.app.bench.target import free_port
from mailwarden.control.config.reader import demo_text

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PASSWORD = "Recorded-session-9"  # of a gateway that lives for a minute
PATIENCE_SECONDS = 60.0
PROMPT = "> "
NAME = "mail3.example.com"
SESSIONS = {
    "cli-status": (("status", PROMPT), ("deleterecipients host example.com", PROMPT)),
    "cli-routes": (
        ("smtproutes", "[]> "),
        ("new", "> "),
        ("corp.example", "> "),
        ("mail1.int.example, mail2.int.example", "[]> "),
        ("print", "[]> "),
        ("", PROMPT),
        ("commit corp.example goes inside", PROMPT),
    ),
    "cli-commit": (
        ("sethostname mail9.example.com", PROMPT),
        ("showchanges", PROMPT),
        ("commit", "[]> "),
        ("renamed, as agreed", PROMPT),
        ("commitdetail", PROMPT),
    ),
}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Client:
    """A real SSH client on a terminal of its own."""

    def __init__(self, port: int) -> None:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        command = ["ssh", *(word for each in options for word in ("-o", each))]
        pid, self._terminal = pty.fork()
        if not pid:
            os.execvp("ssh", [*command, "-p", str(port), "admin@127.0.0.1"])
        self.shown = ""
        self._typed_at = -1

    def wait(self, words: str) -> None:
        """Wait until the screen ends with `words`, behind what was typed last."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (len(self.shown) > self._typed_at and self.text().endswith(words)):
            if time.monotonic() > end:
                raise SystemExit(f"{words!r} did not come: {self.text()[-500:]}")
            if select.select([self._terminal], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self._terminal, 65536).decode(errors="replace")
                except OSError:
                    raise SystemExit(f"the session ended: {self.text()[-500:]}") from None

    def type(self, line: str) -> None:
        """Type a line."""
        self._typed_at = len(self.shown) + len(line) + 1
        os.write(self._terminal, f"{line}\n".encode())

    def text(self) -> str:
        """Return the screen without what moves the cursor."""
        return _ESCAPES.sub("", self.shown)

    def close(self) -> None:
        """Hang up."""
        os.close(self._terminal)


@contextmanager
def gateway() -> Iterator[tuple[int, str]]:
    """Run a gateway as the demonstration's; yield the port of SSH, and the first password."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        text = (
            demo_text()
            .replace("gw1.example.test", NAME)
            .replace("ssh_port: 2522", f"ssh_port: {port}")
        )
        for listener in ("2525", "2526"):
            text = text.replace(f"port: {listener}", f"port: {free_port()}")
        file = folder / "mailwarden.yaml"
        file.write_text(text.replace("var/demo", str(folder)))
        process = subprocess.Popen(
            [sys.executable, "-m", "mailwarden.app", "--config", str(file), "run"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            password = ""
            for line in process.stderr:
                found = re.search(r"one-time password (\S+)", line)
                password = found[1] if found else password
                if "Management process" in line:
                    break
            yield port, password
        finally:
            process.terminate()
            process.wait()


def main() -> int:
    """Record all sessions."""
    with gateway() as (port, first):
        client = Client(port)
        for question, answer in (("Password: ", first), ("New password: ", PASSWORD),
                                 ("New password again: ", PASSWORD)):  # fmt: skip
            client.wait(question)
            client.type(answer)
        client.wait(f"{NAME}> ")
        client.close()
        for name, steps in SESSIONS.items():
            client = Client(port)
            client.wait("Password: ")
            client.type(PASSWORD)
            client.wait(PROMPT)
            for line, until in steps:
                client.type(line)
                client.wait(until)
            shown = client.text().partition("Password: ")[2].strip("\n").split("\n")
            command = f"ssh admin@{NAME}"
            (IMAGES / f"{name}.svg").write_text(draw_screen(command, shown[:-1]))
            print(f"{name}: {len(shown)} lines")
            client.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
