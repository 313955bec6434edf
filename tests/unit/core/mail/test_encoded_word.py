"""Text of raw field values for people and logs (RFC 2047)."""

import pytest

from mailwarden.core.mail.encoded_word import TEXT_CHARACTERS_MAX, decode_unstructured


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" Quarterly numbers", "Quarterly numbers"),
        (b" Quarterly\r\n  numbers\r\n", "Quarterly  numbers"),
        (b"", ""),
        (b"=?utf-8?q?Z=C3=A4hler_1?=", "Zähler 1"),
        (b"=?UTF-8?B?WsOkaGxlcg==?=", "Zähler"),
        (b"=?utf-8?b?WsOkaGxlcg?=", "Zähler"),  # padding forgotten
        (b"=?iso-8859-1?q?Z=E4hler?=", "Zähler"),
        (b"=?iso-8859-1?q?=93a=94?=", "“a”"),  # as most say who mean windows-1252
        (b"=?iso-8859-1*de?q?Z=E4hler?=", "Zähler"),
        (b"=?koi8-r?b?79TexdQ=?=", "Отчет"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        (b"a =?utf-8?q?b?= c", "a b c"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?=\r\n =?koi8-r?q?b?= c", "ab c"),
        (b"=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),  # cut within a character
        (b"=?utf-8?q?=C3?=", "\ufffd"),
        (b"=?utf-8?q?two words?=", "two words"),
        (b"=?utf-8?q??=", ""),
        (b"=?us-ascii?q?=C3=A4?=", "ä"),
        (b"=?x-nonsense?q?a?=", "=?x-nonsense?q?a?="),
        (b"=?x-nonsense?q?a?= =?utf-8?q?b?=", "=?x-nonsense?q?a?= b"),
        (b"=?zlib?b?eJw=?=", "=?zlib?b?eJw=?="),
        (b"=?utf-7?q?+2AA-?=", "=?utf-7?q?+2AA-?="),
        (b"=?utf-8?b?a?=", "=?utf-8?b?a?="),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?a", "=?utf-8?q?a"),
        (b"=? =? ?= ?=", "=? =? ?= ?="),
        ("Zähler".encode(), "Zähler"),
        ("Zähler".encode("latin-1"), "Zähler"),
        (b"\x81\xff", "\ufffdÿ"),
    ],
)
def test_decode(value: bytes, expected: str) -> None:
    assert decode_unstructured(value) == expected


def test_result_is_bounded() -> None:
    assert decode_unstructured(b"x" * 100_000) == "x" * TEXT_CHARACTERS_MAX
    assert decode_unstructured(b"=?utf-8?q?a?= " * 9_000).startswith("a" * 200)
    assert len(decode_unstructured(b"=?utf-8?q?aaaaaaaaaa?= " * 9_000)) == TEXT_CHARACTERS_MAX
    assert decode_unstructured("€".encode() * 9_000) == "€" * TEXT_CHARACTERS_MAX
