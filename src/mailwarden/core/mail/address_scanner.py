"""Cuts the argument of MAIL or RCPT into address and parameters, and an address into tokens.

Everything here runs in linear time and without recursion, whatever the text. What the tokens
mean is decided in `address.py`.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

PART_CHARACTERS_MAX: Final = 256  # of an error's `part`, so that a log line stays readable
BLANKS: Final = " \t"

# RFC 5321, 4.1.2: atext, and dots anywhere (mailflow 2.5). RFC 6531, 3.3 adds what is not ASCII.
_WORD: Final = re.compile(r'[^\x00-\x20\x7f"(),:;<>@\[\\\]]++')
_KEYWORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*+")  # RFC 5321, 4.1.2: esmtp-keyword
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class AddressError(ValueError):
    """An address that cannot be taken; `part` is the text that it failed on."""

    def __init__(self, reason: str, part: str) -> None:
        self.reason: Final = reason
        self.part: Final = part[:PART_CHARACTERS_MAX]
        super().__init__(f"{reason}: {self.part!r}")


class Kind(Enum):
    """What a token is."""

    WORD = "word"  # atext, dots and characters beyond ASCII
    QUOTED = "quoted"  # its text has neither the quotes nor the backslashes
    LITERAL = "literal"  # its text has the square brackets
    MARK = "mark"  # one of `@ : ,`
    BLANK = "blank"  # white space or a comment; loose only


class Token(NamedTuple):
    """A piece of an address."""

    kind: Kind
    text: str


def split_strict(argument: str) -> tuple[str, str]:
    """Return what is between the angle brackets and what follows them, stripped."""
    text = argument.lstrip(BLANKS)
    if not text.startswith("<"):
        raise AddressError("angle brackets missing", text)
    at = 1
    while at < len(text) and text[at] != ">":
        at = _behind_quoted(text, at) if text[at] == '"' else at + 1
    if at >= len(text):
        raise AddressError("angle brackets not balanced", text)
    _check_end(text, at + 1, BLANKS)
    return text[1:at], text[at + 1 :].strip(BLANKS)


def split_loose(argument: str) -> tuple[str, str]:
    """Return the text that holds the address and the parameters behind it, stripped.

    In angle brackets, the deepest ones count and a name in front is passed over. Without angle
    brackets a blank ends the address.
    """
    start = _first_bracket(argument)
    inner, at = _bare(argument) if start < 0 else _deepest(argument, start)
    _check_end(argument, at, BLANKS + "(")
    return inner, argument[_behind_blanks(argument, at) :].strip(BLANKS)


def tokens(text: str, *, loose: bool) -> list[Token]:
    """Return the tokens of `text`; blanks and comments are gone where loose passes over them."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        token, at = _token(text, at, loose=loose)
        found.append(token)
    return _joined(found) if loose else found


def is_touching(left: Token, right: Token) -> bool:
    """Whether `right` may stand behind `left` in one part of an address (RFC 5322, 4.4)."""
    if Kind.MARK in (left.kind, right.kind):
        return True
    return (left.kind is Kind.WORD and left.text.endswith(".")) or (
        right.kind is Kind.WORD and right.text.startswith(".")
    )


def _check_end(text: str, at: int, ends: str) -> None:
    if at < len(text) and text[at] not in ends:
        raise AddressError("text behind the address", text[at:])


def _first_bracket(text: str) -> int:
    """Return where the angle brackets begin; -1 is nowhere.

    A `<` in the value of a parameter, as in `AUTH=<>`, is none (RFC 4954, 5).
    """
    at = word = 0
    in_value = False
    while at < len(text):
        character = text[at]
        if character in '"(':
            try:
                at = _behind_quoted(text, at) if character == '"' else _behind_comment(text, at)
            except AddressError:  # it lies behind the address, if that has no brackets
                return -1
            continue
        if character == "<" and not in_value:
            return at
        if character in BLANKS:
            word, in_value = at + 1, False
        elif character == "=" and not in_value:
            in_value = _KEYWORD.fullmatch(text, word, at) is not None
            word = at  # whatever follows cannot be a keyword
        at += 1
    return -1


