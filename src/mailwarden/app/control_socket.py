"""The socket on which the command line talks to the running gateway: JSON lines both ways.

Only the owner of the state directory can open it. A request is one line, `{"command": ...}`;
answers are lines too, the last one `{"end": true}`.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from mailwarden.system.net.unix_socket import connect_unix, listen_unix, peer_of

SOCKET_NAME: Final = "control.sock"
LINE_BYTES_MAX: Final = 1024 * 1024
CLIENT_SECONDS: Final = 60.0

Request = dict[str, Any]
Handler = Callable[[Request], AsyncIterator[dict[str, Any]]]


class NotRunningError(Exception):
    """No gateway answers on the control socket."""


class ControlServer:
    """Takes requests from the command line."""

    def __init__(self, directory: Path, handler: Handler) -> None:
        self._directory = directory
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._claim = -1

    async def start(self) -> None:
        """Take the folder for this gateway alone, and listen.

        A socket file that a dead gateway left is replaced.

        Raises:
            OSError: a living gateway has the folder; the message says which process that is.
        """
        self._claim = _claim(self._directory)
        listening = listen_unix(self._directory, SOCKET_NAME)
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listening, limit=LINE_BYTES_MAX
        )

    async def close(self) -> None:
        """Stop listening and remove the file."""
        if self._server is not None:
            self._server.close()
            (self._directory / SOCKET_NAME).unlink(missing_ok=True)
        if self._claim >= 0:
            os.close(self._claim)
            self._claim = -1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(CLIENT_SECONDS):
                line = await reader.readline()
            request = msgspec.json.decode(line, type=dict[str, Any])
            async for answer in self._handler(request):
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
            writer.write(b'{"end":true}\n')
            await writer.drain()
        except (msgspec.MsgspecError, ValueError) as error:
            writer.write(msgspec.json.encode({"error": f"request not understood: {error}"}) + b"\n")
        except (ConnectionError, TimeoutError):
            pass  # the command line went away: nobody is left to tell
        finally:
            writer.close()


def ask(directory: Path, request: Request) -> Iterator[dict[str, Any]]:
    """Yield the answers of the running gateway to `request`.

    Raises:
        NotRunningError: there is none with this state directory.
    """
    try:
        connection = connect_unix(directory, SOCKET_NAME, CLIENT_SECONDS)
    except OSError as error:
        raise NotRunningError(why_not(directory, error)) from error
    with connection:
        connection.sendall(msgspec.json.encode(request) + b"\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                answer = msgspec.json.decode(line, type=dict[str, Any])
                if answer.get("end"):
                    return
                yield answer
    raise NotRunningError("the gateway broke the connection off")


def why_not(directory: Path, error: OSError) -> str:
    """Return why nobody answers in `directory`, for the person who asked."""
    match error:
        case FileNotFoundError() if not directory.exists():
            return f"no gateway is running with {directory}: there is no such folder"
        case FileNotFoundError():
            return f"no gateway is running with {directory}"
        case ConnectionRefusedError():
            return f"no gateway is running with {directory}: the last one was killed"
        case PermissionError():
            return f"{directory} is closed to this user: be root, or whom the gateway runs as"
        case _:
            return f"no gateway answers in {directory}: {error.strerror or error}"


def _claim(directory: Path) -> int:
    """Return a descriptor that keeps `directory` locked while it is open, or its process lives."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    is_ours = True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        is_ours = False
    except OSError:
        pass  # a file system that cannot lock folders: who answers on the socket has it
    holder = _answering_process(directory)
    if is_ours and holder is None:
        return descriptor
    os.close(descriptor)
    who = f"process {holder}" if holder else "a process that is just starting or stopping"
    raise OSError(
        f"a gateway is running already with {directory}: {who}; stop it first, or name another "
        "`state_directory`"
    )


def _answering_process(directory: Path) -> int | None:
    """Return the id of the process behind the socket; 0 where it cannot be seen from here."""
    try:
        with connect_unix(directory, SOCKET_NAME) as probe:
            return peer_of(probe).process
    except OSError:
        return None
