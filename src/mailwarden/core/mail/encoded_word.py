"""Makes text of a field's value, for people and logs: encoded words (RFC 2047) and raw bytes.

Best effort: whatever is wrong stays as it was written. The result goes into logs, reports and
comparisons, never back into a message.
"""

import binascii
import re
from typing import Final

from mailwarden.core.mail.header import unfold

TEXT_CHARACTERS_MAX: Final = 512
_VALUE_BYTES_MAX: Final = 8 * TEXT_CHARACTERS_MAX  # that are looked at

# RFC 2047, 2. Blanks in the encoded text are wrong, but common.
_ENCODED_WORD: Final = re.compile(
    r"=\?(?P<charset>[!->@-~]{1,40})\?(?P<encoding>[bBqQ])\?(?P<text>[^?\r\n]*)\?="
)
_PADDING: Final = b"===="

# Only these are looked up: Python's search for a codec imports a module and remembers each name
# that it did not find, and its list has codecs that are no charsets.
_CODECS: Final = {
    "us-ascii": "utf-8",  # what claims to be ASCII and is not, is most often UTF-8
    "ascii": "utf-8",
    "utf8": "utf-8",
    "ks_c_5601-1987": "cp949",  # as browsers and mail programs take them
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "macintosh": "mac_roman",
    "iso-8859-8-i": "iso-8859-8",
    "tis-620": "cp874",
} | {
    name: name
    for name in (
        "utf-8",
        "utf-16",
        "big5",
        "big5-hkscs",
        "gb18030",
        "hz-gb-2312",
        "euc-jp",
        "iso-2022-jp",
        "iso-2022-kr",
        "koi8-r",
        "koi8-u",
        "cp866",
        "cp437",
        "cp850",
        "cp852",
        "cp874",
        *(f"iso-8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"windows-{page}" for page in range(1250, 1259)),
    )
}


def decode_unstructured(value: bytes) -> str:
    """Return a raw value, such as that of Subject, unfolded, decoded and cut.

    Never raises. The result has at most TEXT_CHARACTERS_MAX characters, no surrogates, and
    perhaps control characters.
    """
    text = _decode_bytes(unfold(value[:_VALUE_BYTES_MAX]), is_cut=len(value) > _VALUE_BYTES_MAX)
    if "=?" in text:
        text = _decode_words(text)
    return text[:TEXT_CHARACTERS_MAX]


def _decode_bytes(raw: bytes, *, is_cut: bool) -> str:
    """Return raw bytes as UTF-8 (RFC 6532), or else as the commonest old charset."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if is_cut and error.reason == "unexpected end of data":
            return raw[: error.start].decode("utf-8")
        return raw.decode("cp1252", "replace")


def _decode_words(text: str) -> str:
    pieces: list[str] = []
    pending, codec = b"", ""  # neighbours of one charset: senders cut within a character
    at = 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[at : match.start()]
        word = _payload(match)
        if word is None:
            continue  # it stays, as part of the next piece between
        if codec:
            is_apart = bool(between.strip(" \t"))
            if is_apart or word[1] != codec:
                pieces.append(pending.decode(codec, "replace"))
                pending = b""
            between = between if is_apart else ""  # RFC 2047, 6.2
        pieces.append(between)
        pending += word[0]
        codec = word[1]
        at = match.end()
    if codec:
        pieces.append(pending.decode(codec, "replace"))
    pieces.append(text[at:])
    return "".join(pieces)


def _payload(match: re.Match[str]) -> tuple[bytes, str] | None:
    """Return the bytes of an encoded word and their codec; None when it cannot be decoded."""
    charset = match["charset"].partition("*")[0].lower()  # RFC 2231, 5: language
    codec = _CODECS.get(charset)
    if codec is None or not match["text"].isascii():
        return None
    encoded = match["text"].encode("ascii")
    if match["encoding"] in "qQ":
        return binascii.a2b_qp(encoded, header=True), codec
    try:
        return binascii.a2b_base64(encoded + _PADDING), codec
    except binascii.Error:
        return None
