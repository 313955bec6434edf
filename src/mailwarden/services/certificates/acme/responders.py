"""Shows that domains are ours: a tiny web server, or a program that changes DNS (RFC 8555, 8)."""

import asyncio
import contextlib
import os
import signal
import socket
from typing import Final

from mailwarden.services.certificates.acme.errors import AcmeError
from mailwarden.services.certificates.acme.proof import Proof
from mailwarden.services.certificates.names import shown

PATH: Final = "/.well-known/acme-challenge/"
CONNECTIONS_MAX: Final = 100
HEADER_BYTES_MAX: Final = 8 * 1024
ANSWER_SECONDS: Final = 10.0
OUTPUT_BYTES_MAX: Final = 4 * 1024

_TEXTS: Final = {200: "OK", 404: "Not Found"}


class Http01Responder:
    """Answers questions for tokens on a socket that listens; all others are told 404 (8.3)."""

    def __init__(self) -> None:
        self._answers: Final[dict[str, str]] = {}
        self._servers: list[asyncio.Server] = []
        self._open = 0

    async def start(self, listening: socket.socket) -> None:
        """Begin to answer on `listening`, which is ours from now on; there may be several."""
        self._servers.append(
            await asyncio.start_server(self._serve, sock=listening, limit=HEADER_BYTES_MAX)
        )

    @property
    def is_listening(self) -> bool:
        """Whether there is a socket."""
        return bool(self._servers)

    async def close(self) -> None:
        """Answer no more."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def present(self, proof: Proof) -> None:
        """Answer from now on."""
        if not self._servers:
            raise AcmeError("nobody listens on port 80 for http-01")
        self._answers[proof.token] = proof.key_authorization

    async def clean_up(self, proof: Proof) -> None:
        """Answer no more."""
        self._answers.pop(proof.token, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._open += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer(request))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asks is told, or goes without
        finally:
            self._open -= 1
            writer.transport.abort()

    def answer(self, request: bytes) -> bytes:
        """Return the answer to a request, of which the header is there."""
        words = request.split(b"\r\n", 1)[0].split(b" ")
        body = ""
        if len(words) == 3 and words[0] == b"GET":
            path = words[1].decode("latin-1")
            if path.startswith(PATH):
                body = self._answers.get(path.removeprefix(PATH), "")
        status = 200 if body else 404
        return (
            f"HTTP/1.1 {status} {_TEXTS[status]}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        ).encode("ascii")


class DnsHook:
    """Runs the administrator's program for TXT records (8.4).

    It gets three words: `present` or `cleanup`, the name of the record, its value. With `present`
    it ends when all name servers of the domain know the record.
    """

    def __init__(self, program: str, timeout_seconds: float) -> None:
        self._program: Final = program
        self._timeout_seconds: Final = timeout_seconds

    async def present(self, proof: Proof) -> None:
        """Put the record into DNS."""
        await self._run("present", proof)

    async def clean_up(self, proof: Proof) -> None:
        """Take it out."""
        with contextlib.suppress(AcmeError):  # a record that stays does no harm
            await self._run("cleanup", proof)

    async def _run(self, action: str, proof: Proof) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                action,
                proof.record_name,
                proof.record_value,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
        except OSError as error:
            raise AcmeError(f"{self._program} cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(self._timeout_seconds):
                said = await _read_all(process)
                code = await process.wait()
        except TimeoutError:
            text = f"{self._program} took longer than {self._timeout_seconds:g} seconds"
            raise AcmeError(text) from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it started
                await process.wait()
        if code:
            words = shown(said.decode("utf-8", "replace").strip())
            raise AcmeError(
                f"{self._program} {action} {proof.record_name} ended with {code}: {words}"
            )


async def _read_all(process: asyncio.subprocess.Process) -> bytes:
    """Return the beginning of what a program says, and take the rest lest it waits."""
    assert process.stdout is not None
    said = b""
    while piece := await process.stdout.read(OUTPUT_BYTES_MAX):
        said = (said + piece)[:OUTPUT_BYTES_MAX]
    return said
