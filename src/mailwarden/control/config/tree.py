"""YAML text as a tree in which everything knows its place.

The tree is built from the parser's events rather than with `yaml.compose`: so nesting, size and
aliases are limited before anything recursive happens, and no tag is ever acted upon.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple

import yaml

TEXT_LENGTH_MAX: Final = 8 * 1024 * 1024  # letters in a configuration file
NODES_MAX: Final = 400_000  # values in a configuration file
DEPTH_MAX: Final = 20  # blocks within blocks
ALIASES_MAX: Final = 1000

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times as fast
_UNREADABLE: Final = re.compile(  # YAML 1.1, 5.1: what a file may not hold
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LINE_END: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_HINTS: Final = (
    ("mapping values are not allowed", "check the indentation; text with a colon needs quotes"),
    ("did not find expected key", "is this line indented as the ones that belong to it?"),
    ("could not find expected ':'", "a name needs a colon and a blank behind it"),
    ("did not find expected '-' indicator", "the items of a list begin in the same column"),
    ("cannot start any token", "text that begins with a special sign needs quotes"),
    ("unexpected end of stream", "a quote is not closed"),
)  # fmt: skip


class Place(NamedTuple):
    """Where something stands; both numbers count from 1."""

    line: int
    column: int


Event = Any  # those of PyYAML have no types
Report = Callable[[Place, str], None]


@dataclass(slots=True, eq=False)
class Scalar:
    """A piece of text; `plain` when it stands without quotes.

    A `literal` one begins behind a `|`, and has a line for each line of the file from there on.
    """

    place: Place
    text: str
    plain: bool
    literal: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether there is no value at all, or the word for that."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(slots=True, eq=False)
class Items:
    """A list."""

    place: Place
    items: "list[Node]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Table:
    """Names with values, each name once."""

    place: Place
    entries: "dict[str, tuple[Place, Node]]" = field(default_factory=dict)


Node = Scalar | Items | Table


class TreeError(Exception):
    """The text has no tree."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


def parse_tree(text: str, report: Report) -> Node:
    """Return the tree of `text`; tell `report` what is wrong and can be passed over.

    Raises:
        TreeError: the text is not YAML, or is beyond the limits.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > TEXT_LENGTH_MAX:
        raise TreeError(Place(1, 1), f"is longer than {TEXT_LENGTH_MAX} letters")
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        place = _place_of(text, unreadable.start())
        raise TreeError(place, f"the sign U+{ord(unreadable[0]):04X} cannot stand in this file")
    builder = _Builder(report)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        raise _explain(error, text) from error
    return builder.root or Table(Place(1, 1))


def _place_of(text: str, offset: int) -> Place:
    line, start = 1, 0
    for end in _LINE_END.finditer(text, 0, offset):
        line, start = line + 1, end.end()
    return Place(line, offset - start + 1)


def _explain(error: yaml.YAMLError, text: str) -> TreeError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    hint = next((hint for words, hint in _HINTS if words in what), "")
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    if _is_indented_with_tab(text, place.line):
        hint = "lines are indented with blanks, never with tabs"
    return TreeError(place, f"is not YAML: {what}{'; ' if hint else ''}{hint}")


def _is_indented_with_tab(text: str, line: int) -> bool:
    start = 0
    for end in islice(_LINE_END.finditer(text), line - 1):
        start = end.end()
    indent = text[start : start + 1000]
    return "\t" in indent[: len(indent) - len(indent.lstrip(" \t"))]


class _Builder:
    """Puts events together."""

    def __init__(self, report: Report) -> None:
        self.root: Node | None = None
        self._report = report
        self._open: list[Items | Table] = []
        self._keys: list[tuple[Place, str] | None] = []  # the name that waits, for each open one
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._aliases = 0
        self._documents = 0

    def take(self, event: Event) -> None:
        match event:
            case yaml.ScalarEvent():
                style = event.style
                place = self._place(event)
                self._add(Scalar(place, event.value, not style, style == "|"), event)
            case yaml.MappingStartEvent():
                self._add(Table(self._place(event)), event)
            case yaml.SequenceStartEvent():
                self._add(Items(self._place(event)), event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._keys.pop()
            case yaml.AliasEvent():
                self._put(self._alias(event))
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise TreeError(self._place(event), "a second document begins; one is enough")

    @staticmethod
    def _place(event: Event) -> Place:
        return Place(event.start_mark.line + 1, event.start_mark.column + 1)

    def _add(self, node: Node, event: Event) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise TreeError(node.place, f"has more than {NODES_MAX} values")
        if event.tag is not None:
            self._report(node.place, f"tags such as {event.tag[:40]} are not used in this file")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._put(node)
        if not isinstance(node, Scalar):
            if len(self._open) >= DEPTH_MAX:
                raise TreeError(node.place, f"is nested more than {DEPTH_MAX} deep")
            self._open.append(node)
            self._keys.append(None)

    def _alias(self, event: Event) -> Node:
        place = self._place(event)
        self._aliases += 1
        if self._aliases > ALIASES_MAX:
            raise TreeError(place, f"has more than {ALIASES_MAX} aliases")
        node = self._anchors.get(event.anchor)
        if node is None or node in self._open:
            what = "is not set above" if node is None else "stands in its own block"
            self._report(place, f"the alias *{event.anchor[:40]} {what}")
            return Scalar(place, "", plain=True)
        return node

    def _put(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Items):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(node)
        else:
            place, name = self._keys[-1]
            self._keys[-1] = None
            self._enter(parent, name, place, node)

    def _key(self, node: Node) -> tuple[Place, str]:
        if not isinstance(node, Scalar):
            self._report(node.place, "a name is needed here, not a list or block")
            return node.place, ""
        if node.plain and node.text == "<<":
            self._report(
                node.place,
                "merge keys (<<) are not used in this file; an alias may stand for a whole block",
            )
            return node.place, ""
        return node.place, node.text

    def _enter(self, table: Table, name: str, place: Place, node: Node) -> None:
        if name in table.entries:
            first = table.entries[name][0].line
            self._report(place, f"`{name[:40]}` stands here again; it is in line {first} already")
        else:
            table.entries[name] = (place, node)
