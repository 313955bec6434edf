"""Bytes become letters and keys, wherever they are split."""

import pytest

from mailwarden.control.remote.keys import SEQUENCE_LENGTH_MAX, Key, KeyDecoder

MEANINGS = [
    (b"status\r", ["status", Key.ENTER]),
    (b"a\nb", ["a", Key.ENTER, "b"]),
    (b"a\r\nb\r\r\n", ["a", Key.ENTER, "b", Key.ENTER, Key.ENTER]),
    (b"\n\r", [Key.ENTER, Key.ENTER]),
    ("zwei ü 漢".encode(), ["zwei ü 漢"]),
    (b"\x01\x05\x0b\x15\x17\x19\x0c", [
        Key.HOME, Key.END, Key.ERASE_TO_END, Key.ERASE_TO_START, Key.ERASE_WORD, Key.PUT_BACK,
        Key.REDRAW,
    ]),
    (b"\x08\x7f\t\x03\x04", [
        Key.BACKSPACE, Key.BACKSPACE, Key.TAB, Key.INTERRUPT, Key.END_OF_TEXT,
    ]),
    (b"\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA\x1bOH", [
        Key.UP, Key.DOWN, Key.RIGHT, Key.LEFT, Key.UP, Key.HOME,
    ]),
    (b"\x1b[3~\x1b[1~\x1b[4~\x1b[H\x1b[F", [Key.DELETE, Key.HOME, Key.END, Key.HOME, Key.END]),
    (b"\x1b[1;5C\x1b[1;5D\x1bb\x1bf\x1bd\x1b\x7f", [
        Key.WORD_RIGHT, Key.WORD_LEFT, Key.WORD_LEFT, Key.WORD_RIGHT, Key.ERASE_NEXT_WORD,
        Key.ERASE_WORD,
    ]),
    (b"\x1b[200~a\x1b[201~", [Key.PASTE_BEGIN, "a", Key.PASTE_END]),
    (b"\x1b[5~\x1b[15~\x1b[?1;2c\x1bOP\x1bx\x00\x1cz", ["z"]),  # keys that mean nothing here
    (b"\x1b\x1b[A", [Key.UP]),
    (b"\x1b\x03", [Key.INTERRUPT]),
    (b"\x1b[1;\x03x", [Key.INTERRUPT, "x"]),
    (b"\x1b[" + b"1" * SEQUENCE_LENGTH_MAX + b"Ax", ["Ax"]),
    (b"a\xffb\xc3", ["a\udcffb"]),
]  # fmt: skip


def joined(items: list[str | Key]) -> list[str | Key]:
    """Letters that came in several pieces as one."""
    result: list[str | Key] = []
    for item in items:
        if isinstance(item, str) and result and isinstance(result[-1], str):
            result[-1] += item
        else:
            result.append(item)
    return result


@pytest.mark.parametrize(("data", "meaning"), MEANINGS)
def test_what_bytes_mean(data: bytes, meaning: list[str | Key]) -> None:
    assert list(KeyDecoder().feed(data)) == meaning


@pytest.mark.parametrize(
    ("data", "meaning"), [each for each in MEANINGS if b"[1111" not in each[0]]
)
def test_each_byte_may_come_alone(data: bytes, meaning: list[str | Key]) -> None:
    decoder = KeyDecoder()
    found = [item for byte in data for item in decoder.feed(bytes([byte]))]
    assert joined(found) == meaning


def test_a_sequence_without_an_end_is_given_up() -> None:
    decoder = KeyDecoder()
    found = [item for _ in range(1000) for item in decoder.feed(b"\x1b[1")]
    assert found == []
    for byte in b"\x1b[" + b"1" * 1000:
        found += decoder.feed(bytes([byte]))
    assert set(joined(found)) <= {"1" * len("".join(map(str, found)))}
    assert found


def test_escape_alone_is_a_key_when_one_is_waited_for() -> None:
    decoder = KeyDecoder()
    assert list(decoder.feed(b"\x1b")) == []
    assert decoder.take_escape()
    assert not decoder.take_escape()
    assert list(decoder.feed(b"[A")) == ["[A"]
