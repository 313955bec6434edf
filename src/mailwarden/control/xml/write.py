"""Writes a tree of settings as an XML configuration file (admin 4.1)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import join
from mailwarden.control.config.shape import Field, Form, Kind, Value, fields_of
from mailwarden.control.xml.document import DTD, ENCODING, ROOT
from mailwarden.control.xml.faults import EnoughError, Fault, Problems
from mailwarden.control.xml.fields import MISSING, plain_default, text_of
from mailwarden.control.xml.key_material import (
    CERTIFICATE,
    PAIR,
    PRIVATE_KEY,
    SECRET_PATH,
    SECTION,
    KeyPair,
    KeyStore,
    has_material,
)
from mailwarden.control.xml.names import ENCRYPTED, FILE, NAME, NONE, item_name
from mailwarden.control.xml.origin import SCHEMA, NodeFacts, write_comment
from mailwarden.control.xml.protection import MASK, Protection, RandomBytes, Seal
from mailwarden.control.xml.spelling import keeps_none, settled_table
from mailwarden.core.setting import Setting

# XML 1.0, 2.2: no file can hold these, not even as references.
_IMPOSSIBLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A carriage return would come back as a line feed (2.11); C1 controls would not be seen.
_IN_TEXT: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    | {chr(code): f"&#{code};" for code in (13, *range(0x7F, 0xA0))}
)
# In attributes line ends and tabs would come back as blanks (3.3.3).
_IN_ATTRIBUTES: Final = _IN_TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOptions:
    """How a file is written.

    `seal` and `random_bytes` are needed to encrypt. `pairs` are the certificates with their keys
    of a node that keeps them in files; they are written only where secrets are not masked.
    Without `with_defaults` only what the tree names is written.
    """

    protection: Protection = Protection.MASK
    seal: Seal | None = None
    random_bytes: RandomBytes | None = None
    key_store: KeyStore = KeyStore.FILES
    pairs: tuple[KeyPair, ...] = ()
    with_defaults: bool = True


def write_configuration(
    tree: Mapping[str, Any],
    node: NodeFacts,
    time: datetime,
    options: SaveOptions,
    section: type = GatewayConfig,
) -> bytes:
    """Return a tree that was checked as a file; `time` is that of saving, with its zone.

    Raises:
        XmlError: it holds what no file can hold, or no setting declares.
    """
    writer = _Writer(options)
    try:
        lines = [*writer.settings(tree, section, "", "", _INDENT), *writer.pairs()]
    except EnoughError:
        lines = []
    writer.problems.raise_if_any()
    text = "".join([*_head(node, time, options), *lines, f"</{ROOT}>\n"])
    return text.encode(ENCODING, "xmlcharrefreplace")


def _head(node: NodeFacts, time: datetime, options: SaveOptions) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="{ENCODING}"?>\n'
    yield f'<!DOCTYPE {ROOT} SYSTEM "{DTD}">\n'
    yield write_comment(node, time)
    values = {
        "schema": SCHEMA,
        "model": node.model,
        "version": node.version,
        "serial": node.serial,
        "fips": "on" if node.fips else "off",
        "secrets": options.protection.value,
    }
    if options.protection is Protection.ENCRYPT:
        assert options.seal is not None
        values["key"] = options.seal.name
    yield f"<{ROOT}{''.join(attribute(*pair) for pair in values.items())}>\n"


def attribute(name: str, value: str) -> str:
    """Return an attribute with the blank in front of it."""
    return f' {name}="{_IMPOSSIBLE.sub("?", value).translate(_IN_ATTRIBUTES)}"'


class _Writer:
    """Yields the lines of elements. `path` is the setting's, `place` that of its element."""

    def __init__(self, options: SaveOptions) -> None:
        self.problems = Problems("")
        self._options = options

    def settings(
        self, tree: Value, section: type, path: str, place: str, indent: str
    ) -> Iterator[str]:
        if not isinstance(tree, Mapping):
            self._refuse(path, "is no block of settings")
            return
        fields = fields_of(section)
        for name in tree:
            if name not in fields:
                self._refuse(join(path, str(name)), "is not a setting")
        for name, field in fields.items():
            value = tree.get(name, MISSING)
            if value is MISSING and self._options.with_defaults:
                value = plain_default(field)
            inner = f"{place}.{name}" if place else name
            yield from self._setting(field, value, join(path, name), inner, indent)

    def pairs(self) -> Iterator[str]:
        options = self._options
        if options.key_store is KeyStore.HSM or options.protection is Protection.MASK:
            return
        if not options.pairs:
            return
        yield f"{_INDENT}<{SECTION}>\n"
        for pair in options.pairs:
            path = join(SECTION, pair.name)
            yield f"{_INDENT * 2}<{PAIR}{attribute(NAME, pair.name)}>\n"
            certificate = self._escaped(pair.certificate, path)
            yield f"{_INDENT * 3}<{CERTIFICATE}>{certificate}</{CERTIFICATE}>\n"
            marks, key = self._secret(pair.private_key, path, SECRET_PATH)
            yield f"{_INDENT * 3}<{PRIVATE_KEY}{marks}>{key}</{PRIVATE_KEY}>\n"
            yield f"{_INDENT * 2}</{PAIR}>\n"
        yield f"{_INDENT}</{SECTION}>\n"

    def _setting(
        self, field: Field, value: Value, path: str, place: str, indent: str
    ) -> Iterator[str]:
        if value is MISSING or (value is None and not keeps_none(field)):
            return
        if value is None:
            yield f'{indent}<{field.name} {NONE}="on"></{field.name}>\n'
            return
        about = field.setting
        yield from self._value(_Spot(field.name, "", path, place, indent), field.kind, about, value)

    def _value(self, spot: "_Spot", kind: Kind, about: Setting, value: Value) -> Iterator[str]:
        match kind.form:
            case Form.SECTION:
                assert kind.section is not None
                inside = self.settings(
                    {} if value is None else value, kind.section, spot.path, spot.place,
                    spot.indent + _INDENT,
                )  # fmt: skip
                yield from spot.around(inside)
            case Form.LIST:
                yield from spot.around(self._items(spot, kind.inner, about, value))
            case Form.TABLE:
                yield from spot.around(self._entries(spot, kind.inner, about, value))
            case Form.LINES:
                yield from self._table(spot, value)
            case _:
                yield from self._scalar(spot, kind, about, value)

    def _items(self, spot: "_Spot", kind: Kind, about: Setting, value: Value) -> Iterator[str]:
        if not isinstance(value, list | tuple):
            self._refuse(spot.path, "is no list")
            return
        for index, item in enumerate(value):
            inner = spot.inside("", join(spot.path, index))
            yield from self._value(inner, kind, about, item)

    def _entries(self, spot: "_Spot", kind: Kind, about: Setting, value: Value) -> Iterator[str]:
        if not isinstance(value, Mapping):
            self._refuse(spot.path, "has no names with values")
            return
        for key, item in value.items():
            name = str(key)
            path = join(spot.path, name)
            self._escaped(name, path)
            inner = spot.inside(attribute(NAME, name), path)
            yield from self._value(inner, kind, about, item)

    def _table(self, spot: "_Spot", value: Value) -> Iterator[str]:
        table = settled_table(value)
        if isinstance(table, str):
            if self._may_be_written(table):
                yield spot.holding("", self._escaped(table, spot.path))
            return
        name = table[FILE]
        self._escaped(name, spot.path)
        yield spot.holding(attribute(FILE, name), "")

    def _scalar(self, spot: "_Spot", kind: Kind, about: Setting, value: Value) -> Iterator[str]:
        if value is None or isinstance(value, Mapping | list | tuple):
            self._refuse(spot.path, "is no single value")
            return
        text = text_of(kind, value)
        if not self._may_be_written(text):
            return
        if about.secret and text:
            yield spot.holding(*self._secret(text, spot.path, spot.place))
        else:
            yield spot.holding("", self._escaped(text, spot.path))

    def _may_be_written(self, text: str) -> bool:
        options = self._options
        is_shown = options.key_store is KeyStore.FILES and options.protection is not Protection.MASK
        return is_shown or not has_material(text)

    def _secret(self, text: str, path: str, place: str) -> tuple[str, str]:
        match self._options.protection:
            case Protection.MASK:
                return "", MASK
            case Protection.PLAIN:
                return "", self._escaped(text, path)
        seal, random_bytes = self._options.seal, self._options.random_bytes
        assert seal is not None
        assert random_bytes is not None
        return attribute(ENCRYPTED, "on"), seal.encrypt(text, place, random_bytes)

    def _escaped(self, text: str, path: str) -> str:
        odd = _IMPOSSIBLE.search(text)
        if odd is not None:
            self._refuse(path, f"the sign U+{ord(odd[0]):04X} cannot stand in an XML file")
        return text.translate(_IN_TEXT)

    def _refuse(self, path: str, what: str) -> None:
        self.problems.add(Fault.UNWRITABLE, 0, path, f"{path}: {what}")


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where an element is written."""

    name: str
    marks: str  # its attributes
    path: str
    place: str
    indent: str

    def inside(self, marks: str, path: str) -> "_Spot":
        """Return where one of what this element holds is written."""
        name = item_name(self.name)
        return _Spot(name, marks, path, f"{self.place}.{name}", self.indent + _INDENT)

    def around(self, lines: Iterator[str]) -> Iterator[str]:
        """Yield the element with elements inside."""
        first = next(lines, None)
        if first is None:
            yield self.holding("", "")
            return
        yield f"{self.indent}<{self.name}{self.marks}>\n"
        yield first
        yield from lines
        yield f"{self.indent}</{self.name}>\n"

    def holding(self, marks: str, text: str) -> str:
        """Return the element with text inside."""
        return f"{self.indent}<{self.name}{self.marks}{marks}>{text}</{self.name}>\n"
