"""RADIUS packets for asking whether a password is right (RFC 2865), made hard to forge (RFC 3579).

An answer counts only with a Message-Authenticator. Without it, whoever sits on the way can turn
`reject` into `accept`, as the answer's own authenticator is plain MD5 over a text that the
attacker helps to choose. Servers have to be set to send it; those in use today do.

All MD5 here is what the protocol prescribes. FIPS mode does without RADIUS (EXT-07).
"""

import hashlib
import hmac
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

PACKET_BYTES_MIN: Final = 20
PACKET_BYTES_MAX: Final = 4096  # RFC 2865, 3
VALUE_BYTES_MAX: Final = 253  # RFC 2865, 5
PASSWORD_BYTES_MAX: Final = 128  # RFC 2865, 5.2
AUTHENTICATOR_BYTES: Final = 16
SECRET_LENGTH_MAX: Final = 48  # EXT-03


class Code(IntEnum):
    """What a packet is (RFC 2865, 4)."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCESS_CHALLENGE = 11


class Attribute(IntEnum):
    """The attributes that are sent or understood; others are passed over (RFC 2865, 5)."""

    USER_NAME = 1
    USER_PASSWORD = 2
    CHAP_PASSWORD = 3
    REPLY_MESSAGE = 18
    CLASS = 25
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    CHAP_CHALLENGE = 60
    MESSAGE_AUTHENTICATOR = 80


class Method(IntEnum):
    """How the password goes to the server."""

    PAP = 1
    CHAP = 2


Attributes = tuple[tuple[int, bytes], ...]


class Packet(NamedTuple):
    """A packet; `attributes` in their order, each as often as it is there."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: Attributes

    def values(self, attribute: Attribute) -> list[bytes]:
        """Return all values of an attribute."""
        return [value for kind, value in self.attributes if kind == attribute]


class Login(NamedTuple):
    """What is asked about; `client` is the address that the user comes from."""

    user: bytes
    password: bytes
    nas_identifier: bytes
    client: bytes = b""


def build_request(
    login: Login, secret: bytes, method: Method, identifier: int, authenticator: bytes
) -> bytes:
    """Return an Access-Request; `authenticator` is 16 random bytes that are never used again.

    Raises:
        ValueError: user or password are longer than RADIUS can carry, or empty.
    """
    if not 0 < len(login.user) <= VALUE_BYTES_MAX:
        raise ValueError(f"RADIUS takes names of 1 to {VALUE_BYTES_MAX} bytes")
    attributes = [(Attribute.USER_NAME, login.user)]
    if method is Method.PAP:
        hidden = hide_password(login.password, secret, authenticator)
        attributes.append((Attribute.USER_PASSWORD, hidden))
    else:
        # The challenge is the request's authenticator as well where there is no attribute; with
        # one of its own nothing depends on that (RFC 2865, 5.40).
        answer = _md5(bytes([identifier]), login.password, authenticator)
        attributes.append((Attribute.CHAP_PASSWORD, bytes([identifier]) + answer))
        attributes.append((Attribute.CHAP_CHALLENGE, authenticator))
    attributes.append((Attribute.NAS_IDENTIFIER, login.nas_identifier[:VALUE_BYTES_MAX]))
    if login.client:
        attributes.append((Attribute.CALLING_STATION_ID, login.client[:VALUE_BYTES_MAX]))
    return _sign(Code.ACCESS_REQUEST, identifier, authenticator, attributes, secret)


def build_response(
    code: Code, request: Packet, attributes: Iterable[tuple[int, bytes]], secret: bytes
) -> bytes:
    """Return a server's answer to `request`."""
    signed = _sign(code, request.identifier, request.authenticator, attributes, secret)
    authenticator = _md5(signed, secret)  # RFC 2865, 3: over the answer with the request's own
    return signed[:4] + authenticator + signed[PACKET_BYTES_MIN:]


def parse_packet(data: bytes) -> Packet:
    """Return the packet that `data` begins with; whether it is genuine is another question.

    Raises:
        ValueError: it is none.
    """
    length = int.from_bytes(data[2:4], "big")
    # RFC 2865, 3: what is behind the length is padding; what is shorter is dropped.
    if not PACKET_BYTES_MIN <= length <= min(len(data), PACKET_BYTES_MAX):
        raise ValueError("the length is wrong")
    attributes: list[tuple[int, bytes]] = []
    at = PACKET_BYTES_MIN
    while at < length:
        size = data[at + 1] if at + 1 < length else 0
        if size < 2 or at + size > length:
            raise ValueError("an attribute reaches beyond the packet")
        attributes.append((data[at], data[at + 2 : at + size]))
        at += size
    return Packet(data[0], data[1], data[4:PACKET_BYTES_MIN], tuple(attributes))


