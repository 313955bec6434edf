"""Finds the addresses in fields such as From, To and Cc, and puts others in their place.

Only the addr-spec is ever changed (RFC 5322, 3.4.1), token by token: display names, comments,
groups, quoted strings, encoded words and folds stay byte for byte. Beyond the grammar, some forms
are taken whose meaning is plain: anything as a display name in front of angle brackets, a user
name without a domain, a semicolon and no comma behind a group. A field that cannot be read is
left alone as a whole, and named.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from mailwarden.core.mail.address import (
    ADDRESS_OCTETS_MAX,
    AddressError,
    AddressRules,
    parse_path,
)
from mailwarden.core.mail.domain import normalize_domain, octets
from mailwarden.core.mail.header import LINE_BYTES_MAX

MASQUERADED_FIELDS: Final = ("From", "To", "Cc")  # mailflow 5.4
SCANNED_BYTES_MAX: Final = 256 * 1024  # of all fields together; later fields are left alone
ADDRESSES_MAX: Final = 10_000  # likewise
_TOO_MANY: Final = f"more than {ADDRESSES_MAX} addresses"

_TOKEN: Final = re.compile(
    rb'([^\x00-\x20\x7f"(),:;<>@\[\\\]]++)'  # RFC 5322, 3.2.3: atoms, and dots; RFC 6532: 8 bits
    rb'|("(?:[^"\\]|\\.)*+")'
    rb"|(\[[^\[\]\\]*+\])"
    rb"|([<>@,:;])"
    rb"|(\()"
    rb"|(?:[ \t]|\r?\n)++",
    re.DOTALL,
)
_WORD, _QUOTED, _LITERAL, _MARK, _COMMENT = 1, 2, 3, 4, 5  # groups of `_TOKEN`
_PARENTHESIS: Final = re.compile(rb"(?:[^()\\]|\\.)*+([()])", re.DOTALL)
_FOLD: Final = re.compile(rb"\r?\n")
_FIELD_LF: Final = re.compile(rb"\n(?![ \t])")
_ENCODED_WORD: Final = b"=?"
_NEW_LINE: Final = b"\r\n "

_PLAIN: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9_.-]+"
)
_RULES: Final = AddressRules(reject_local_characters="")  # loose: also long local parts


_AT, _COLON, _COMMA, _CR, _DOT, _GREATER, _LESS, _SEMICOLON = b"@:,\r.><;"

_Token = tuple[int, int, int]  # kind, start, end
_Edit = tuple[int, int, bytes]  # start, end, what to put there


class Place(NamedTuple):
    """Where an address stands; all offsets are into the header block."""

    address: str  # in the form of an envelope; without a domain where it has none
    start: int  # of the display name or whatever is the first of it
    local: tuple[tuple[int, int], ...]  # start and end of each token of the local part
    domain: tuple[tuple[int, int], ...]  # likewise; empty is none


class AddressField(NamedTuple):
    """A field that was read."""

    name: str  # as written
    start: int
    end: int  # without the line end
    places: tuple[Place, ...]


class UnreadField(NamedTuple):
    """A field that is left alone because it could not be read."""

    name: str  # as written
    reason: str


class HeaderAddresses(NamedTuple):
    """What a header says of addresses, in its order."""

    fields: tuple[AddressField, ...]
    unread: tuple[UnreadField, ...]


class Change(NamedTuple):
    """An address that was replaced."""

    field: str  # name as written
    old: str
    new: str


class RewrittenHeader(NamedTuple):
    """A header block with new addresses; it is the old object where there are none."""

    block: bytes
    changes: tuple[Change, ...]
    unread: tuple[UnreadField, ...]


class _UnreadableError(Exception):
    """A field's value cannot be read; its text says why."""


def rewrite_header(
    block: bytes,
    rewrite: Callable[[str], str | None],
    names: tuple[str, ...] = MASQUERADED_FIELDS,
) -> RewrittenHeader:
    """Return `block`, the content up to `header_end`, with the addresses that `rewrite` gives.

    `rewrite` is asked for each address in the form of an envelope, and returns a full address, or
    None for no change.

    Raises:
        ValueError: `rewrite` returned what is no address.
    """
    return replace_addresses(block, find_addresses(block, names), rewrite)


