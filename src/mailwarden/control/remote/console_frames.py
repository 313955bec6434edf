r"""What goes over the console's socket: frames, both ways.

A frame is its kind (one octet), the length of what follows (four octets, most significant first),
and so many octets:

| Kind | From | Holds |
|---|---|---|
| HELLO | client | the first one: JSON, see `Hello` |
| INPUT | client | octets that were typed or piped in |
| SIZE | client | columns and lines of the screen, two octets each |
| END | client | nothing: the input is at its end, but what comes out is still read |
| OUTPUT | server | octets for standard output |
| ERRORS | server | octets for standard error |
| WANT | server | nothing: from now on input is wanted; before that none is sent |
| EXIT | server | the last one: the exit status, one octet |

Who closes the connection without END has hung up.
"""

import struct
from collections.abc import Iterator
from enum import Enum, IntEnum
from typing import Final, NamedTuple

import msgspec

from mailwarden.control.dialogue.terminal import Size
from mailwarden.control.dialogue.text import LINE_LENGTH_MAX

CONSOLE_FOLDER: Final = "management"  # in the state directory
SOCKET_NAME: Final = "console.sock"
PAYLOAD_BYTES_MAX: Final = 256 * 1024
_NAME_LENGTH_MAX: Final = 256
_HEAD: Final = struct.Struct(">BI")
_SIZE: Final = struct.Struct(">HH")
_SIDE_MAX: Final = 65_535


class Kind(IntEnum):
    """Of a frame."""

    HELLO = 1
    INPUT = 2
    SIZE = 3
    END = 4
    OUTPUT = 16
    ERRORS = 17
    WANT = 18
    EXIT = 19


class Frame(NamedTuple):
    """A whole one."""

    kind: Kind
    payload: bytes = b""


class FrameError(ValueError):
    """What came is no frame."""


class Mode(Enum):
    """What the client is there for."""

    LOGIN = "login"  # a tty at which anybody may sit: user and password are asked for
    TRUSTED = "trusted"  # the operating system vouches for whoever is there


class Hello(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client says first. `line` is what to carry out instead of a session."""

    mode: Mode
    user: str = ""
    line: str | None = None
    device: str = ""  # name of the tty
    is_terminal: bool = False  # somebody types and reads there
    columns: int = 0
    lines: int = 0

    @property
    def size(self) -> Size:
        """Of the screen."""
        return Size(self.columns, self.lines)


def encode_frame(kind: Kind, payload: bytes = b"") -> bytes:
    """Return a frame in wire form; `payload` is within PAYLOAD_BYTES_MAX."""
    return _HEAD.pack(kind, len(payload)) + payload


def encode_text(kind: Kind, data: bytes) -> bytes:
    """Return as many frames as octets of any number need."""
    parts = (data[at : at + PAYLOAD_BYTES_MAX] for at in range(0, len(data), PAYLOAD_BYTES_MAX))
    return b"".join(encode_frame(kind, part) for part in parts)


def encode_hello(hello: Hello) -> bytes:
    """Return the first frame.

    Raises:
        UnicodeEncodeError: a text in it is not fit to be sent.
    """
    return encode_frame(Kind.HELLO, msgspec.json.encode(hello))


def encode_size(size: Size) -> bytes:
    """Return the frame that tells the size of a screen."""
    columns, lines = (min(max(side, 0), _SIDE_MAX) for side in size)
    return encode_frame(Kind.SIZE, _SIZE.pack(columns, lines))


def parse_hello(frame: Frame) -> Hello:
    """Return what the first frame says.

    Raises:
        FrameError: it is another one, or says nonsense.
    """
    if frame.kind is not Kind.HELLO:
        raise FrameError(f"{frame.kind.name} is no beginning")
    try:
        hello = msgspec.json.decode(frame.payload, type=Hello)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(f"not understood: {error}") from error
    if not all(0 <= side <= _SIDE_MAX for side in hello.size):
        raise FrameError("no screen has that size")
    if len(hello.user) > _NAME_LENGTH_MAX or len(hello.device) > _NAME_LENGTH_MAX:
        raise FrameError("no name is that long")
    if hello.line is not None and hello.mode is Mode.LOGIN:
        raise FrameError("nothing is carried out before the login")
    if hello.line is not None and len(hello.line) > LINE_LENGTH_MAX:
        raise FrameError("the line is too long")
    return hello


def parse_size(payload: bytes) -> Size:
    """Return the size of a screen.

    Raises:
        FrameError: that is none.
    """
    if len(payload) != _SIZE.size:
        raise FrameError("not the size of a screen")
    return Size(*_SIZE.unpack(payload))


def parse_status(payload: bytes) -> int:
    """Return an exit status.

    Raises:
        FrameError: that is none.
    """
    if len(payload) != 1:
        raise FrameError("not an exit status")
    return payload[0]


class FrameDecoder:
    """Makes frames of octets, wherever they are split."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are whole by now.

        Raises:
            FrameError: what came is none; there is no way to go on.
        """
        self._received += data
        while len(self._received) >= _HEAD.size:
            number, length = _HEAD.unpack_from(self._received)
            try:
                kind = Kind(number)
            except ValueError:
                raise FrameError(f"there is no kind {number}") from None
            if length > PAYLOAD_BYTES_MAX:
                raise FrameError(f"{length} octets are too many")
            end = _HEAD.size + length
            if len(self._received) < end:
                return
            payload = bytes(self._received[_HEAD.size : end])
            del self._received[:end]
            yield Frame(kind, payload)
