"""A client of the console's socket that only types, for tests that kill what it types to."""

import socket
from pathlib import Path

from mailwarden.control.remote.console_frames import (
    CONSOLE_FOLDER,
    SOCKET_NAME,
    Hello,
    Kind,
    Mode,
    encode_frame,
    encode_hello,
    encode_text,
)
from mailwarden.system.net.unix_socket import connect_unix


def type_lines(state: Path, *lines: str) -> socket.socket:
    """Type lines into a session of `admin`, as a script does; return the connection."""
    connection = connect_unix(state / CONSOLE_FOLDER, SOCKET_NAME, 30.0)
    text = "".join(f"{line}\n" for line in lines).encode()
    connection.sendall(encode_hello(Hello(mode=Mode.TRUSTED)))
    connection.sendall(encode_text(Kind.INPUT, text) + encode_frame(Kind.END))
    return connection


def read_rest(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes, or dies."""
    data = b""
    with connection:
        try:
            while piece := connection.recv(65536):
                data += piece
        except ConnectionError:
            pass
    return data
