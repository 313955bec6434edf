"""A next hop for tests: an SMTP server in a thread that remembers every message it took."""

import contextlib
import re
import socket
import ssl
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from typing import BinaryIO, Self

ID = re.compile(rb"X-Test-Id: (\S+)")
BODY = re.compile(rb"X-Test-Body: yes")


def body_for(name: bytes) -> bytes:
    """Return the body of the message called `name`: its length and bytes follow from the name."""
    return name * (1 + zlib.crc32(name) % 300) + b"\r\n"


def numbered(name: bytes) -> bytes:
    """Return a message whose body the sink can check."""
    return b"X-Test-Id: %b\r\nX-Test-Body: yes\r\n\r\n%b" % (name, body_for(name))


class Sink:
    """Takes mail on a port of 127.0.0.1. `answer` may replace a reply: it gets verb and line.

    With `tls` it offers STARTTLS.
    """

    def __init__(
        self,
        answer: Callable[[str, bytes], bytes | None] | None = None,
        *,
        keeps: bool = True,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.encrypted = 0  # messages that came over TLS
        self.tls = tls
        self.messages: list[bytes] = []  # empty unless it `keeps` them
        self.count = 0
        self.damaged = 0  # bodies that are not of the form that `body_for` makes
        self._ids: Counter[bytes] = Counter()
        self._keeps = keeps
        self.envelopes: list[tuple[bytes, list[bytes]]] = []
        self.connections = 0
        self._answer = answer
        self._lock = threading.Lock()
        self._listening = socket.create_server((host, port), backlog=200)
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def ids(self) -> Counter[bytes]:
        """How often each `X-Test-Id` came."""
        with self._lock:
            return self._ids.copy()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it was closed before
            self._listening.shutdown(socket.SHUT_RDWR)  # else it takes one more connection
        self._listening.close()
        for connection in list(self._open):
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 sink.test ESMTP\r\n")
                self._converse(connection, lines)
        except OSError:
            pass
        finally:
            self._open.discard(connection)

    def _converse(self, connection: socket.socket, lines: BinaryIO) -> None:
        sender: bytes | None = None
        recipients: list[bytes] = []
        for line in lines:
            verb = line[:4].decode("latin-1").upper().strip()
            special = self._answer(verb, line) if self._answer else None
            if special is not None:
                if not special:  # hang up
                    return
                if verb == "MAIL":
                    sender, recipients = None, []
                if verb == "BDAT":
                    lines.read(int(line.split()[1]))
                connection.sendall(special)
                continue
            if verb == "STAR" and self.tls is not None:
                connection.sendall(b"220 go\r\n")
                with self.tls.wrap_socket(connection, server_side=True) as encrypted:
                    self._converse(encrypted, encrypted.makefile("rb"))
                return
            if verb in ("EHLO", "HELO"):
                offers_tls = self.tls is not None and not isinstance(connection, ssl.SSLSocket)
                connection.sendall(
                    b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
                    + b"250-STARTTLS\r\n" * offers_tls
                    + b"250 CHUNKING\r\n"
                )
            elif verb == "MAIL":
                sender, recipients = line[10:].split(b">")[0].lstrip(b"<"), []
                connection.sendall(b"250 ok\r\n")
            elif (verb == "RCPT" and sender is None) or (
                verb in ("DATA", "BDAT") and not recipients
            ):
                if verb == "BDAT":  # RFC 3030, section 2: the chunk comes all the same
                    lines.read(int(line.split()[1]))
                connection.sendall(b"503 no transaction\r\n")
            elif verb == "RCPT":
                recipients.append(line[8:].split(b">")[0].lstrip(b"<"))
                connection.sendall(b"250 ok\r\n")
            elif verb == "BDAT":
                content = lines.read(int(line.split()[1]))
                self.encrypted += isinstance(connection, ssl.SSLSocket)
                self._take(sender, recipients, content)
                sender, recipients = None, []
                connection.sendall(b"250 taken\r\n")
            elif verb == "DATA":
                connection.sendall(b"354 go\r\n")
                self.encrypted += isinstance(connection, ssl.SSLSocket)
                self._take(sender, recipients, _read_data(lines))
                sender, recipients = None, []
                connection.sendall(b"250 taken\r\n")
            elif verb == "QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"250 ok\r\n")

    def _take(self, sender: bytes, recipients: list[bytes], content: bytes) -> None:
        with self._lock:
            if match := ID.search(content):
                self._ids[match[1]] += 1
                _, _, body = content.partition(b"\r\n\r\n")
                self.damaged += BODY.search(content) is not None and body != body_for(match[1])
            if self._keeps:
                self.messages.append(content)
                self.envelopes.append((sender, list(recipients)))
            self.count += 1  # at last: who waits for it looks at the rest then


def _read_data(lines: BinaryIO) -> bytes:
    content = b""
    for line in lines:
        if line == b".\r\n":
            return content
        content += line[1:] if line.startswith(b".") else line
    raise OSError("closed within DATA")
