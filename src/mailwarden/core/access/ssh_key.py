"""Public keys of users for SSH, in the forms of OpenSSH and of RFC 4716 (ACC-06).

What a key consists of is in RFC 4253, 6.6 (RSA), RFC 5656, 3.1 (ECDSA), RFC 8709, 4 (Ed25519) and
in OpenSSH's PROTOCOL.u2f (security keys).
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

KEY_TEXT_MAX: Final = 16 * 1024
COMMENT_LENGTH_MAX: Final = 200
RSA_BITS_MIN: Final = 2048
RSA_BITS_MAX: Final = 16384
_BEGIN: Final = "---- BEGIN SSH2 PUBLIC KEY ----"
_END: Final = "---- END SSH2 PUBLIC KEY ----"
_LINE_BYTES_MAX: Final = 72  # RFC 4716, 3.3
_VALUE_BYTES_MAX: Final = 1024  # RFC 4716, 3.3: of a header

RSA: Final = "ssh-rsa"
ED25519: Final = "ssh-ed25519"
SK_ED25519: Final = "sk-ssh-ed25519@openssh.com"
SK_ECDSA: Final = "sk-ecdsa-sha2-nistp256@openssh.com"
_CURVES: Final = {  # name of the curve, bits
    "ecdsa-sha2-nistp256": ("nistp256", 256),
    "ecdsa-sha2-nistp384": ("nistp384", 384),
    "ecdsa-sha2-nistp521": ("nistp521", 521),
    SK_ECDSA: ("nistp256", 256),
}
KEY_TYPES: Final = (ED25519, RSA, SK_ED25519, *_CURVES)
# FIPS mode (5.8): no Ed25519.
KEY_TYPES_FIPS: Final = (RSA, *_CURVES)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; two with equal `blob` are the same key, whatever the comment."""

    type: str
    blob: bytes  # as it goes over the wire
    bits: int
    comment: str = ""

    def __str__(self) -> str:
        """Return the key as OpenSSH writes it: one line."""
        encoded = base64.b64encode(self.blob).decode("ascii")
        return f"{self.type} {encoded} {self.comment}".rstrip()

    @property
    def fingerprint(self) -> str:
        """Return what `ssh-keygen -l` shows: `SHA256:...`."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii")
        return f"SHA256:{digest.rstrip('=')}"

    def is_allowed(self, *, is_fips: bool) -> bool:
        """Whether somebody may log in with a key of this type."""
        return self.type in (KEY_TYPES_FIPS if is_fips else KEY_TYPES)


def parse_public_key(text: str) -> PublicKey:
    """Return the one key in `text`.

    Raises:
        ValueError: there is none, or it is of a kind that is not taken; the message says why.
    """
    if len(text) > KEY_TEXT_MAX:
        raise ValueError(f"a key is at most {KEY_TEXT_MAX} letters long")
    value = text.strip()
    if not value:
        raise ValueError("the key is missing")
    if value.startswith(_BEGIN):
        return _parse_rfc4716(value)
    _refuse_others(value)
    if "\n" in value or "\r" in value:
        raise ValueError("a key stands on one line; give one key at a time")
    return _parse_openssh(value)


def encode_rfc4716(key: PublicKey) -> str:
    """Return a key in the form of RFC 4716."""
    encoded = base64.b64encode(key.blob).decode("ascii")
    lines = [encoded[at : at + 70] for at in range(0, len(encoded), 70)]
    header = _folded(f'Comment: "{key.comment}"') if key.comment else []
    return "\n".join([_BEGIN, *header, *lines, _END, ""])


def _folded(header: str) -> list[str]:
    # RFC 4716, 3.3: a line of a header that goes on ends with a backslash. The limit is in bytes.
    lines, line = [], ""
    for letter in header:
        if len((line + letter).encode("utf-8", "surrogatepass")) >= _LINE_BYTES_MAX:
            lines.append(line + "\\")
            line = ""
        line += letter
    return [*lines, line]


def _refuse_others(value: str) -> None:
    if "PRIVATE KEY" in value[:100] or value.startswith("PuTTY-User-Key-File"):
        raise ValueError(
            "this is a private key: it never leaves its owner, and is to be replaced now that it "
            "was shown; give the public one, from the file that ends with .pub"
        )
    if value.startswith("-----BEGIN"):
        raise ValueError("this is a key in PEM form; `ssh-keygen -i -m PKCS8 -f FILE` converts it")


def _parse_openssh(line: str) -> PublicKey:
    words = line.split(None, 2)
    kind = words[0]
    if kind not in KEY_TYPES:
        raise ValueError(_wrong_type(kind))
    if len(words) < 2:
        raise ValueError(f"behind {kind} the key itself is missing")
    return _make(words[1], words[2] if len(words) > 2 else "", kind)


def _wrong_type(kind: str) -> str:
    shown = kind[:60].encode("ascii", "backslashreplace").decode("ascii")
    if kind == "ssh-dss":
        return "keys of type ssh-dss are too weak; make one with `ssh-keygen -t ed25519`"
    if "-cert-v" in kind:
        return "this is a certificate; give the public key itself"
    if "=" in kind or "," in kind or kind.startswith(("no-", "restrict")):
        return f"options ({shown}) in front of a key are not taken"
    return f"{shown!r} is no type of key; types are {', '.join(KEY_TYPES)}"


def _parse_rfc4716(text: str) -> PublicKey:
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] != _END:
        raise ValueError(f"the key does not end with {_END}")
    body = lines[1:-1]
    comment, place = "", 0
    while place < len(body) and ":" in body[place]:  # base64 has no colon
        tag, _, value = body[place].partition(":")
        while value.endswith("\\") and place + 1 < len(body):
            place += 1
            value = value[:-1] + body[place]
        if len(value.encode("utf-8", "surrogatepass")) > _VALUE_BYTES_MAX:
            raise ValueError(f"the header {tag[:64]!r} is too long")
        if tag.lower() == "comment":
            comment = _unquoted(value.strip())
        place += 1
    return _make("".join(line.strip() for line in body[place:]), comment)


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if is_quoted else value


def _make(encoded: str, comment: str, kind: str | None = None) -> PublicKey:
    try:
        blob = base64.b64decode(encoded.encode("ascii", "replace"), validate=True)
    except binascii.Error:
        raise ValueError("the key is not base64: it is cut off or damaged") from None
    reader = _Reader(blob)
    found = reader.string().decode("ascii", "backslashreplace")
    if kind is not None and found != kind:
        raise ValueError(f"the key says of itself that it is {found[:60]!r}, not {kind}")
    if found not in KEY_TYPES:
        raise ValueError(_wrong_type(found))
    bits = _read_numbers(reader, found)
    reader.end()
    return PublicKey(found, blob, bits, _clean(comment))


def _clean(comment: str) -> str:
    shown = "".join(c for c in comment if c.isprintable())
    return " ".join(shown.split())[:COMMENT_LENGTH_MAX].strip()


def _read_numbers(reader: "_Reader", kind: str) -> int:
    """Read what is specific to a type of key; return its length in bits."""
    if kind == RSA:
        return _read_rsa(reader)
    if kind in _CURVES:
        bits = _read_point(reader, *_CURVES[kind])
    else:
        bits = 256
        if len(reader.string()) != 32:
            raise ValueError("an Ed25519 key has 32 bytes: this one is damaged")
    if kind in (SK_ECDSA, SK_ED25519) and not reader.string():
        raise ValueError("the key does not say for which application it is: it is damaged")
    return bits


def _read_rsa(reader: "_Reader") -> int:
    exponent, modulus = reader.number(), reader.number()
    bits = modulus.bit_length()
    if not RSA_BITS_MIN <= bits <= RSA_BITS_MAX:
        raise ValueError(f"the RSA key has {bits} bits; it takes {RSA_BITS_MIN} to {RSA_BITS_MAX}")
    if exponent < 3 or exponent % 2 == 0 or modulus % 2 == 0:
        raise ValueError("the numbers of the RSA key are none that a key may have")
    return bits


def _read_point(reader: "_Reader", curve: str, bits: int) -> int:
    if reader.string() != curve.encode("ascii"):
        raise ValueError(f"the key is not on the curve {curve} that its type names")
    point = reader.string()
    if len(point) != 1 + 2 * ((bits + 7) // 8) or point[0] != 4:  # RFC 5656, 3.1: uncompressed
        raise ValueError(f"the key is no point of {curve}: it is damaged")
    return bits


class _Reader:
    """Reads the fields of RFC 4251, 5."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def string(self) -> bytes:
        """Return the next field."""
        begin = self._at + 4
        length = int.from_bytes(self._data[self._at : begin], "big")
        if begin > len(self._data) or length > len(self._data) - begin:
            raise ValueError("the key is cut off")
        self._at = begin + length
        return self._data[begin : self._at]

    def number(self) -> int:
        """Return the next field as a number that is not negative."""
        field = self.string()
        if not field or field[0] & 0x80 or (field[0] == 0 and not (field[1:2] or b"\0")[0] & 0x80):
            raise ValueError("a number in the key is not written as it should be: it is damaged")
        return int.from_bytes(field, "big")

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self._at != len(self._data):
            raise ValueError("there is something behind the key")