def find_addresses(block: bytes, names: tuple[str, ...] = MASQUERADED_FIELDS) -> HeaderAddresses:
    """Return the addresses in the fields called `names`, in any case.

    Addresses that could be in no envelope are passed over. The work is bounded by
    SCANNED_BYTES_MAX and ADDRESSES_MAX, besides one search for the names.
    """
    fields: list[AddressField] = []
    unread: list[UnreadField] = []
    bytes_left, addresses_left = SCANNED_BYTES_MAX, ADDRESSES_MAX
    # A line end in front lets the search jump from line to line; offsets are one too large for it.
    for match in _field_pattern(names).finditer(b"\n" + block):
        name, start, value = match[1].decode("ascii"), match.start(), match.end() - 1
        last = _FIELD_LF.search(block, value)
        end = last.start() if last else len(block)
        if block[end - 1] == _CR:
            end -= 1
        bytes_left -= end - start
        if bytes_left < 0:
            unread.append(UnreadField(name, f"more than {SCANNED_BYTES_MAX} bytes to be read"))
            break
        try:
            places = _Reader(block, value, end).read()
        except _UnreadableError as error:
            unread.append(UnreadField(name, str(error)))
            continue
        addresses_left -= len(places)
        if addresses_left < 0:
            unread.append(UnreadField(name, _TOO_MANY))
            break
        fields.append(AddressField(name, start, end, tuple(places)))
    return HeaderAddresses(tuple(fields), tuple(unread))


def replace_addresses(
    block: bytes, found: HeaderAddresses, rewrite: Callable[[str], str | None]
) -> RewrittenHeader:
    """Return `block`, which `found` is about, with the addresses that `rewrite` gives.

    A line that would get longer than RFC 5322 allows (2.1.1) is folded before an address.

    Raises:
        ValueError: `rewrite` returned what is no address.
    """
    pieces: list[bytes] = []
    changes: list[Change] = []
    at = 0
    for field in found.fields:
        new = [_checked(rewrite(place.address), place.address) for place in field.places]
        if not any(new):
            continue
        pieces.append(block[at : field.start])
        pieces.append(_replace_in_field(block, field, new))
        at = field.end
        for place, address in zip(field.places, new, strict=True):
            if address:
                changes.append(Change(field.name, place.address, address))
    if not changes:
        return RewrittenHeader(block, (), found.unread)
    pieces.append(block[at:])
    return RewrittenHeader(b"".join(pieces), tuple(changes), found.unread)


@lru_cache(16)
def _field_pattern(names: tuple[str, ...]) -> re.Pattern[bytes]:
    words = b"|".join(re.escape(name).encode("ascii") for name in names)
    return re.compile(rb"\n(" + words + rb")[ \t]*+:", re.IGNORECASE)


def _replace_in_field(block: bytes, field: AddressField, new: list[str]) -> bytes:
    """Return the field with `new` in place of its addresses; "" is no change."""
    segments: list[bytes] = []  # all but the first begin where the line may be folded
    at = field.start
    edits: list[_Edit] = []
    for place, address in zip(field.places, new, strict=True):
        segments.append(_apply(block, at, place.start, edits))
        at = place.start
        edits = _edits(place, address) if address else []
    segments.append(_apply(block, at, field.end, edits))
    value = b"".join(segments)
    if all(len(line) <= LINE_BYTES_MAX for line in value.split(b"\n")):
        return value
    return _fold(segments)


def _edits(place: Place, new: str) -> list[_Edit]:
    """Return what to write where; what is the same in old and new address is not touched."""
    old_local, old_domain = _split(place.address)
    local, domain = (_to_bytes(part) for part in _split(new))
    edits: list[_Edit] = []
    if local != _to_bytes(old_local):
        edits += _write(place.local, local)
    if not place.domain:
        end = place.local[-1][1]
        edits.append((end, end, b"@" + domain))
    elif domain != _to_bytes(old_domain):
        edits += _write(place.domain, domain)
    return edits


def _write(spans: tuple[tuple[int, int], ...], text: bytes) -> list[_Edit]:
    """Put `text` over the first token and nothing over the others; comments between them stay."""
    return [(start, end, b"" if i else text) for i, (start, end) in enumerate(spans)]


