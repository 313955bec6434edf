"""TLS between bytes and bytes: the caller owns the socket (RFC 8446, RFC 5246).

Standing between a transport and a protocol, it lets a session begin TLS at an exact byte: what
came before belongs to the clear text, what comes after to the handshake, and nothing slips from
one to the other (RFC 3207, section 6).
"""

import contextlib
import ssl
from typing import Final

READ_BYTES: Final = 64 * 1024


class TlsLayer:
    """One connection's TLS. After an `ssl.SSLError` it is of no further use."""

    __slots__ = ("_incoming", "_object", "_outgoing", "is_established", "peer_closed")

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self.is_established = False
        self.peer_closed = False

    def begin(self) -> bytes:
        """Start the handshake; return the bytes to send, which a server has none of yet."""
        self._handshake()
        return self._outgoing.read()

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take bytes from the wire; return the clear text in them, and bytes to send.

        Raises:
            ssl.SSLError: the peer does not speak TLS, or not one we accept. `pending` may hold
                an alert to send before closing.
        """
        self._incoming.write(data)
        if not self.is_established:
            self._handshake()
        clear: list[bytes] = []
        while self.is_established and not self.peer_closed:
            try:
                piece = self._object.read(READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.peer_closed = True
                break
            clear.append(piece)
        return b"".join(clear), self._outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return `data` as it goes on the wire."""
        self._object.write(data)
        return self._outgoing.read()

    def pending(self) -> bytes:
        """Return what is left to send: an alert after an error."""
        return self._outgoing.read()

    def close(self) -> bytes:
        """Return the closing alert to send."""
        with contextlib.suppress(ssl.SSLError):  # nobody waits for the peer's closing alert
            self._object.unwrap()
        return self._outgoing.read()

    @property
    def protocol(self) -> str:
        """Name of the protocol version, as in the log: `TLSv1.3`."""
        return self._object.version() or ""

    @property
    def cipher(self) -> str:
        """Name of the cipher suite."""
        cipher = self._object.cipher()
        return cipher[0] if cipher else ""

    def peer_certificate(self) -> bytes | None:
        """Return the peer's certificate (DER); None when it showed none."""
        return self._object.getpeercert(binary_form=True)

    def _handshake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.is_established = True
