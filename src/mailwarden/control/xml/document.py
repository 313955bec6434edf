"""XML text as a tree of elements, under our own limits; hostile files give a named problem.

Nothing outside the file is ever read: no DTD, no entity. A file has no internal subset, so that
nothing in it can grow.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from mailwarden.control.xml.faults import EnoughError, Fault, Problems, shown

ENCODING: Final = "ISO-8859-1"
ROOT: Final = "config"
DTD: Final = "config.dtd"
SIZE_BYTES_MAX: Final = 64 * 1024 * 1024
DEPTH_MAX: Final = 64
ELEMENTS_MAX: Final = 500_000
ATTRIBUTES_MAX: Final = 16  # of one element
ATTRIBUTE_LENGTH_MAX: Final = 32 * 1024
NAME_LENGTH_MAX: Final = 200
TOKEN_BYTES_MAX: Final = 1024 * 1024  # of one tag with its attributes, or one comment
COMMENT_LENGTH_MAX: Final = 16 * 1024  # of the one in front, which says where the file is from

_BUFFER_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 128 * 1024  # fed at once
_MARKS: Final = (  # RFC 3629, 6 and Unicode 23.8: what files in other encodings begin with
    (b"\xef\xbb\xbf", "UTF-8"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_REFERENCE: Final = re.compile(rb"&(?!#|(?:amp|lt|gt|quot|apos);)([^;&<\s]{0,40})")
_BLANK: Final = re.compile(r"[ \t\r\n]*\Z")
_HINTS: Final = {
    expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH]: "an end tag has another name",
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]: "the file ends too early",
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN]: "a tag or comment is not closed",
    expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]: (
        f"something follows behind </{ROOT}>"
    ),
    expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]: (
        "a sign stands where it cannot; & and < in text are written &amp; and &lt;"
    ),
    expat.errors.codes[expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE]: "an attribute stands twice",
    expat.errors.codes[expat.errors.XML_ERROR_BAD_CHAR_REF]: "no sign has this number",
    expat.errors.codes[expat.errors.XML_ERROR_MISPLACED_XML_PI]: (
        "the <?xml ...?> line has to be the first, with nothing in front"
    ),
    expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: "an entity that nobody knows",
}


@dataclass(slots=True, eq=False)
class Element:
    """An element. `text` is that of one without elements inside."""

    name: str
    line: int
    attributes: dict[str, str]
    children: "list[Element]" = field(default_factory=list)
    text: str = ""
    stray_line: int = 0  # where text stands between its elements; 0 is nowhere


@dataclass(slots=True, eq=False)
class Document:
    """What a file says."""

    root: Element
    comment: str  # the first one in front of the root; "" is none


class _StopError(Exception):
    """The problem is noted; nothing behind it can be read."""


def parse_document(content: bytes, problems: Problems) -> Document | None:
    """Return the elements of a file, or None when it cannot be read to its end.

    What is wrong goes to `problems`, also what could be passed over.
    """
    if len(content) > SIZE_BYTES_MAX:
        problems.add(Fault.SIZE, 1, "", f"is larger than {SIZE_BYTES_MAX} bytes")
        return None
    other = _other_encoding(content)
    if other:
        problems.add(Fault.ENCODING, 1, "", f"the encoding must be {ENCODING}, not {other}")
        return None
    reader = _Reader(problems)
    try:
        reader.read(content)
    except (_StopError, EnoughError):
        return None
    return Document(reader.root, reader.comment) if reader.root is not None else None


def is_blank(text: str) -> bool:
    """Tell whether there is nothing but white space."""
    return _BLANK.match(text) is not None


def _other_encoding(content: bytes) -> str:
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    return "UTF-16" if b"\0" in content[:4] else ""


class _Reader:
    """Puts together what expat finds.

    The file is fed in pieces, so that a tag that does not end is noticed before expat has made
    millions of attributes of it. Expat looks at an unfinished tag anew with each piece: that is
    why its length is limited.
    """

    def __init__(self, problems: Problems) -> None:
        self.root: Element | None = None
        self.comment = ""
        self._problems = problems
        self._open: list[Element] = []
        self._text: list[str] = []
        self._elements = 0
        self._content = b""
        self._is_declared = False
        self._has_doctype = False
        self._parser = self._new_parser()

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(ENCODING)  # whatever is declared
        parser.buffer_text = True
        parser.buffer_size = _BUFFER_BYTES
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.ExternalEntityRefHandler = self._reference
        parser.SkippedEntityHandler = self._skipped
        parser.ProcessingInstructionHandler = self._instruction
        parser.CommentHandler = self._note
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        return parser

    def read(self, content: bytes) -> None:
        self._content = content
        view = memoryview(content)
        try:
            for start in range(0, len(view), _PIECE_BYTES):
                self._parser.Parse(view[start : start + _PIECE_BYTES])
                if start - self._parser.CurrentByteIndex > TOKEN_BYTES_MAX:
                    self._stop(Fault.COUNT, f"has a tag longer than {TOKEN_BYTES_MAX} bytes")
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            self._add(Fault.SYNTAX, self._explain(error), error.lineno)
            return
        if not self._is_declared:
            what = f'begin the file with <?xml version="1.0" encoding="{ENCODING}"?>'
            self._add(Fault.ENCODING, what, 1)

    def _explain(self, error: expat.ExpatError) -> str:
        words = _HINTS.get(error.code, expat.ErrorString(error.code))
        if not self._open:
            return f"is no well-formed XML: {words}"
        inner = self._open[-1]
        where = f"<{shown(inner.name)}> of line {inner.line} is still open"
        return f"is no well-formed XML: {words}; {where}"

    def _add(self, fault: Fault, message: str, line: int = 0) -> None:
        self._problems.add(fault, line or self._parser.CurrentLineNumber, "", message)

    def _stop(self, fault: Fault, message: str) -> None:
        self._add(fault, message)
        raise _StopError

    def _declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        self._is_declared = True
        if version != "1.0":
            self._stop(Fault.SYNTAX, f"is XML {shown(version)}; only 1.0 is read")
        if encoding is None or encoding.upper() != ENCODING:
            said = "none" if encoding is None else shown(encoding)
            self._stop(Fault.ENCODING, f"the encoding must be {ENCODING}, not {said}")

    def _doctype(
        self, name: str, system: str | None, public: str | None, has_subset: bool | int
    ) -> None:
        self._has_doctype = True
        if has_subset:
            self._stop(Fault.ENTITY, f"declarations within <!DOCTYPE {ROOT} [...]> are refused")
        if (name, system, public) != (ROOT, DTD, None):
            self._add(Fault.DOCTYPE, f'takes only <!DOCTYPE {ROOT} SYSTEM "{DTD}">')

    def _entity(self, name: str, *_rest: object) -> None:
        self._stop(Fault.ENTITY, f"the entity {shown(name)} is refused; there are none here")

    def _reference(self, *_rest: object) -> int:
        self._stop(Fault.ENTITY, "nothing is read from outside the file")
        return 0

    def _skipped(self, name: str, is_parameter: bool | int) -> None:  # noqa: ARG002  as expat calls
        self._stop(Fault.ENTITY, f"the entity &{shown(name)}; is refused; there are none here")

    def _instruction(self, target: str, _data: str) -> None:
        self._add(
            Fault.STRUCTURE, f"instructions such as <?{shown(target)} ...?> are not used here"
        )

    def _note(self, text: str) -> None:
        if self.root is None and not self.comment:
            self.comment = text[:COMMENT_LENGTH_MAX]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEPTH_MAX:
            self._stop(Fault.DEPTH, f"has elements more than {DEPTH_MAX} deep")
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            self._stop(Fault.COUNT, f"has more than {ELEMENTS_MAX} elements")
        if attributes:
            self._limit(attributes)
        if len(name) > NAME_LENGTH_MAX:
            self._stop(Fault.COUNT, f"has a name of more than {NAME_LENGTH_MAX} letters")
        element = Element(name, self._parser.CurrentLineNumber, attributes)
        if self._open:
            self._take_stray(self._open[-1])
            self._open[-1].children.append(element)
        else:
            self._begin(element)
        self._open.append(element)

    def _begin(self, root: Element) -> None:
        if not self._has_doctype:
            what = f'the line <!DOCTYPE {ROOT} SYSTEM "{DTD}"> is missing'
            self._add(Fault.DOCTYPE, what)
        if root.name != ROOT:
            self._stop(Fault.DOCTYPE, f"<{shown(root.name)}> is no configuration; <{ROOT}> is")
        self.root = root

    def _limit(self, attributes: dict[str, str]) -> None:
        # Expat passes over unknown entities in attributes without a word when there is a DTD. No
        # tag has a `<` inside; behind the tag is text, where such an entity is as wrong.
        start = self._parser.CurrentByteIndex
        end = self._content.find(b"<", start + 1)
        entity = _REFERENCE.search(self._content, start, end if end > 0 else len(self._content))
        if entity:
            self._skipped(entity[1].decode("latin-1"), is_parameter=False)
        if len(attributes) > ATTRIBUTES_MAX:
            self._stop(Fault.COUNT, f"has more than {ATTRIBUTES_MAX} attributes")
        if any(len(each) > ATTRIBUTE_LENGTH_MAX for pair in attributes.items() for each in pair):
            self._stop(Fault.COUNT, f"has an attribute longer than {ATTRIBUTE_LENGTH_MAX} letters")

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        if element.children:
            self._take_stray(element)
        else:
            element.text = "".join(self._text)
        self._text.clear()

    def _take_stray(self, element: Element) -> None:
        if not element.stray_line and not all(map(is_blank, self._text)):
            element.stray_line = self._parser.CurrentLineNumber
        self._text.clear()