def _deepest(text: str, start: int) -> tuple[str, int]:
    """Return what the deepest brackets hold, the first of equals, and where the outermost end."""
    depth = deepest = inner = 0
    end = -1
    at = start
    while at < len(text):
        character = text[at]
        if character == '"':
            at = _behind_quoted(text, at)
            continue
        if character == "(":
            at = _behind_comment(text, at)
            continue
        at += 1
        if character == "<":
            depth += 1
            if depth > deepest:
                deepest, inner, end = depth, at, -1
        elif character == ">":
            if end < 0:
                end = at - 1
            depth -= 1
            if depth == 0:
                return text[inner:end], at
    raise AddressError("angle brackets not balanced", text[start:])


def _bare(text: str) -> tuple[str, int]:
    """Return the first word of `text` and where it ends; comments belong to the word."""
    start = at = _behind_blanks(text, 0)
    while at < len(text) and text[at] not in BLANKS:
        if text[at] == '"':
            at = _behind_quoted(text, at)
        elif text[at] == "(":
            at = _behind_comment(text, at)
        else:
            at += 1
    if at == start:
        raise AddressError("address missing", text)
    return text[start:at], at


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t(":
        at = _behind_comment(text, at) if text[at] == "(" else at + 1
    return at


def _behind_quoted(text: str, start: int) -> int:
    at = start + 1
    while at < len(text):
        if text[at] == '"':
            return at + 1
        at += 2 if text[at] == "\\" else 1
    raise AddressError("quoted string not closed", text[start:])


def _behind_comment(text: str, start: int) -> int:
    depth = 0
    at = start
    while at < len(text):
        character = text[at]
        at += 2 if character == "\\" else 1
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return at
    raise AddressError("comment not closed", text[start:])


def _token(text: str, at: int, *, loose: bool) -> tuple[Token, int]:
    """Return the token at `at` and where it ends."""
    character = text[at]
    if character == '"':
        end = _behind_quoted(text, at)
        return Token(Kind.QUOTED, _unquote(text[at + 1 : end - 1])), end
    if character in "@:,":
        return Token(Kind.MARK, character), at + 1
    if character == "[":
        end = text.find("]", at) + 1
        if not end:
            raise AddressError("address literal not closed", text[at:])
        return Token(Kind.LITERAL, text[at:end]), end
    if loose and character in " \t(":
        end = _behind_comment(text, at) if character == "(" else at + 1
        return Token(Kind.BLANK, character), end
    word = _WORD.match(text, at)
    if word is None:
        what = "blank in the address" if character in BLANKS else "illegal character in the address"
        raise AddressError(what, text)
    return Token(Kind.WORD, word[0]), word.end()


def _unquote(text: str) -> str:
    """Return the content of a quoted string with its quoted pairs resolved."""
    if _CONTROL.search(text):  # RFC 5321, 4.1.2: qtextSMTP and quoted-pairSMTP have none
        raise AddressError("illegal character in the address", text)
    if "\\" not in text:
        return text
    pieces = []
    at = 0
    while at < len(text):
        at += text[at] == "\\"
        pieces.append(text[at])
        at += 1
    return "".join(pieces)


def _joined(found: list[Token]) -> list[Token]:
    """Return `found` without its blanks; refuse a blank that splits a word."""
    kept: list[Token] = []
    is_apart = False
    for token in found:
        if token.kind is Kind.BLANK:
            is_apart = bool(kept)
            continue
        if is_apart and not is_touching(kept[-1], token):
            raise AddressError("blank in the address", f"{kept[-1].text} {token.text}")
        is_apart = False
        kept.append(token)
    return kept
