"""The `config.dtd` that we publish, from the declarations of the settings (admin XML-02).

A DTD knows each element by its name alone, wherever it stands. So an element that is used in
several places may hold there what it may hold in any of them; what is right in each place, and
what may stand only once, is checked when a file is loaded.
"""

from dataclasses import dataclass, field
from typing import Final

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.shape import Form, Kind, fields_of
from mailwarden.control.xml.autosupport import ELEMENT as AUTOSUPPORT
from mailwarden.control.xml.document import ENCODING, ROOT
from mailwarden.control.xml.key_material import CERTIFICATE, PAIR, PRIVATE_KEY, SECTION
from mailwarden.control.xml.names import ENCRYPTED, FILE, NAME, NONE, item_name
from mailwarden.control.xml.origin import ATTRIBUTES, SCHEMA
from mailwarden.core.setting import Setting

_WIDTH: Final = 100


def build_dtd(section: type = GatewayConfig) -> str:
    """Return the DTD, in ASCII with LF."""
    elements = _Elements()
    root = elements.named(ROOT)
    root.attributes.update(dict.fromkeys(ATTRIBUTES))
    elements.settings(root, section)
    _add_key_material(elements, root)
    elements.child(root, AUTOSUPPORT).has_text = True
    head = (
        f'<?xml version="1.0" encoding="{ENCODING}"?>\n'
        f"<!-- Mailwarden configuration files, schema {SCHEMA}. Generated from the program. -->\n"
    )
    return head + "".join(element.declaration() for element in elements.all())


def _add_key_material(elements: "_Elements", root: "_Element") -> None:
    pair = elements.child(elements.child(root, SECTION), PAIR)
    pair.attributes[NAME] = None
    elements.child(pair, CERTIFICATE).has_text = True
    key = elements.child(pair, PRIVATE_KEY)
    key.has_text = True
    key.attributes[ENCRYPTED] = None


@dataclass(slots=True)
class _Element:
    """What an element may hold, wherever it stands."""

    name: str
    children: dict[str, None] = field(default_factory=dict)  # in order, each once
    attributes: dict[str, None] = field(default_factory=dict)
    has_text: bool = False

    def declaration(self) -> str:
        names = ["#PCDATA", *self.children] if self.has_text else [*self.children]
        repeated = "*" if self.children else ""
        lines = [_filled(f"<!ELEMENT {self.name} (", names, f"){repeated}>")]
        lines += [f"<!ATTLIST {self.name} {name} CDATA #IMPLIED>\n" for name in self.attributes]
        return "".join(lines)


class _Elements:
    """Collects the elements of all places."""

    def __init__(self) -> None:
        self._elements: dict[str, _Element] = {}

    def all(self) -> list[_Element]:
        return list(self._elements.values())

    def named(self, name: str) -> _Element:
        return self._elements.setdefault(name, _Element(name))

    def child(self, parent: _Element, name: str) -> _Element:
        parent.children[name] = None
        return self.named(name)

    def settings(self, parent: _Element, section: type) -> None:
        for name, each in fields_of(section).items():
            element = self.child(parent, name)
            if each.kind.optional:
                element.attributes[NONE] = None
            self._value(element, each.kind, each.setting)

    def _value(self, element: _Element, kind: Kind, about: Setting) -> None:
        match kind.form:
            case Form.SECTION:
                assert kind.section is not None
                self.settings(element, kind.section)
            case Form.LIST | Form.TABLE:
                item = self.child(element, item_name(element.name))
                if kind.form is Form.TABLE:
                    item.attributes[NAME] = None
                self._value(item, kind.inner, about)
            case _:
                element.has_text = True
                if kind.form is Form.LINES:
                    element.attributes[FILE] = None
                if about.secret:
                    element.attributes[ENCRYPTED] = None


def _filled(start: str, names: list[str], end: str) -> str:
    """Return the names with `|` between them, broken into lines."""
    lines = [start]
    for index, name in enumerate(names):
        word = f"{name}{' | ' if index < len(names) - 1 else end}"
        if len(lines[-1]) + len(word.rstrip()) > _WIDTH:
            lines.append("  ")
        lines[-1] += word
    return "".join(f"{line.rstrip()}\n" for line in lines)