def _apply(block: bytes, start: int, end: int, edits: list[_Edit]) -> bytes:
    if not edits:
        return block[start:end]
    pieces: list[bytes] = []
    for first, behind, text in edits:
        pieces += (block[start:first], text)
        start = behind
    pieces.append(block[start:end])
    return b"".join(pieces)


def _fold(segments: list[bytes]) -> bytes:
    """Return the segments with a fold before each that would make its line too long."""
    pieces: list[bytes] = []
    column = 0
    for segment in segments:
        lines = segment.split(b"\n")
        if pieces and column > 1 and column + len(lines[0]) > LINE_BYTES_MAX - len(b"\r"):
            pieces.append(_NEW_LINE)
            column = 1
        pieces.append(segment)
        column = len(lines[-1]) + (column if len(lines) == 1 else 0)
    return b"".join(pieces)


def _checked(new: str | None, old: str) -> str:
    """Return the new address, or "" if it is none.

    What goes into a header must not hold a line end, or anything else that means something there.
    """
    if new is None or new == old:
        return ""
    if _PLAIN.fullmatch(new):
        return new
    if parse_path(f"<{new}>", _RULES, sender=False) != (new, "") or not _split(new)[1]:
        raise AddressError("not an address in its one form", new)
    return new


def _split(address: str) -> tuple[str, str]:
    if "@" not in address or address[-1] == '"':  # that @ stands in a quoted local part
        return address, ""
    local, _, domain = address.rpartition("@")
    return local, domain


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class _Reader:
    """Reads one field's value as an address-list (RFC 5322, 3.4)."""

    __slots__ = (
        "_angle", "_at", "_block", "_end", "_found", "_has_angle", "_has_words", "_in_group",
        "_is_open", "_start", "_tokens",
    )  # fmt: skip

    def __init__(self, block: bytes, start: int, end: int) -> None:
        self._block: Final = block
        self._at = start
        self._end: Final = end
        self._found: Final[list[tuple[Place, bool]]] = []  # True is a name without anything
        self._has_angle = False
        self._has_words = False
        self._in_group = False
        # Of the mailbox that is being read:
        self._tokens: list[_Token] = []
        self._start = -1
        self._angle = -1  # how many tokens stand before the angle bracket
        self._is_open = False  # within angle brackets

    def read(self) -> list[Place]:
        """Return all addresses in order.

        Raises:
            _UnreadableError: the value is no such list.
        """
        block, end = self._block, self._end
        at = self._at
        while at < end:
            match = _TOKEN.match(block, at, end)
            if match is None:
                raise _UnreadableError(f"illegal or unclosed {chr(block[at])!r}")
            start, at = match.span()
            kind = match.lastindex
            if kind is None:  # blanks
                continue
            if kind == _COMMENT:
                at = self._behind_comment(at)
            elif kind == _MARK:
                self._take_mark(block[start], start)
            else:
                self._take(kind, start, at)
        if self._is_open or self._in_group:
            raise _UnreadableError("angle bracket or group not closed")
        self._end_mailbox()
        if not self._has_angle:
            if self._has_words:
                raise _UnreadableError("words that are no address")
            return [place for place, _ in self._found]
        # Beside an address in brackets, a word alone is rather a name that was cut at its comma:
        # `Doe, Joe <joe@corp.example>`.
        return [place for place, is_word in self._found if not is_word]

    def _take(self, kind: int, start: int, end: int) -> None:
        if self._angle >= 0 and not self._is_open:
            raise _UnreadableError("text behind an angle bracket")
        if self._start < 0:
            self._start = start
        self._tokens.append((kind, start, end))

    def _take_mark(self, mark: int, at: int) -> None:
        if mark == _AT or (self._is_open and mark in b",:"):  # the latter in a source route
            self._take(_MARK, at, at + 1)
        elif mark == _GREATER and self._is_open:
            self._is_open = False
        elif mark == _LESS and self._angle < 0:
            self._angle = len(self._tokens)
            self._is_open = True
            self._start = at if self._start < 0 else self._start
        elif mark == _COMMA:
            self._end_mailbox()
        elif mark == _COLON and self._tokens and self._angle < 0 and not self._in_group:
            self._in_group = True
            self._tokens = []
            self._start = -1
        elif mark == _SEMICOLON and self._in_group and not self._is_open:
            self._end_mailbox()
            self._in_group = False
        else:
            raise _UnreadableError(f"{chr(mark)!r} where none may stand")

    def _end_mailbox(self) -> None:
        tokens, start, angle = self._tokens, self._start, self._angle
        self._tokens, self._start, self._angle = [], -1, -1
        if angle >= 0:
            self._has_angle = True
            if len(tokens) > angle:  # `<>` is nobody
                self._take_mailbox(self._without_route(tokens[angle:]), start, is_word=False)
        elif len(tokens) == 1 and self._is_name(tokens[0]):
            self._take_mailbox(tokens, start, is_word=True)
        elif any(kind == _MARK for kind, _, _ in tokens):
            self._take_mailbox(tokens, start, is_word=False)
        elif tokens:
            self._has_words = True

    def _is_name(self, token: _Token) -> bool:
        kind, start, _ = token
        return kind == _WORD and not self._block.startswith(_ENCODED_WORD, start)

    def _without_route(self, tokens: list[_Token]) -> list[_Token]:
        """Return `tokens` without a source route (RFC 5322, 4.4: obs-route)."""
        if self._text(tokens[0]) != b"@":
            return tokens
        for place, token in enumerate(tokens):
            if token[0] == _MARK and self._text(token) == b":":
                return tokens[place + 1 :]
        raise _UnreadableError("local part missing")

    def _take_mailbox(self, tokens: list[_Token], start: int, *, is_word: bool) -> None:
        marks = [place for place, token in enumerate(tokens) if token[0] == _MARK]
        if len(marks) > 1 or (marks and self._text(tokens[marks[0]]) != b"@"):
            raise _UnreadableError("more than an address between two commas")
        at = marks[0] if marks else len(tokens)
        local, domain = tokens[:at], tokens[at + 1 :]
        if not local or (marks and not domain):
            raise _UnreadableError("local part or domain missing")
        self._check(local, _QUOTED)
        if len(domain) != 1 or domain[0][0] != _LITERAL:
            self._check(domain, _WORD)
        address = self._address(local, domain)
        if address:
            place = Place(address, start, _spans(local), _spans(domain))
            self._found.append((place, is_word))
            if len(self._found) > ADDRESSES_MAX:
                raise _UnreadableError(_TOO_MANY)

    def _check(self, tokens: list[_Token], last_kind: int) -> None:
        """Refuse what is no dot-atom, nor words with dots between (RFC 5322, 4.4)."""
        dotted = True
        for token in tokens:
            text = self._text(token)
            is_word = token[0] == _WORD
            if token[0] > last_kind or not (dotted or (is_word and text[0] == _DOT)):
                raise _UnreadableError("blank or illegal character in an address")
            dotted = is_word and text[-1] == _DOT

    def _address(self, local: list[_Token], domain: list[_Token]) -> str:
        """Return the address in the form of an envelope; "" is none that could be in one."""
        try:
            name = self._decoded(local)
            if len(local) > 1 or local[0][0] == _QUOTED:
                name = parse_path(f"<{name}@>", _RULES, sender=False).address
            if not domain:
                address = name
            elif domain[0][0] == _LITERAL:
                address = f"{name}@{self._decoded(domain).lower()}"
            else:
                address = f"{name}@{normalize_domain(self._decoded(domain))}"
        except AddressError:
            return ""
        return address if octets(address) <= ADDRESS_OCTETS_MAX else ""

    def _decoded(self, tokens: list[_Token]) -> str:
        text = b"".join(map(self._text, tokens))
        return _FOLD.sub(b"", text).decode("utf-8", "surrogateescape")

    def _text(self, token: _Token) -> bytes:
        return self._block[token[1] : token[2]]

    def _behind_comment(self, at: int) -> int:
        """Return where a comment ends; comments may stand in comments (RFC 5322, 3.2.2)."""
        depth = 1
        while depth:
            match = _PARENTHESIS.match(self._block, at, self._end)
            if match is None:
                raise _UnreadableError("comment not closed")
            depth += 1 if match[1] == b"(" else -1
            at = match.end()
        return at


def _spans(tokens: list[_Token]) -> tuple[tuple[int, int], ...]:
    return tuple([(start, end) for _, start, end in tokens])