def parse_response(data: bytes, request: bytes, secret: bytes) -> Packet:
    """Return the answer to `request`, whose genuineness is proved.

    Raises:
        ValueError: it is none, it answers another request, or it was not made with `secret`. RFC
            2865, 4 wants it dropped silently: the right answer may still come.
    """
    packet = parse_packet(data)
    if packet.code not in (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE):
        raise ValueError(f"code {packet.code} is no answer")
    if packet.identifier != request[1]:
        raise ValueError("it answers another request")
    plain = data[: int.from_bytes(data[2:4], "big")]
    over = plain[:4] + request[4:PACKET_BYTES_MIN] + plain[PACKET_BYTES_MIN:]
    if not hmac.compare_digest(_md5(over, secret), packet.authenticator):
        raise ValueError("it was made with another secret")
    if not packet.values(Attribute.MESSAGE_AUTHENTICATOR):
        raise ValueError("it has no Message-Authenticator: the server is to be set to send it")
    if not has_message_authenticator(over, secret):
        raise ValueError("its Message-Authenticator is wrong")
    return packet


def has_message_authenticator(data: bytes, secret: bytes) -> bool:
    """Tell whether a packet has one Message-Authenticator, and it is right (RFC 3579, 3.2).

    `data` is the packet without padding; that of an answer has the authenticator of the request.
    """
    places = list(_places(data, Attribute.MESSAGE_AUTHENTICATOR))
    if len(places) != 1:
        return False
    begin, end = places[0]
    if end - begin != AUTHENTICATOR_BYTES:
        return False
    over = data[:begin] + bytes(AUTHENTICATOR_BYTES) + data[end:]
    return hmac.compare_digest(_hmac(secret, over), data[begin:end])


def hide_password(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """Return User-Password (RFC 2865, 5.2).

    Raises:
        ValueError: the password is too long, or has NUL bytes, which would be taken for padding.
    """
    if len(password) > PASSWORD_BYTES_MAX or b"\0" in password:
        raise ValueError(f"RADIUS takes passwords of up to {PASSWORD_BYTES_MAX} bytes, without NUL")
    padded = password + bytes(-len(password) % 16 if password else 16)
    hidden, last = b"", authenticator
    for at in range(0, len(padded), 16):
        last = _xor(padded[at : at + 16], _md5(secret, last))
        hidden += last
    return hidden


def reveal_password(hidden: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """Return the password in User-Password, as a server does."""
    found, last = b"", authenticator
    for at in range(0, len(hidden) - 15, 16):
        block = hidden[at : at + 16]
        found += _xor(block, _md5(secret, last))
        last = block
    return found.rstrip(b"\0")


def _sign(
    code: Code,
    identifier: int,
    authenticator: bytes,
    attributes: Iterable[tuple[int, bytes]],
    secret: bytes,
) -> bytes:
    """Return a packet with a Message-Authenticator, which comes first.

    In front of all that an attacker could choose, it leaves no room for a collision of prefixes.
    """
    body = b"".join(bytes([kind, len(value) + 2]) + value for kind, value in attributes)
    size = AUTHENTICATOR_BYTES + 2
    length = PACKET_BYTES_MIN + size + len(body)
    head = bytes([code, identifier]) + length.to_bytes(2, "big") + authenticator
    mark = bytes([Attribute.MESSAGE_AUTHENTICATOR, size])
    digest = _hmac(secret, head + mark + bytes(AUTHENTICATOR_BYTES) + body)
    return head + mark + digest + body


def _places(data: bytes, attribute: Attribute) -> Iterable[tuple[int, int]]:
    at = PACKET_BYTES_MIN
    while at < len(data):
        if data[at] == attribute:
            yield at + 2, at + data[at + 1]
        at += data[at + 1]


def _md5(*parts: bytes) -> bytes:
    return hashlib.md5(b"".join(parts), usedforsecurity=False).digest()


def _hmac(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, data, "md5")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
