"""One view of a message for all who look at it: filters, authentication, policy.

Nothing is read or parsed before somebody asks, and then only once. A message never changes;
`with_header` gives a new view that shares what the old one has found out.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mailwarden.core.mail.content import Content
from mailwarden.core.mail.encoded_word import decode_unstructured
from mailwarden.core.mail.header import (
    Defect,
    Field,
    byte_defects,
    field_defects,
    has_empty_line,
    header_end,
    split_fields,
)

HEADER_BYTES_MAX: Final = 16 * 1024 * 1024  # that are read of content in search of the body
_FIRST_READ_BYTES: Final = 64 * 1024  # more than nearly every header has


class _ContentHeader(NamedTuple):
    """The header that came with the content."""

    block: bytes
    fields: tuple[Field, ...]
    defects: frozenset[Defect]  # but for those of bytes, which few ask for


class Message:
    """What the gateway put on top, and the content below it, as fields and body.

    Fields come in the order in which they stand: the added ones first, then those of the content.
    """

    __slots__ = ("_added", "_content_header", "_defects", "_index", "content", "header")

    def __init__(self, header: bytes, content: Content) -> None:
        self.header: Final = header  # whole lines with CRLF, or empty
        self.content: Final = content
        self._added: tuple[Field, ...] | None = None
        self._content_header: _ContentHeader | None = None
        self._defects: frozenset[Defect] | None = None
        self._index: dict[str, tuple[Field, ...]] | None = None

    def with_header(self, header: bytes) -> "Message":
        """Return the same content with `header` in place of what was on top."""
        message = Message(header, self.content)
        message._content_header = self._content_header
        return message

    @property
    def size(self) -> int:
        """Bytes of header and content."""
        return len(self.header) + self.content.size

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, from the top."""
        if self._added is None:
            self._added, _ = split_fields(self.header, is_added=True)
        return self._added + self._read().fields

    @property
    def body_offset(self) -> int:
        """Where in the content the body begins, behind the empty line."""
        return len(self._read().block)

    @property
    def defects(self) -> frozenset[Defect]:
        """What is wrong with the header; what the gateway added can heal it."""
        if self._defects is None:
            header = self._read()
            self._defects = header.defects.union(
                byte_defects(header.block), field_defects(self.fields)
            )
        return self._defects

    def get(self, name: str) -> Field | None:
        """Return the topmost field called `name`, in any case."""
        found = self.get_all(name)
        return found[0] if found else None

    def get_all(self, name: str) -> tuple[Field, ...]:
        """Return all fields called `name`, in any case, from the top."""
        if self._index is None:
            self._index = _index(self.fields)
        return self._index.get(name.lower(), ())

    def text(self, name: str) -> str:
        """Return the topmost value called `name` for people, decoded and cut; "" without one."""
        field = self.get(name)
        return decode_unstructured(field.value) if field else ""

    def raw(self, field: Field) -> bytes:
        """Return all bytes of `field`, name and final line end included."""
        block = self.header if field.is_added else self._read().block
        return block[field.start : field.end]

    def header_block(self) -> bytes:
        """Return the content up to its body, as it came."""
        return self._read().block

    def body_chunks(self) -> Iterator[bytes]:
        """Yield the body in pieces of bounded size. May read the disk."""
        left = self.body_offset
        for chunk in self.content.chunks():
            if left < len(chunk):
                yield chunk[left:] if left else chunk
            left = max(0, left - len(chunk))

    def _read(self) -> _ContentHeader:
        if self._content_header is None:
            self._content_header = _read_header(self.content)
        return self._content_header


def read_header_block(content: Content) -> bytes:
    """Return `content` up to its body, reading as little of it as will do."""
    return _read_block(content)[0]


def _read_block(content: Content) -> tuple[bytes, bool, bool]:
    """Return the header, whether it ends there, and whether all of the content was looked at."""
    limit = _FIRST_READ_BYTES
    while True:
        data = content.read(limit)
        is_all = len(data) >= content.size
        # A line that is cut off could look like the first one of the body.
        lines = data if is_all else data[: data.rfind(b"\n") + 1]
        end = header_end(lines)
        if is_all or end < len(lines) or limit >= HEADER_BYTES_MAX:
            return data[:end], end < len(lines), is_all
        limit = min(limit * 8, HEADER_BYTES_MAX)


def _read_header(content: Content) -> _ContentHeader:
    block, is_ended, is_all = _read_block(content)
    fields, defects = split_fields(block, is_added=False)
    if is_ended and not has_empty_line(block):
        defects.add(Defect.NO_EMPTY_LINE)
    if not is_all and not is_ended and not has_empty_line(block):
        defects.add(Defect.TOO_LARGE)
    return _ContentHeader(block, fields, frozenset(defects))


def _index(fields: tuple[Field, ...]) -> dict[str, tuple[Field, ...]]:
    found: dict[str, list[Field]] = {}
    for field in fields:
        found.setdefault(field.name.lower(), []).append(field)
    return {name: tuple(same) for name, same in found.items()}
